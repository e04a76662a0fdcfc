"""scalebayes: neural scaling laws fitted the Bayesian way, with intervals for runs not yet trained.

Names load what they need when they are first used: importing the package starts nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebayes import datasets, laws
    from scalebayes import noise as noises
    from scalebayes.errors import InputError
    from scalebayes.fitting import FitError, FitWarning, fit
    from scalebayes.forecast import predict
    from scalebayes.infer import MAP, NUTS, Laplace, Search
    from scalebayes.laws.base import Law
    from scalebayes.noise import Huber, Normal, NormalRaw, StudentT
    from scalebayes.optima import optimum
    from scalebayes.parameters import Param, Reference
    from scalebayes.result import Fit
    from scalebayes.runs import Runs, read_runs
    from scalebayes.store import load
    from scalebayes.tables import interval

_HOMES = {
    "Fit": "result",
    "FitError": "fitting",
    "FitWarning": "fitting",
    "Huber": "noise",
    "InputError": "errors",
    "Laplace": "infer",
    "Law": "laws.base",
    "MAP": "infer",
    "NUTS": "infer",
    "Normal": "noise",
    "NormalRaw": "noise",
    "Param": "parameters",
    "Reference": "parameters",
    "Runs": "runs",
    "Search": "infer",
    "StudentT": "noise",
    "fit": "fitting",
    "interval": "tables",
    "load": "store",
    "optimum": "optima",
    "predict": "forecast",
    "read_runs": "runs",
}
_MODULES = {"datasets": "datasets", "laws": "laws", "noises": "noise"}

__all__ = [
    "MAP",
    "NUTS",
    "Fit",
    "FitError",
    "FitWarning",
    "Huber",
    "InputError",
    "Laplace",
    "Law",
    "Normal",
    "NormalRaw",
    "Param",
    "Reference",
    "Runs",
    "Search",
    "StudentT",
    "datasets",
    "fit",
    "interval",
    "laws",
    "load",
    "noises",
    "optimum",
    "predict",
    "read_runs",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
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
