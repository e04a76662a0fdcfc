"""Makes the contents of the file of a stack, or of a recalibrated fit."""

from typing import TYPE_CHECKING

from scalebayes.fitting.to_file import RECALIBRATED, STACK, about, groups_of, json_of, record_of
from scalebayes.safe_files import netcdf
from scalebayes.status import checks_record

if TYPE_CHECKING:
    from scalebayes.forecasting.of_stack import Stack
    from scalebayes.forecasting.recalibrate import Recalibrated


def contents_of(stack: "Stack") -> netcdf.Contents:
    """Return the arrays and the attributes that `Stack.save` writes, with one group for each member."""
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
    return groups, attrs


def contents_of_recalibrated(wide: "Recalibrated") -> netcdf.Contents:
    """Return the arrays and the attributes that `Recalibrated.save` writes, with the arrays of the fit."""
    record = {"fit": record_of(wide.fit), "widening": wide.widening._asdict(), "label": wide.label}
    return groups_of(wide.fit), {"": about(json_of(record), RECALIBRATED)}
