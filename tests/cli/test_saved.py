"""Commands that take saved results, and what they save: stack, recalibrate, export, savage-dickey, summary."""

import json

import jax
import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import SEARCH, departing, simulated

LAWS = ("power", "offset_power")
# Few draws, in seconds: what is tested is what is printed of them.
METHOD = sb.Laplace(draws=400, proposals=800, rounds=0, search=SEARCH, fallback=False)


COLUMNS = 80  # of the terminal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fits of two laws, a backtest and a comparison of them, in files."""
    folder = tmp_path_factory.mktemp("saved")
    x = np.geomspace(1.0, 1e4, 12)
    loss = 1.2 + 2 * x**-0.4 * np.exp(0.004 * np.random.default_rng(3).standard_normal(12))
    (folder / "runs.csv").write_text("\n".join(["x,loss", *(f"{a},{b}" for a, b in zip(x, loss, strict=True))]))
    runs = sb.read_runs(folder / "runs.csv")
    for law in LAWS:
        sb.fit(runs, law, method=METHOD, on_fail="ignore").save(folder / f"{law}.nc")
    sb.backtest(runs, ["power"], cutoffs=[100.0], method=sb.MAP(search=METHOD.search), progress=False).save(
        folder / "backtest.nc"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEBAYES_CACHE", str(folder / "cache"))
        yield folder


def test_a_stack_is_made_of_files(run):
    """Fails if a stack has other weights than were asked for, or can't be asked when it was saved."""
    weights = ("--weights", "power=0.25", "--weights", "other=0.75")
    code, out, _ = run("stack", "power.nc", "other=offset_power.nc", *weights, "--out", "stack.nc", "--json")
    document = json.loads(out)
    assert code == 0 and document["weights"] == {"power": 0.25, "other": 0.75} and document["saved"] == "stack.nc"
    code, out, _ = run("predict", "stack.nc", "--x", "1e5", "--json")
    expected = sb.interval(sb.predict(sb.load("stack.nc"), x=1e5))["lower"].item()
    assert code == 0 and json.loads(out)["points"][0]["lower"] == pytest.approx(expected)
    code, out, _ = run("summary", "stack.nc")
    assert code == 0 and "weights: given; 4000 draws, seed 0." in out


def test_a_fit_is_recalibrated(run):
    """Fails if predict of a recalibrated file isn't widened by the library's factor, or doesn't say so."""
    code, out, _ = run("recalibrate", "power.nc", "backtest.nc", "--out", "wide.nc", "--json")
    wide = sb.recalibrate(sb.load("power.nc"), sb.load("backtest.nc"))
    assert code == 0 and json.loads(out)["factor"] == pytest.approx(wide.factor) and wide.factor > 1
    code, out, _ = run("predict", "wide.nc", "--x", "1e5")
    assert code == 0 and f"Intervals widened by {wide.factor:.2f}" in " ".join(out.split())
    code, out, _ = run("predict", "wide.nc", "--x", "1e5", "--json")
    expected = sb.interval(sb.predict(wide, x=1e5))["upper"].item()
    assert json.loads(out)["points"][0]["upper"] == pytest.approx(expected)
    assert run("summary", "backtest.nc")[0] == 0


def test_a_program_is_exported(run, folder):
    """Fails if the program that the command writes gives other quantiles than were asked for."""
    args = ("--quantiles", "0.05,0.5", "--draws", "50", "--platforms", "cpu", "--out", "loss.jax")
    code, out, _ = run("export", "power.nc", *args)
    assert code == 0 and "program.call(np.float32([x]))" in out and "saved to loss.jax" in out
    program = jax.export.deserialize((folder / "loss.jax").read_bytes())
    found = np.asarray(program.call(np.float32([1e5])))
    expected = sb.interval(sb.predict(sb.load("power.nc"), x=1e5), 0.9)
    assert found.shape == (1, 2) and found[0, 1] == pytest.approx(expected["median"].item(), rel=0.02)


def test_a_restriction_is_weighed(run):
    """Fails if the command gives another Bayes factor than the library, or takes another parameter for a number."""
    code, out, _ = run("savage-dickey", "power.nc", "alpha=0.1", "--json")
    found = sb.savage_dickey(sb.load("power.nc"), alpha=0.1)
    assert code == 0 and json.loads(out)["log10_bayes_factor"] == pytest.approx(found.log10_bayes_factor)
    code, out, _ = run("savage-dickey", "power.nc", "alpha=0.1")
    assert code == 0 and "alpha = 0.1" in out


def test_each_point_or_budget_has_a_group(run, folder):
    """Fails if the groups typed with commas go to other points, their table has no group, or a comma splits a name."""
    preset, runs = sb.laws.published("besiroglu2024"), simulated(12, seed=4)
    group = np.array(["a", "b", "c,d"] * 4)
    runs = sb.Runs(N=runs["N"], D=runs["D"], loss=runs.y * np.where(group == "b", 1.05, 1.0), group=group)
    values = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    parts = sb.GP("matern", "offset")
    fit = departing(runs, preset.law, {n: [x] for n, x in preset.values.items()}, parts, values | {"offset_scale": 0.1})
    fit.save(folder / "grouped.nc")
    code, out, _ = run("predict", "grouped.nc", "--N", "1B,1B,2B", "--D", "1T", "--group", "b,a,", "--json")
    points = json.loads(out)["points"]
    expected = sb.predict(fit, N=[1e9, 1e9, 2e9], D=1e12, group=["b", "a", None])["loss"].values.ravel()
    assert code == 0 and [point["group"] for point in points] == ["b", "a", ""]
    np.testing.assert_allclose([point["median"] for point in points], expected)
    code, out, _ = run("predict", "grouped.nc", "--N", "1B,1B,2B", "--D", "1T", "--group", "b,a,")
    assert code == 0 and [line.split()[0] for line in out.splitlines()[:4]] == ["group", "b", "a", "(new)"]
    code, out, _ = run("predict", "grouped.nc", "--N", "1B", "--D", "1T", "--group", "c,d", "--json")
    assert code == 0 and len(json.loads(out)["points"]) == 1 and "group" not in json.loads(out)["points"][0]
    code, out, _ = run("optimum", "grouped.nc", "--C", "1e21", "--group", "b,a", "--json")
    budgets = json.loads(out)["budgets"]
    assert code == 0 and [(one["C"], one["group"]) for one in budgets] == [(1e21, "b"), (1e21, "a")]
    assert budgets[0]["loss"]["median"] > 1.03 * budgets[1]["loss"]["median"]
    code, out, _ = run("optimum", "grouped.nc", "--C", "1e21", "--group", "b,a")
    assert code == 0 and [line.split()[:2] for line in out.splitlines()[:3]] == [
        ["group", "C"],
        ["b", "1e21"],
        ["a", "1e21"],
    ]
    code, _, err = run("predict", "grouped.nc", "--N", "1B", "--D", "1T", "--group", "a,e")
    assert code == 2 and "unknown group 'e'" in err


@pytest.mark.parametrize(
    ("args", "fragments"),
    [
        (["stack", "power.nc", "power.nc"], ["two of the files are called 'power'", "power_2=power.nc"]),
        (["stack", "power.nc", "offset_power.nc", "--weights", "best"], ["unknown weights 'best'", "largest"]),
        (["stack", "power.nc", "offset_power.nc", "--weights", "power=x"], ["--weights power", "not a number"]),
        (["stack", "power.nc", "backtest.nc"], ["backtest.nc holds a backtest", "takes one fit or many fits"]),
        (["recalibrate", "backtest.nc", "power.nc"], ["backtest.nc holds a backtest, and this takes one fit"]),
        (["recalibrate", "offset_power.nc", "backtest.nc"], ["unknown law", "power"]),
        (["export", "power.nc"], ["--out loss.jax"]),
        (["export", "power.nc", "--out", "runs.csv"], ["runs.csv is there already"]),
        (["export", "power.nc", "--out", "a.jax", "--platforms", "gpu"], ["unknown platform 'gpu'"]),
        (["savage-dickey", "power.nc", "alpha"], ["E=0 or alpha=beta"]),
        (["savage-dickey", "power.nc", "alpha=alhpa"], ["unknown parameter 'alhpa'", "did you mean 'alpha'?"]),
        (["predict", "backtest.nc", "--x", "1"], ["backtest.nc holds a backtest", "scalebayes summary backtest.nc"]),
        (["predict", "power.nc", "--x", "1e5", "--group", "a"], ["--group a", "leave it out"]),
    ],
)
def test_bad_input_is_one_line(run, args, fragments):
    """Fails if what can't be done ends in a traceback, or in a line that doesn't say what to type."""
    code, out, err = run(*args)
    assert (code, out) == (2, "") and err.startswith("error: ") and err.count("\n") == 1
    assert all(fragment in err for fragment in fragments), err
