"""This file accepts the old order of arguments, law before runs, for one release and with a warning."""

import os
import warnings
from pathlib import Path
from typing import Any

from scalebayes.runs.no_table import no_table
from scalebayes.runs.table import Runs

# The folder of the package. The warning skips the files in it, so that it shows the line of the caller.
_HERE = str(Path(__file__).parents[1]) + os.sep


def runs_first(runs: Any, law: Any, function: str) -> tuple[Runs, Any]:
    """Return the runs and the law in this order, if a function was called with the old or the new order.

    Warns:
        DeprecationWarning: The law came first.

    Raises:
        InputError: Neither of the two is a table of runs.

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
