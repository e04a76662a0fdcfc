"""Writes a stack, or a recalibrated fit, to one NetCDF file."""

from typing import TYPE_CHECKING, Any

from scalebayes.fitting.to_file import RECALIBRATED, STACK, about, groups_of, json_of, record_of
from scalebayes.safe_files import netcdf
from scalebayes.status import checks_record

if TYPE_CHECKING:
    from scalebayes.forecasting.of_stack import Stack
    from scalebayes.forecasting.recalibrate import Recalibrated


def save(stack: "Stack", path: Any) -> None:
    """Write a stack to one NetCDF file, with one group for each member; `Stack.save` says more."""
    record = {
        "names": list(stack.members),
        "weights": list(stack.weights.values()),
        "by": stack.by,
        "draws": stack.draws,
        "seed": stack.seed,
        "versions": dict(stack.versions),
        "compared": checks_record(stack.compared),
    }
    groups, attrs = {}, {"": about(json_of(record), STACK)}
    # Members are numbered, since the user's names may hold characters that a group's path can't.
    for i, fit in enumerate(stack.members.values()):
        groups |= {f"member{i}/{name}": arrays for name, arrays in groups_of(fit).items()}
        attrs[f"member{i}"] = {"scalebayes": json_of(record_of(fit))}
    netcdf.save(path, groups, attrs)


def save_recalibrated(wide: "Recalibrated", path: Any) -> None:
    """Write a recalibrated fit to one NetCDF file, with the arrays of its fit; `Recalibrated.save` says more."""
    record = {"fit": record_of(wide.fit), "widening": wide.widening._asdict(), "label": wide.label}
    netcdf.save(path, groups_of(wide.fit), {"": about(json_of(record), RECALIBRATED)})
