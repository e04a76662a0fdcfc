"""The checked table of runs, and the ways in."""

from scalebayes.runs.table import Runs, read_runs

__all__ = ["Runs", "read_runs"]
