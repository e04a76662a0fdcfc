"""The commands plan and budget-for: what they print is what Python answers, in FLOPs and in money."""

import json
import re
from types import SimpleNamespace

import pytest

import scalebayes as sb
from scalebayes.cli import main
from tests.forecasting.test_group_a_point import SCALES
from tests.forecasting.test_group_a_point import of as departing
from tests.helpers import LAPLACE, chinchilla_like


@pytest.fixture(scope="module")
def laplace(tmp_path_factory):
    """The path of a saved fit."""
    path = tmp_path_factory.mktemp("plan") / "fit.nc"
    sb.fit(chinchilla_like(), "chinchilla", method=LAPLACE, fallback=False, on_fail="ignore").save(path)
    return path


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command as typed: its exit code, standard output, standard error, and the output as JSON."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args, code=0):
        assert main([str(arg) for arg in args]) == code
        out, err = capsys.readouterr()
        return SimpleNamespace(out=out, err=err, json=json.loads(out) if "--json" in args else None)

    return run


def test_plan_says_what_to_train(run, laplace):
    """Fails if the first line isn't the choice of least expected loss, or a row isn't the posterior of the optimum."""
    out = run("plan", laplace, "--budget", "1e22,1e24").out
    told = run("plan", laplace, "--budget", "1e22,1e24", "--json").json
    best = sb.optimum(sb.load(laplace), C=[1e22, 1e24])
    assert [row["choice"]["N"] for row in told["budgets"]] == best["N_best"].values.tolist()
    assert [row["N"]["median"] for row in told["budgets"]] == best["N"].median(("chain", "draw")).values.tolist()
    assert re.match(
        r"1e22 FLOPs: train [\d.]+B parameters on [\d.]+[BT] tokens; loss [\d.]+, regret [\d.e-]+\n1e24", out
    )
    assert max(map(len, out.splitlines())) <= 100


def test_plan_in_money_with_limits(run, laplace):
    """Fails if dollars, the cost or a limit don't reach the optimum, or what binds and what is paid isn't printed."""
    words = ("plan", laplace, "--dollars", "2M", "--on", "h100", "--max-N", "8B", "--inference-tokens", "1T")
    told, out = run(*words, "--json").json["budgets"][0], " ".join(run(*words).out.split())
    h100 = sb.Hardware.of("h100")
    best = sb.optimum(
        sb.load(laplace), dollars=2e6, on="h100", cost=sb.costs.with_inference(1e12), subject_to={"max_N": 8e9}
    )
    assert told["C"] == best["C"].item() == pytest.approx(2e6 / h100.price_per_hour * h100.flops_per_hour)
    assert told["choice"]["N"] == pytest.approx(8e9) and told["binds"] == {"max_N": 1.0}
    assert told["spent"]["dollars"] == pytest.approx(2e6)
    assert "max_N binds in 100 % of the draws" in out and "2.00M dollars" in out and "paid" in out


def test_plan_tells_the_price_of_smaller_models(run, laplace):
    """Fails if the price of a smaller model isn't what `sb.optimum` says, or one out of reach has a factor."""
    words = ("plan", laplace, "--budget", "1e22,1e24", "--smaller", "2,100")
    told, out = run(*words, "--json").json["budgets"], run(*words).out
    best = sb.optimum(sb.load(laplace), C=[1e22, 1e24], smaller=[2, 100])
    table = sb.interval(best[["smaller_compute"]])
    for i, row in enumerate(told):
        assert [one["times"] for one in row["smaller"]] == [2, 100]
        for j, one in enumerate(row["smaller"]):
            here = best.isel(budget=i, smaller=j)
            assert one["paid"]["median"] == pytest.approx(here["smaller_paid"].median().item())
            assert one["out_of_reach"] == here["out_of_reach"].item()
        assert row["smaller"][0]["compute"]["median"] == table["median"][2 * i]
        assert row["smaller"][1]["compute"]["median"] is None
    assert re.search(r"^1e24 +2 +0\.\d+ \[.*\] +1\.\d+ \[.*\] +0 %$", out, re.M)
    assert re.search(r"^1e24 +100 .* never +100 %$", out, re.M)
    assert max(map(len, out.splitlines())) <= 100


def test_budget_for_says_what_is_out_of_reach(run, laplace):
    """Fails if the budgets aren't those of `sb.budget_for`, or a loss below every floor has one."""
    told = run("budget-for", laplace, "--loss", "2.2,0.5", "--json").json["targets"]
    needed = sb.budget_for(sb.load(laplace), loss=[2.2, 0.5])
    assert told[0]["enough"] == needed["enough"].values[0]
    assert told[1]["out_of_reach"] == 1.0
    out = run("budget-for", laplace, "--loss", "2.2,0.5").out
    assert re.search(r"^loss 0\.5\w*: no budget reaches it with probability 0\.9", out, re.M) and "out of reach" in out


@pytest.mark.slow
def test_a_loss_is_asked_of_groups(run, tmp_path):
    """Fails if a loss of several groups has one row, or a row has the compute of another group."""
    path, fit = tmp_path / "groups.nc", departing(sb.GP("matern", "offset"), SCALES | {"offset_scale": 0.3}, 8)
    fit.save(path)
    asked = ["budget-for", path, "--loss", "2.3", "--group", "a,b,"]
    told = run(*asked, "--json").json["targets"]
    needed = sb.budget_for(fit, loss=2.3, group=["a", "b", None])
    assert [row["group"] for row in told] == ["a", "b", ""]
    assert [row["out_of_reach"] for row in told] == needed["out_of_reach"].values.tolist()
    assert [row["C"]["median"] for row in told[:2]] == sb.interval(needed[["C"]])["median"].tolist()[:2]
    lines = run(*asked).out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("2.300")] == ["a", "b", "(new)"]
    assert "unknown group 'z'; valid: a, b, c" in run(*asked[:-1], "z", code=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan"], "--budget 1e23"),
        (["plan", "--budget", "1e22", "--on", "h1000"], "h100"),
        (["plan", "--dollars", "2M"], "--on"),
        (["plan", "--budget", "1e22", "--smaller", "0.5"], "not 0.5"),
        (["plan", "--budget", "1e22", "--cost", "moe:active=3"], "total"),
        (["plan", "--budget", "1e22", "--cost", "cheap"], "valid: 6nd"),
        (["plan", "--budget", "1e22", "--min-N", "1e10", "--max-N", "1e9"], "contradict"),
        (["plan", "--budget", "1e22", "--unique-tokens", "1e9"], "knows no repetition"),
        (["budget-for", "--loss", "two"], "not a number"),
        (["budget-for", "--loss", "2", "--sure", "90"], "between 0 and 1"),
    ],
    ids=str,
)
def test_bad_plans_name_their_cure(run, laplace, words, said):
    """Fails if a plan without a budget, hardware that isn't known or limits that contradict end in a traceback."""
    command, *rest = words
    ended = run(command, laplace, *rest, code=2)
    assert said in " ".join(ended.err.split())
