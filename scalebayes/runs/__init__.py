"""This folder has the checked table of runs and the functions that read it."""

from scalebayes.runs.checkpoints import last_of
from scalebayes.runs.curves.curves import Curves
from scalebayes.runs.curves.read_curves import read_curves
from scalebayes.runs.reading.read_runs import read_runs
from scalebayes.runs.table import Runs

__all__ = ["Curves", "Runs", "last_of", "read_curves", "read_runs"]
