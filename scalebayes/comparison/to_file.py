"""This file writes a comparison to one NetCDF file."""

from typing import TYPE_CHECKING, Any

from scalebayes.fitting.to_file import COMPARISON, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.labelled import parts_of
from scalebayes.status import checks_record

if TYPE_CHECKING:
    from scalebayes.comparison.result import Comparison

SCORES = "scores"


def save(comparison: "Comparison", path: Any) -> None:
    """Write a comparison to one NetCDF file, as `Comparison.save` describes."""
    arrays, record = parts_of(comparison.data)
    record |= {"attrs": plain(comparison.data.attrs), "checks": checks_record(comparison.checks)}
    netcdf.save(path, {SCORES: arrays}, {"": about(json_of(record), COMPARISON)})
