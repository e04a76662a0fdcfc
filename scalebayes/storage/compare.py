"""Makes a comparison from the arrays and the record of a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scalebayes.checks.registry import read_checks
from scalebayes.comparison.result import Comparison
from scalebayes.comparison.to_file import SCORES
from scalebayes.errors import InputError
from scalebayes.safe_files.hdf5 import Content
from scalebayes.safe_files.labelled import NUMBERS, TEXT, TRUTH, check_shape, of_parts

BY_MODEL = ("elpd_loo", "se", "p_loo", "difference", "difference_se", "bad_k", "lpd_largest", "lpd_largest_se")
BY_MODEL += ("log_evidence", "log_evidence_se", "weight_loo", "weight_largest", "weight_evidence")
BY_RUN = ("elpd_loo_i", "pareto_k", "lpd_largest_i")
# Variable of a comparison -> its dims and the kinds of its dtype.
HAS = {
    **{name: (("model",), NUMBERS) for name in BY_MODEL},
    **{name: (("model", "run"), NUMBERS) for name in BY_RUN},
    **{"refitted": (("model", "run"), TRUTH), "held_out": (("run",), TRUTH)},
    **{"model": (("model",), TEXT), "run": (("run",), NUMBERS + TEXT)},
}


def restored(content: Content, record: Mapping[str, Any]) -> Comparison:
    """Read back the comparison of a loaded file, which `save` wrote.

    Args:
        content: The arrays of the file.

        record: The record of the file.

    Returns:
        The comparison.

    Raises:
        InputError: The numbers can't be those of a comparison.
    """
    data = of_parts(content.groups[SCORES], record, record["attrs"])
    check_shape(data, HAS)
    names = data["model"].values.tolist()
    if not names or len(set(names)) < len(names):
        raise InputError("it compares no fits, or two of one name")
    if not all(isinstance(data.attrs.get(name), str) for name in ("observable", "unit")):
        raise InputError("it doesn't say what the fits are of")
    for name in (one for one in BY_MODEL if one.startswith("weight_")):
        weights = data[name].values
        if not np.isnan(weights).all() and not (np.all(weights >= 0) and np.isclose(weights.sum(), 1, atol=1e-4)):
            raise InputError(f"{name!r} doesn't add up to one")
    return Comparison(data, read_checks(record["checks"]))
