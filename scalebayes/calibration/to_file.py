"""This file writes a calibration to one NetCDF file."""

from typing import TYPE_CHECKING, Any

from scalebayes.fitting.to_file import CALIBRATION, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.labelled import parts_of

if TYPE_CHECKING:
    from scalebayes.calibration.result import Calibration

RANKS = "ranks"


def save(calibration: "Calibration", path: Any) -> None:
    """Write a calibration to one NetCDF file, as `Calibration.save` describes."""
    arrays, record = parts_of(calibration.data)
    netcdf.save(
        path, {RANKS: arrays}, {"": about(json_of({**record, "attrs": plain(calibration.data.attrs)}), CALIBRATION)}
    )
