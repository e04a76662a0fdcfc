"""A question put to a failed fit: the warning in Python, what the answer carries, and the first line of a command."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.checks.registry import REGISTRY, make_check
from scalebayes.cli import main
from scalebayes.fitting.bearing import BEARING, bearing
from scalebayes.status import Check, Checks, Status
from tests.helpers import LAPLACE, fit_of

KHAT = Check("k-hat", Status.FAIL, "Pareto k-hat 1.30: the posterior isn't near the proposals; use method='nuts'.")
COMPUTE = Check("compute", Status.REVIEW, "C / 6ND has median 2.")
END = make_check("residuals_largest", Status.REVIEW, "over the 24 largest runs the residuals depend on log N.")
FINE = Check("starts", Status.PASS, "8 of 8.")
N, D = np.array([1e8, 1e9, 1e10, 1e8]), np.array([2e10, 4e10, 2e11, 2e11])
RUNS = sb.Runs(N=N, D=D, loss=[3.0, 2.6, 2.2, 2.9])
POOR = sb.MAP(search=sb.Search(screened=8, starts=1, lbfgs_steps=0, newton_steps=1))


def made(*checks, seed=0):
    """A fit of 200 draws, with these checks, that nobody has asked yet."""
    preset, rng = sb.laws.published("besiroglu2024"), np.random.default_rng(seed)
    draws = {name: x * np.exp(0.01 * rng.standard_normal(200)) for name, x in preset.values.items()}
    return replace(fit_of(preset.law, draws, RUNS), checks=Checks(checks), method=sb.Laplace())


QUESTIONS = {
    "predict": lambda fit, path: sb.predict(fit, N=1e9, D=1e11),
    "optimum": lambda fit, path: sb.optimum(fit, C=1e22),
    "score": lambda fit, path: sb.score(fit, RUNS),
    "export": lambda fit, path: sb.export(fit, path / "loss.jax", draws=8),
    "savage_dickey": lambda fit, path: sb.savage_dickey(fit, alpha=0.35),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_answer_of_a_failed_fit_warns_and_the_next_do_not(question, tmp_path):
    """Fails if an answer that rests on nothing comes without a word, or every answer with the same one."""
    fit = made(KHAT, FINE)
    with pytest.warns(sb.FitWarning, match="^this answer rests on a fit that failed: k-hat: Pareto k-hat 1.30") as seen:
        QUESTIONS[question](fit, tmp_path)
    assert len(seen) == 1 and seen[0].filename == __file__, "at the caller's line"
    QUESTIONS[question](fit, tmp_path)  # warnings are errors
    QUESTIONS["predict"](replace(fit, checks=Checks((KHAT, FINE, END))), tmp_path)


def test_a_fit_whose_maker_ignores_failures_is_quiet_until_it_is_loaded(tmp_path):
    """Fails if a caller is told what they said that they know, or whoever opens the file isn't told."""
    fit = sb.fit(RUNS, method=POOR, on_fail="ignore")
    assert fit.checks.status == "fail"
    sb.predict(fit, N=1e9, D=1e11)
    sb.predict(replace(fit, checks=Checks((*fit.checks, END))), N=1e9, D=1e11)
    fit.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    with pytest.warns(sb.FitWarning, match="rests on a fit that failed: mode reached"):
        sb.predict(again, N=1e9, D=1e11)
    sb.optimum(again, C=1e22)


def test_a_fit_warns_when_it_is_made_and_with_its_first_answer():
    """Fails if a warning of an hour ago stands for one at the answer."""
    with pytest.warns(sb.FitWarning, match="^mode reached"):
        fit = sb.fit(RUNS, method=POOR)
    with pytest.warns(sb.FitWarning, match="this answer rests"):
        sb.predict(fit, N=1e9, D=1e11)


def test_of_several_fits_those_that_failed_are_named_with_their_weights():
    """Fails if a member that failed hides in a mixture, or one without weight is blamed."""
    fits = {"good": made(FINE), "bad": made(KHAT, seed=1), "unused": made(KHAT, seed=2)}
    both = sb.stack(fits, {"good": 0.75, "bad": 0.25, "unused": 0.0})
    with pytest.warns(sb.FitWarning, match=r"1 of 2 fits that failed: 'bad' \(weight 0.25\): k-hat: Pareto") as seen:
        answer = sb.predict(both, N=1e9, D=1e11)
    assert "unused" not in str(seen[0].message)
    assert answer.attrs["failed"].startswith("of 'bad': k-hat: Pareto k-hat 1.30")
    many = sb.Fits(tuple("abcde"), tuple(made(KHAT, seed=i) for i in range(5)))
    with pytest.warns(sb.FitWarning, match=r"rests on 5 of 5 fits that failed: 'a': .*; and 2 more$"):
        sb.optimum(many, C=[1e21, 1e22])
    sb.predict(many, N=1e9, D=1e11)


def test_a_recalibrated_fit_is_the_fit_that_failed():
    """Fails if widening makes a posterior of draws that are none."""
    import xarray as xr

    fit = made(KHAT)
    pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.01, 0.99]]])}, {"law": [fit.law.name]})
    with pytest.warns(sb.FitWarning, match="k-hat"):
        answer = sb.predict(sb.recalibrate(fit, pit), N=1e9, D=1e11)
    assert answer.attrs["failed"].startswith("k-hat") and answer.attrs["widened"] > 1


def test_an_answer_has_the_reviews_that_bear_on_it():
    """Fails if C against 6ND is told at a forecast of N and D, or kept back at an optimum; and so of the others."""
    fit = made(COMPUTE, END, FINE)

    def review(answer):
        return [name for name in ("compute", END.name) if f"{name}: " in answer.attrs["review"]]

    assert review(sb.predict(fit, N=1e9, D=4e10)) == []
    assert review(sb.predict(fit, N=1e9, C=2.4e20)) == ["compute"]
    assert review(sb.predict(fit, N=1e12, D=1e13)) == [END.name]
    assert review(sb.optimum(fit, C=1e26)) == ["compute", END.name]
    table = sb.interval(sb.optimum(fit, C=1e26))
    assert "compute: C / 6ND has median 2." in table.attrs["review"] and "failed" not in table.attrs


@pytest.mark.parametrize(
    ("about", "questions", "bears"),
    [
        (("alpha", "noise_scale"), ["any", "optimum"], True),
        (("E",), ["any", "optimum"], False),
        (("E",), ["any", "beyond"], True),
        (("noise_scale",), ["any", "beyond", "optimum"], False),
    ],
)
def test_what_the_prior_decides_bears_where_it_is_asked_for(about, questions, bears):
    """Fails if an optimum is doubted for what the loss ends at, or an answer of the law for the noise's scale."""
    check = make_check("driven_by_the_prior", Status.REVIEW, "the runs say little of some.", about=about)
    assert bool(bearing(made(check), questions)) == bears


def test_the_table_names_checks_that_there_are():
    """Fails if an answer waits for a check that there isn't, and comes without it."""
    assert sorted({id for ids in BEARING.values() for id in ids} - set(REGISTRY)) == []


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fit.nc"
    made(KHAT, COMPUTE, END, FINE).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("args", "comes"),
    [
        (["predict", "--N", "1e9", "--D", "4e10"], []),
        (["predict", "--N", "1e12", "--D", "1e13"], [END.name]),
        (["optimum", "--C", "1e21"], ["compute"]),
        (["summary"], ["compute", END.name]),
    ],
)
def test_a_command_leads_with_what_failed(args, comes, file, capsys, monkeypatch):
    """Fails if the first that is read of an answer isn't that it can't be relied on."""
    monkeypatch.setenv("COLUMNS", "200")
    assert main([args[0], file, *args[1:]]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("fail    k-hat: Pareto k-hat 1.30: ")
    assert "use --method nuts of scalebayes fit." in " ".join(out.split())
    assert [name for name in ("compute", END.name) if f"review  {name}: " in out] == comes
    assert err == ""


@pytest.mark.parametrize("args", [["predict", "--N", "1e9", "--D", "4e10"], ["optimum", "--C", "1e21"]])
def test_a_document_has_what_failed_and_what_bears(args, file, capsys):
    """Fails if a program that reads JSON can't see that the fit failed."""
    assert main([args[0], file, *args[1:], "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert [(check["id"], check["name"], check["conclusive"]) for check in told["failed"]] == [("k_hat", "k-hat", True)]
    assert told["failed"][0]["sentence"].endswith("use --method nuts of scalebayes fit.")
    assert [check["name"] for check in told["review"]] == (["compute"] if args[0] == "optimum" else [])
    assert err.startswith("warning: this answer rests on a fit that failed: k-hat: Pareto k-hat 1.30")


def test_four_rows_tell_that_laplace_failed(cases_path, tmp_path, capsys):
    """Fails if a posterior of four rows for six parameters, whose k-hat fails, answers without a word."""
    columns = {"N": "num_params", "D": "tokens_per_second", "loss": "perplexity"}
    runs = sb.read_runs(cases_path / "four_rows.csv", columns=columns)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fit = sb.fit(runs, method=LAPLACE)
    assert fit.checks["k-hat"].status == "fail" and len(seen) == 1
    fit.save(tmp_path / "fit.nc")
    with pytest.warns(sb.FitWarning, match="this answer rests on a fit that failed: k-hat"):
        answer = sb.optimum(sb.load(tmp_path / "fit.nc"), C=1e17)
    assert "collinear inputs" in answer.attrs["review"] and "number of runs" in answer.attrs["review"]
    assert main(["optimum", str(tmp_path / "fit.nc"), "--C", "1e17"]) == 0
    assert capsys.readouterr().out.startswith("fail    k-hat: ")
