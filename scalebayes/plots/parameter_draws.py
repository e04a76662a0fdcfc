"""This file has the draws of a fit's parameters as figures show them: which ones, on which scale, with which label."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpyro.distributions import constraints

from scalebayes.errors import InputError, shown, unknown
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit
from scalebayes.forecasting.recalibrate import Recalibrated


class Parameter(NamedTuple):
    """A free parameter of a fit.

    Attributes:
        name: Its name.
        draws: Its posterior draws (draw,), in the runs' own units.
        log: Whether it is positive, so that it is shown on a log axis.
        label: The name with the unit.
    """

    name: str
    draws: np.ndarray
    log: bool
    label: str

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Values as they lie along the axis: their logs where the axis is logarithmic."""
        return np.log(values) if self.log else np.asarray(values)

    def back(self, scaled: np.ndarray) -> np.ndarray:
        """What `scaled` was made of."""
        return np.exp(scaled) if self.log else np.asarray(scaled)


def parameters_of(fit: Any, names: Sequence[str] | str | None, question: str) -> tuple[Fit, list[Parameter]]:
    """The fit that is drawn, and its free parameters that were asked for.

    Args:
        fit: A `Fit`, or a `Recalibrated`, whose fit is drawn.

        names: The names of the parameters. None is all that are free in the law and in the noise.

        question: The name of the function, for the errors.

    Raises:
        InputError: It is no fit, a parameter isn't free, or there is one draw.
    """
    one = fit.fit if isinstance(fit, Recalibrated) else one_fit(fit, question)
    if one.is_mode:
        raise InputError("a MAP fit has one draw and no posterior: fit with method='laplace' or 'nuts'")
    free = [name for name in (*one.law.params, *one.noise.params) if name in one.draws]
    wanted = free if names is None else [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if name not in one.draws:
            raise unknown("free parameter", name, one.draws)
    if not wanted:
        raise InputError("names is empty; leave it out for all free parameters")
    return one, [_parameter(one, name) for name in wanted]


def _parameter(fit: Fit, name: str) -> Parameter:
    param = fit.problem.params[name]
    draws = np.asarray(fit.draws[name], np.float64).reshape(-1)
    log = param.support is constraints.positive or (bool((draws > 0).all()) and _begins_at_zero(param.support))
    unit = param.dimension
    label = name if unit == "" else f"{name} ({_unit(fit, unit)})" if unit else f"{name} (unit not said)"
    return Parameter(name, draws, log, shown(label))


def _begins_at_zero(support: Any) -> bool:
    """Whether a support is the half line from 0, such as that of a truncated prior."""
    return float(np.squeeze(getattr(support, "lower_bound", -np.inf))) == 0 and not hasattr(support, "upper_bound")


def _unit(fit: Fit, dimension: str) -> str:
    """A dimension as text; that of the observable alone is its unit, where it is known."""
    return fit.runs.unit if dimension == "loss" and fit.runs.unit else dimension
