"""Residuals against the table's other columns: what is found, what is named, and where nothing is."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

import scalebayes as sb
from scalebayes.checks.column_designs import others_of, surface
from scalebayes.checks.limits import COLUMNS_LEVEL, COLUMNS_LEVEL_OF_LARGEST
from scalebayes.checks.other_columns import Scatter, checks_of
from scalebayes.checks.table import table_checks
from scalebayes.fitting.forecaster import recipe
from scalebayes.model.problem import build
from scalebayes.runs.column_roles import is_name
from scalebayes.runs.settings import groups_of, levels, settings, size_named
from tests.helpers import POINT

ROWS = 120
LAW = sb.laws.get("chinchilla")


def plan(rng, rows=ROWS):
    """N, D and the log of a loss there."""
    N, D = 10 ** rng.uniform(7, 10, rows), 10 ** rng.uniform(9, 11.5, rows)
    return N, D, np.log(1.8 + 480 / N**0.348 + 2100 / D**0.366)


def said(runs, name="other columns"):
    return sb.fit(runs, method=POINT, on_fail="ignore").checks[name]


def scattered(runs, residual):
    """Runs whose residuals from the law, in scales of .01, are as given."""
    used = {"N": runs.inputs["N"], "D": runs.inputs["D"]}
    axes = {name: np.log(x) for name, x in used.items()}
    scale = np.full(len(runs), 0.01)
    return Scatter(runs, LAW, used, axes, residual, scale, float(np.std(np.log(runs.y))), axes["N"] + axes["D"])


def test_pooled_experiments_fail_and_are_named_with_cures_that_work(cases_path):
    """Fails if three laboratories, one of another unit of loss, are fitted as one law without a word."""
    runs = sb.read_runs(cases_path / "three_experiments.csv")
    check = said(runs)
    assert check.status == "fail" and check.sentence.startswith("'experiment' explains 9")
    assert "60 rows are 20 settings of N and D" in check.sentence
    apart, where = re.search(r"by='(\w+)'\).* where=\"([^\"]+)\"", check.sentence).groups()
    fits = sb.fit_many(runs, by=apart, method=POINT, on_fail="ignore")
    assert fits.names == ("north", "south", "per_char") and [len(fit.runs) for fit in fits] == [20, 20, 20]
    assert sb.read_runs(cases_path / "three_experiments.csv", where=where).hash == fits["north"].runs.hash
    assert "columns={'group': 'experiment'} and discrepancy='gp'" in check.sentence


@pytest.mark.slow
def test_an_offset_a_group_leaves_nothing_of_an_experiment(cases_path):
    """Fails if the cure that the check names, an offset for each experiment, leaves the check as it was."""
    grouped = sb.read_runs(cases_path / "three_experiments.csv", columns={"group": "experiment"})
    fit = sb.fit(grouped, discrepancy="gp", method=POINT, on_fail="ignore")
    assert fit.checks["other columns"].status == "pass" and fit.checks["groups"].status == "pass"


def test_a_sweep_of_learning_rates_is_found_and_its_settings_counted(cases_path):
    """Fails if 200 rows of a sweep count as 200 runs of a law, and all checks pass."""
    fit = sb.fit(sb.read_runs(cases_path / "lr_sweep.csv"), method=POINT, on_fail="ignore")
    assert fit.checks["settings"].sentence.startswith("200 rows are 20 settings of N and D, 10 rows each")
    check = fit.checks["other columns"]
    assert check.status == "review" and "200 rows are 20 settings" in check.sentence
    share = int(re.match(r"'lr' explains (\d+)% of the scatter", check.sentence)[1])
    assert 55 <= share <= 67 and "sb.best_of(runs, by=('N', 'D'))" in check.sentence
    assert fit.checks["other columns of the largest runs"].status == "review"


@pytest.mark.slow
def test_the_recommended_forecast_sees_the_columns_that_its_averages_drop(cases_path):
    """Fails if more than 64 runs of a sweep are averaged, and what was swept is forgotten before it is looked at."""
    fit = sb.forecaster(sb.read_runs(cases_path / "lr_sweep.csv"), method=POINT, on_fail="ignore")
    assert "'lr' explains" in fit.checks["other columns"].sentence


NAMES = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=12).map(str.strip).filter(bool)


@tried(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES.filter(lambda n: n not in ("N", "D", "C", "U", "x", "loss", "count")), st.integers(2, 6), st.data())
def test_a_pooled_factor_is_found_whatever_its_name_and_its_levels(name, count, data):
    """Fails if a factor that explains a third of the scatter of 120 runs goes unnamed: labels and numbers alike."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    number = data.draw(st.booleans())
    kinds = data.draw(
        st.lists(st.integers(-5, 10**6) if number else NAMES, min_size=count, max_size=count, unique=True)
    )
    code = rng.permutation(np.r_[np.arange(count), np.arange(count), rng.integers(count, size=ROWS - 2 * count)])
    N, D, law = plan(rng)
    effect, noise = rng.permutation(np.linspace(-1, 1, count))[code], rng.standard_t(4, ROWS)
    residual = noise + effect / effect.std() * noise.std() * np.sqrt(0.5)
    columns = {"lr": rng.uniform(size=ROWS), name: [kinds[k] for k in code]}
    check = next(iter(checks_of(scattered(sb.Runs(N=N, D=D, loss=np.exp(law), **columns), residual))))
    assert check.status != "pass" and check.sentence.startswith(f"{name!r} explains"), check.sentence


@pytest.mark.parametrize("tables", [100, pytest.param(400, marks=pytest.mark.slow)])
def test_columns_that_say_nothing_raise_the_alarms_of_the_level(tables):
    """Fails if irrelevant columns are found in more than their share of tables, or in none."""
    seed, alarms = 11, 0
    rng = np.random.default_rng(seed)
    for _ in range(tables):
        N, D, law = plan(rng, 40)
        columns = {"lr": rng.choice([1e-3, 2e-3, 4e-3], 40), "warmup": N**0.5 * rng.lognormal(size=40)}
        columns |= {"lab": rng.choice(["a", "b", "c"], 40), "layers": np.round(2 * (N / 1e7) ** 0.25)}
        residual = rng.standard_t(4, 40)
        basis = surface({"N": np.log(N), "D": np.log(D)})
        residual -= basis @ (basis.T @ residual)
        checks = checks_of(scattered(sb.Runs(N=N, D=D, loss=np.exp(law), **columns), residual))
        alarms += any(check.status != "pass" for check in checks)
    expected = tables * (COLUMNS_LEVEL + COLUMNS_LEVEL_OF_LARGEST)
    assert alarms <= expected + 3 * np.sqrt(expected), f"{alarms} of {tables}, seed {seed}"


def test_what_is_no_cause_is_not_tested():
    """Fails if an outcome, a name of the row or a function of the inputs is said to explain the scatter."""
    rng = np.random.default_rng(3)
    N, D, law = plan(rng)
    loss = np.exp(law)
    columns = {
        "train/loss": loss * rng.lognormal(0, 0.1, ROWS),
        "perplexity": np.exp(loss),
        "probe": loss * rng.lognormal(0, 0.001, ROWS),  # follows the loss, whatever it is called
        "hours": rng.uniform(size=ROWS),
        "row": np.arange(ROWS),
        "counted": np.arange(ROWS)[::1],
        "name": [f"run {i}" for i in range(ROWS)],
        "C": 6 * N * D,
        "flops": 6.3 * N * D,
        "ratio": D / N,
        "tokens_again": D * 1.0000003,
        "constant": np.ones(ROWS),
        "tuned": rng.choice([1e-3, 2e-3], ROWS),
        "same_as_tuned": np.zeros(ROWS),
        "z_loss": rng.choice([0.0, 1e-4], ROWS),
        "lab": rng.choice(["a", "b"], ROWS),
    }
    columns["same_as_tuned"] = columns["tuned"] * 3
    runs = sb.Runs(N=N, D=D, loss=loss, **columns)
    basis = surface({"N": np.log(N), "D": np.log(D)})
    assert [one.name for one in others_of(runs, {"N": N, "D": D}, basis)] == ["tuned", "z_loss", "lab"]


def test_a_column_confounded_with_the_size_is_told_as_that():
    """Fails if a step between small and large runs is blamed on an experiment alone."""
    rng = np.random.default_rng(8)
    N, D, law = plan(rng)
    late = np.median(N) < N
    lab = np.where(late, "new", "old")
    runs = sb.Runs(N=N, D=D, lab=lab, loss=np.exp(law))
    check = next(iter(checks_of(scattered(runs, rng.standard_normal(ROWS) + 6 * late))))
    assert check.sentence.startswith("'lab' explains") and "goes along with N and D" in check.sentence


def test_a_law_that_takes_the_column_is_named():
    """Fails if repeated data are found, and the law that knows repetition isn't named."""
    rng = np.random.default_rng(9)
    N, D, law = plan(rng)
    epochs = 10 ** rng.uniform(0, 1.5, ROWS)
    for columns in ({"U": D / epochs}, {"U": D / epochs, "epochs": epochs}):
        runs = sb.Runs(N=N, D=D, loss=np.exp(law), **columns)
        check = next(iter(checks_of(scattered(runs, rng.standard_normal(ROWS) + 2 * np.log(epochs)))))
        assert "fit a law that takes it, law='data_constrained'" in check.sentence and "best_of" not in check.sentence


def test_few_runs_are_said_to_tell_nothing():
    """Fails if eight runs are said to show that six kinds of them agree."""
    rng = np.random.default_rng(2)
    N, D, law = plan(rng, 8)
    runs = sb.Runs(N=N, D=D, loss=np.exp(law), lab=[*"aabbccdd"])
    check = next(iter(checks_of(scattered(runs, rng.standard_normal(8)))))
    assert (
        check.status == "pass" and "8 runs are too few to tell whether the scatter depends on 'lab'" in check.sentence
    )


def test_settings_differ_by_more_than_rounding():
    """Fails if rounding makes a setting of its own, or close values chain into one."""
    close = np.geomspace(1e9, 1e10, 1000)  # a quarter of a per cent apart
    assert 100 < levels(close).max() < 200
    N, D = np.array([1e8, 1e8, 1.2e8]), np.array([2.000e9, 2.013e9, 2e9])
    assert settings([N, D]).tolist() == [0, 0, 1]
    runs = sb.Runs(N=[1e8, 1e8, 1e9, 1e9], D=[2e9, 2.00001e9, 2e9, 4e9], loss=[3.1, 3.1, 2.6, 2.5])
    checks = sb.fit(runs, method=POINT, on_fail="ignore").checks
    assert checks["settings"].sentence.startswith("4 rows are 3 settings of N and D, 1 to 2 rows each")
    assert checks["duplicates"].sentence.startswith("1 row repeats another row's inputs, but for rounding")


SIZES = np.repeat([7e7, 1.6e8, 4e8, 1e9], 5)


def sized(**columns):
    rng = np.random.default_rng(4)
    D = np.tile(np.geomspace(2e9, 2e11, 5), 4)
    law = 1.8 + 480 / SIZES**0.348 + 2100 / D**0.366
    return sb.Runs(N=SIZES, D=D, loss=law * np.exp(0.003 * rng.standard_normal(20)), **columns)


@pytest.mark.parametrize(
    ("group", "named"),
    [
        (np.repeat(["70m", "160m", "400m", "1b"], 5), "N"),
        (np.tile(["2B", "6B", "20B", "60B", "200B"], 4), "D"),
        (np.tile(["a", "b"], 10), None),
        (np.repeat(["small", "large"], 10), None),  # two sizes each: perhaps two experiments
        (["one"] * 20, None),
    ],
)
def test_a_family_that_only_names_the_size_is_no_group(group, named):
    """Fails if an offset a group is fitted where the groups are the sizes, or dropped where they are more."""
    runs = sized(group=group)
    assert size_named(runs.labels["group"], runs.inputs) == named
    assert (groups_of(runs.labels, runs.inputs) is None) == (named is not None)
    more = named is None and len(set(group)) > 1
    assert ("offset" in repr(recipe(runs).discrepancy)) == more


@pytest.mark.parametrize(
    ("discrepancy", "offset", "status"), [(None, False, "pass"), ("gp", False, "pass"), ("offset", True, "review")]
)
def test_such_a_family_is_told_and_an_offset_for_it_is_doubted(x64, discrepancy, offset, status):
    """Fails if a family that names the size is called a pool of groups, or its offset one like any other."""
    runs = sized(group=np.repeat(["70m", "160m", "400m", "1b"], 5))
    departing = {"gp": sb.GP(), "offset": sb.GP("matern", "offset")}.get(discrepancy)
    problem = build(runs, LAW, sb.Normal(), discrepancy=departing)
    check = {check.name: check for check in table_checks(problem)}["groups"]
    assert (problem.rows.group is not None) == offset and check.status == status
    assert "another name of N" in check.sentence


def test_rows_that_are_all_groups_of_their_own_are_no_groups():
    """Fails if every run gets an offset of its own."""
    runs = sized(group=[f"run {i}" for i in range(20)])
    assert groups_of(runs.labels, runs.inputs) is None


def test_an_infinite_cell_makes_no_warning():
    """Fails if a column with infinite cells, as a commit's hash 4e999 is read, breaks the check of names."""
    assert not is_name("z", np.array([np.inf, np.inf, 3.0, 8.0, 2.0, 5.0, 1.0, 7.0]))
