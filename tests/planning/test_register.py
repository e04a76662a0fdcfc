"""Forecasts on record: what the file has, that it can't be changed, and how its runs are scored."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.forecasting.recalibrate import Recalibrated, Widening
from scalebayes.safe_files.checksum import LENGTH
from scalebayes.status import Check, Checks, Status
from tests import damaging, helpers
from tests.helpers import POINT, PROCESS_VALUES, fit_of, simulated

AT = {"N": [2e10, 7e10], "D": [4e11, 1.4e12]}
OTHER = {"N": [1e9, 3e9], "D": [3e10, 5e10]}


TRUE = {"A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366, "E": 1.817}


def jittered(values, seed, size=500, sd=0.01):
    """Draws around values, with an sd relative to each."""
    rng = np.random.default_rng(seed)
    return {name: x * np.exp(sd * rng.normal(size=size)) for name, x in values.items()}


@pytest.fixture(scope="module")
def fit():
    """Draws of a known posterior, whose noise has an sd of .01 on the log."""
    return fit_of(sb.laws.get("chinchilla"), jittered(TRUE, 1), simulated(24, 3))


@pytest.fixture(scope="module")
def departing():
    """A posterior with a process and an offset for each of two groups."""
    table = simulated(20, 5)
    runs = sb.Runs(N=table["N"], D=table["D"], loss=table.y, group=["a", "b"] * 10)
    values = {name: x for name, x in PROCESS_VALUES.items() if name.startswith(("matern", "offset"))}
    law = sb.laws.get("chinchilla")
    return helpers.departing(runs, law, jittered(TRUE, 2, 100), sb.GP("matern", "offset"), values)


@pytest.fixture(scope="module")
def asked(fit, departing):
    """Every kind of fit that can be registered."""
    runs = sb.Runs(N=fit.runs["N"], D=fit.runs["D"], loss=fit.runs.y)
    other = {"A": 300.0, "B": 3000.0, "alpha": 0.33, "beta": 0.37, "E": 1.9}
    second = fit_of(sb.laws.get("chinchilla"), jittered(other, 3), runs)
    return {
        "fit": fit,
        "departing": departing,
        "stack": sb.stack({"one": fit, "other": second}, weights={"one": 0.7, "other": 0.3}, draws=1000),
        "recalibrated": Recalibrated(fit, Widening(1.6, 1.8, 12, 3), "chinchilla"),
    }


def losses(forecast, at, prob):
    """Runs at points, each with the quantile `prob` of its forecast as the loss."""
    return sb.Runs(**at, loss=np.quantile(forecast["loss"].values, prob, axis=(0, 1)))


@pytest.mark.parametrize("kind", ["fit", "departing", "stack", "recalibrated"])
def test_a_record_scores_as_the_fit_does(asked, kind, tmp_path):
    """Fails if what is on record gives another density, or another distribution, than the fit that made it."""
    record = sb.register(asked[kind], tmp_path / "a.nc", **AT, note="the next two")
    runs = losses(record.forecast, AT, 0.8)
    found, expected = sb.score(tmp_path / "a.nc", runs), sb.score(asked[kind], runs)
    # A forecast is widened about the median of its draws, which are others here: an error of .02 sds moves it by .01.
    near = {"atol": 0.03} if kind == "recalibrated" else {"rtol": 1e-9}
    np.testing.assert_allclose(found["log_score"], expected["log_score"], **near)
    assert found["pit"].values == pytest.approx([0.8, 0.8], abs=2e-3)  # by the registered draws themselves
    np.testing.assert_allclose(found["crps"], expected["crps"], rtol=0.2)
    np.testing.assert_allclose(found["distance"], expected["distance"])
    assert found["hit"].values.tolist() == [1, 1] and found["point"].values.tolist() == [0, 1]
    assert found.attrs["open"] == [] and found.attrs["waiting"] == ""


@pytest.mark.parametrize("kind", ["fit", "departing", "stack", "recalibrated"])
def test_a_record_is_read_as_it_was_made(asked, kind, tmp_path):
    """Fails if a number, a name or the note is another once it was read, or saving it again gives another file."""
    record = sb.register(asked[kind], tmp_path / "a.nc", **AT, prob=0.8, note="naïve \x1b[2J", seed=3)
    again = sb.load(tmp_path / "a.nc")
    assert isinstance(again, sb.Registered) and repr(again) == repr(record)
    assert again.forecast.identical(record.forecast) and again.digest == record.digest
    assert (again.note, again.prob, again.seed, again.date) == (record.note, 0.8, 3, record.date)
    again.save(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_the_record_is_the_forecast_of_predict(fit, tmp_path):
    """Fails if other draws or another interval are on record than `predict` gives with the same seed."""
    record = sb.register(fit, tmp_path / "a.nc", **AT, prob=0.8, seed=7)
    forecast = sb.predict(fit, **AT, observed=True, seed=7)
    assert np.array_equal(record.forecast["loss"], forecast["loss"])
    assert record.table().equals(sb.interval(forecast, 0.8))
    text = repr(record)
    assert "2 forecasts of loss by chinchilla" in text and f"24 runs ({fit.runs.hash[:12]})" in text
    assert record.digest in text and record.members[0].fitted["runs"] == fit.runs.hash


def test_a_byte_changed_anywhere_is_refused(fit, tmp_path):
    """Fails if a record that was edited by one byte is scored, or read, as if nothing were."""
    path = tmp_path / "a.nc"
    sb.register(fit, path, **AT)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [0, len(whole) - 1, len(whole) - LENGTH, len(whole) - 30, *rng.integers(len(whole), size=40)]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        for ask in (sb.load, lambda path: sb.score(path, fit.runs)):
            with pytest.raises(sb.InputError, match=r"^can't read .*a\.nc"):
                ask(path)


def test_what_a_liar_would_save_ends_in_one_sentence(tmp_path):
    """Fails if a file whose checksums are right, and that is no record, ends in a traceback, or in a wrong number."""
    rng = np.random.default_rng(2)
    draws = {"E": 1.2 + 0.01 * rng.normal(size=20), "A": 2 + 0.05 * rng.normal(size=20), "alpha": np.full(20, 0.4)}
    x = np.geomspace(1, 1e3, 9)
    held = fit_of(sb.laws.get("offset_power"), draws, sb.Runs(x=x, loss=1.2 + 2 * x**-0.4))
    path, runs = tmp_path / "a.nc", sb.Runs(x=[1e4], loss=[1.25])
    sb.register(held, path, x=[1e4, 1e5])
    whole, expected = path.read_bytes(), sb.score(path, runs)
    refused = 0
    for i in range(80):
        change = (damaging.array_change, damaging.record_change, damaging.attribute_change)[i % 3](rng)
        try:
            path.write_bytes(damaging.edited(whole, change, forged=True))
        except ValueError:  # no array of ours, such as of complex numbers: its checksum can't be forged
            continue
        try:
            found = sb.score(path, runs)
        except sb.InputError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert found["log_score"].identical(expected["log_score"]) and repr(sb.load(path))
    assert refused > 60


def test_a_record_is_made_once(fit, tmp_path):
    """Fails if a forecast on record is replaced by a later one, which may know the runs."""
    sb.register(fit, tmp_path / "a.nc", **AT)
    before = (tmp_path / "a.nc").read_bytes()
    with pytest.raises(sb.InputError, match="is there already, and a record isn't replaced; give another name"):
        sb.register(fit, tmp_path / "a.nc", **OTHER)
    assert (tmp_path / "a.nc").read_bytes() == before


def test_points_without_a_run_stay_open(fit, tmp_path):
    """Fails if a run at no point is scored, one at a point isn't, or the points that wait aren't told."""
    record = sb.register(fit, tmp_path / "a.nc", **AT)
    middle = float(record.table()["median"][1])
    runs = sb.Runs(N=[1e9, 7e10 * (1 + 5e-7), 7e10 * (1 + 3e-6)], D=[1e10, 1.4e12, 1.4e12], loss=[3.0, middle, 2.0])
    found = sb.score(record, runs)
    assert (found["point"].values.tolist(), found["row"].values.tolist()) == ([1], [2])
    assert found.attrs["open"] == [0]
    assert found.attrs["waiting"] == "1 of 2 points is still open, without a run: N 2e10, D 4e11"
    with pytest.raises(sb.InputError, match=r"nearest to N 7e10, D 1.4e12 is row 1 with N 7.1e10, D 1.4e12, 1.4 % off"):
        sb.score(record, sb.Runs(N=[7.1e10], D=[1.4e12], loss=[2.0]))


def test_several_runs_of_a_point_and_compute(fit, tmp_path):
    """Fails if only one of a point's runs is scored, or a table with C in place of D isn't matched."""
    record = sb.register(fit, tmp_path / "a.nc", **AT)
    runs = sb.Runs(N=[7e10, 7e10], C=[6 * 7e10 * 1.4e12] * 2, loss=[1.0, 2.0], run_id=["x", "y"])
    found = sb.score(record, runs)
    assert found["point"].values.tolist() == [1, 1] and found["run_id"].values.tolist() == ["x", "y"]
    assert found["hit"].values[0] == 0 and found["pit"].values[0] == 0


def test_a_mean_of_runs_is_scored_with_less_noise(fit, tmp_path):
    """Fails if a row that is the mean of 100 runs, or has a known error, is scored as if it were one run."""
    record = sb.register(fit, tmp_path / "a.nc", **OTHER)
    middle = record.table()["median"].to_numpy()
    at = {name: np.repeat(x, 3) for name, x in OTHER.items()}
    runs = sb.Runs(**at, loss=np.repeat(middle, 3) * 1.001, count=[1, 100, 1] * 2, loss_se=[0, 0, 0.3] * 2)
    found, expected = sb.score(record, runs), sb.score(fit, runs)
    np.testing.assert_allclose(found["log_score"], expected["log_score"], rtol=1e-9)
    width = found["log_width"].sel(prob=0.9).values
    assert (width[[1, 4]] < width[[0, 3]]).all() and (width[[2, 5]] > 5 * width[[0, 3]]).all()
    np.testing.assert_allclose(width, expected["log_width"].sel(prob=0.9), rtol=0.1)


def test_groups_are_matched_to_their_own_runs(departing, tmp_path):
    """Fails if a forecast of one group is scored by the run of another."""
    at = {"N": [2e10, 2e10], "D": [4e11, 4e11]}
    record = sb.register(departing, tmp_path / "a.nc", **at, group=["a", "b"])
    runs = sb.Runs(**at, loss=[2.0, 2.1], group=["b", "a"])
    found = sb.score(sb.load(tmp_path / "a.nc"), runs)
    assert found["point"].values.tolist() == [0, 1] and found["y"].values.tolist() == [2.1, 2.0]
    np.testing.assert_allclose(
        found["log_score"].values[::-1], sb.score(departing, runs)["log_score"].values, rtol=1e-9
    )
    with pytest.raises(sb.InputError, match="say which it is in the column 'group'"):
        sb.score(record, sb.Runs(**at, loss=[2.0, 2.1]))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"prob": 1.0}, "prob is between 0 and 1"),
        ({"note": 3}, "note is text, not 3"),
        ({"U": 3.0}, "unknown input 'U'"),
        ({"N": -1.0}, "is not a positive, finite number"),
    ],
)
def test_bad_input_leaves_no_file(fit, tmp_path, settings, why):
    """Fails if what can't be registered is, or leaves a file."""
    with pytest.raises(sb.InputError, match=why):
        sb.register(fit, tmp_path / "a.nc", **{**AT, **settings})
    assert not list(tmp_path.iterdir())


def test_what_has_no_forecast_to_score_is_refused_with_its_cure(fit, tmp_path):
    """Fails if a mode, many fits or a table end in a record, or in an error without a cure."""
    mode = fit_of(fit.law, jittered(TRUE, 1, 1), fit.runs)
    with pytest.raises(sb.InputError, match="fit with method='laplace' or 'nuts'"):
        sb.register(mode, tmp_path / "a.nc", **AT)
    fits = sb.fit_many(
        {"a": sb.Runs(x=[1, 10, 1e2, 1e3], loss=[3, 2, 1.5, 1.2])}, "power", method=POINT, on_fail="ignore"
    )
    with pytest.raises(sb.InputError, match=r"register each alone: sb.register\(fits\['name'\]"):
        sb.register(fits, tmp_path / "a.nc", **AT)
    with pytest.raises(sb.InputError, match="a table is fitted first"):
        sb.register(fit.runs, tmp_path / "a.nc", **AT)
    fit.save(tmp_path / "fit.nc")
    with pytest.raises(sb.InputError, match=r"holds no registered forecasts \(it holds a fit\)"):
        sb.score(tmp_path / "fit.nc", fit.runs)
    record = sb.register(fit, tmp_path / "a.nc", **AT)
    with pytest.raises(sb.InputError, match=r"give sb\.read_runs"):
        sb.score(record, "runs.csv")
    with pytest.raises(sb.InputError, match="unknown observable of the runs"):
        sb.score(record, sb.Runs(**AT, bits=[1.0, 1.0], observable="bits"))


def test_a_failed_fit_is_told_on_the_record(fit, tmp_path):
    """Fails if a fit that failed its checks is put on record without a word."""
    failed = replace(fit, checks=Checks((Check("k-hat", Status.FAIL, "The weights can't be trusted."),)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.FitWarning)
        sb.register(failed, tmp_path / "a.nc", **AT)
    assert repr(sb.load(tmp_path / "a.nc")).startswith("k-hat: The weights can't be trusted.")
