"""Opens saved results, and refuses a kind that the command doesn't take."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import compile_quickly, heed, keep_compiled, stage
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

# Type of a saved result -> its name in the message that another kind is needed.
CALLED = {
    "Fit": "one fit",
    "Fits": "many fits",
    "Pooled": "the fits of pooled recipes",
    "Stack": "a stack",
    "Recalibrated": "a recalibrated fit",
    "Backtest": "a backtest",
    "Comparison": "a comparison",
    "Calibration": "a calibration",
    "Registered": "registered forecasts",
    "RecipeComparison": "a comparison of recipes",
    "Strategies": "strategies",
    "NextRuns": "next runs",
}
ANSWERS = ("Fit", "Fits", "Stack", "Recalibrated")  # types that predict and optimum take


def load_jax() -> None:
    """Import JAX when a command needs it, and set up the cache of compiled programs."""
    compile_quickly()
    with stage("Loading JAX"):
        keep_compiled()
    heed()


def opened(path: Path, *kinds: str) -> Any:
    """Load the result in a file that was typed.

    Args:
        path: The path of the file.

        kinds: The names of the types that the command takes; by default any.

    Returns:
        The result.

    Raises:
        InputError: There is no such file, it is a table, it is damaged, or its result is of another kind.
    """
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.first_answer import settle
    from scalebayes.runs.reading.decode import EXTENSIONS

    if path.suffix.lower() in EXTENSIONS and path.is_file():
        fit = f"scalebayes fit {quoted(str(path))} --out {quoted(path.stem + '.nc')}"
        raise InputError(f"{path} is a table and no saved fit; fit it first: {fit}")
    result = sb.load(path.expanduser())
    kind = type(result).__name__
    taken = "Fits" if kind == "Pooled" else kind  # pooled recipes are many fits
    if kinds and taken not in kinds:
        wanted = [CALLED[one] for one in kinds]
        either = f"{', '.join(wanted[:-1])} or {wanted[-1]}" if len(wanted) > 1 else wanted[0]
        see = f"scalebayes summary {quoted(str(path))}"
        raise InputError(f"{path} holds {CALLED[kind]}, and this takes {either}; '{see}' shows what it holds")
    if taken in ANSWERS:
        settle(*members(result).values())  # the commands print failed checks themselves
    return result


def members(found: Any) -> "Mapping[str, Fit]":
    """Return name -> fit, for the fits that a command's answer rests on; a single fit has the name ""."""
    match type(found).__name__:
        case "Fit":
            return {"": found}
        case "Recalibrated":
            return {"": found.fit}
        case "Fits" | "Pooled":
            return dict(zip(found.names, found.items, strict=True))
        case "Stack":
            return {name: found.members[name] for name in found.picks}
    return {}
