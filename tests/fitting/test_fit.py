"""fit: what it refuses, what priors mean, and simulated truth."""

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.checks.limits import RESIDUALS_LEVEL
from scalebayes.model.problem import build
from tests.helpers import LAPLACE, chinchilla_like

RUNS = sb.Runs(
    N=[1e7, 1e8, 1e9] * 3,
    D=[1e9] * 3 + [1e10] * 3 + [1e11] * 3,
    loss=[4.48, 3.55, 3.12, 3.91, 2.97, 2.55, 3.62, 2.75, 2.34],
)

REFUSED = {
    "law": ({"law": "chinchila"}, "did you mean 'chinchilla'"),
    "law type": ({"law": 3}, "a law is a name or"),
    "noise": ({"noise": "studentt"}, "did you mean 'student_t'"),
    "method": ({"method": "nut"}, "did you mean 'nuts'"),
    "setting": ({"metod": "nuts"}, "did you mean 'method'"),
    "prior name": ({"priors": {"alfa": 0.3}}, "did you mean 'alpha'"),
    "prior support": ({"priors": {"alpha": dist.Normal(0.3, 0.1)}}, "'alpha': a Normal, over all real numbers"),
    "prior number": ({"priors": {"alpha": -1.0}}, "'alpha': -1.0 reaches beyond"),
    "prior word": ({"priors": {"alpha": "falt"}}, "unknown prior 'falt'"),
    "prior shape": ({"priors": {"alpha": dist.LogNormal(np.zeros(2), 1.0)}}, "over one number"),
    "priors word": ({"priors": "falt"}, "did you mean 'flat'"),
    "seed": ({"seed": "a"}, "seed is a whole number"),
    "input": ({"law": "power"}, "needs 'x'"),
    "input name": ({"law": "power", "inputs": {"y": "C"}}, "unknown input"),
    "input column": ({"law": "power", "inputs": {"x": "steps"}}, "no column 'steps'"),
    "progress": ({"progress": "yes"}, "True, False or None"),
    "on_fail": ({"on_fail": "shout"}, "unknown on_fail"),
    "prior dimension": ({"priors": {"A": sb.Param(dist.LogNormal(0, 1), "")}}, "its dimension is 'loss N\\^alpha'"),
    "noise setting": ({"priors": {"noise_df": 2.0}}, "a setting of the noise"),
    "seed size": ({"seed": 2**70}, "seed is a whole number"),
    "objective": ({"noise": sb.Huber(scale=1.0)}, "objective and not a density"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    """Fails if bad input is fitted, or refused without the cure."""
    settings, match = REFUSED[case]
    with pytest.raises(sb.InputError, match=match):
        sb.fit(RUNS, **settings)


def test_runs_that_are_no_runs():
    """Fails if a dict is fitted unchecked, instead of an error that names read_runs."""
    with pytest.raises(sb.InputError, match="read_runs"):
        sb.fit({"N": [1.0]})


def test_method_settings():
    """Fails if a misspelt or senseless setting of a method is dropped."""
    with pytest.raises(TypeError, match="did you mean 'chains'"):
        sb.NUTS(chain=2)
    with pytest.raises(sb.InputError, match="at least 1"):
        sb.NUTS(chains=0)


def test_a_prior_is_in_the_runs_own_units():
    """Fails if a prior on E in nats is taken for one in units of the reference loss."""
    tight = {"E": dist.LogNormal(np.log(1.5), 0.01), "A": dist.LogNormal(np.log(300.0), 0.01)}
    fit = sb.fit(RUNS, method=LAPLACE, priors=tight, on_fail="ignore")
    assert np.median(fit.draws["E"]) == pytest.approx(1.5, rel=0.03)
    assert np.median(fit.draws["A"]) == pytest.approx(300, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("given", ["own", "param", "scaled"])
def test_every_way_to_give_a_prior_forecasts_alike(given):
    """Fails if a prior given as a Param drops the law's dimension, so that the forecast is that of another law."""
    many = sb.Laplace(proposals=100_000)  # of nine runs the default's few proposals keep a dozen
    own = sb.fit(RUNS, method=many, on_fail="ignore")
    prior = {
        "own": dist.LogNormal(6.0, 1.5),
        "param": sb.Param(dist.LogNormal(6.0, 1.5), scaled=False),
        "scaled": sb.Param(dist.LogNormal(-1.2, 1.0)),
    }[given]
    again = sb.fit(RUNS, method=many, on_fail="ignore", priors={"A": prior})
    one, other = (sb.predict(f, N=1e9, D=1e11)["loss"].values for f in (own, again))
    assert abs(np.median(one) - np.median(other)) < 0.5 * one.std()
    assert again.checks["units"].status == "pass"


def test_a_prior_in_own_units_has_its_density():
    """Fails if the change of units of a prior is missing its Jacobian, or has another parameter's."""
    prior = dist.LogNormal(6.0, 0.7)
    with jax.enable_x64():
        problems = [build(RUNS, sb.laws.get("chinchilla"), sb.Normal(), p) for p in (None, {"A": prior})]
        before = problems[0].law.params["A"].prior
        difference = []
        for z in np.random.default_rng(0).normal(-1, 0.3, (5, 6)):
            p = problems[0]
            values = {n: float(x) for n, x in p.model.constrain(z, p.numbers).items()}
            A = float(p.model.paper(values, p.numbers)["A"])
            # The same point: in the second problem the coordinate of A is the log of A in own units.
            moved = z.copy()
            moved[0] = np.log(A)
            gain = float(
                problems[1].model.log_density(moved, problems[1].numbers, problems[1].rows)
                - p.model.log_density(z, p.numbers, p.rows)
            )
            by_hand = float(prior.log_prob(A) + np.log(A) - before.log_prob(values["A"]) - np.log(values["A"]))
            difference.append(gain - by_hand)
    np.testing.assert_allclose(difference, 0, atol=1e-9)


def test_a_key_is_a_seed():
    """Fails if a JAX key gives other numbers than the int that it was made of."""
    one, other = (sb.fit(RUNS, method=LAPLACE, seed=s, on_fail="ignore") for s in (5, jax.random.key(5)))
    np.testing.assert_array_equal(one.draws["E"], other.draws["E"])


@pytest.mark.slow_cases("200")
@pytest.mark.parametrize("tables", [60, 200])
def test_intervals_cover_simulated_truth(tables):
    """Fails if 80 % intervals don't cover the simulated truth in 80 % of the tables, or the residual check cries wolf.

    Draws with half the posterior's sd cover it in 48 %, which 60 tables tell from 80 % 99 times in a hundred.
    """
    truth, method = sb.laws.published("besiroglu2024").values, LAPLACE if tables == 60 else "laplace"
    inside, alarms = dict.fromkeys(("alpha", "beta", "E"), 0), 0
    for seed in range(tables):
        fit = sb.fit(chinchilla_like(seed=seed), method=method, on_fail="ignore", seed=seed)
        for name in inside:
            low, high = np.quantile(fit.draws[name], [0.1, 0.9])
            inside[name] += low < truth[name] < high
        alarms += sum(check.status != "pass" for check in fit.checks if check.name.startswith("residuals"))
    sd = np.sqrt(tables * 0.8 * 0.2)
    for name, count in inside.items():
        assert abs(count - 0.8 * tables) <= 3 * sd, f"{name}: {count} of {tables}, seeds 0 to {tables - 1}"
    expected = 2 * tables * RESIDUALS_LEVEL
    assert alarms <= expected + 3 * np.sqrt(expected), f"{alarms} of {2 * tables}"


def test_the_summary_is_numbers_and_prints_four_digits():
    """Fails if the summary holds objects, which can't be computed with, or prints more than four digits."""
    fit = sb.fit(RUNS, method=LAPLACE, on_fail="ignore")
    assert set(fit.summary().dtypes) == {np.dtype(np.float64)}
    cells = [cell for line in repr(fit).splitlines() if line.startswith("alpha ") for cell in line.split()[1:]]
    assert len(cells) == 5 and all(len(cell.replace(".", "").lstrip("0")) <= 4 for cell in cells)
