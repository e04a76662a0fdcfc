"""The best run of each setting, how far luck put it below the tuned loss, and one table split by a column."""

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.runs.sweep_noise import shift_of_least
from tests.helpers import POINT


def tuned(N, D):
    return 1.82 + 480 / N**0.348 + 2100 / D**0.366


@pytest.fixture(scope="module")
def sweep(cases_path):
    return sb.read_runs(cases_path / "lr_sweep.csv")


def test_the_best_of_a_sweep_are_tuned(sweep):
    """Fails if another run than the best of a setting is kept, or nothing says how many it was chosen from."""
    best = sb.best_of(sweep, by=("N", "D"))
    assert len(best) == 20 and np.abs(best.y / tuned(best.inputs["N"], best.inputs["D"]) - 1).max() < 0.01
    assert "best of: the lowest of each of 20 settings of N and D, 10 of 200 runs each" in repr(best)


@pytest.mark.slow
def test_the_best_of_a_sweep_forecasts_the_tuned_loss(sweep):
    """Fails if the tuned loss of a sweep lies outside the forecast of its best runs, or no nearer than of all runs."""
    runs, best = sweep, sb.best_of(sweep, by=("N", "D"))
    truth, point = tuned(7e10, 1.4e12), {"N": 7e10, "D": 1.4e12}
    found = {
        name: sb.fit(table, method="laplace", on_fail="ignore") for name, table in {"best": best, "all": runs}.items()
    }
    rows = {name: sb.interval(sb.predict(fit, **point)).iloc[0] for name, fit in found.items()}
    assert rows["best"]["lower"] < truth < rows["best"]["upper"]
    assert abs(rows["best"]["median"] - truth) < 0.6 * abs(rows["all"]["median"] - truth)
    assert "other columns" not in found["best"].checks or found["best"].checks["other columns"].status == "pass"
    check = found["best"].checks["best of settings"]
    assert check.status == "review" and "9 of 20 settings are best at the largest 'lr'" in check.sentence


@pytest.mark.parametrize("kind", ["lr", "seeds", "accuracy"])
def test_the_shift_of_the_best_is_what_luck_makes(kind):
    """Fails if what is told of the luck of a minimum isn't what simulated sweeps show, within a sixth."""
    seed, tables = 3, 150
    rng = np.random.default_rng(seed)
    N, lr = np.repeat(np.geomspace(1e7, 1e9, 8), 6), np.tile(np.geomspace(1e-4, 3e-3, 6), 8)
    away = 0.0 if kind == "seeds" else 0.01 * np.log(lr / 1e-3 * (N / 1e8) ** 0.2) ** 2
    mean = np.log(tuned(N, 1e10)) + away
    told, seen = [], []
    for _ in range(tables):
        y = mean + 0.005 * rng.standard_normal(48)
        columns = {"seed": np.tile(np.arange(6.0), 8)} if kind == "seeds" else {"lr": lr}
        if kind == "accuracy":
            columns |= {"observable": "accuracy", "accuracy": np.exp(-y), "range": (0, 1)}
        else:
            columns |= {"loss": np.exp(y)}
        best = sb.best_of(sb.Runs(N=N, D=np.full(48, 1e10), **columns), lowest=kind != "accuracy")
        told.append(best.metadata["best_of"]["shift"])
        sign = -1 if kind == "accuracy" else 1
        seen.append(np.median(np.log(best.y) - sign * mean.reshape(8, 6).min(axis=1)))
    error = np.std(seen) / np.sqrt(tables)
    assert abs(np.mean(told) - np.mean(seen)) < abs(np.mean(seen)) / 6 + 3 * error, f"seed {seed}"
    assert (np.mean(told) > 0) == (kind == "accuracy")


def test_the_least_of_normals_has_its_known_mean():
    """Fails if the expected minimum is off: of two and five Normals it is -.5642 and -1.1630 sds."""
    for count, expected in ((1, 0.0), (2, -0.5642), (5, -1.1630)):
        assert shift_of_least(np.zeros(count), 1.0) == pytest.approx(expected, abs=1e-4)
    assert shift_of_least(np.array([0.0, 10.0]), 1.0) == pytest.approx(0.0, abs=1e-4)


def test_few_repeats_are_said_to_show_no_noise():
    """Fails if a best of two is passed as the tuned loss, with nothing that shows the noise."""
    runs = sb.Runs(N=[1e8, 1e8, 1e9], D=[2e9] * 3, loss=[3.1, 3.2, 2.6])
    check = sb.fit(sb.best_of(runs), method=POINT, on_fail="ignore").checks["best of settings"]
    assert check.status == "review" and "repeat some with other seeds" in check.sentence


def test_rounding_makes_no_setting(data_path):
    """Fails if D in whole batches, which differs by a per cent between batch sizes, counts as other settings."""
    runs = sb.read_runs(data_path / "porian_lrbsz.csv")
    assert len(sb.best_of(runs)) == 6
    assert len(sb.best_of(runs, tolerance=0.0)) == len({*zip(runs.inputs["N"], runs.inputs["D"], strict=True)})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"by": ("N", "d_tokens")}, "unknown column in by 'd_tokens'"),
        ({"by": ()}, "by is empty"),
        ({"by": 3}, "by=3 names no columns"),
        ({"tolerance": 2}, "tolerance is a relative difference"),
        ({"tolerence": 2}, "did you mean 'tolerance'"),
    ],
)
def test_what_best_of_refuses(arguments, told):
    """Fails if a misspelt column or setting ends in a KeyError, or is dropped."""
    with pytest.raises(sb.InputError, match=told):
        sb.best_of(sb.Runs(N=[1e8], D=[2e9], loss=[3.0]), **arguments)


def table(**columns):
    x = np.tile([1.0, 10.0, 100.0, 1e3], 3)
    return sb.Runs(x=x, loss=1 + x**-0.3 + np.repeat([0, 0.5, 1], 4), **columns)


def test_one_table_is_split_by_a_column():
    """Fails if a value's runs end in another data set, or laws and names don't cross."""
    runs = table(lab=np.repeat(["north", "south", "a/b"], 4), width=np.tile([64, 128], 6))
    fits = sb.fit_many(runs, "power", by="lab", method=POINT, on_fail="ignore")
    assert fits.names == ("north", "south", "a/b")
    assert [fit.runs.y.min() for fit in fits] == [runs.y[3], runs.y[7], runs.y[11]]
    assert fits["south"].runs.metadata["filters"] == ["lab == 'south'"]
    by_number = sb.fit_many(runs, by="width", laws=["power", "offset_power"], method=POINT, on_fail="ignore")
    assert by_number.names == ("64/power", "64/offset_power", "128/power", "128/offset_power")


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("labb", r"unknown column in by 'labb'; did you mean 'lab'\?"),
        ("loss", "unknown column in by 'loss'"),
        (3, "by=3 is no name of a column"),
        ("blank", r"column 'blank' is blank in 2 of 12 rows \(row 1, 2\).*runs\.where\(\"blank == blank\"\)"),
        ("each", "has 12 values in 12 rows"),
    ],
)
def test_what_a_split_refuses(by, told):
    """Fails if a column that can't split a table drops rows, or ends in a KeyError."""
    runs = table(lab=np.repeat([*"abc"], 4), blank=[None] * 2 + ["a"] * 10, each=np.arange(12.0) ** 2)
    with pytest.raises(sb.InputError, match=told):
        sb.fit_many(runs, "power", by=by)
    assert len(runs.where("blank == blank")) == 10


def test_a_split_names_the_data_set_at_fault():
    """Fails if one experiment can't be fitted and the message doesn't say which."""
    runs = table(lab=np.repeat([*"abc"], 4), steps=[*range(1, 10), np.nan, 11, 12])
    with pytest.raises(sb.InputError, match="data set 'c': row 10, column 'steps'"):
        sb.fit_many(runs, "power", by="lab", inputs={"x": "steps"}, method=POINT)
    with pytest.raises(sb.InputError, match="one table made by"):
        sb.fit_many([runs], by="lab")
