"""An update equals the fit of all runs, says how it was made, and keeps how watched forecasts have moved."""

from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.infer import Laplace
from scalebayes.planning import update as module
from scalebayes.planning.update import WARM, WHOLE
from tests.helpers import LAPLACE, POINT, SEARCH, simulated

ALL = simulated(40, 9)
WATCH = {"N": [7e10, 1e9], "D": [1.4e12, 2e10]}
# Full proposals, as a fit by default has: what is compared are whole posteriors.
METHOD = sb.Laplace(draws=4000, proposals=8000, search=SEARCH)


@pytest.fixture(scope="module")
def old():
    """The smaller runs of the table, so that the largest, from which the units come, are new."""
    return sb.fit(ALL.take(smaller()), "chinchilla", method=LAPLACE, on_fail="ignore")


@pytest.fixture(scope="module")
def whole():
    return sb.fit(ordered(), "chinchilla", method=METHOD, seed=1, on_fail="ignore")


@pytest.fixture(scope="module")
def updated():
    old = sb.fit(ALL.take(smaller()), "chinchilla", method=METHOD, on_fail="ignore")
    return sb.update(old, ALL.take(~smaller()), watch=WATCH, on_fail="ignore")


def smaller():
    size = ALL["N"] * ALL["D"]
    return size <= np.sort(size)[29]


def ordered():
    return ALL.take(np.concatenate([np.flatnonzero(smaller()), np.flatnonzero(~smaller())]))


def apart(one, other):
    """For each parameter, how far the means of two fits are apart, in posterior sds, and the log ratio of their sds."""
    for name in one.draws:
        a, b = np.ravel(one.draws[name]), np.ravel(other.draws[name])
        yield name, abs(a.mean() - b.mean()) / b.std(), abs(np.log(a.std() / b.std()))


@pytest.mark.slow
def test_an_update_is_the_fit_of_all_runs(updated, whole):
    """Fails if draws that start from the old posterior are of another posterior than those of a whole fit."""
    assert updated.runs.hash == whole.runs.hash and updated.reference == whole.reference
    assert updated.numbers["mode_lp"] == pytest.approx(whole.numbers["mode_lp"], abs=1e-6)
    for name, mean, sd in apart(updated, whole):
        # Both have an effective size of 1,000 and more: five standard errors of a difference of means, and of sds.
        assert mean < 5 * np.sqrt(2 / 1000) and sd < 5 * np.sqrt(2 / 1000), name
    assert sb.moves(updated)["how"].tolist() == ["first fit", WARM] * 2
    assert updated.checks["starts"].status == sb.Status.PASS and updated.method == METHOD


def test_a_mode_is_searched_anew(old):
    """Fails if the mode of all runs is another than that of a fit of them."""
    fit = sb.fit(old.runs, "chinchilla", method=POINT, on_fail="ignore")
    found = sb.update(fit, ALL, watch=WATCH, on_fail="ignore")
    expected = sb.fit(found.runs, "chinchilla", method=POINT, on_fail="ignore")
    assert sb.moves(found)["how"].iloc[1] == WHOLE and np.isnan(sb.moves(found)["lower"]).all()
    for name, x in found.draws.items():
        assert x.item() == pytest.approx(expected.draws[name].item(), rel=1e-6)


@pytest.mark.slow
def test_a_process_is_updated():
    """Fails if a fit with a discrepancy, whose anchor moves with the largest runs, is updated to another posterior."""
    rng = np.random.default_rng(5)
    x = np.geomspace(1, 1e4, 14)
    runs = sb.Runs(x=x, loss=(1.2 + 2 * x**-0.4) * np.exp(0.01 * rng.normal(size=14)))
    method = sb.Laplace(draws=1000, proposals=4000, search=SEARCH, fallback=False)
    settings = {"law": "end_power", "discrepancy": sb.GP("matern"), "method": method, "on_fail": "ignore"}
    found = sb.update(sb.fit(runs.take(slice(0, 12)), **settings), runs, watch={"x": 1e6}, on_fail="ignore")
    expected = sb.fit(runs, **settings, seed=1)
    assert sb.moves(found)["how"].iloc[1] == WARM
    assert found.numbers["mode_lp"] == pytest.approx(expected.numbers["mode_lp"], abs=1e-4)
    effective = min(found.numbers["importance_ess"], expected.numbers["importance_ess"])
    for name, mean, _ in apart(found, expected):
        assert mean < 5 * np.sqrt(2 / effective), name


def test_weights_that_fail_are_fitted_anew(old, monkeypatch):
    """Fails if an update is kept whose draws can't be trusted."""
    poor = Laplace._weighted

    def spoilt(self, mode, proposed, seed):
        draws = poor(self, mode, proposed, seed)
        return replace(draws, numbers={**draws.numbers, "khat": 0.9})

    monkeypatch.setattr(Laplace, "_weighted", spoilt)
    first = replace(old, method=replace(LAPLACE, fallback=False))
    found = sb.update(first, ALL, watch=WATCH, on_fail="ignore")
    assert sb.moves(found)["how"].iloc[1] == WHOLE and found.numbers["starts"] == SEARCH.starts


def test_what_was_watched_stays_watched_and_is_kept_in_the_file(old, tmp_path):
    """Fails if the log of moves is lost with a file or with the next update, or a forecast in it is another."""
    rest = ALL.take(~smaller())
    first = sb.update(old, rest.take(slice(0, 5)), watch={"N": 7e10, "D": 1.4e12}, on_fail="ignore")
    first.save(tmp_path / "a.nc")
    second = sb.update(sb.load(tmp_path / "a.nc"), rest, watch={"N": 1e9, "D": 2e10}, on_fail="ignore")
    table = sb.moves(second)
    assert table["runs"].tolist() == [30, 35, 40, 35, 40] and table["N"].tolist() == [7e10] * 3 + [1e9] * 2
    assert table.attrs == {"prob": 0.9, "dropped": [0, 5]}
    for fit, row in ((old, 0), (first, 1), (second, 2)):
        expected = sb.interval(sb.predict(fit, N=7e10, D=1.4e12))
        assert table["median"][row] == expected["median"][0] and table["upper"][row] == expected["upper"][0]
    assert table["change"][1] == table["median"][1] - table["median"][0] and np.isnan(table["change"][0])
    assert table["inside"][1] == (table["lower"][0] <= table["median"][1] <= table["upper"][0])


def test_registered_points_are_watched(old, tmp_path):
    """Fails if the points of forecasts on record can't be watched as they are."""
    record = sb.register(old, tmp_path / "a.nc", **WATCH)
    found = sb.update(old, ALL, watch=record, on_fail="ignore")
    assert sb.moves(found)["N"].tolist() == [7e10, 7e10, 1e9, 1e9]


def test_what_cannot_be_updated_is_refused_with_its_cure(old):
    """Fails if an update of something else, or by other runs, ends without what to do."""
    with pytest.raises(sb.InputError, match=r"ask each: fits\[0\]"):
        sb.update(sb.fit_many({"a": old.runs}, "chinchilla", method=POINT, on_fail="ignore"), ALL)
    with pytest.raises(sb.InputError, match=r"give sb\.read_runs"):
        sb.update(old, "runs.csv")
    with pytest.raises(sb.InputError, match=r"D = C / \(6 N\) can't be derived"):
        sb.update(old, sb.Runs(N=[1e9], loss=[3.0]))
    with pytest.raises(sb.InputError, match="nothing is new"):
        sb.update(old, old.runs)
    with pytest.raises(sb.InputError, match="the fit was not updated"):
        sb.moves(old)
    with pytest.raises(sb.InputError, match="nothing was watched"):
        sb.moves(sb.update(old, ALL, on_fail="ignore"))


def test_resamples_are_fitted_anew(old, monkeypatch):
    """Fails if refits of resampled runs, which have no posterior to start from, are updated as if they had one."""
    tried = []

    def whole(method, problem, key):
        tried.append(method)
        return method, LAPLACE.run(problem, key)

    monkeypatch.setattr(module, "run_on", whole)
    sb.update(replace(old, method=sb.Bootstrap()), ALL, on_fail="ignore")
    assert tried == [sb.Bootstrap()]
