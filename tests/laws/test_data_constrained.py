"""The runs of Muennighoff et al. 2023: the published fit of repeated data, and what a posterior makes of them."""

import jax
import numpy as np
import pytest

import scalebayes as sb

PRESET = sb.laws.published("muennighoff2023")
STAGE_1 = {name: value for name, value in PRESET.values.items() if not name.startswith("R_")}
STAGE_2 = {name: PRESET.values[name] for name in ("R_D_star", "R_N_star")}
NONE, ALL = 1e-9, 1e12  # R*: nothing beyond the unique data is worth anything; all of it is worth as much


@pytest.fixture(scope="module")
def repeated_runs(data_path):
    """The 182 runs of the published fit."""
    if not (data_path / "datablations.csv").is_file():
        pytest.skip(f"no datablations.csv in {data_path}")
    return sb.read_runs(data_path / "datablations.csv", where="in_published_fit == 1")


def predicted(runs, law=PRESET.law, **values):
    with jax.enable_x64():
        return np.asarray(law(**{name: runs.column(name) for name in law.inputs}, **{**STAGE_1, **values}))


def r_squared(runs, loss):
    return 1 - np.sum((runs.y - loss) ** 2) / np.sum((runs.y - runs.y.mean()) ** 2)


def objective(runs, loss):
    """Sum over runs of Huber(1e-3) of the residual of log loss, in plain NumPy."""
    off = np.abs(np.log(runs.y) - np.log(loss))
    return np.sum(np.where(off <= 1e-3, off**2 / 2, 1e-3 * (off - 5e-4)))


def refit(runs, **stars):
    """The second stage of the published fit: its objective at the optimum, and the optimum."""
    fit = sb.fit(
        runs,
        "data_constrained",
        noise=sb.Huber(delta=1e-3, scale=1.0),
        priors={**STAGE_1, "R_D_star": "flat", "R_N_star": "flat", **stars},
        method="map",
    )
    return -fit.sample_stats["lp"].item(), {name: float(x.item()) for name, x in fit.draws.items()}


def test_the_law_is_the_published_one(repeated_runs):
    """Fails if the law of repeated data isn't Muennighoff et al.'s: their R^2 and objective, whole and restricted,
    don't come out.
    """
    loss = predicted(repeated_runs, **STAGE_2)
    assert r_squared(repeated_runs, loss) == pytest.approx(0.7722, abs=5e-5)
    assert objective(repeated_runs, loss) == pytest.approx(0.0158259, abs=1e-7)
    plain = predicted(repeated_runs, sb.laws.get("chinchilla"))
    assert r_squared(repeated_runs, plain) == pytest.approx(0.4452, abs=5e-5)
    data = predicted(repeated_runs, R_D_star=2.9157, R_N_star=ALL)
    assert r_squared(repeated_runs, data) == pytest.approx(0.7354, abs=1e-4)
    assert objective(repeated_runs, data) == pytest.approx(0.0169224, abs=1e-7)
    # The paper's parameters-only R^2 counts every token, its objective the unique ones alone.
    assert r_squared(repeated_runs, predicted(repeated_runs, R_D_star=ALL, R_N_star=713)) == pytest.approx(
        0.4488, abs=5e-5
    )
    assert objective(repeated_runs, predicted(repeated_runs, R_D_star=NONE, R_N_star=713)) == pytest.approx(
        0.0241078, abs=1e-7
    )


def test_the_published_values_are_an_optimum(repeated_runs):
    """Fails if the objective, over a grid of 10 % around the published R_D* and R_N*, is least more than 2 % away from
    them.
    """
    steps = np.exp(np.linspace(-0.1, 0.1, 81))
    heights = np.array(
        [
            [
                objective(repeated_runs, predicted(repeated_runs, **{"R_D_star": D, "R_N_star": N}))
                for N in STAGE_2["R_N_star"] * steps[::4]
            ]
            for D in STAGE_2["R_D_star"] * steps[::4]
        ]
    )
    D, N = np.unravel_index(heights.argmin(), heights.shape)
    assert abs(np.log(steps[4 * D])) < 0.02
    assert abs(np.log(steps[4 * N])) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stars", "published"),
    [
        ({}, 0.0158259),
        ({"R_N_star": ALL}, 0.0169224),
        ({"R_D_star": NONE}, 0.0241078),
    ],
    ids=["both", "data only", "parameters only"],
)
@pytest.mark.usefixtures("well_compiled")
def test_the_published_objective_is_reached(repeated_runs, stars, published):
    """Fails if the optimiser stops above the published optimum of the law or of its restricted forms."""
    lowest, found = refit(repeated_runs, **stars)
    assert lowest <= published + 1e-7
    loss = predicted(repeated_runs, **{**stars, **found})
    assert objective(repeated_runs, loss) == pytest.approx(lowest, rel=1e-9)
    if "R_N_star" in stars:
        assert found["R_D_star"] == pytest.approx(2.9157, rel=2e-3)


def test_the_published_optimum_is_not_the_lowest(repeated_runs):
    """Fails if the valley of R_D* and R_N* is followed to its near end alone, as in the published fit."""
    lowest, found = refit(repeated_runs)
    assert lowest < 0.015808 < 0.0158259
    assert found["R_D_star"] > 2 * STAGE_2["R_D_star"]


@pytest.fixture(scope="module")
def posterior(repeated_runs):
    return sb.fit(repeated_runs, "data_constrained")


def held_to(fit):
    assert fit.checks.of("fail") == (), str(fit.checks)
    assert fit.summary()["r_hat"].max() <= 1.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_all_seven_parameters_are_sampled(repeated_runs, posterior, seed):
    """Fails if the ridge of seven parameters, or the kinks at D = U and N = N_opt(U), keep chains apart or move
    R_D*.
    """
    fit = sb.fit(repeated_runs, "data_constrained", seed=seed) if seed else posterior
    held_to(fit)
    assert set(fit.law.params) < set(fit.draws)
    # Over seeds, the ends of the interval of R_D* hold to a few percent.
    low, high = fit.summary().loc["R_D_star", ["lower", "upper"]]
    assert low == pytest.approx(32.6, rel=0.05), f"seed {seed}"
    assert high == pytest.approx(61.4, rel=0.08), f"seed {seed}"
    assert fit.checks["driven by the prior"].status == "review"
    assert "R_N_star" in fit.checks["driven by the prior"].sentence


@pytest.mark.slow
def test_repetition_is_worth_a_term(repeated_runs, posterior):
    """Fails if a law that takes every repeated token for a new one predicts these runs as well."""
    import arviz

    plain = sb.fit(repeated_runs, "chinchilla")
    held = []
    for fit in (posterior, plain):
        held_to(fit)
        fit.log_likelihood()
        held.append(arviz.loo(fit.data, pointwise=True))
        assert int((held[-1].pareto_k > held[-1].good_k).sum()) == 0
    difference = (held[0].elpd_i - held[1].elpd_i).values
    error = np.sqrt(len(difference)) * difference.std()
    assert difference.sum() > 4 * error, f"{difference.sum():.1f} +- {error:.1f}"
