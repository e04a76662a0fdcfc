"""scalebayes: neural scaling laws fitted the Bayesian way, with intervals for runs not yet trained.

The public names are listed once, in `__init__.pyi`, which type checkers read and this file too. A name is imported when
it is first used, so that importing the package starts nothing.
"""

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def _public() -> dict[str, tuple[str, str]]:
    """Public name -> the module that has it, and its name there."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=str(module), names=[ast.alias(name=own, asname=str(name))]):
                found[name] = module, own
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=imported)):
                found[name] = found.pop(imported)
    return found


_PUBLIC = _public()
__all__ = sorted(_PUBLIC)  # type: ignore[reportUnsupportedDunderAll]


def _settle_numpyro() -> None:
    """Load NumPyro whole where ArviZ has put it off: an import of a part of it alone leaves it incomplete."""
    if "numpyro" in sys.modules:
        _ = sys.modules["numpyro"].__version__


_settle_numpyro()


def __getattr__(name: str) -> Any:
    _settle_numpyro()
    if name not in _PUBLIC:
        raise AttributeError(f"module 'scalebayes' has no attribute {name!r}")
    module, own = _PUBLIC[name]
    # A folder or a file of the package is a public name too, such as `laws`.
    has_it = module != __name__ and hasattr(import_module(module), own)
    value = getattr(import_module(module), own) if has_it else import_module(f"{module}.{own}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
