"""scalebayes compare, and what the command line makes of a saved stack."""

import json

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import format as show
from scalebayes.cli import main
from scalebayes.errors import InputError
from tests.helpers import LAPLACE, TYPED_LAPLACE

# As `LAPLACE` is typed.
QUICK = ("--method", TYPED_LAPLACE)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """12 runs of a power law in C, in a folder with a cache of its own."""
    folder = tmp_path_factory.mktemp("compare")
    x = np.geomspace(1e18, 1e23, 12)
    loss = 90.0 * x**-0.07 * np.exp(0.005 * np.random.default_rng(2).standard_normal(12))
    rows = [f"{a},{b}" for a, b in zip(x, loss, strict=True)]
    (folder / "runs.csv").write_text("\n".join(["flops,loss", *rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEBAYES_CACHE", str(folder / "cache"))
        yield folder / "runs.csv"


def run(capsys, *args):
    code = main([str(arg) for arg in args])
    return code, *capsys.readouterr()


def test_laws_are_compared(table, capsys):
    """Fails if the command prints other scores than `sb.compare` gives, or a failed check doesn't come first."""
    laws = ("--law", "power", "--law", "offset_power", "--fix", "E=0.5", "--input", "x=C", *QUICK)
    code, out, _ = run(capsys, "compare", table, *laws, "--json")
    assert code == 0
    document = json.loads(out)
    runs = sb.read_runs(table)
    fits = {
        law: sb.fit(runs, law, inputs={"x": "C"}, priors=priors, method=LAPLACE, on_fail="ignore")
        for law, priors in (("power", None), ("offset_power", {"E": 0.5}))
    }
    compared = sb.compare(fits)
    expected = compared.table()
    assert [row["law"] for row in document["laws"]] == list(expected.index)
    for row in document["laws"]:
        for name in ("elpd_loo", "lpd_largest", "weight_loo", "weight_largest"):
            assert row[name] == pytest.approx(expected.loc[row["law"], name], rel=1e-6, abs=1e-9)
    code, out, _ = run(capsys, "compare", table, *laws)
    lines = [line.split() for line in out.splitlines()]
    head = next(i for i, line in enumerate(lines) if line[:1] == ["law"])
    assert code == 0 and lines[head][:5] == ["law", "elpd", "diff", "se", "bad"]
    best = expected.iloc[0]
    assert lines[head + 1][:2] == [expected.index[0], show.figure(best["elpd_loo"])]
    # What failed comes first.
    assert out.startswith("fail") == bool(compared.checks.of("fail"))


def test_what_a_fit_takes_a_comparison_takes(table, capsys, tmp_path):
    """Fails if compare drops a fixed parameter, a window or another observable, or saves another comparison."""
    runs, out = sb.read_runs(table), tmp_path / "compared.nc"
    args = ("--law", "power", "--law", "offset_power", "--input", "x=C", "--refits", "0", "--no-largest", *QUICK)
    how = ("--fix", "E=0.5", "--window", "20", "--observable", "loss", "--out", out)
    code, printed, _ = run(capsys, "compare", table, *args, *how, "--json")
    settings = {"inputs": {"x": "C"}, "method": LAPLACE, "window": sb.Window(20.0), "on_fail": "ignore"}
    fits = {
        "power": sb.fit(runs, "power", **settings),
        "offset_power": sb.fit(runs, "offset_power", priors={"E": 0.5}, **settings),
    }
    expected = sb.compare(fits, refits=0, largest=False)
    assert code == 0 and json.loads(printed)["saved"] == str(out)
    again = sb.load(out)
    np.testing.assert_allclose(again.data["elpd_loo"].values, expected.data["elpd_loo"].values, rtol=1e-6)
    assert [check.name for check in again.checks] == [check.name for check in expected.checks]


@pytest.mark.parametrize(
    ("args", "match"),
    [
        (("--law", "power"), "two or more laws"),
        (("--law", "power", "--discrepancy", "none", "--discrepancy", "gpp"), "unknown --discrepancy 'gpp'"),
        (("--law", "power", "--law", "m4", "--fix", "Q=1"), "unknown parameter in --fix 'Q'"),
        (("--law", "power", "--law", "power"), "each once"),
        (("--law", "power", "--law", "m4", "--input", "y=C"), "unknown input"),
        (("--law", "power", "--law", "offset_powr"), "did you mean"),
    ],
)
def test_what_cant_be_compared_is_one_line(table, capsys, args, match):
    """Fails if what can't be compared ends in a traceback, or in a comparison of something else."""
    code, _, err = run(capsys, "compare", table, *args)
    assert code == 2 and match in err and len(err.strip().splitlines()) == 1


def test_a_saved_stack_is_asked_as_a_fit_is(table, capsys):
    """Fails if predict of a stack is another number than the library's, or a file that answers nothing is asked."""
    runs = sb.read_runs(table)
    fits = {
        law: sb.fit(runs, law, inputs={"x": "C"}, method=LAPLACE, on_fail="ignore") for law in ("power", "offset_power")
    }
    path = table.parent / "stack.nc"
    mixed = sb.stack(fits, {"power": 0.25, "offset_power": 0.75}, draws=100)
    mixed.save(path)
    code, out, _ = run(capsys, "predict", path, "--C", "1e24", "--seed", "3", "--json")
    expected = sb.interval(sb.predict(mixed, C=1e24, seed=3))["median"].item()
    document = json.loads(out)
    assert code == 0 and document["points"][0]["median"] == pytest.approx(expected)
    assert document["laws"] == {"power": "power", "offset_power": "offset_power"}
    code, out, _ = run(capsys, "predict", path, "--C", "1e24")
    assert code == 0 and "warning: outside the runs" in out
    sb.compare(fits, refits=0, largest=False).save(table.parent / "compared.nc")
    code, _, err = run(capsys, "predict", table.parent / "compared.nc", "--C", "1e24")
    assert code == 2 and "holds a comparison, and this takes one fit, many fits, a stack or a recalibrated" in err
    code, out, _ = run(capsys, "summary", table.parent / "compared.nc")
    assert code == 0 and "elpd" in out


def test_fits_are_named_as_in_python(table, capsys, monkeypatch):
    """Fails if a table of the command line names a fit otherwise than `Spec.name`, or drops one of two laws."""
    compared = {}

    def compare(fits, **_):
        compared.update(fits)
        raise InputError("compared")

    monkeypatch.setattr(sb, "fit", lambda _, spec, **__: spec.name)
    monkeypatch.setattr(sb, "compare", compare)
    departures = ("--discrepancy", "none", "--discrepancy", "gp", "--discrepancy", "matern,drift")
    run(capsys, "compare", table, "--law", "power", "--input", "x=C", *departures)
    assert list(compared) == list(compared.values()) == ["power", "power+gp", "power+gp(matern, drift)"]
    compared.clear()
    broken = [f"broken_power:breaks={breaks}" for breaks in (1, 2)]
    laws = ("--law", "power", "--law", broken[0], "--law", broken[1])
    run(capsys, "compare", table, *laws, "--input", "x=C", "--discrepancy", "matern")
    assert list(compared) == ["power+gp(matern)", *(f"{law}+gp(matern)" for law in broken)]
    code, _, err = run(
        capsys, "compare", table, "--law", "power", "--discrepancy", "matern,drift", "--discrepancy", "matern, drift"
    )
    assert (
        code == 2 and "two of the fits are power+gp(matern, drift); give each --law and each --discrepancy once" in err
    )


def test_a_parameter_of_the_discrepancy_is_fixed_where_there_is_one(table, capsys, monkeypatch):
    """Fails if --fix refuses a parameter of the process, or gives it to the fit without one."""
    fixed = {}
    monkeypatch.setattr(sb, "fit", lambda _, spec, priors, **__: fixed.update({spec.name: priors}))
    monkeypatch.setattr(sb, "compare", lambda *_, **__: (_ for _ in ()).throw(InputError("compared")))
    departures = ("--discrepancy", "none", "--discrepancy", "matern")
    run(capsys, "compare", table, "--law", "power", "--input", "x=C", *departures, "--fix", "matern_scale=0.1")
    assert fixed == {"power": None, "power+gp(matern)": {"matern_scale": 0.1}}
