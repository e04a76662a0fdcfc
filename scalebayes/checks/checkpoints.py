"""This file checks whether a row is a finished run or a checkpoint in the middle of one."""

from collections.abc import Iterator

from scalebayes.checks.registry import make_check
from scalebayes.model.problem import Problem
from scalebayes.runs.checkpoints import checkpoints_of
from scalebayes.runs.curves.given_as_runs import checkpoints_text, log_text
from scalebayes.status import Check, Status


def checkpoint_checks(problem: Problem) -> Iterator[Check]:
    """The check of rows that are checkpoints, and the check of a table that has one row of a longer log."""
    runs = problem.runs
    if text := log_text(runs):
        yield make_check("one_row_of_a_log", Status.REVIEW, f"{text}.")
    if sentence := runs.metadata.get("checkpoints"):  # the runs were averaged after this was found
        yield make_check("checkpoints", Status.REVIEW, sentence)
        return
    signs = checkpoints_of(runs)
    # A single run against its steps or tokens is a curve, and is fitted as a curve.
    if signs and not (signs.runs == 1 and len(problem.columns) == 1 and "N" not in problem.columns.values()):
        yield make_check("checkpoints", Status.REVIEW, checkpoints_text(runs, signs))
