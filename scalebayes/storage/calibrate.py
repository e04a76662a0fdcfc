"""Makes a calibration from the arrays and the record of a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scalebayes.calibration.result import OF, PROBS, Calibration
from scalebayes.calibration.to_file import RANKS
from scalebayes.errors import InputError
from scalebayes.safe_files.hdf5 import Content
from scalebayes.safe_files.labelled import NUMBERS, TEXT, TRUTH, check_shape, of_parts

BY_SIM, BY_PARAM, BY_PROB = ("param", "sim"), ("param", "of"), ("param", "prob", "of")
# Variable of a calibration -> its dims and the kinds of its dtype.
HAS = {
    **{name: (BY_SIM, NUMBERS) for name in ("rank", "below")},
    **{"failed": (("sim",), TRUTH), "failed_checks": (("sim",), TEXT), "resampled": (("sim",), TRUTH)},
    **{"p_value": (BY_PARAM, NUMBERS), "inside": (BY_PARAM, TRUTH)},
    **{name: (BY_PROB, NUMBERS) for name in ("coverage", "coverage_se")},
    "ecdf_difference": (("param", "of", "ecdf_x"), NUMBERS),
    **{name: (("of", "ecdf_x"), NUMBERS) for name in ("lower", "upper")},
    **{"param": (("param",), TEXT), "of": (("of",), TEXT)},
    **{"prob": (("prob",), NUMBERS), "ecdf_x": (("ecdf_x",), NUMBERS)},
}


def restored(content: Content, record: Mapping[str, Any]) -> Calibration:
    """Read back the calibration of a loaded file, which `save` wrote.

    Args:
        content: The arrays of the file.

        record: The record of the file.

    Returns:
        The calibration.

    Raises:
        InputError: The numbers can't be those of a calibration.
    """
    attrs = {
        name: tuple(x) if isinstance(x, list) else x for name, x in record["attrs"].items()
    }  # a JAX key is kept as a list
    data = of_parts(content.groups[RANKS], record, attrs)
    check_shape(data, HAS)
    draws, rank, below = int(data.attrs["draws"]), data["rank"].values, data["below"].values
    if rank.dtype.kind != "i" or draws != data.sizes["ecdf_x"] or not ((rank >= 0) & (rank <= draws)).all():
        raise InputError("its ranks aren't whole numbers from 0 to the number of draws")
    if not (np.isnan(below) | ((below >= 0) & (below <= 1))).all():
        raise InputError("its shares below the truth aren't between 0 and 1")
    if tuple(data["of"].values) != OF or not np.allclose(data["prob"].values, PROBS):
        raise InputError("it is of other fits or of other intervals than a calibration has")
    return Calibration(data)
