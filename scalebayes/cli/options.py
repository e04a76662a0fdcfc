"""What several commands share: options, and the fit that they read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalebayes.cli.wait import heed, keep_compiled, stage

if TYPE_CHECKING:
    from scalebayes.fitting import Fit

Prob = Annotated[float, typer.Option("--prob", metavar="P", help="Probability of the intervals, between 0 and 1.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, numbers in full precision.")]
FitFile = Annotated[Path, typer.Argument(metavar="FIT", help="A file that 'scalebayes fit --out' wrote.")]


def load_jax() -> None:
    """Import what fits need, and set up the cache of compiled programs."""
    with stage("Loading JAX"):
        keep_compiled()
        import scalebayes.fitting  # noqa: F401
    heed()


def opened(path: Path) -> "Fit":
    """The fit in a file."""
    load_jax()
    import scalebayes as sb

    return sb.load(path.expanduser())
