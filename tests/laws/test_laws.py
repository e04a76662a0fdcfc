"""Every registered law: what the formula, the priors and the dimensions of each are held to."""

import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to

import scalebayes as sb
from scalebayes.forecasting.prior_predictive import near_the_runs
from scalebayes.parameters.units import rescale
from tests.cases import LAWS, METHODS, ids
from tests.helpers import prior_draws, simulated

each_law = pytest.mark.parametrize("case", LAWS, ids=ids(LAWS))
in_float64 = pytest.mark.usefixtures("x64")

# Of the runs that parameters are recovered from: the middle of the inputs, and the observable there.
UNITS = {"N": 1e9, "D": 2e10, "S": 1e5, "x": 1e20}
LOSS = 3.0
# Draws and points that a law is compiled for; the numbers of draws below are multiples.
DRAWS, POINTS = 50, 32
# J'J of log f by log parameters; above it rounding of the loss alone moves a parameter by more than is asked for.
WELL_CONDITIONED = 1e6


def grid(case, levels):
    """Every combination of the levels (the case's own, where it has some), in reference units: input -> (point,)."""
    each = [np.asarray(case.levels.get(name, levels), float) for name in case.law.inputs]
    return {name: axis.ravel() for name, axis in zip(case.law.inputs, np.meshgrid(*each, indexing="ij"), strict=True)}


def coordinates(law, points):
    """Inputs as derivatives are taken by them: their log, or themselves where they need not be positive."""
    return {name: x if name in law.domains else np.log(x) for name, x in points.items()}


def of_coordinates(law):
    """The law as a function of its parameters and its inputs' coordinates."""
    domains, fn = law.domains, law.fn
    return lambda params, at: fn(**{n: u if n in domains else jnp.exp(u) for n, u in at.items()}, **params)


@cache
def of_a_block(case):
    """Value and gradients over (draw, point), compiled."""
    both = jax.value_and_grad(of_coordinates(case.law), (0, 1))
    return jax.jit(jax.vmap(jax.vmap(both, (None, 0)), (0, None)))


def over_draws(case, draws, at):
    """Value and gradients (draw, point), in blocks of one size: one compiled program a law."""

    def padded(arrays, start, size):
        return {n: np.resize(x[start : start + size], size) for n, x in arrays.items()}

    points = len(next(iter(at.values())))
    rows = []
    for i in range(0, len(next(iter(draws.values()))), DRAWS):
        some = padded(draws, i, DRAWS)
        blocks = [of_a_block(case)(some, padded(at, j, POINTS)) for j in range(0, points, POINTS)]
        rows.append(jax.tree.map(lambda *of: np.concatenate(of, axis=1)[:, :points], *blocks))
    return jax.tree.map(lambda *of: np.concatenate(of), *rows)


def of_arrays(case, points, draws, dtype=np.float64):
    """The law's value (draw, point), not compiled, by blocks of one size: single operations are compiled for it once,
    for all laws.
    """
    size, count = len(next(iter(draws.values()))), len(next(iter(points.values())))
    values = np.empty((-(-size // 200) * 200, -(-count // POINTS) * POINTS), dtype)
    for i in range(0, size, 200):
        some = {n: np.resize(x[i : i + 200], (200, 1)).astype(dtype) for n, x in draws.items()}
        for j in range(0, count, POINTS):
            there = {n: np.resize(x[j : j + POINTS], POINTS).astype(dtype) for n, x in points.items()}
            found = case.law.fn(**{n: jnp.asarray(x) for n, x in {**there, **some}.items()})
            assert found.dtype == dtype
            values[i : i + 200, j : j + POINTS] = found
    return values[:size, :count]


def apart(law, array):
    """What a relative error is taken of: the array, or 1 where it may pass through zero."""
    return np.ones_like(array) if law.range[0] < 0 or not law.has_scale else array


def test_every_registered_law_has_a_row():
    """Fails if a law is shipped without a row in cases.py, and so untested."""
    assert {case.name for case in LAWS} == set(sb.laws.names())
    for case in LAWS:
        assert set(case.truth) == set(case.law.params), f"{case.name}: the row's values aren't the law's parameters"


@each_law
@in_float64
def test_finite_over_the_prior(case, seed=11):
    """Fails if a law's value or slope isn't finite somewhere in its prior, which stops the search for the mode or a
    chain.
    """
    at = coordinates(case.law, grid(case, np.logspace(-6, 6, 5)))
    value, slopes = over_draws(case, prior_draws(case.law, 1000, seed), at)
    for name, array in {"value": value, **slopes[0], **{f"input {n}": g for n, g in slopes[1].items()}}.items():
        assert np.isfinite(array).all(), (
            f"{case.name}: {name} not finite at {np.argwhere(~np.isfinite(array))[0]}, seed {seed}"
        )


@each_law
@in_float64
def test_vmap_is_a_loop_and_jit_is_eager(case, seed=12):
    """Fails if a law mixes up its axes or branches on a value, so that jit, vmap and a loop differ."""
    draws, points = prior_draws(case.law, DRAWS, seed), grid(case, [1e-3, 0.3, 40.0])
    together = over_draws(case, draws, coordinates(case.law, points))[0][:20]
    draws = {n: x[:20] for n, x in draws.items()}
    broadcast = of_arrays(case, points, draws)
    some = range(0, together.shape[1], max(together.shape[1] // 9, 1))
    alone = [
        [case.law.fn(**{n: x[j] for n, x in points.items()}, **{n: x[i] for n, x in draws.items()}) for j in some]
        for i in range(together.shape[0])
    ]
    together, broadcast = np.asarray(together)[:, some], np.asarray(broadcast)[:, some]
    np.testing.assert_allclose(
        together, alone, rtol=1e-12, atol=1e-14, err_msg=f"vmap and jit against a loop, seed {seed}"
    )
    np.testing.assert_allclose(
        broadcast, alone, rtol=1e-12, atol=1e-14, err_msg=f"broadcasting against a loop, seed {seed}"
    )


@each_law
def test_float32_is_near_float64(case, seed=13):
    """Fails if a law that isn't written in log space loses digits or overflows in a caller's float32."""
    draws, points = prior_draws(case.law, 1000, seed), grid(case, np.logspace(-6, 6, 5))
    with jax.enable_x64():
        exact = of_arrays(case, points, draws)
    single = of_arrays(case, points, draws, np.float32)
    holds = (np.abs(exact) > 1e-37) & (np.abs(exact) < 1e38)  # what float32 can hold
    off = np.abs(np.asarray(single, float)[holds] - exact[holds])
    error = (off / np.maximum(np.abs(exact[holds]), 1.0 if case.law.range[0] < 0 else 0.0)).max()
    assert error < 1e-4, f"{case.name}: relative error {error:.1e}, seed {seed}"


@each_law
@in_float64
def test_gradient_is_the_finite_difference(case, seed=14, step=1e-5):
    """Fails if a stop, a clip or a where makes a law's gradient wrong, which misleads every method."""
    law, at = case.law, coordinates(case.law, grid(case, [0.02, 1.0, 50.0]))
    at = {n: u + 0.05 if n in law.domains else u for n, u in at.items()}  # off the edges
    draws = prior_draws(law, DRAWS, seed)
    value, slopes = over_draws(case, draws, at)
    on = (lambda f: f) if law.noise == "normal_raw" else np.log
    scale = 1.0 if law.noise == "normal_raw" else value
    for which, variables in enumerate((draws, at)):
        for name, x in variables.items():
            if which == 0 and law.params[name].fixed:
                continue
            # A step of a parameter is one of its unconstrained coordinate, which suits its size.
            bijection = biject_to(law.params[name].support) if which == 0 else None
            moved = [
                np.asarray(bijection(bijection._inverse(x) + sign * step)) if bijection else x + sign * step
                for sign in (1, -1)
            ]
            ends = [
                on(over_draws(case, *({**of, name: u} if of is variables else of for of in (draws, at)))[0])
                for u in moved
            ]
            run = (moved[0] - moved[1])[(slice(None), None) if which == 0 else (None, slice(None))]
            np.testing.assert_allclose(
                slopes[which][name] / scale * run / (2 * step),
                (ends[0] - ends[1]) / (2 * step),
                rtol=1e-6,
                atol=1e-7,
                err_msg=f"{case.name}: {name}, seed {seed}",
            )


@each_law
@in_float64
def test_rescaling(case, seed=15):
    """Fails if a parameter's dimension is wrong, so that the fit depends on the units of the table."""
    law, rng = case.law, np.random.default_rng(seed)
    draws, points = prior_draws(law, 200, seed), grid(case, [1e-2, 1.0, 1e2])
    points = {n: np.resize(x, -(-len(x) // 27) * 27) for n, x in points.items()}  # of one size up to three inputs
    factors = {n: rng.uniform(-20, 20, (200, 1)) for n in law.inputs} | {"loss": rng.uniform(-2, 2, (200, 1))}
    if not law.has_scale:
        factors["loss"] = np.zeros((200, 1))
    params = {n: x[:, None] for n, x in draws.items()}
    moved = rescale(params, law.dimensions, factors)
    scaled = {n: x * np.exp(factors[law.bases[n]]) if law.bases[n] else x for n, x in points.items()}
    expected = np.exp(factors["loss"]) * law.fn(**points, **params)
    difference = np.asarray(law.fn(**scaled, **moved) - expected) / apart(law, np.asarray(expected))
    assert np.abs(difference).max() < 1e-10, f"{law.name}: {np.abs(difference).max():.1e}, seed {seed}"
    back = rescale(moved, law.dimensions, factors, to="scaled")
    for name, x in params.items():
        np.testing.assert_allclose(back[name], x, rtol=1e-10, err_msg=f"{law.name}: {name} there and back, seed {seed}")


# A law of each kind stays: of one scale, of two, held at the end of the runs, with an input that may be 0 or negative,
# and without a logarithm.
@pytest.mark.slow_cases(
    "accuracy_sigmoid",
    "broken_power0",
    "broken_power1",
    "chinchilla_tied",
    "continual",
    "critical_batch",
    "data_constrained",
    "data_filtering",
    "distillation",
    "end_chinchilla",
    "end_onset",
    "error_exponential",
    "farseer",
    "fine_grained_moe",
    "finetune",
    "finetune_rectified",
    "gadre",
    "kaplan",
    "kaplan_steps",
    "loss_to_loss",
    "lr_annealing",
    "m4",
    "mixture_additive",
    "nested",
    "offset_power",
    "offset_routed",
    "onset_power",
    "optimal_power",
    "parallel",
    "pearce",
    "precision",
    "repeated_sampling",
    "reward_overoptimisation0",
    "rosenfeld",
    "routed",
    "shifted_power",
    "sigmoid_compute",
    "skaling",
    "sparse_moe",
    "sparse_weights",
    "transfer",
    "vit_saturation",
    "vocabulary",
    "end_power",
    "power",
    "mixture_exp",
    "train_test_compute",
)
@each_law
def test_noise_free_runs_give_the_law_back(case):
    """Fails if a search stops early, or a unit is lost on the way to the draws, so that the curve through the runs
    isn't found.
    """
    law = case.law
    points = grid(case, np.exp(np.linspace(-4, 4, 6 if len(law.inputs) > 1 else 24)))
    scale = LOSS if law.has_scale else 1.0
    units = {n: UNITS.get(n, 7.0) for n in law.inputs} | {"loss": scale, "": 1.0}
    on = (lambda f: f) if law.noise == "normal_raw" else jnp.log
    with jax.enable_x64():
        loss = scale * np.asarray(law.fn(**points, **case.truth))
        truth = rescale(case.truth, law.dimensions, {n: math.log(unit) for n, unit in units.items()})
        step = {n: abs(value) for n, value in case.truth.items() if not law.params[n].fixed}
        moved = lambda u: {n: value + step[n] * u[n] if n in u else value for n, value in case.truth.items()}  # noqa: E731
        by_part = jax.jacfwd(lambda u: on(law.fn(**points, **moved(u))))(dict.fromkeys(step, 0.0))
        J = np.stack(list(by_part.values()), axis=1)
    columns = {n: x * units[law.bases[n]] for n, x in points.items()}
    runs = sb.Runs(y=loss, observable="y", range=law.range, **columns)
    noise = sb.NormalRaw() if law.noise == "normal_raw" else sb.Normal()
    flat = {n: "flat" for n, p in law.params.items() if not p.fixed}
    # Where a law is written from is held there, whichever runs its reference is of.
    flat |= {n: float(truth[n]) for n, p in law.params.items() if isinstance(p.prior, str)}
    fit = sb.fit(runs, law, noise=noise, priors={**flat, "noise_scale": 1e-3}, method="map")
    assert fit.checks["mode reached"].status == "pass", fit.checks["mode reached"]
    with jax.enable_x64():
        curve = np.asarray(fit.law(**columns, **{n: x.item() for n, x in fit.draws.items()}))
    np.testing.assert_allclose(curve, loss, rtol=1e-8, atol=1e-8 * scale, err_msg=f"{law.name}: the curve at the runs")
    condition = np.linalg.cond(J.T @ J)
    if condition < WELL_CONDITIONED:
        for name in fit.draws:
            np.testing.assert_allclose(
                fit.draws[name].item(),
                float(truth[name]),
                rtol=1e-4,
                err_msg=f"{law.name}: {name}, condition {condition:.1e}",
            )


@pytest.mark.slow_cases("nuts", "map")
@pytest.mark.parametrize("case", METHODS, ids=ids(METHODS))
def test_a_second_fit_compiles_nothing(case, compilations):
    """Fails if another seed, other runs or a prior's other numbers make a refit wait seconds for the compiler."""
    runs, others = simulated(230, seed=2), simulated(235, seed=3)

    def fit(runs, seed, location):
        priors = {"alpha": sb.Param(dist.LogNormal(location, 0.5), "")}
        return sb.fit(runs, method=case.method, priors=priors, seed=seed, on_fail="ignore")

    fit(runs, 0, -1.0)
    for what, arguments in {
        "other seed": (runs, 7, -1.0),
        "other runs": (others, 0, -1.0),
        "other prior numbers": (runs, 0, -1.3),
    }.items():
        with compilations.counted() as seen:
            fit(*arguments)
        assert not seen, f"{what}: {seen}"


def test_a_plain_prior_of_a_pure_number_compiles_nothing(compilations):
    """Fails if a prior of a parameter without units compiles again by how it is given, in reference units or the runs'
    own.
    """
    runs = simulated(230, seed=2)
    for prior in (sb.Param(dist.LogNormal(-1.0, 0.5), ""), dist.LogNormal(-1.0, 0.5)):
        with compilations.counted() as seen:
            sb.fit(runs, method="map", priors={"alpha": prior}, on_fail="ignore")
    assert not seen, seen


@each_law
@in_float64
def test_prior_predictive(case, seed=16, size=2000):
    """Fails if a law's priors put the curve far from the runs' own loss, or let it go against the law's trend."""
    law, draws = case.law, prior_draws(case.law, size, seed)
    points = grid(case, np.exp(np.linspace(-case.span, case.span, 9 if len(law.inputs) < 4 else 5)))
    curves = of_arrays(case, points, draws)
    assert np.isfinite(curves).all(axis=1).mean() >= 0.95, f"{law.name}: curves not finite, seed {seed}"
    share = near_the_runs(law, curves).all(axis=1).mean()
    assert share >= 0.95, f"{law.name}: {share:.1%} of prior curves stay near the runs, seed {seed}"
    shape = (size, *(len(np.unique(points[n])) for n in law.inputs))
    for axis, name in enumerate(law.inputs, start=1):
        if name not in law.trend:
            continue
        rise = -law.trend[name] * np.diff(curves.reshape(shape), axis=axis)
        rise /= apart(law, np.delete(curves.reshape(shape), -1, axis=axis))
        assert rise.max() < 1e-13, f"{law.name} goes the wrong way by {rise.max():.1e} in {name}, seed {seed}"
        falls = (rise.reshape(size, -1).min(axis=1) < -1e-9).mean()
        assert falls >= 0.95, f"{law.name}: only {falls:.1%} of prior curves fall with {name}, seed {seed}"


def test_registry():
    """Fails if a law isn't found by its name, has no formula or reference, or a misspelt name gets no hint."""
    for name in sb.laws.names():
        assert sb.laws.get(name).name == name
        assert sb.laws.get(name).formula and sb.laws.get(name).reference
        assert sb.laws.get(name).has_dimensions
    law = sb.laws.get("power")
    assert sb.laws.get(law) is law
    with pytest.raises(sb.InputError, match=r"unknown law 'chinchila'; did you mean 'chinchilla'\? valid: power, .*"):
        sb.laws.get("chinchila")
    with pytest.raises(sb.InputError, match=r"a law is a name or a scalebayes\.Law, not int"):
        sb.laws.get(3)
    with pytest.raises(sb.InputError, match="did you mean 'besiroglu2024'"):
        sb.laws.published("besiroglu")


@pytest.mark.parametrize(
    ("preset", "at", "loss", "digits"),
    [
        ("besiroglu2024", {"N": 7.24e10, "D": 1.327e12}, 1.974, 3),
        (
            "hoffmann2022",
            {"N": 70e9, "D": 1.4e12},
            math.exp(0.5267228) + math.exp(6.0073404) / 70e9**0.33917084 + math.exp(6.0179186) / 1.4e12**0.2849083,
            12,
        ),
        ("kaplan2020", {"N": 1e9, "D": 1e10}, ((6.4e13 / 1e9) ** (0.076 / 0.103) + 1.8e13 / 1e10) ** 0.103, 12),
        ("kaplan2020", {"N": 1.5e9, "D": 1e300}, (6.4e13 / 1.5e9) ** 0.076, 12),
        ("kaplan2020", {"N": 1e300, "D": 2.2e10}, (1.8e13 / 2.2e10) ** 0.103, 12),
        ("kaplan2020_N", {"x": 1.5e9}, (8.8e13 / 1.5e9) ** 0.076, 12),
        ("kaplan2020_D", {"x": 2.2e10}, (5.4e13 / 2.2e10) ** 0.095, 12),
        ("kaplan2020_C", {"x": 10.0}, (3.1e8 / 10.0) ** 0.050, 12),
        ("kaplan2020_batch", {"L": 2.0}, 2e8 / 2.0 ** (1 / 0.21), 6),
        ("steplaw2025_lr", {"N": 1e9, "D": 1e11}, 1.78 * 1e9**-0.712 * 1e11**0.307, 15),
        ("steplaw2025_batch", {"N": 1e9, "D": 1e11}, 0.573 * 1e11**0.571, 6),
    ],
)
@in_float64
def test_presets_give_known_numbers(preset, at, loss, digits):
    """Fails if a preset gives another number than its source's formula: a lost digit moves the optimum by tens of per
    cent.
    """
    preset = sb.laws.published(preset)
    assert round(float(preset.law(**at, **preset.values)), digits) == round(loss, digits)


# As their sources print them; exp(...) where the source gives the logarithm.
PUBLISHED = {
    "hoffmann2022": {
        **{"A": math.exp(6.0073404), "B": math.exp(6.0179186), "E": math.exp(0.5267228)},
        **{"alpha": 0.33917084, "beta": 0.2849083},
    },
    "besiroglu2024": {"A": 482.00572, "B": 2085.43420, "E": 1.81686, "alpha": 0.34781, "beta": 0.36585},
    "kaplan2020": {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    "kaplan2020_N": {"A": 8.8e13**0.076, "alpha": 0.076},
    "kaplan2020_D": {"A": 5.4e13**0.095, "alpha": 0.095},
    "kaplan2020_C": {"A": 3.1e8**0.050, "alpha": 0.050},
    "muennighoff2023": {
        **{"A": math.exp(6.255414), "B": math.exp(7.3049974), "E": math.exp(0.6254804)},
        **{"alpha": 0.3526596, "beta": 0.3526596, "R_D_star": 15.387756, "R_N_star": 5.309743},
    },
    "steplaw2025_lr": {"c": 1.78, "p": -0.712, "q": 0.307},
    "steplaw2025_batch": {"c": 0.573, "p": 0.0, "q": 0.571},
    "kaplan2020_batch": {"B_star": 2e8, "alpha_B": 0.21},
}


@pytest.mark.parametrize("name", sb.laws.PRESETS)
def test_presets_hold_the_values_of_their_source(name):
    """Fails if a preset, which others quote, lacks a printed digit of its source, its units or its arXiv number."""
    preset = sb.laws.published(name)
    assert dict(preset.values) == pytest.approx(PUBLISHED[name], rel=1e-14, abs=0)
    assert set(preset.values) == set(preset.law.params)
    assert set(preset.units) == {*preset.law.inputs, preset.law.observable}
    assert "arXiv" in preset.reference


PRIOR = dist.LogNormal(0.0, 1.0)
BAD_LAWS = {
    "an argument without prior": (
        lambda: sb.Law("mine", lambda N, a, b: a / N + b, {"a": PRIOR}, inputs=("N",)),
        "law 'mine': no prior for b; add it to params",
    ),
    "a parameter that is no argument": (
        lambda: sb.Law("mine", lambda N, a: a / N, {"a": PRIOR, "c": PRIOR}),
        "law 'mine': fn takes no argument 'c'; it takes N, a",
    ),
    "a dimension with an unknown base": (
        lambda: sb.Law("mine", lambda N, a: a / N, {"a": sb.Param(PRIOR, "loss M")}),
        "unknown base in the dimension of 'a' of law 'mine' 'M'; valid: N, loss",
    ),
    "an exponent with a dimension": (
        lambda: sb.Law("mine", lambda N, a, b: a / N**b, {"a": sb.Param(PRIOR, "loss N^b"), "b": sb.Param(PRIOR, "N")}),
        "has 'b' in an exponent, which must be a dimensionless parameter",
    ),
    "an exponent that is no parameter": (
        lambda: sb.Law("mine", lambda N, a: a / N, {"a": sb.Param(PRIOR, "loss N^c")}),
        "has 'c' in an exponent, which must be a dimensionless parameter",
    ),
    "input and parameter of one name": (
        lambda: sb.Law("mine", lambda N, a: a / N, {"a": PRIOR}, inputs=("N", "a")),
        "law 'mine': 'a' is both an input and a parameter",
    ),
    "no input left": (lambda: sb.Law("mine", lambda a: a, {"a": PRIOR}), "so no input is left"),
    "an input that may be 0, without a unit": (
        lambda: sb.Law("mine", lambda N, S, a: (1 - S) / N**a, {"a": PRIOR}, domains={"S": (0.0, 1.0)}),
        r"'S' need not be positive, so its mean can't be its unit; say bases=\{'S': ''\}",
    ),
    "no parameters": (lambda: sb.Law("mine", lambda N: 1 / N), "law 'mine': no parameters"),
    "*args": (
        lambda: sb.Law("mine", lambda N, *a: N, {"a": PRIOR}),
        r"law 'mine': fn must name its arguments; \*a doesn't",
    ),
    "**kwargs": (lambda: sb.Law("mine", lambda N, **a: N, {"a": PRIOR}), r"fn must name its arguments; \*\*a doesn't"),
    "fn that is no function": (
        lambda: sb.Law("mine", 3.0, {"a": PRIOR}),
        "fn is a function of inputs and parameters, not float",
    ),
    "a prior that is none": (
        lambda: sb.Law("mine", lambda N, a: a / N, {"a": "wide"}),
        "parameter 'a': unknown prior 'wide'",
    ),
    "a prior over a vector": (lambda: sb.Param(dist.LogNormal(np.zeros(2), 1.0)), "a prior is over one number"),
    "a prior of another kind": (
        lambda: sb.Param([1.0]),
        "a prior is a NumPyro distribution, a number or 'flat', not list",
    ),
    "a fixed number that isn't finite": (lambda: sb.Param(math.nan), "a fixed parameter is a finite number, not nan"),
    "a dimension that can't be read": (lambda: sb.Param(PRIOR, "N^(alpha"), "can't read the exponent"),
    "a dimension with a call": (lambda: sb.Param(PRIOR, "N^exp(alpha)"), r"numbers, parameters and \+ - \* / only"),
    "a missing value": (lambda: sb.laws.get("power")(x=1.0, A=1.0), "law 'power' needs alpha"),
    "a reference before there are runs": (
        lambda: (law := sb.laws.get("farseer"))(**dict.fromkeys({*law.inputs, *law.params} - {"D_0"}, 1.0)),
        "law 'farseer' needs D_0",
    ),
    "an unknown value": (
        lambda: sb.laws.get("power")(y=1.0),
        "unknown argument of law 'power' 'y'; valid: x, A, alpha",
    ),
}


@pytest.mark.parametrize("what", BAD_LAWS)
def test_a_bad_law_is_refused_in_words(what):
    """Fails if a mistake in a user's law shows up as a trace of JAX errors, or not at all."""
    make, sentence = BAD_LAWS[what]
    with pytest.raises(sb.InputError, match=sentence):
        make()
