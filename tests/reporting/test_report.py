"""Reports as files: what leads, what is in them, that nothing is loaded, and that no text becomes markup."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.forecasting.recalibrate import Widening
from scalebayes.reporting.report import report
from scalebayes.status import Check, Checks, Status
from tests.helpers import POINT, fit_of, simulated
from tests.reporting.conftest import around

EVIL = "<script>alert(1)</script>"
SECTIONS = ["verdict", "answers", "planner", "figures", "assumptions", "backtests", "reproduce", "checklist"]
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """The elements of a page: their attributes, their texts, and the order of both."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.texts, self.scripts = [], [], "", {}, []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag):
        name, _ = self.open.pop()
        assert name == tag, f"</{tag}> closes <{name}>"

    def handle_data(self, data):
        inside = [tag for tag, _ in self.open]
        if "script" in inside:
            self.scripts.append(data)
        elif "style" not in inside:
            self.text += data
            for tag, id in self.open:
                self.texts[id or tag] = self.texts.get(id or tag, "") + data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def made(asked, folder, *args, **settings):
    return Page(report(asked, folder / "report.html", *args, **settings).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def text(of_sizes, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert report(of_sizes, path, {"N": [7e10], "D": [1.4e12]}, C=[5.76e23]) == path
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_sections_in_their_order(page):
    """Fails if a section is missing, or another one than the verdict comes first."""
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1 and max(np.diff(headings)) <= 1
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"][1:] for attrs in page.all("a")]
    assert set(targets) <= set(ids) and set(SECTIONS[1:]) <= set(targets)


def test_answers_are_those_of_the_fit(page, of_sizes):
    """Fails if a number of the report isn't that of sb.predict, sb.optimum or the fit's summary."""
    row = sb.interval(sb.predict(of_sizes, N=7e10, D=1.4e12)).iloc[0]
    assert f"{row['median']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]" in page.texts["answers"]
    best = sb.interval(sb.optimum(of_sizes, C=5.76e23)[["N"]]).iloc[0]
    assert (
        f"{best['median'] / 1e9:.3g}B [{best['lower'] / 1e9:.3g}B, {best['upper'] / 1e9:.3g}B]" in page.texts["answers"]
    )
    alpha = of_sizes.summary().loc["alpha"]
    assert f"{alpha['median']:.3f} [{alpha['lower']:.3f}, {alpha['upper']:.3f}]" in page.texts["answers"]
    assert "loss N^alpha" in page.texts["answers"] and "take the law as exact" in page.texts["answers"]


def test_what_was_assumed_and_how_to_make_it_again(page, of_sizes):
    """Fails if law, priors, noise, method, versions, hash or checklist are missing."""
    assert "E + A/N^alpha + B/D^beta" in page.texts["assumptions"] and "LogNormal" in page.texts["assumptions"]
    assert "normal()" in page.texts["assumptions"] and "C = 6 N D" in page.texts["assumptions"]
    assert of_sizes.runs.hash in page.texts["reproduce"] and f"scalebayes {sb.__version__}" in page.texts["reproduce"]
    assert "sb.fit(runs, 'chinchilla'" in page.texts["reproduce"] and "sb.backtest(runs" in page.texts["backtests"]
    assert page.texts["checklist"].count("not in the table of runs") >= 5 and "2502.18969" in page.texts["checklist"]


def test_one_file_that_loads_nothing(text, page):
    """Fails if the page asks any server for anything, or is too large to be sent by mail."""
    assert len(text.encode()) < 5e6
    for tag, attrs in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster", "background"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(", text)
    (policy,) = [attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv")]
    assert policy.startswith("default-src 'none'") and "'unsafe-inline'" not in policy.split("script-src")[1]


def test_figures_say_what_they_show(page):
    """Fails if a figure is missing, or who can't see it is told nothing."""
    images = page.all("img")
    assert len(images) == 6 and all(len(one["alt"]) > 50 for one in images)
    assert all(base64.b64decode(one["src"].split(",")[1]) for one in images)
    assert len(page.all("figcaption")) == len(images)


def test_forms_have_labels_and_tables_have_captions(page):
    """Fails if a field has no label, or a table no caption or no heads, for who hears the page."""
    fields = [attrs["id"] for tag, attrs in page.tags if tag in ("input", "select")]
    assert len(fields) == 11 and set(fields) == {attrs["for"] for attrs in page.all("label")}
    assert len(page.all("table")) == len(page.all("caption")) and all("scope" in attrs for attrs in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


def test_a_failed_check_leads(of_sizes, tmp_path):
    """Fails if a reader meets a number before the sentence that says not to rely on it."""
    from dataclasses import replace

    check = Check("k-hat", Status.FAIL, "Too high; use another method.")
    bad = replace(of_sizes, checks=Checks((Check("starts", Status.PASS, "Fine."), check)))
    with pytest.warns(sb.FitWarning, match="k-hat"):
        page = made(bad, tmp_path, {"N": [7e10], "D": [1.4e12]})
    before = page.text[: page.text.index("Too high; use another method.")]
    assert "Do not rely on this" in before and page.text.count("This rests on a fit that failed a check") == 2
    assert not re.search(r"\d", before.split("Skip to the verdict")[1].replace(check.name, ""))
    assert page.text.index("Too high") < page.text.index("Answers")


def test_what_passes_says_so(page):
    """Fails if a reader can't see that no check has found anything."""
    assert "All checks pass" in page.texts["verdict"]


@pytest.mark.slow  # test_a_failed_check_leads holds what stands before the answers
def test_a_review_does_not_hide(of_sizes, tmp_path):
    """Fails if a review hides behind a good verdict."""
    from dataclasses import replace

    doubted = replace(of_sizes, checks=Checks((Check("scatter", Status.REVIEW, "Much of it.", id="scatter"),)))
    verdict = made(doubted, tmp_path, {"N": [7e10], "D": [1.4e12]}).texts["verdict"]
    assert "Read this before you rely on it" in verdict and "scatter: Much of it." in verdict


@pytest.fixture(scope="module")
def hostile():
    runs = sb.Runs(
        x=[1.0, 10.0, 100.0, 1000.0],
        loss=[3.0, 2.0, 1.5, 9.0],
        unit="</style><b>nats",
        run_id=[EVIL, 'b" onload="x', "</script>", "d"],
        group=["<i>", "<i>", "g", "g"],
        metadata={"source": f"{EVIL}.csv", "left_out": [EVIL], "filters": [f"group != '{EVIL}'"]},
    )
    return sb.fit(runs, "power", method=POINT, on_fail="ignore")


def test_no_text_becomes_markup(hostile, tmp_path):
    """Fails if a run id, a unit, a group or a file name in a table of runs puts markup into the page."""
    page = made(hostile, tmp_path, {"x": [1e4]}, command=f"scalebayes report {EVIL}")
    assert not page.scripts and not page.all("b") and not page.all("i")
    assert all(not name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert EVIL in page.text and "</style><b>nats" in page.text


def test_data_of_the_planner_end_nothing():
    """Fails if a text in the planner's data could end its script element."""
    from scalebayes.reporting.tags import data_block

    block = data_block("a", {"x": "</script><!--&"})
    assert block.count("<") == 2 and json.loads(Page(block).scripts[0]) == {"x": "</script><!--&"}


def test_other_laws_have_no_planner(hostile, tmp_path):
    """Fails if the page shows a form that computes nothing, or hides why there is none."""
    page = made(hostile, tmp_path)
    assert "There is no planner" in page.texts["planner"] and not page.all("form") and "10 and 100 times" in page.text


def test_a_law_under_a_known_name_has_no_planner(tmp_path):
    """Fails if the page computes Hoffmann's law for a law of the user's own that has its name."""
    from dataclasses import replace

    from scalebayes.reporting.planner_data import closed_form

    known = sb.laws.get("chinchilla")
    own = replace(known, fn=lambda N, D, A, B, alpha, beta, E: known.fn(N, D, A, B, alpha, beta, E) * 1.001)
    values = {"A": 482.0, "B": 2085.4, "alpha": 0.348, "beta": 0.366, "E": 1.817}
    assert closed_form(around(own, values, draws=5)) is None
    tied = known.tie("alpha", "beta")
    assert closed_form(around(tied, {n: x for n, x in values.items() if n != "beta"}, draws=5)) is not None


@pytest.mark.slow
def test_many_fits_and_stacks_and_recalibrated(of_sizes, hostile, tmp_path):
    """Fails if a result that sb.predict takes can't be reported."""
    many = made(sb.Fits(("one", "<two>"), (hostile, hostile)), tmp_path)
    assert [attrs["id"] for attrs in many.all("section")] == SECTIONS and "<two>: " in many.texts["verdict"]
    assert "Status of each fit" in many.texts["verdict"] and many.texts["answers"].count("take the law as exact") == 1
    stack = sb.stack({"a": of_sizes, "b": of_sizes}, weights={"a": 0.5, "b": 0.5}, draws=50)
    mixed = made(stack, tmp_path, {"N": [7e10], "D": [1.4e12]})
    assert "a stack mixes laws" in mixed.texts["planner"] and "Members of the stack" in mixed.texts["answers"]
    wide = sb.Recalibrated(of_sizes, Widening(2.0, 2.0, 3, 1), "chinchilla")
    assert "ntervals widened by 2.00" in made(wide, tmp_path, {"N": [7e10], "D": [1.4e12]}).texts["verdict"]


def test_a_backtest_is_reported(tmp_path):
    """Fails if a backtest that is handed over isn't shown, or is said to be missing."""
    runs = simulated(24, 0)
    scored = sb.backtest(
        runs, ["power"], inputs={"x": "C"}, method=POINT, cutoffs=[float(np.median(runs.derive("C")["C"]))]
    )
    fit = fit_of(sb.laws.get("power"), {"A": [1.0, 1.1], "alpha": [0.1, 0.11]}, sb.Runs(x=[1.0, 9.0], loss=[3.0, 2.0]))
    page = made(fit, tmp_path, {"x": [50.0]}, backtest=scored)
    assert "covered" in page.texts["backtests"] and "No backtest" not in page.text
    with pytest.raises(sb.InputError, match=r"what sb\.backtest\(runs, \.\.\.\) returns, not str"):
        report(fit, tmp_path / "a.html", backtest="scores.nc")  # type: ignore[arg-type]


def test_what_cannot_be_reported_is_refused(of_sizes, tmp_path):
    """Fails if a wrong argument ends in a traceback, or leaves half a file behind."""
    for wrong, said in (("fit", "not str"), (sb.Fits((), ()), "empty")):
        with pytest.raises(sb.InputError, match=said):
            report(wrong, tmp_path / "a.html")  # type: ignore[arg-type]
    with pytest.raises(sb.InputError, match="it is a folder"):
        report(of_sizes, tmp_path)
    with pytest.raises(sb.InputError, match="N"):
        report(of_sizes, tmp_path / "a.html", {"M": [1.0]})
    assert not list(tmp_path.iterdir())
