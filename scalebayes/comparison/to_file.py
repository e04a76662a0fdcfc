"""This file makes the contents of a comparison's file."""

from typing import TYPE_CHECKING

from scalebayes.fitting.to_file import COMPARISON, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.labelled import parts_of
from scalebayes.status import checks_record

if TYPE_CHECKING:
    from scalebayes.comparison.result import Comparison

SCORES = "scores"


def contents_of(comparison: "Comparison") -> netcdf.Contents:
    """Return the arrays and the attributes that `Comparison.save` writes."""
    arrays, record = parts_of(comparison.data)
    record |= {"attrs": plain(comparison.data.attrs), "checks": checks_record(comparison.checks)}
    return {SCORES: arrays}, {"": about(json_of(record), COMPARISON)}
