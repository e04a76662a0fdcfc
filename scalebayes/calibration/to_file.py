"""This file makes the contents of a calibration's file."""

from typing import TYPE_CHECKING

from scalebayes.fitting.to_file import CALIBRATION, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.labelled import parts_of

if TYPE_CHECKING:
    from scalebayes.calibration.result import Calibration

RANKS = "ranks"


def contents_of(calibration: "Calibration") -> netcdf.Contents:
    """Return the arrays and the attributes that `Calibration.save` writes."""
    arrays, record = parts_of(calibration.data)
    return {RANKS: arrays}, {"": about(json_of({**record, "attrs": plain(calibration.data.attrs)}), CALIBRATION)}
