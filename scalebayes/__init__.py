"""scalebayes: neural scaling laws fitted the Bayesian way, with intervals for runs not yet trained.

Names load what they need when they are first used: importing the package starts nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebayes import datasets, laws
    from scalebayes import noise as noises
    from scalebayes.errors import InputError
    from scalebayes.exporting import export
    from scalebayes.fitting import FitError, FitWarning, fit
    from scalebayes.forecast import predict
    from scalebayes.infer import MAP, NUTS, Bootstrap, Laplace, Search
    from scalebayes.laws.base import Law
    from scalebayes.many.fits import Fits
    from scalebayes.many.fitting import fit_many
    from scalebayes.many.running import WorkerError
    from scalebayes.nested import savage_dickey
    from scalebayes.noise import Beta, Huber, LogitNormal, Normal, NormalRaw, StudentT
    from scalebayes.optima import optimum
    from scalebayes.parameters import Param, Reference
    from scalebayes.predictive import prior_predictive
    from scalebayes.result import Fit
    from scalebayes.runs import Runs, read_runs
    from scalebayes.store import load
    from scalebayes.tables import interval

_HOMES = {
    "Beta": "noise",
    "Bootstrap": "infer",
    "Fit": "result",
    "Fits": "many.fits",
    "FitError": "fitting",
    "FitWarning": "fitting",
    "Huber": "noise",
    "InputError": "errors",
    "Laplace": "infer",
    "Law": "laws.base",
    "LogitNormal": "noise",
    "MAP": "infer",
    "NUTS": "infer",
    "Normal": "noise",
    "NormalRaw": "noise",
    "Param": "parameters",
    "Reference": "parameters",
    "Runs": "runs",
    "Search": "infer",
    "StudentT": "noise",
    "WorkerError": "many.running",
    "export": "exporting",
    "fit": "fitting",
    "fit_many": "many.fitting",
    "interval": "tables",
    "load": "store",
    "optimum": "optima",
    "predict": "forecast",
    "prior_predictive": "predictive",
    "read_runs": "runs",
    "savage_dickey": "nested",
}
_MODULES = {"datasets": "datasets", "laws": "laws", "noises": "noise"}

__all__ = [
    "MAP",
    "NUTS",
    "Beta",
    "Bootstrap",
    "Fit",
    "FitError",
    "FitWarning",
    "Fits",
    "Huber",
    "InputError",
    "Laplace",
    "Law",
    "LogitNormal",
    "Normal",
    "NormalRaw",
    "Param",
    "Reference",
    "Runs",
    "Search",
    "StudentT",
    "WorkerError",
    "datasets",
    "export",
    "fit",
    "fit_many",
    "interval",
    "laws",
    "load",
    "noises",
    "optimum",
    "predict",
    "prior_predictive",
    "read_runs",
    "savage_dickey",
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
