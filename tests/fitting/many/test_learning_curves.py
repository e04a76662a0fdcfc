"""The 92 learning curves of Alabdulmohsin et al. 2022, arXiv 2209.06640, under every law of one scale that bends."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

import scalebayes as sb

LAWS = ("power", "offset_power", "shifted_power", "onset_power", "m4", "broken_power")


@pytest.fixture(scope="module")
def curves(data_path) -> Mapping[str, sb.Runs]:
    """The part of each curve that is to be fitted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEBAYES_DATA", str(data_path))
        runs = sb.datasets.load("learning_curves", where="split == 'train' and dup == 0")
    curve = np.asarray(runs.labels["curve_id"])
    return {name: runs.where(f"curve_id == {name!r}") for name in dict.fromkeys(curve)}


@pytest.mark.slow_cases("power", "shifted_power", "onset_power", "m4", "broken_power", "offset_power")
@pytest.mark.parametrize("law", LAWS)
def test_every_curve_is_fitted_in_one_batch(curves, law):
    """Fails if one odd curve of the 92 stops the batch, is left out, or has a forecast that isn't finite."""
    fits = sb.fit_many(curves, law, method="map", on_fail="ignore", batch=len(curves))
    assert len(fits) == 92
    table = fits.status
    assert table["status"].isin(["pass", "review", "fail"]).all()
    reached = [fit.checks["mode reached"].status.value for fit in fits]
    print(law, table["status"].value_counts().to_dict(), "mode reached:", {x: reached.count(x) for x in set(reached)})
    for name, fit in zip(fits.names, fits, strict=True):
        curve = sb.predict(fit, x=fit.runs.column("x"))["y"].values
        assert np.isfinite(curve).all(), name
        assert all(math.isfinite(x.item()) for x in fit.draws.values()), name
