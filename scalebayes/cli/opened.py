"""Saved results opened, each for the questions that it answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import heed, keep_compiled, stage
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

# Kind of a saved result -> what it is called, where another kind is asked for.
CALLED = {
    "Fit": "one fit",
    "Fits": "many fits",
    "Stack": "a stack",
    "Recalibrated": "a recalibrated fit",
    "Backtest": "a backtest",
    "Comparison": "a comparison",
    "Calibration": "a calibration",
}
ANSWERS = ("Fit", "Fits", "Stack", "Recalibrated")  # that predict and optimum take


def load_jax() -> None:
    """Import what fits need, and set up the cache of compiled programs."""
    with stage("Loading JAX"):
        keep_compiled()
    heed()


def opened(path: Path, *kinds: str) -> Any:
    """The result in a file.

    Args:
        path: of the file.

        kinds: that the command takes, by the names of their types; by default any.

    Raises:
        InputError: no such file, a table, a damaged file, or a result of another kind.
    """
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.first_answer import settle
    from scalebayes.runs.reading.decode import EXTENSIONS

    if path.suffix.lower() in EXTENSIONS and path.is_file():
        fit = f"scalebayes fit {quoted(str(path))} --out {quoted(path.stem + '.nc')}"
        raise InputError(f"{path} is a table and no saved fit; fit it first: {fit}")
    found = sb.load(path.expanduser())
    kind = type(found).__name__
    if kinds and kind not in kinds:
        wanted = [CALLED[one] for one in kinds]
        either = f"{', '.join(wanted[:-1])} or {wanted[-1]}" if len(wanted) > 1 else wanted[0]
        see = f"scalebayes summary {quoted(str(path))}"
        raise InputError(f"{path} holds {CALLED[kind]}, and this takes {either}; '{see}' shows what it holds")
    if kind in ANSWERS:
        settle(*members(found).values())  # the commands print what failed
    return found


def members(found: Any) -> "Mapping[str, Fit]":
    """Name -> fit, of those that an answer rests on; "" is the name of one alone."""
    match type(found).__name__:
        case "Fit":
            return {"": found}
        case "Recalibrated":
            return {"": found.fit}
        case "Fits":
            return dict(zip(found.names, found.items, strict=True))
        case "Stack":
            return {name: found.members[name] for name in found.picks}
    return {}
