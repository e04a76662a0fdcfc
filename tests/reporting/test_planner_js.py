"""The planner's JavaScript, run by node without a browser, against Python's own forecasts and optima."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

import scalebayes as sb
from scalebayes.forecasting.recalibrate import Widening
from scalebayes.planning.hardware import Hardware, budget
from scalebayes.reporting.departure_table import table_of
from scalebayes.reporting.page import FOLDER
from scalebayes.reporting.planner import planner
from scalebayes.reporting.planner_data import closed_form, data_of, law_of
from tests.reporting.conftest import SETTINGS, around, close, ends, of_python

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, which runs the planner without a browser")


def ask(data, *calls):
    """What functions of planner.js give: each call is a name and arguments, of which "model" is the data."""
    program = f"""
const planner = require({json.dumps(str(FOLDER / "planner.js"))});
const {{ data, calls }} = JSON.parse(require("fs").readFileSync(0, "utf8"));
const model = data && planner.modelOf(data);
const given = (x) => (x === "model" ? model : x === null ? Infinity : x);
const told = (key, x) => (x === undefined || (typeof x === "number" && !Number.isFinite(x)) ? String(x) : x);
console.log(JSON.stringify(calls.map(([name, ...rest]) => planner[name](...rest.map(given))), told));
"""
    ran = subprocess.run(
        [NODE, "-e", program],
        input=json.dumps({"data": data, "calls": calls}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def departed_data(departed):
    return data_of(departed, 0.9)


@pytest.fixture(scope="module")
def answered(of_sizes):
    """The planner's answers at the twenty settings."""
    calls = [
        call
        for C, T, n, d, N, D in SETTINGS
        for call in (["forecast", "model", N, D], ["optimum", "model", C, T, n, d])
    ]
    found = ask(data_of(of_sizes, 0.9), *calls)
    return list(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("i", range(len(SETTINGS)))
def test_forecasts_and_optima_are_those_of_python(answered, of_sizes, i):
    """Fails if the page and sb.predict or sb.optimum tell a reader different numbers from the same draws."""
    forecast, best = answered[i]
    expected = of_python(of_sizes, SETTINGS[i])
    close(forecast, expected["run"])
    for name in ("N", "D", "D_per_N", "loss"):
        close(best[name], expected[name])
    assert best["spent"] == expected["spent"]


LAWS = {
    "chinchilla_tied": {"A": 480.0, "B": 2000.0, "alpha": 0.35, "E": 1.8},
    "kaplan": {"N_c": 8.8e13, "D_c": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095},
    "skaling": {"A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37, "E": 1.8, "k": 0.9},
    "nested": {"A": 480.0, "B": 2000.0, "alpha": 0.35, "beta": 0.37, "E": 1.8, "q": 0.7},
    "gadre": {"a": 100.0, "b": 120.0, "eta": 0.15, "E": 1.8},
    "end_chinchilla": {"F": 2.2, "alpha": 0.3, "beta": 0.25, "logit_phi": 0.8, "logit_r": -0.6},
}


@pytest.mark.parametrize("name", LAWS)
def test_every_closed_form_is_its_law(name):
    """Fails if the page computes another law than the one that was fitted."""
    fit = around(name, LAWS[name], draws=40)
    data = data_of(fit, 0.9)
    assert data is not None
    N, D, C = 7e10, 1.4e12, 5.76e23
    forecast, best = ask(data, ["forecast", "model", N, D], ["optimum", "model", C, 0, None, None])
    close(forecast, ends(sb.predict(fit, N=N, D=D)["loss"]))
    own = sb.optimum(fit, C=C)
    for one in ("N", "D", "loss"):
        close(best[one], ends(own[one]))


@pytest.mark.slow
def test_a_discrepancy_is_read_from_its_table(departed, departed_data):
    """Fails if the page's band leaves out the discrepancy, or reads it at another place of its table."""
    draws = closed_form(departed)
    N, D = (departed.scored_runs[name] for name in ("N", "D"))
    table = table_of(departed, lambda N, D: law_of(draws, N, D), N, D, 0.9)
    places = [(7e10, 1.4e12), (3e8, 2e10), (5e10, 4e10), (2e11, 9e12)]
    found = ask(departed_data, *(["forecast", "model", *place] for place in places))
    at = np.log(places)
    mean, variance = (
        RegularGridInterpolator((table.log_N, table.log_D), np.moveaxis(x.astype(np.float64), 0, -1))(at).T
        for x in (table.mean, table.variance)
    )
    for i, place in enumerate(places):
        close(found[i], ends(law_of(draws, *place) * np.exp(mean[:, i] + np.sqrt(variance[:, i]) * table.normal)))


def test_beyond_the_runs_the_band_is_as_wide_as_that_of_predict(departed, departed_data):
    """Fails if a reader of the page sees a narrower interval than sb.predict gives."""
    found = departed_data["table"]
    assert found["beyond"] > 0.95 and found["within"] > 0.5
    N, D = (float(departed.scored_runs[name].max()) for name in ("N", "D"))
    places = [(a * N, b * D) for a in (1.0, 4.0, 20.0) for b in (1.0, 5.0, 30.0)]
    by_page = ask(departed_data, *(["forecast", "model", *place] for place in places))
    points = dict(zip("ND", map(list, zip(*places, strict=True)), strict=True))
    draws = np.concatenate([sb.predict(departed, points, seed=seed)["loss"].values[0] for seed in range(6)])
    lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
    widths = np.array([one["upper"] - one["lower"] for one in by_page]) / (upper - lower)
    assert widths.min() > 0.9 and widths.mean() > 0.97  # 300 draws leave an error of 4 % in each


def test_the_page_says_whose_optimum_it_has(departed, of_sizes):
    """Fails if the optimum of the law alone is taken for that of the law with its discrepancy, which differs."""
    told = str(planner(departed, None, 0.9).html)
    assert told.count(", of the law alone") == 3 and "are not those under Answers" in told
    assert "of the law alone</th>" not in str(planner(of_sizes, None, 0.9).html)


def test_outside_the_table_nothing_is_told(departed_data):
    """Fails if a band is shown where the table doesn't reach, which would be narrower than it should be."""
    (found,) = ask(departed_data, ["forecast", "model", 1e15, 1e15])
    assert set(found.values()) == {"NaN"}


def test_a_recalibrated_fit_stays_widened(of_sizes):
    """Fails if the page shows the intervals of the fit where the user asked for wider ones."""
    wide = sb.Recalibrated(of_sizes, Widening(2.0, 2.0, 3, 1), "chinchilla")
    (found,) = ask(data_of(wide, 0.8), ["forecast", "model", 7e10, 1.4e12])
    close(found, ends(sb.predict(wide, N=7e10, D=1.4e12)["loss"], 0.8))


@pytest.mark.parametrize(("amount", "unit"), [(2e6, "dollars"), (3e5, "hours"), (5.76e23, "flops")])
def test_budgets_are_those_of_hardware(amount, unit):
    """Fails if dollars or hours buy other FLOPs on the page than in sb.optimum."""
    own = Hardware("own", peak_flops=7e14, mfu=0.35, price_per_hour=2.1)
    gpu = {"dollars": 2.1, "peak": 7e14, "share": 0.35, "perFlop": 2.1 / own.flops_per_hour}
    (found,) = ask(None, ["flopsOf", amount, unit, gpu])
    given = {"dollars": {"dollars": amount, "on": own}, "hours": {"gpu_hours": amount, "on": own}}.get(
        unit, {"C": amount}
    )
    assert found == pytest.approx(
        budget(**{**dict.fromkeys(("C", "dollars", "gpu_hours", "days", "on", "devices")), **given})[0]
    )


def test_numbers_are_read_and_written_as_people_do():
    """Fails if 1.4T, 1,000 or 5.76e23 is read as another number, or what is none passes for one."""
    typed = {"70B": 7e10, "1.4t": 1.4e12, "5.76e23": 5.76e23, "1,000": 1000, " 3 M ": 3e6, "": "NaN", "7o": "undefined"}
    assert ask(None, *(["parsed", text] for text in typed)) == list(typed.values())
    assert ask(None, ["parsed", "-3"], ["parsed", "1e999"], ["parsed", "1.2.3"]) == 3 * ["undefined"]
    shown = ask(None, ["written", 7.2412e10, True], ["written", 1.97085, False], ["written", 5.76e23, False])
    assert shown == ["72.4B", "1.971", "5.760e23"]


def test_distances_from_the_runs_are_those_of_predict(of_sizes):
    """Fails if the page calls a run nearer to the fitted runs than sb.predict does."""
    N, D = 7e10, 1.4e12
    (found,) = ask(data_of(of_sizes, 0.9), ["outside", "model", N, D])
    assert found == pytest.approx(float(sb.predict(of_sizes, N=N, D=D)["distance"].max()))


def test_the_script_is_packed_beside_the_code():
    """Fails if the script isn't a file of the package, so that an installed wheel could make no report."""
    assert all(
        (Path(sb.__file__).parent / "reporting" / name).is_file() for name in ("planner.js", "form.js", "style.css")
    )
