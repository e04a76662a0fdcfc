"""The checked table of runs, and the ways in."""

from scalebayes.runs.reading import read_runs
from scalebayes.runs.table import Runs

__all__ = ["Runs", "read_runs"]
