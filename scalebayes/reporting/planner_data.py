"""This file makes what the planner of a report computes from: the draws of a law in its closed form."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from scalebayes.compute import flops
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.double import double
from scalebayes.plots.pointwise import thinned
from scalebayes.reporting.departure_table import Table, table_of

# Numbers of draws that the page holds, without and with a discrepancy, whose table is 2 numbers a draw and place. The
# end of a 90 % interval has a Monte-Carlo error of .07 and .09 of its sd.
DRAWS, DRAWS_DEPARTING = 800, 500
CLOSE = 1e-9  # relative error of the closed form against the law, above which there is no planner
SCALES = ("log", "raw")  # of a noise, on which the page can widen forecasts

Values = Mapping[str, np.ndarray]
# For each law with a closed form of N and D, floor and power of floor + (A/N^alpha + B/D^beta)^power, where the sum is
# that of `Law.terms`.
OUTER: Mapping[str, Callable[[Values], tuple[Any, Any]]] = {
    "chinchilla": lambda p: (p["E"], 1.0),
    "chinchilla_tied": lambda p: (p["E"], 1.0),
    "gadre": lambda p: (p["E"], 1.0),
    "skaling": lambda p: (p["E"], p["k"]),
    "nested": lambda p: (p["E"], p["q"]),
    "kaplan": lambda p: (0.0, p["alpha_D"]),
    "end_chinchilla": lambda p: (p["F"] * expit(p["logit_phi"]), 1.0),
}


def one_fit_of(asked: Asked) -> Fit | None:
    """The fit behind what is reported, where it is one."""
    return asked.fit if isinstance(asked, Recalibrated) else asked if isinstance(asked, Fit) else None


def closed_form(fit: Fit) -> dict[str, np.ndarray] | None:
    """The numbers of each draw (draw,) in the closed form of a fit's law; None where the law has none.

    The form is held against the law itself, so that a law of the user's own under a known name gets no planner.
    """
    law = fit.law
    sizes = {name: name for name in ("N", "D")}
    if law.terms is None or law.name not in OUTER or dict(fit.problem.columns) != sizes:
        return None
    params = {name: x.ravel() for name, x in fit.law_draws.items()}
    try:
        floor, power = OUTER[law.name](params)
    except KeyError:  # a law of the user's own, or parameters that were tied into one
        return None
    with double():
        columns = {**law.terms(**params)._asdict(), "floor": floor, "power": power}
        draws = {name: np.broadcast_to(np.asarray(x, np.float64), fit.size).copy() for name, x in columns.items()}
        for N, D in _corners(fit):
            if not np.allclose(np.asarray(law(N=N, D=D, **params)), law_of(draws, N, D), rtol=CLOSE, atol=0.0):
                return None
    return draws


def law_of(draws: Values, N: Any, D: Any) -> np.ndarray:
    """The closed form at an N and a D (draw,)."""
    parts = ((draws["log_A"], draws["alpha"], N), (draws["log_B"], draws["beta"], D))
    first, second = (np.exp(log - exponent * np.log(size)) for log, exponent, size in parts)
    return draws["floor"] + (first + second) ** draws["power"]


def data_of(asked: Asked, prob: float) -> dict[str, Any] | None:
    """The data of the planner, as JSON; None where there is no closed form.

    Args:
        asked: What is reported.

        prob: The probability of the intervals.
    """
    whole = one_fit_of(asked)
    if whole is None or whole.noise.form.on not in SCALES:
        return None
    fit = thinned(whole, DRAWS if whole.discrepancy is None else DRAWS_DEPARTING)
    draws = closed_form(fit)
    if draws is None:
        return None
    N, D = (fit.scored_runs.numbered(name)[name] for name in ("N", "D"))
    runs = {"N": N, "D": D, "C": flops(N, D), "D_per_N": D / N}
    departure = None if fit.discrepancy is None else table_of(fit, lambda N, D: law_of(draws, N, D), N, D, prob)
    return {
        "draws": {name: encoded(x, "<f8") for name, x in draws.items()},
        "table": departure and _as_json(departure),
        "count": fit.size,
        "prob": prob,
        "factor": asked.factor if isinstance(asked, Recalibrated) else 1.0,
        "scale": fit.noise.form.on,
        "runs": {name: [float(x.min()), float(x.max())] for name, x in runs.items()},
    }


def encoded(values: Any, kind: str) -> str:
    """Numbers as base64 text of a NumPy type."""
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def _as_json(table: Table) -> dict[str, Any]:
    return {
        "log_N": table.log_N.tolist(),
        "log_D": table.log_D.tolist(),
        "mean": encoded(table.mean, "<f4"),
        "variance": encoded(table.variance, "<f4"),
        "normal": encoded(table.normal, "<f8"),
        "within": table.within,
        "beyond": table.beyond,
    }


def _corners(fit: Fit) -> list[tuple[float, float]]:
    """Sizes within and beyond the runs at which the closed form is held against the law."""
    N, D = (fit.problem.column(name) for name in ("N", "D"))
    return [(N.min(), D.max()), (float(np.median(N)), float(np.median(D))), (1e3 * N.max(), 1e2 * D.max())]
