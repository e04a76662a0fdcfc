"""This file has the draws and rows of a fit in the runs' own units, and the residuals of a draw."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from scalebayes.discrepancy import in_common
from scalebayes.discrepancy.process import Residuals, SeenAt
from scalebayes.errors import InputError
from scalebayes.model.model import Rows

if TYPE_CHECKING:
    from scalebayes.fitting.result import Fit

TOGETHER = 64  # number of draws whose matrices are in memory at once; more of them take more memory


def residuals(
    model: Any, rows: Rows, at: SeenAt, law: Mapping[str, Any], noise: Mapping[str, Any], factor: Any = None
) -> Residuals:
    """The residuals log y - log f of a fit's rows in one of its posterior draws, in the runs' own units.

    Args:
        model: The model of the fit.

        rows: The padded rows.

        at: Where the rows lie, as the process takes it.

        law: A mapping from parameter of the law to its value.

        noise: A mapping from parameter of the noise to its value.

        factor: The factor of each row's noise scale (row,). The default is None: all are 1.
    """
    location = model.fn(**rows.inputs, **law)
    scale = model.form.row_scale(location, noise, rows.se, rows.count)
    scale = scale if factor is None else scale * factor
    return at.residuals(jnp.log(rows.y) - jnp.log(location), scale, rows.mask)


def own_units(fit: "Fit") -> Rows:
    """The padded rows of a fit in the runs' own units, which are those of its draws."""
    return in_own_units(fit.problem.rows, fit.reference.inputs, fit.reference.scale)


def in_own_units(rows: Rows, reference: Mapping[str, Any], scale: Any) -> Rows:
    """Rows in the runs' own units, given the reference of each input and that of the observable."""
    return rows._replace(
        inputs={name: x * reference[name] for name, x in rows.inputs.items()},
        y=rows.y * scale,
        se=None if rows.se is None else rows.se * scale,
    )


def flat(fit: "Fit") -> tuple[Any, ...]:
    """A fit's draws of law, noise and discrepancy (draw,), and of the factors of the padded rows' scales (draw, run).

    The factors are None where the noise has no scale for each run. Chains are joined in order.

    Raises:
        InputError: The fit is of a recipe that shares a part of its discrepancy with others.
    """
    if fit.common is not None:
        raise InputError(
            f"recipes pooled by {fit.pool!r} share a part of their discrepancy, which this answer can't take; ask "
            "sb.predict, sb.interval, sb.score or sb.register, or pool without it: sb.fit(runs, law, pool=...)"
        )
    return flat_draws(fit)


def flat_draws(fit: "Fit", rows: Rows | None = None) -> tuple[Any, ...]:
    """As `flat`, for any fit. The default of `rows` is the rows of the fit."""
    groups = (fit.law_draws, fit.noise_draws, fit.discrepancy_draws)
    draws = [{name: x.ravel() for name, x in each.items()} for each in groups]
    if not fit.problem.model.latent:
        return (*draws, None)
    factor = fit.sample_stats["noise_factor"]
    factor = factor.reshape(-1, factor.shape[-1])
    padding = np.ones((len(factor), len((rows or fit.problem.rows).mask) - factor.shape[1]))
    return (*draws, np.concatenate([factor, padding], axis=1))


class CommonDrawn(NamedTuple):
    """The common part of a recipe's discrepancy, and the data of a key or None, in each draw (draw, ...)."""

    share: Any
    departure: Any
    key: Any


def common_part(fit: "Fit", rows: Rows, key: Any) -> tuple[Any, Any]:
    """Where the common part of a recipe's discrepancy is known, and its draws; None twice where it has none."""
    places, drawn = fit.problem.common, fit.common
    if places is None or drawn is None:
        return None, None
    of_row = np.append(places.of_row, np.zeros(max(len(rows.mask) - len(places.of_row), 0), int))[: len(rows.mask)]
    keys = None if key is None else in_common.keys_of(fit.size)
    departure = drawn.departure.reshape(fit.size, -1)
    return in_common.CommonPlaces(places.inputs, of_row), CommonDrawn(drawn.share.ravel(), departure, keys)
