"""Runs come first in every function; for one release the order of before is understood, with a warning."""

import os
import warnings
from pathlib import Path
from typing import Any

from scalebayes.runs.no_table import no_table
from scalebayes.runs.table import Runs

_HERE = str(Path(__file__).parents[1]) + os.sep  # the warning is at the caller's line


def runs_first(runs: Any, law: Any, function: str) -> tuple[Runs, Any]:
    """The runs and the law that a function was given, in whichever order.

    Warns:
        DeprecationWarning: the law came first.

    Raises:
        InputError: neither is a table.

    >>> table = Runs(x=[1.0, 2.0], loss=[3.0, 2.0])
    >>> runs_first(table, "power", "calibrate")[1]
    'power'
    """
    if isinstance(law, Runs) and not isinstance(runs, Runs):
        warnings.warn(
            f"sb.{function}(law, runs) is going to be sb.{function}(runs, law): give the runs first",
            DeprecationWarning,
            skip_file_prefixes=(_HERE,),
        )
        runs, law = law, runs
    if not isinstance(runs, Runs):
        raise no_table(runs)
    return runs, law
