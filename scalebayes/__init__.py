"""scalebayes: neural scaling laws fitted the Bayesian way, with intervals for runs not yet trained.

Names load what they need when they are first used: importing the package starts nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebayes import datasets, laws
    from scalebayes import noise as noises
    from scalebayes.averaging import averaged
    from scalebayes.backtested import Backtest
    from scalebayes.backtesting import backtest
    from scalebayes.best import best_of
    from scalebayes.calibrated import Calibration
    from scalebayes.calibration import calibrate
    from scalebayes.comparing import compare
    from scalebayes.comparison import Comparison
    from scalebayes.discrepancy import GP, Bend, Drift, Matern, Offset
    from scalebayes.errors import InputError
    from scalebayes.exporting import export
    from scalebayes.fitting import fit
    from scalebayes.forecast import predict
    from scalebayes.infer import MAP, NUTS, Bootstrap, Laplace, Search
    from scalebayes.laws.base import Law
    from scalebayes.many.fits import Fits
    from scalebayes.many.fitting import fit_many
    from scalebayes.many.running import WorkerError
    from scalebayes.mixture import Stack
    from scalebayes.nested import savage_dickey
    from scalebayes.noise import Beta, Huber, LogitNormal, Normal, NormalRaw, StudentT
    from scalebayes.optima import optimum
    from scalebayes.parameters import Param, Reference
    from scalebayes.predictive import prior_predictive
    from scalebayes.recalibration import Recalibrated, recalibrate
    from scalebayes.recommended import forecaster
    from scalebayes.result import Fit
    from scalebayes.runs import Curves, Runs, last_of, read_curves, read_runs
    from scalebayes.scores import score
    from scalebayes.stacking import stack
    from scalebayes.status import FitError, FitWarning
    from scalebayes.store import load
    from scalebayes.tables import interval
    from scalebayes.window import Window

_HOMES = {
    "Backtest": "backtested",
    "Bend": "discrepancy",
    "Beta": "noise",
    "Bootstrap": "infer",
    "Calibration": "calibrated",
    "Comparison": "comparison",
    "Curves": "runs",
    "Drift": "discrepancy",
    "Fit": "result",
    "FitError": "status",
    "FitWarning": "status",
    "Fits": "many.fits",
    "GP": "discrepancy",
    "Huber": "noise",
    "InputError": "errors",
    "Laplace": "infer",
    "Law": "laws.base",
    "LogitNormal": "noise",
    "MAP": "infer",
    "Matern": "discrepancy",
    "NUTS": "infer",
    "Normal": "noise",
    "NormalRaw": "noise",
    "Offset": "discrepancy",
    "Param": "parameters",
    "Recalibrated": "recalibration",
    "Reference": "parameters",
    "Runs": "runs",
    "Search": "infer",
    "Stack": "mixture",
    "StudentT": "noise",
    "Window": "window",
    "WorkerError": "many.running",
    "averaged": "averaging",
    "backtest": "backtesting",
    "best_of": "best",
    "calibrate": "calibration",
    "compare": "comparing",
    "export": "exporting",
    "fit": "fitting",
    "fit_many": "many.fitting",
    "forecaster": "recommended",
    "interval": "tables",
    "last_of": "runs",
    "load": "store",
    "optimum": "optima",
    "predict": "forecast",
    "prior_predictive": "predictive",
    "read_curves": "runs",
    "read_runs": "runs",
    "recalibrate": "recalibration",
    "savage_dickey": "nested",
    "score": "scores",
    "stack": "stacking",
}
_MODULES = {"datasets": "datasets", "laws": "laws", "noises": "noise"}

__all__ = [
    "GP",
    "MAP",
    "NUTS",
    "Backtest",
    "Bend",
    "Beta",
    "Bootstrap",
    "Calibration",
    "Comparison",
    "Curves",
    "Drift",
    "Fit",
    "FitError",
    "FitWarning",
    "Fits",
    "Huber",
    "InputError",
    "Laplace",
    "Law",
    "LogitNormal",
    "Matern",
    "Normal",
    "NormalRaw",
    "Offset",
    "Param",
    "Recalibrated",
    "Reference",
    "Runs",
    "Search",
    "Stack",
    "StudentT",
    "Window",
    "WorkerError",
    "averaged",
    "backtest",
    "best_of",
    "calibrate",
    "compare",
    "datasets",
    "export",
    "fit",
    "fit_many",
    "forecaster",
    "interval",
    "last_of",
    "laws",
    "load",
    "noises",
    "optimum",
    "predict",
    "prior_predictive",
    "read_curves",
    "read_runs",
    "recalibrate",
    "savage_dickey",
    "score",
    "stack",
]
__version__ = "0.1.0"


def _settle_numpyro() -> None:
    """Load NumPyro whole where ArviZ has put it off: an import of a part of it alone leaves it incomplete."""
    if "numpyro" in sys.modules:
        _ = sys.modules["numpyro"].__version__


_settle_numpyro()


def __getattr__(name: str) -> Any:
    _settle_numpyro()
    if name in _MODULES:
        value = import_module(f"scalebayes.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(import_module(f"scalebayes.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'scalebayes' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
