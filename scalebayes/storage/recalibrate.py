"""Makes a recalibrated fit from the arrays and the record of a file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalebayes.errors import InputError
from scalebayes.forecasting.recalibrate import Recalibrated, Widening
from scalebayes.safe_files.hdf5 import Content
from scalebayes.storage.fit import law_of, together
from scalebayes.storage.fit import restored as restored_fit

if TYPE_CHECKING:
    from scalebayes.laws.law import Law


def restored(path: Path, content: Content, record: Mapping[str, Any], law: "Law | None") -> Recalibrated:
    """Read back the recalibrated fit of a loaded file, which `Recalibrated.save` wrote.

    Args:
        path: The path of the file, for the errors.

        content: The arrays of the file.

        record: The record of the file.

        law: The law that the user gave; None to take it from the registry.

    Returns:
        The recalibrated fit.

    Raises:
        InputError: The numbers can't be those of a recalibrated fit.
    """
    one, said = record["fit"], record["widening"]
    fit = restored_fit(together(content.groups, one), one, law_of(path, one["law"], law))
    widening = Widening(float(said["factor"]), float(said["raw"]), int(said["forecasts"]), int(said["cutoffs"]))
    sound = math.isfinite(widening.factor) and widening.factor >= 1 and 0 <= widening.raw < math.inf
    if not sound or widening.forecasts < 1 or widening.cutoffs < 1 or not isinstance(record["label"], str):
        raise InputError("its factor is no number from 1 on, or was learnt from no forecasts")
    return Recalibrated(fit, widening, record["label"])
