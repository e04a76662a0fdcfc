"""This file forecasts held-out runs by a fit, a stack or a recalibrated fit: draws, and the predictive density."""

from functools import partial
from typing import Any

import numpy as np

from scalebayes.backtesting.marginals import components, forecast_by, mixed, widened
from scalebayes.backtesting.proper_scores import Forecast
from scalebayes.fitting.groups import group_codes
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import keys_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.runs import Runs

# The inputs of each law (run,): member of a stack -> input -> values.
Inputs = dict[str, dict[str, np.ndarray]]


def forecast_of(asked: Fit | Stack | Recalibrated, runs: Runs, inputs: Inputs, seed: Any) -> Forecast:
    """The forecast, to be scored, of held-out runs by a fit, a stack or a recalibrated fit.

    Args:
        asked: The fit, stack or recalibrated fit.

        runs: The runs to forecast.

        inputs: The inputs of each member's law (run,), by the member's name; a single fit has the name "".

        seed: An int or a JAX key.
    """
    if isinstance(asked, Stack):
        keys = keys_of(asked, seed)
        forecasts = [forecast(asked.members[name], runs, inputs[name], key) for name, key in keys.items()]
        return mixed(forecasts, [len(asked.picks[name][0]) for name in keys])
    if isinstance(asked, Recalibrated):
        own = partial(forecast, asked.fit, inputs=inputs[""], seed=seed)
        return widened(own, runs, asked.factor, asked.link)
    return forecast(asked, runs, inputs[""], seed)


def forecast(fit: Fit, runs: Runs, inputs: dict[str, np.ndarray], seed: Any) -> Forecast:
    """The forecast, to be scored, of held-out runs by one fit.

    `inputs` are those of its law (run,). The runs' counts and known errors are taken into account.
    """
    codes = group_codes(fit, runs)
    said = lambda at: components(fit, {name: x[at] for name, x in inputs.items()}, codes[at])  # noqa: E731
    return forecast_by(fit.noise.form, said, runs, seed)
