"""Whether it is this law at all, rows far off it, shares that are none, data seen again: each is told."""

import re
import tracemalloc
from types import SimpleNamespace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.checks.data import data_checks
from scalebayes.checks.limits import RESIDUALS_LEVEL as LEVEL
from scalebayes.checks.outliers import outliers_of
from scalebayes.checks.residuals import detectable, structure
from scalebayes.checks.table import table_checks
from scalebayes.checks.tangent import Around, decided
from scalebayes.model.problem import build
from tests.helpers import POINT

GRID_N, GRID_D = (x.ravel() for x in np.meshgrid([6e7, 1.5e8, 4e8, 1e9], [2e9, 6e9, 2e10, 6e10, 2e11]))


def checks_of(runs, law="chinchilla", **settings):
    return sb.fit(runs, law, method=POINT, on_fail="ignore", **settings).checks


def loss_of(seed, noise=0.004):
    off = noise * np.random.default_rng(seed).standard_t(4, len(GRID_N))
    return (1.8 + 480 / GRID_N**0.35 + 2100 / GRID_D**0.37) * np.exp(off)


def typed(sentence):
    """The law and the inputs that a sentence says to type."""
    law = re.search(r"try law='(\w+)'", sentence).group(1)
    inputs = re.search(r"inputs=\{'(\w+)': '(\w+)'\}", sentence)
    return law, dict([inputs.groups()]) if inputs else None


@pytest.mark.slow_cases("chinchilla-None")
@pytest.mark.parametrize(("law", "inputs"), [("chinchilla", None), ("offset_power", {"x": "D"})])
def test_a_score_that_rises_is_no_loss(cases_path, law, inputs):
    """Fails if a law that falls is fitted to a score that rises, or if the law that is named for it fails too."""
    runs = sb.read_runs(cases_path / "rising_score.csv", observable="score")
    check = checks_of(runs, law, inputs=inputs)["explains the runs"]
    assert check.status == "fail" and "no better than a constant" in check.sentence
    assert "never rises with" in check.sentence
    other, bound = typed(check.sentence)
    assert checks_of(runs, other, inputs=bound)["explains the runs"].status == "pass"


@pytest.mark.slow
def test_the_recommended_forecast_refuses_a_score_that_rises(cases_path):
    """Fails if the Gaussian process, which follows anything, hides that the law goes the other way."""
    runs = sb.read_runs(cases_path / "rising_score.csv", observable="score")
    check = sb.forecaster(runs, on_fail="ignore").checks["explains the runs"]
    assert check.status == "fail" and "never rises with N and D, where score rises" in check.sentence


@pytest.mark.slow
def test_one_input_may_go_the_wrong_way_alone():
    """Fails if a learning rate that falls with N and rises with D passes under a law that falls with both."""
    off = np.exp(0.03 * np.random.default_rng(4).standard_normal(20))
    runs = sb.Runs(N=GRID_N, D=GRID_D, lr=1.8 * GRID_N**-0.4 * GRID_D**0.15 * off, observable="lr")
    check = checks_of(runs)["explains the runs"]
    assert check.status == "fail" and "never rises with D, where lr rises" in check.sentence
    assert "law='optimal_power'" in check.sentence
    assert checks_of(runs, "optimal_power")["explains the runs"].status == "pass"


def test_what_does_not_vary_is_told_as_that():
    """Fails if runs of pure noise are blamed on the law, or pass for something to forecast from."""
    off = 0.01 * np.random.default_rng(5).standard_normal(20)
    check = checks_of(sb.Runs(N=GRID_N, D=GRID_D, loss=2 * np.exp(off)))["explains the runs"]
    assert check.status == "review" and "doesn't vary with 'N', 'D'" in check.sentence


def test_a_misfit_of_thirteen_runs_is_found(cases_path):
    """Fails if few runs are said to show nothing where they show that the law is wrong."""
    runs = sb.read_runs(cases_path / "no_power_law.csv", observable="y")
    checks = checks_of(runs, "offset_power")
    assert checks["residuals"].status == "review" and "still depend on log x" in checks["residuals"].sentence
    assert checks["residuals"].conclusive
    # What it says to type leaves the part that a power law follows.
    part = re.search(r'where="([^"]+)"', checks["explains the runs"].sentence).group(1)
    assert checks_of(runs.where(part), "offset_power")["explains the runs"].status == "pass"


@pytest.mark.slow
def test_below_its_power_the_test_says_what_it_could_have_seen():
    """Fails if a pass of few runs passes for proof, or three runs for a test."""
    runs = sb.Runs(N=GRID_N, D=GRID_D, loss=loss_of(6))
    few = checks_of(runs.take(range(1, 17)))["residuals"]
    assert few.status == "pass" and "would have been found in four of five such tables" in few.sentence
    assert not checks_of(runs.take([0, 7, 19]))["residuals"].conclusive


def test_what_it_could_have_seen_is_what_it_sees():
    """Fails if the misfit that the sentence names is found less or more often than in four tables of five."""
    rng, tables = np.random.default_rng(7), 600
    x = np.linspace(0.0, 1.0, 14)
    taken = np.linalg.qr(np.column_stack([np.ones(14), np.exp(-x), x * np.exp(-x)]))[0]
    bend = detectable(x, taken, LEVEL) * (2 * x - 1) ** 2
    found = np.mean([structure(bend + rng.standard_normal(14), x, taken)[1] < LEVEL for _ in range(tables)])
    assert abs(found - 0.8) < 4 * np.sqrt(0.16 / tables)


def test_the_misfit_test_holds_its_level_where_parameters_are_many():
    """Fails if residuals that a fit has shrunk are tested as if it had taken nothing from them."""
    rng, tables = np.random.default_rng(8), 3000
    x = np.sort(rng.uniform(size=10))
    taken = np.linalg.qr(np.column_stack([np.ones(10), x, np.sqrt(x), np.exp(3 * x)]))[0]
    noise = rng.standard_normal((tables, 10))
    left = noise - noise @ taken @ taken.T
    level = np.mean([structure(one, x**2, taken)[1] < 0.05 for one in left])
    assert abs(level - 0.05) < 4 * np.sqrt(0.05 * 0.95 / tables)


@pytest.mark.parametrize("law", ["chinchilla", "optimal_power"])
def test_rows_far_off_are_named_with_what_they_do(cases_path, law):
    """Fails if two rows twenty times off hide each other, or hide behind a law that is wrong as well."""
    runs = sb.read_runs(cases_path / "two_outliers.csv", observable="lr")
    check = checks_of(runs, law)["outliers"]
    assert check.status == "review"
    assert re.search(r"row 8 below it by a factor 1[89]\.\d", check.sentence)
    assert "row 14 above it by a factor" in check.sentence
    before, after = map(float, re.search(r"goes from (\S+) to (\S+) \(", check.sentence).groups())
    kept = runs.take([i for i in range(20) if i not in (7, 13)])
    assert (before, after) == pytest.approx((end_of(runs, law), end_of(kept, law)), rel=0.01)


def end_of(runs, law):
    """The mode's value at the largest run."""
    fit = sb.fit(runs, law, method=POINT, on_fail="ignore")
    return float(sb.predict(fit, N=1e9, D=2e11)["lr"].squeeze())


def test_a_row_is_named_by_its_run_and_its_place_in_the_table():
    """Fails if rows are counted after a filter."""
    loss = loss_of(9)
    loss[11] *= 1.5
    runs = sb.Runs(N=GRID_N, D=GRID_D, loss=loss, run_id=[f"run {i}" for i in range(20)]).where("D > 3e9")
    assert "run 'run 11' (row 12)" in checks_of(runs)["outliers"].sentence


def test_heavy_tails_are_no_outliers():
    """Fails if Student-t noise, which the default expects, has rows named as outliers in more tables than a few."""
    rng, tables = np.random.default_rng(10), 1500
    named = [
        outliers_of(rng.standard_t(4, n), np.ones(n), [rng.standard_normal(n)], 0).rows.size > 0
        for n in rng.choice([12, 30, 100], tables)
    ]
    assert np.mean(named) < 0.004 + 3 * np.sqrt(0.004 / tables)


def test_memorised_runs_are_told(cases_path):
    """Fails if losses a tenth of their neighbours pass for scatter, or the filter that is offered keeps them."""
    runs = sb.read_runs(cases_path / "memorised.csv")
    check = checks_of(runs)["scatter"]
    assert check.status == "review" and "memorised" in check.sentence
    part = re.search(r'where="([^"]+)"', check.sentence).group(1)
    assert runs.where(part).y.min() > 2 and len(runs.where(part)) == 11


def problem_of(law, noise=None, **columns):
    with jax.enable_x64():
        law = sb.laws.get(law) if isinstance(law, str) else law
        return build(sb.Runs(**columns), law, sb.noises.get(law.noise))


WEB = np.linspace(0.1, 0.9, 12)
SHARES = {
    "one": (dict(r1=WEB, r2=1 - WEB), "pass", "is one in every row"),
    "per cent": (dict(r1=100 * WEB, r2=100 - 100 * WEB), "fail", "look like per cent"),
    "too much": (dict(r1=WEB, r2=1.2 - WEB), "review", "more than the whole"),
    "too little": (dict(r1=WEB / 2, r2=0.7 - WEB / 2), "review", "what is missing is a domain"),
    "a third": (dict(r1=WEB / 2, r2=0.7 - WEB / 2, code=np.full(12, 0.3)), "review", "domains=3"),
}


@pytest.mark.parametrize("name", SHARES)
def test_shares_add_up_to_one(name):
    """Fails if a mixture in per cent, or one with a domain missing, is fitted without a word."""
    columns, status, told = SHARES[name]
    (check,) = data_checks(problem_of("mixture_exp", **columns, loss=2 + 0.3 * WEB))
    assert (check.name, check.status) == ("mixture shares", status) and told in check.sentence
    if name == "a third":
        bound = dict(re.findall(r"'(r\d)': '(\w+)'", check.sentence))
        runs = sb.Runs(**columns, loss=2 + 0.3 * WEB)
        with jax.enable_x64():
            whole = build(runs, sb.laws.get("mixture_exp", domains=3), sb.StudentT(), inputs=bound)
        assert next(data_checks(whole)).status == "pass"


def test_one_share_is_looked_at_too():
    """Fails if the share of a new domain in per cent passes for one."""
    each = {"N": WEB * 1e9, "D": WEB[::-1] * 1e10, "loss": 2 + WEB}
    statuses = [next(data_checks(problem_of("continual", r=r, **each))).status for r in (WEB, 100 * WEB)]
    assert statuses == ["pass", "fail"]


def test_a_law_whose_shares_are_no_inputs_is_refused():
    """Fails if a misspelt share is never checked."""
    with pytest.raises(sb.InputError, match="shares names 'r'"):
        sb.Law("mine", lambda x, a: a * x, {"a": dist.LogNormal(0, 1)}, shares=("r",))


@pytest.mark.parametrize(("unique", "status"), [(1e12, "pass"), (6e10, "pass"), (1e10, "review")])
def test_repeated_data_are_told_beyond_four_epochs(unique, status):
    """Fails if a corpus that was seen twenty times counts as new tokens, or one seen three times as spoilt."""
    columns = dict(N=GRID_N, D=GRID_D, U=np.full(20, unique), loss=loss_of(11))
    (check,) = data_checks(problem_of("chinchilla", **columns))
    assert (check.name, check.status) == ("repetition", status)
    assert ("law='data_constrained'" in check.sentence) == (status == "review")
    assert not list(data_checks(problem_of("data_constrained", **columns)))


def test_epochs_are_known_by_their_own_column():
    """Fails if a table that says its epochs, and no unique tokens, is taken for one of new tokens."""
    columns = dict(N=GRID_N, D=GRID_D, epochs=GRID_D / 1e10, loss=loss_of(11))
    (check,) = data_checks(problem_of("chinchilla", **columns))
    assert check.status == "review" and "columns={'U': 1" in check.sentence


def test_a_path_and_its_repetition_are_both_told(cases_path):
    """Fails if the run to add lies on the path again, or if repetition is lost beside it."""
    runs = sb.read_runs(cases_path / "one_path_repeated.csv")
    with jax.enable_x64():
        problem = build(runs, sb.laws.get("chinchilla"), sb.StudentT())
    checks = {check.name: check for check in (*table_checks(problem), *data_checks(problem))}
    assert "up to 20.7 times" in checks["repetition"].sentence
    added = re.findall(r"N=(\S+), D=(\S+?),? ", checks["collinear inputs"].sentence + " ")[:1]
    assert [tuple(map(float, cell)) for cell in added] == [(6.6e6, 2.48e9)]


def test_what_the_fit_takes_up_is_found_without_a_matrix_of_runs_by_runs():
    """Fails if the directions aren't eigenvectors of the hat matrix, or cost as much as the square of the runs."""
    rng = np.random.default_rng(5)

    def directions(n: int) -> tuple[np.ndarray, np.ndarray]:
        tangents, root = rng.standard_normal((n, 4)), rng.standard_normal((4, 4))
        precision = root @ root.T + 0.3 * n * np.eye(4)
        mode = SimpleNamespace(precision=precision, scale=np.ones(n))
        problem = SimpleNamespace(runs=range(n), model=SimpleNamespace(free="ABEa"))
        near = Around(np.zeros(n), {}, tangents)
        return decided(problem, SimpleNamespace(mode=mode), near), tangents @ np.linalg.inv(precision) @ tangents.T

    found, hat = directions(60)
    values, vectors = np.linalg.eigh(hat)
    taken = vectors[:, values > 0.5]
    assert taken.shape == found.shape == (60, 4)
    np.testing.assert_allclose(found @ found.T, taken @ taken.T, atol=1e-10)
    tracemalloc.start()
    tangents = rng.standard_normal((20_000, 4))
    mode = SimpleNamespace(precision=1e4 * np.eye(4), scale=np.ones(20_000))
    problem = SimpleNamespace(runs=range(20_000), model=SimpleNamespace(free="ABEa"))
    decided(problem, SimpleNamespace(mode=mode), Around(np.zeros(20_000), {}, tangents))
    assert tracemalloc.get_traced_memory()[1] < 50e6  # bytes; a matrix of runs by runs has 3.2e9
    tracemalloc.stop()
