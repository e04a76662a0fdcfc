"""The runs to train next: what they save, under a budget, for each kind of target and fit; what is refused."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.fitting.at_points import conditional
from tests.helpers import LAPLACE, PROCESS_VALUES, departing, fit_of, simulated

PRESET = sb.laws.published("besiroglu2024")
BUDGET = 1e21
FAR = {"N": 3e10, "D": 1e12}
NORMAL = sb.Param(dist.Normal(0.0, 1.0), "")


def _line(N, D, a, b, c):
    return jnp.exp(a + b * jnp.log(N / 1e9) + c * jnp.log(D / 1e10))


# A law whose log is linear in its parameters, so that Bayesian linear regression is exact.
LINE = sb.Law("line", _line, {"a": NORMAL, "b": NORMAL, "c": NORMAL})
NOISE = 0.01  # the noise's sd of the fits that `fit_of` makes


@pytest.fixture(scope="module")
def line():
    """A fit of `LINE` whose draws have a covariance of .02^2 times a known matrix."""
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0.0, 0.0], [0.5, 0.6, 0.0], [-0.3, 0.2, 0.4]]) * 0.02
    raw = rng.normal(size=(1900, 3))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T)).T) @ root.T + [1.0, -0.05, -0.05]
    fit = fit_of(LINE, dict(zip("abc", raw.T, strict=True)), simulated(20, 0))
    return fit, root @ root.T


@pytest.fixture(scope="module")
def fitted():
    return sb.fit(simulated(30, 0), "chinchilla", noise="normal", method=LAPLACE, on_fail="ignore")


@pytest.fixture(scope="module")
def found(fitted):
    return sb.next_runs(fitted, budget=BUDGET, target=FAR, n=5)


def features(N, D):
    return np.column_stack([np.ones(np.size(N)), np.log(np.atleast_1d(N) / 1e9), np.log(np.atleast_1d(D) / 1e10)])


def regression(prior, seen, at):
    """The sd of a linear prediction after runs with `NOISE`."""
    precision = np.linalg.inv(prior) + seen.T @ seen / NOISE**2
    return float(np.sqrt(at @ np.linalg.inv(precision) @ at))


def test_a_linear_law_follows_bayesian_linear_regression(line):
    """Fails if the sd expected after each run isn't that of Bayesian linear regression, or the first isn't the best."""
    fit, prior = line
    pool = pd.DataFrame({"N": [1e8, 1e8, 1e9, 4e9, 4e9], "D": [1e10, 2e11, 3e10, 2e10, 4e11], "cost": 1.0})
    found = sb.next_runs(fit, budget=3.0, target=FAR, candidates=pool, n=3)
    at, design = features(**FAR)[0], features(pool["N"], pool["D"])
    assert found.before == pytest.approx(float(np.sqrt(at @ prior @ at)), rel=1e-6)
    alone = [regression(prior, design[[i]], at) for i in range(len(pool))]
    assert found.table["N"][0] == pool["N"][np.argmin(alone)] and found.table["D"][0] == pool["D"][np.argmin(alone)]
    for count in (1, 2, 3):
        seen = features(found.table["N"][:count], found.table["D"][:count])
        assert found.table["sd"][count - 1] == pytest.approx(regression(prior, seen, at), rel=0.01)
    assert found.table["ratio"].to_numpy() == pytest.approx(found.table["sd"].to_numpy() / found.before)


def test_the_budget_holds_and_more_of_it_tells_more(fitted, found):
    """Fails if the runs cost more than the budget, their cost isn't 6 N D, or a larger budget tells less."""
    table = found.table
    assert 0 < len(table) <= 5 and found.cost <= BUDGET
    assert table["cost"].to_numpy() == pytest.approx(6 * table["N"].to_numpy() * table["D"].to_numpy())
    assert (np.diff(table["sd"]) < 0).all() and found.ratio < 0.9
    more = sb.next_runs(fitted, budget=10 * BUDGET, target=FAR, n=5)
    assert more.ratio < found.ratio


@pytest.mark.parametrize("target", ["alpha", {"C": 1e23}, {"N": [1e10, 3e10], "D": 1e12}], ids=["alpha", "C", "points"])
def test_every_target_is_told_of(fitted, target):
    """Fails if a parameter, an optimum or several points can't be asked of, or their sd now isn't that of the draws."""
    found = sb.next_runs(fitted, budget=BUDGET, target=target, n=3)
    assert len(found.table) and found.ratio < 1
    if target == "alpha":
        now = fitted.draws["alpha"].std()
    elif "C" in target:
        now = np.log(sb.optimum(fitted, C=1e23)["N"]).values.std()
        assert "regret" in found.stop
    else:
        now = np.sqrt(np.log(sb.predict(fitted, **target)["loss"]).values.var(axis=(0, 1)).mean())
    assert found.before == pytest.approx(now, rel=0.01)


@pytest.mark.parametrize("served", [0.0, 1e12], ids=["the default, as a cost of one's own", "served"])
def test_the_optimum_of_a_budget_is_on_the_cost(fitted, served):
    """Fails if runs are chosen for the optimum along 6 N D whatever a run costs."""
    own = sb.Cost("mine", lambda N, D: 6 * N * D + 2 * N * served)
    asked = {"budget": BUDGET, "target": {"C": 1e23}, "n": 2}
    found, plain = sb.next_runs(fitted, **asked, cost=own), sb.next_runs(fitted, **asked)
    best = np.log(sb.optimum(fitted, C=1e23, cost=own)["N"]).values
    assert found.before == pytest.approx(best.std(), rel=0.01) and "mine" in found.target
    if served:
        apart = np.log(sb.optimum(fitted, C=1e23)["N"]).values - best
        assert apart.mean() > 0.1 and "regret" in found.stop
    else:
        assert found.before == pytest.approx(plain.before, rel=1e-5)
        np.testing.assert_allclose(found.table["sd"], plain.table["sd"], rtol=1e-4)


def test_a_process_is_conditioned_on_exactly():
    """Fails if the expected sd with a discrepancy isn't that of the process given the runs and the chosen ones."""
    runs = simulated(25, 1)
    law = {name: np.full(100, value) for name, value in PRESET.values.items()}
    # A stationary process: that of the defaults is measured from the largest runs, which further runs would move.
    process = sb.GP(sb.Matern(fades=None))
    values = {name: PROCESS_VALUES[name] for name in ("matern_scale", "matern_length_N", "matern_length_D")}
    fit = departing(runs, PRESET.law, law, process, values)
    pool = pd.DataFrame({"N": [5e9, 2e10, 8e9, 1e9], "D": [3e10, 2e10, 6e10, 9e9]})
    at = {"N": np.array([1e10]), "D": np.array([3e10])}

    def sd(one):
        with jax.enable_x64():
            return float(conditional(one, at, np.array([-1])).sd[0, 0])

    found = sb.next_runs(fit, budget=1e22, target={"N": 1e10, "D": 3e10}, candidates=pool, n=3)
    assert found.before == pytest.approx(sd(fit), rel=1e-3)
    assert len(found.table) > 1
    for count in range(1, 1 + len(found.table)):
        chosen = found.table.iloc[:count]
        longer = sb.Runs(
            N=np.r_[runs["N"], chosen["N"]], D=np.r_[runs["D"], chosen["D"]], loss=np.r_[runs.y, np.full(count, 3.0)]
        )
        after = departing(longer, PRESET.law, law, process, values)
        assert found.table["sd"][count - 1] == pytest.approx(sd(after), rel=1e-3)


@pytest.mark.slow
def test_the_optimum_of_a_curve_is_told_of():
    """Fails if the optimum of a law with its discrepancy can't be asked of, or its sd is far from the paths' own."""
    rng = np.random.default_rng(2)
    draws = {n: np.exp(rng.normal(np.log(x), 0.01, 400)) for n, x in PRESET.values.items()}
    fit = departing(
        simulated(25, 1), PRESET.law, draws, sb.GP("matern"), {n: x for n, x in PROCESS_VALUES.items() if "matern" in n}
    )
    found = sb.next_runs(fit, budget=1e22, target={"C": 1e22}, n=3)
    paths = np.log(sb.optimum(fit, C=1e22)["N"].values)
    middle = np.diff(np.nanquantile(paths, [0.25, 0.75])).item() / 1.349
    assert 0.5 < found.before / middle < 2 and found.ratio < 1


@pytest.mark.slow
def test_a_stack_tells_which_law_is_right(fitted):
    """Fails if a stack can't ask which law is right, or a loss, or the chance of a law isn't the stack's weight."""
    other = sb.fit(simulated(30, 0), "kaplan", noise="normal", method=LAPLACE, on_fail="ignore")
    stack = sb.stack({"a": fitted, "b": other}, weights={"a": 0.7, "b": 0.3}, draws=2000)
    found = sb.next_runs(stack, budget=BUDGET, target="law", n=3)
    assert found.before == pytest.approx(np.sqrt(0.7 * 0.3), rel=0.02) and found.ratio < 1
    assert sb.next_runs(stack, budget=BUDGET, target=FAR, n=2).ratio < 1


def test_a_table_keeps_its_columns_and_each_row_is_taken_once(fitted):
    """Fails if a user's columns are lost, a row is taken twice, or C as the law's own cost isn't used."""
    pool = {"name": ["a", "b", "c"], "N": [1e8, 1e9, 3e9], "D": [1e10, 1e10, 5e10], "cost": [1.0, 2.0, 3.0]}
    found = sb.next_runs(fitted, budget=6.0, target=FAR, candidates=pool, n=9)
    assert set(found.table["name"]) <= {"a", "b", "c"} and found.table["name"].is_unique
    assert found.table["cost"].to_numpy().tolist() == [pool["cost"][pool["name"].index(x)] for x in found.table["name"]]


def test_it_prints_the_answer_first(found):
    """Fails if the printed result doesn't begin with what the runs save and for how much, or lacks when to stop."""
    text = str(found)
    assert text.startswith(f"{len(found.table)} runs for ") and "When to stop" in text
    assert f"{found.ratio:.0%} of its width" in text


@pytest.mark.slow
def test_ten_thousand_candidates_within_five_seconds(fitted):
    """Fails if 10,000 candidates take more than the 5 s of processor time that are promised, once compiled."""
    rng = np.random.default_rng(4)
    pool = pd.DataFrame({"N": 10 ** rng.uniform(7.5, 10, 10_000), "D": 10 ** rng.uniform(9, 11, 10_000)})
    sb.next_runs(fitted, budget=BUDGET, target=FAR, candidates=pool, n=1)
    start = time.process_time()
    found = sb.next_runs(fitted, budget=BUDGET, target=FAR, candidates=pool, n=10)
    assert time.process_time() - start < 10 and len(found.table)  # two cores


MAP_CURE = "fit with method='laplace' or 'nuts'"


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({"budget": -1.0}, "budget is a positive number"),
        ({"budget": 1e3}, "raise the budget"),
        ({"n": 0}, "1 or more"),
        ({"cost": 6.0}, "sb.Cost("),
        ({"target": "alhpa"}, "did you mean 'alpha'"),
        ({"target": 3.0}, "{'C': 1e23}"),
        ({"target": "law"}, "sb.stack("),
        ({"target": {"N": 1e9}}, "add D=..."),
        ({"target": {"C": [1e22, 1e23]}}, "one budget"),
        ({"candidates": {"N": [1e9]}}, "D"),
        ({"candidates": {"N": [1e9], "D": [1e10]}, "budget": 1e15}, "raise the budget"),
        ({"candidates": pd.DataFrame({"N": [], "D": []})}, "leave candidates out"),
        ({"candidates": 7}, "a data frame"),
        ({"buget": 1.0}, "did you mean 'budget'"),
    ],
)
def test_bad_input_is_refused_with_its_cure(fitted, settings, cure):
    """Fails if what can't be used is answered, or the one-line error doesn't say what to do."""
    with pytest.raises(sb.InputError) as error:
        sb.next_runs(fitted, **{"budget": BUDGET, "target": FAR, **settings})
    assert cure in str(error.value) and "\n" not in str(error.value)


def test_fits_without_a_posterior_are_refused(fitted):
    """Fails if a mode, a noise that is no density, many fits or a table are answered."""
    mode = fit_of(PRESET.law, PRESET.values, simulated(20, 0))
    many = sb.Fits(("a",), (fitted,))
    for asked, cure in ((mode, MAP_CURE), (fitted.runs, "sb.fit(runs)"), (many, "fits[0]")):
        with pytest.raises(sb.InputError) as error:
            sb.next_runs(asked, budget=BUDGET, target=FAR)
        assert cure in str(error.value)
