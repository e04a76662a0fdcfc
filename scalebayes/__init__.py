"""scalebayes: neural scaling laws fitted the Bayesian way, with intervals for runs not yet trained.

Names load what they need when they are first used: importing the package starts nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebayes import datasets, laws
    from scalebayes.backtesting.backtest import backtest
    from scalebayes.backtesting.result import Backtest
    from scalebayes.backtesting.score import score
    from scalebayes.calibration.calibrate import calibrate
    from scalebayes.calibration.result import Calibration
    from scalebayes.comparison.compare import compare
    from scalebayes.comparison.result import Comparison
    from scalebayes.comparison.savage_dickey import SavageDickey, savage_dickey
    from scalebayes.comparison.stack import stack
    from scalebayes.discrepancy.gp import GP, Bend, Discrepancy, Drift, Matern, Offset
    from scalebayes.errors import InputError
    from scalebayes.fitting.fit import fit
    from scalebayes.fitting.forecaster import forecaster
    from scalebayes.fitting.many.fit_many import fit_many
    from scalebayes.fitting.many.result import Fits
    from scalebayes.fitting.many.runner import WorkerError
    from scalebayes.fitting.result import Fit
    from scalebayes.forecasting.export import export
    from scalebayes.forecasting.interval import interval
    from scalebayes.forecasting.of_stack import Stack
    from scalebayes.forecasting.optimum import optimum
    from scalebayes.forecasting.predict import predict
    from scalebayes.forecasting.prior_predictive import prior_predictive
    from scalebayes.forecasting.recalibrate import Recalibrated, recalibrate
    from scalebayes.infer import MAP, NUTS, Bootstrap, Laplace, Method, Search
    from scalebayes.laws.law import Law
    from scalebayes.noise import noise as noises
    from scalebayes.noise.noise import Beta, Huber, LogitNormal, Noise, Normal, NormalRaw, StudentT
    from scalebayes.parameters.param import Param, Reference
    from scalebayes.runs import Curves, Runs, last_of, read_curves, read_runs
    from scalebayes.runs.averaging import averaged
    from scalebayes.runs.best_of import best_of
    from scalebayes.runs.window import Window
    from scalebayes.seeds import Seed
    from scalebayes.status import Check, Checks, FitError, FitWarning, Status
    from scalebayes.storage.load import load

_HOMES = {
    "Backtest": "backtesting.result",
    "Bend": "discrepancy.gp",
    "Beta": "noise.noise",
    "Bootstrap": "infer",
    "Calibration": "calibration.result",
    "Check": "status",
    "Checks": "status",
    "Comparison": "comparison.result",
    "Curves": "runs",
    "Discrepancy": "discrepancy.gp",
    "Drift": "discrepancy.gp",
    "Fit": "fitting.result",
    "FitError": "status",
    "FitWarning": "status",
    "Fits": "fitting.many.result",
    "GP": "discrepancy.gp",
    "Huber": "noise.noise",
    "InputError": "errors",
    "Laplace": "infer",
    "Law": "laws.law",
    "LogitNormal": "noise.noise",
    "MAP": "infer",
    "Matern": "discrepancy.gp",
    "Method": "infer",
    "NUTS": "infer",
    "Noise": "noise.noise",
    "Normal": "noise.noise",
    "NormalRaw": "noise.noise",
    "Offset": "discrepancy.gp",
    "Param": "parameters.param",
    "Recalibrated": "forecasting.recalibrate",
    "Reference": "parameters.param",
    "Runs": "runs",
    "SavageDickey": "comparison.savage_dickey",
    "Search": "infer",
    "Seed": "seeds",
    "Stack": "forecasting.of_stack",
    "Status": "status",
    "StudentT": "noise.noise",
    "Window": "runs.window",
    "WorkerError": "fitting.many.runner",
    "averaged": "runs.averaging",
    "backtest": "backtesting.backtest",
    "best_of": "runs.best_of",
    "calibrate": "calibration.calibrate",
    "compare": "comparison.compare",
    "export": "forecasting.export",
    "fit": "fitting.fit",
    "fit_many": "fitting.many.fit_many",
    "forecaster": "fitting.forecaster",
    "interval": "forecasting.interval",
    "last_of": "runs",
    "load": "storage.load",
    "optimum": "forecasting.optimum",
    "predict": "forecasting.predict",
    "prior_predictive": "forecasting.prior_predictive",
    "read_curves": "runs",
    "read_runs": "runs",
    "recalibrate": "forecasting.recalibrate",
    "savage_dickey": "comparison.savage_dickey",
    "score": "backtesting.score",
    "stack": "comparison.stack",
}
_MODULES = {"datasets": "datasets", "laws": "laws", "noises": "noise.noise"}

__all__ = [
    "GP",
    "MAP",
    "NUTS",
    "Backtest",
    "Bend",
    "Beta",
    "Bootstrap",
    "Calibration",
    "Check",
    "Checks",
    "Comparison",
    "Curves",
    "Discrepancy",
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
    "Method",
    "Noise",
    "Normal",
    "NormalRaw",
    "Offset",
    "Param",
    "Recalibrated",
    "Reference",
    "Runs",
    "SavageDickey",
    "Search",
    "Seed",
    "Stack",
    "Status",
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
__version__ = "0.1.0"  # the only place; a release has the tag of the same number


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
