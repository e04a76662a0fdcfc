"""Every check fires on a table made to trip it, and stays quiet on one that isn't."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.checks.residuals import normal_scores, structure
from scalebayes.checks.sampling import _chains, _weights
from scalebayes.checks.table import table_checks
from scalebayes.infer.draws import Draws
from scalebayes.model.problem import build
from tests.helpers import LAPLACE, POINT

RNG = np.random.default_rng(20261120)
N = 10 ** RNG.uniform(7, 10, 60)
D = 10 ** RNG.uniform(9, 11.5, 60)
LOSS = (1.8 + 400 / N**0.34 + 2000 / D**0.37) * np.exp(0.004 * RNG.standard_normal(60))


def laplace(**columns):
    columns = {"N": N, "D": D, "loss": LOSS} | columns
    return sb.fit(sb.Runs(**columns), method=LAPLACE, on_fail="ignore").checks


def test_a_sound_table_passes():
    """Fails if a check cries wolf over a table of sixty sound runs."""
    checks = laplace()
    assert not [str(c) for c in checks if c.status != "pass"]


TRIPPED = {
    "number of runs": lambda: {"N": N[:5], "D": D[:5], "loss": LOSS[:5]},
    "inputs vary": lambda: {"N": np.full(60, 1e8), "loss": 1.8 + 2000 / D**0.37},
    "collinear inputs": lambda: {"D": 20 * N, "loss": 1.8 + 400 / N**0.34 + 2000 / (20 * N) ** 0.37},
    "duplicates": lambda: {"N": np.r_[N, N[:3]], "D": np.r_[D, D[:3]], "loss": np.r_[LOSS, LOSS[:3]]},
    "groups": lambda: {"group": ["a"] * 30 + ["b"] * 30},
    "compute": lambda: {"C": 8 * N * D},
    "residuals": lambda: {"loss": LOSS * (1 + 0.01 * np.log(D / N / 100) ** 2)},
    "scatter": lambda: {"loss": 1.8 + 400 / N**0.34 + 2000 / D**0.37},
    "driven by the prior": lambda: {"N": N[:3], "D": D[:3], "loss": LOSS[:3]},
}


@pytest.mark.parametrize("name", TRIPPED)
def test_a_check_finds_what_it_is_for(name):
    """Fails if a table that can't bear the law is fitted without a review that says why."""
    check = laplace(**TRIPPED[name]())[name]
    assert check.status == "review"
    assert len(check.sentence.split()) > 8


COUNTS = {"N": np.tile([6e7, 1.5e8, 4e8, 1e9], 5), "D": np.repeat([2e9, 6e9, 2e10, 6e10, 2e11], 4), "loss": LOSS[:20]}
IN_UNITS = {
    "millions and billions": ({"N": 1e6, "D": 1e9}, "fail", "N lies between 60 and 1000", "{'N': 1e6, 'D': 1e9}"),
    "billions": ({"N": 1e9, "D": 1e9}, "fail", "N lies between 0.06 and 1", "{'N': 1e9, 'D': 1e9}"),
    "parameters in millions": ({"N": 1e6}, "review", "it were in millions", "{'N': 1e6}"),
    "tokens in billions": ({"D": 1e9}, "review", "it were in billions", "{'D': 1e9}"),
    "tokens in millions": ({"D": 1e6}, "review", "it were in millions", "{'D': 1e6}"),
    "as they stand": ({}, "pass", "Every parameter", "units"),
}


def of_table(runs, law="chinchilla"):
    with jax.enable_x64():
        return {check.name: check for check in table_checks(build(runs, sb.laws.get(law), sb.Normal()))}


@pytest.mark.parametrize("name", IN_UNITS)
def test_counts_in_another_unit_are_told_by_name(name):
    """Fails if a table in millions and billions passes, and an optimum is answered at 2.9M tokens."""
    by, status, told, cure = IN_UNITS[name]
    table = {column: values / by.get(column, 1.0) for column, values in COUNTS.items()}
    check = of_table(sb.Runs(**table))["units"]
    assert check.status == status and told in check.sentence and cure in check.sentence
    if by:
        mended = sb.read_runs(table, units=by)
        assert of_table(mended)["units"].status == "pass" and np.allclose(mended.inputs["N"], COUNTS["N"])


@pytest.mark.parametrize("by", [{}, {"N": 1e3}, {"N": 1e6}, {"D": 1e9}, {"N": 1e6, "D": 1e6}, {"N": 1e9, "D": 1e12}])
def test_compute_off_by_a_power_of_a_thousand_names_the_units(by):
    """Fails if C = 6 N D times 1e15 is taken for another way to count parameters."""
    runs = {column: values / by.get(column, 1.0) for column, values in COUNTS.items()}
    check = of_table(sb.Runs(**runs, C=6.4 * COUNTS["N"] * COUNTS["D"]))["compute"]
    assert check.status == "fail" if by else check.status == "pass"
    for column, factor in by.items():
        assert f"'{column}': 1e{round(np.log10(factor))}" in check.sentence
    own = of_table(sb.Runs(**COUNTS, C=6e-18 * COUNTS["N"] * COUNTS["D"]))["compute"]
    assert own.status == "review" and "units={'C': 1e18}" in own.sentence


def test_a_budget_in_another_unit_is_told():
    """Fails if runs of C alone in PF-days are fitted as FLOPs without a word."""
    table = {"C": [0.01, 0.1, 1.0, 10.0], "loss": [3.0, 2.8, 2.6, 2.5]}
    with jax.enable_x64():
        for units, status in ((None, "review"), ({"C": "PF-days"}, "pass"), ({"C": 1}, "pass")):
            law = sb.laws.get("power")
            problem = build(sb.read_runs(table, units=units), law, sb.Normal(), inputs={"x": "C"})
            assert next(c for c in table_checks(problem) if c.name == "units").status == status


def test_small_models_are_no_other_unit(chinchilla_runs):
    """Fails if the check cries wolf over small models, or over what the user said is a count."""
    for runs in (chinchilla_runs, sb.datasets.load("tiny_gpt")):
        assert of_table(runs)["units"].status == "pass"
    toy = {"N": [1e3, 3e3, 3e4, 1e5], "D": [1e5, 1e6, 3e6, 1e7], "loss": [3.0, 2.5, 2.2, 2.0]}
    assert of_table(sb.Runs(**toy))["units"].status == "pass"
    tiny = {"N": [10, 20, 40], "D": [100, 300, 900], "loss": [3.0, 2.5, 2.2]}
    assert of_table(sb.read_runs(tiny))["units"].status == "fail"
    assert of_table(sb.read_runs(tiny, units={"N": 1, "D": 1}))["units"].status == "pass"


def test_what_is_said_of_the_law_is_said_of_it_with_its_discrepancy(x64):
    """Fails if a fit with an offset for each group is told to fit each alone, or its misfit is told as that of the law
    alone.
    """
    runs = sb.Runs(N=N[:12], D=D[:12], loss=LOSS[:12], group=["a", "b"] * 6)
    law = sb.laws.get("chinchilla")
    each = (("law", None), ("gp", sb.GP("offset")))
    parts = {what: build(runs, law, sb.Normal(), discrepancy=gp) for what, gp in each}
    checks = {what: {check.name: check for check in table_checks(problem)} for what, problem in parts.items()}
    assert (checks["law"]["groups"].status, checks["gp"]["groups"].status) == ("review", "pass")
    assert "fit each alone" in checks["law"]["groups"].sentence and "own offset" in checks["gp"]["groups"].sentence
    mode = sb.fit(runs, discrepancy=sb.GP("offset"), method=POINT, on_fail="ignore")
    assert "the law with its discrepancy misfits" in mode.checks["residuals"].sentence


@pytest.mark.slow
def test_two_rows_and_one_are_reviewed_by_every_method():
    """Fails if a table of one or two rows crashes a method, or passes without a review."""
    for rows in (1, 2):
        for method in ("map", "laplace", sb.NUTS(draws=100, chains=2)):
            runs = sb.Runs(N=N[:rows], D=D[:rows], loss=LOSS[:rows])
            fit = sb.fit(runs, method=method, on_fail="ignore")
            assert fit.checks["number of runs"].status == "review"
            assert all(np.isfinite(x).all() for x in fit.draws.values())


def test_khat_fails_where_the_posterior_is_far_from_gaussian():
    """Fails if importance sampling is believed where k-hat says that it can't work, or the warning doesn't point to the
    user's line.
    """
    runs = sb.Runs(N=N[:3], D=D[:3], loss=LOSS[:3])
    with pytest.warns(sb.FitWarning, match="k-hat") as seen:
        fit = sb.fit(runs, method=LAPLACE)
    assert seen[0].filename == __file__
    assert repr(fit).startswith("fail")
    with pytest.raises(sb.FitError, match="method='nuts'"):
        sb.fit(runs, method=LAPLACE, on_fail="raise")


@pytest.mark.parametrize(("khat", "status"), [(0.3, "pass"), (0.6, "review"), (0.8, "fail"), (np.inf, "fail")])
def test_khat_doubts_tails_before_it_fails(khat, status):
    """Fails if intervals pass at a k-hat that cut their ends in simulations."""
    stats = {"log_weight": np.zeros(1000)}
    draws = Draws(np.zeros((1, 1, 1)), stats, {"khat": khat, "importance_ess": 900.0}, None)
    check = next(iter(_weights(with_process("chinchilla", None), draws)))
    assert (check.name, check.status) == ("k-hat", status)
    assert ("tails" in check.sentence) == (status == "review")


@pytest.mark.parametrize(
    ("law", "components", "status"),
    [
        ("chinchilla", ["matern", "bend"], "review"),
        ("end_chinchilla", ["matern", "bend"], "pass"),
        ("chinchilla", None, "pass"),
        ("offset_power", ["matern"], "pass"),
        ("offset_power", ["matern", "offset"], "pass"),
    ],
)
def test_khat_is_no_witness_of_bent_ridges_under_a_process_over_n_and_d(law, components, status):
    """Fails if intervals that held 86 % in simulations are said to be fine, or those that held 90 % to be doubtful."""
    draws = Draws(np.zeros((1, 1, 1)), {"log_weight": np.zeros(1000)}, {"khat": 0.3, "importance_ess": 900.0}, None)
    check = next(iter(_weights(with_process(law, components), draws)))
    assert check.status == status and ("bent ridge" in check.sentence) == (status == "review")


def with_process(law, components):
    """The problem of a fit of the runs above, with a discrepancy of these components."""
    runs = sb.Runs(N=N, D=D, x=N, loss=LOSS, group=["a", "b"] * (len(N) // 2))
    with jax.enable_x64():
        return build(runs, sb.laws.get(law), sb.Normal(), discrepancy=sb.GP(*components) if components else None)


@pytest.mark.slow
def test_short_chains_fail():
    """Fails if chains of twenty draws pass for a posterior."""
    runs = sb.Runs(N=N, D=D, loss=LOSS)
    fit = sb.fit(runs, method=sb.NUTS(draws=20, warmup=20, chains=2), on_fail="ignore")
    assert fit.checks["bulk ESS"].status == "fail"
    assert fit.checks.status == "fail"


def test_one_chain_and_shallow_trees_are_told():
    """Fails if a single chain, which can't be judged, or trees too shallow to move pass."""
    z = np.random.default_rng(5).standard_normal((1, 100, 6))
    stats = {"diverging": np.zeros((1, 100)), "n_steps": np.ones((1, 100)), "energy": z[..., 0]}
    draws = Draws(z, stats, {"max_tree_depth": 1.0}, None)
    found = {c.name: c for c in _chains(with_process("chinchilla", None), draws)}
    assert found["r-hat"].status == "review"
    assert found["tree depth"].status == "review"


def test_a_law_that_is_nowhere_finite_fails_in_words():
    """Fails if the warning doesn't say that a law is nowhere finite, so that the optimiser is blamed."""
    law = sb.Law("bad", lambda N, a: a * jnp.log(-N), {"a": dist.LogNormal(0, 1)})
    with pytest.warns(sb.FitWarning, match="no start has a finite posterior density"):
        sb.fit(sb.Runs(N=N, loss=LOSS), law, method=POINT)


def test_rows_of_padding_dont_reach_the_density():
    """Fails if a law that isn't finite at N = 1, which pads the rows, can be fitted to 8 rows and not to 7."""
    law = sb.Law("inv", lambda N, a, E: E + a / jnp.log(N), {"a": dist.LogNormal(1, 1), "E": dist.HalfNormal(3)})
    for rows in (7, 8):
        runs = sb.Runs(N=N[:rows], loss=1.5 + 20 / np.log(N[:rows]))
        fit = sb.fit(runs, law, method=POINT, priors={"noise_scale": 0.01}, on_fail="ignore")
        assert float(fit.numbers["mode_lp"]) > 0


def test_a_flat_prior_is_told():
    """Fails if a fit with a flat prior doesn't name the parameter whose posterior may be improper."""
    fit = sb.fit(sb.Runs(N=N, D=D, loss=LOSS), method=POINT, priors={"E": "flat"})
    assert "E" in fit.checks["flat priors"].sentence


def test_structure_has_its_level():
    """Fails if the p-value of structure is below 0.05 in more or less than 5 % of 2,000 tables without structure."""
    seed = 7
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=40)
    p = np.array([structure(normal_scores(rng.standard_t(4, 40)), x)[1] for _ in range(2000)])
    share, sd = (p < 0.05).mean(), np.sqrt(0.05 * 0.95 / 2000)
    assert abs(share - 0.05) < 4 * sd, f"seed {seed}"


@pytest.mark.parametrize(
    ("apart", "draws", "status", "told"),
    [(0.0, 2000, "pass", ""), (0.33, 300, "review", "too short to tell"), (1.0, 2000, "fail", "the chains disagree;")],
)
def test_short_chains_that_are_not_run_again_are_reviewed_all_the_same(apart, draws, status, told):
    """Fails if the looser r-hat that short chains are run again by passes for agreement."""
    z = np.random.default_rng(5).standard_normal((2, draws, 6))
    z[1] += apart
    names = ("diverging", "n_steps", "energy")
    stats = {name: np.random.default_rng(6).standard_normal((2, draws)) * (name == "energy") for name in names}
    problem = with_process("chinchilla", None)
    found = {c.name: c for c in _chains(problem, Draws(z, stats, {"max_tree_depth": 10.0}, None))}["r-hat"]
    assert found.status == status and told in found.sentence, f"{found.sentence}, seed 5"


@pytest.mark.parametrize(
    ("aimed", "told"),
    [(0.8, "target_accept=0.95"), (0.95, "target_accept=0.99"), (0.99, "not reached; narrow the priors.")],
)
def test_divergent_chains_are_told_to_take_steps_smaller_than_theirs(aimed, told):
    """Fails if the cure of divergent draws is a setting that the chains had, or one that they went beyond."""
    names = ("diverging", "n_steps", "energy")
    stats = {name: np.random.default_rng(6).standard_normal((2, 300)) * (name == "energy") for name in names}
    stats["diverging"][0, 0] = 1
    z = np.random.default_rng(5).standard_normal((2, 300, 6))
    draws = Draws(z, stats, {"max_tree_depth": 10.0, "target_accept": aimed}, None)
    found = {c.name: c for c in _chains(with_process("chinchilla", None), draws)}["divergences"]
    assert found.status == "review" and told in found.sentence, found.sentence
