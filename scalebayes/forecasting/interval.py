"""This file has `interval`, which makes a table of what `predict` and `optimum` return."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scalebayes.display.table import Table
from scalebayes.errors import InputError, known_settings
from scalebayes.fitting.summary import check_prob, columns_of

SHOWN = "dataset", "smaller"  # dims whose coordinate is a column: the data set, and how many times smaller a model is


@known_settings
def interval(dataset: xr.Dataset, prob: float = 0.9) -> pd.DataFrame:
    """Compute the median, mean, sd and equal-tailed interval of what `predict` and `optimum` return.

    Args:
        dataset: A Dataset from `predict` or `optimum`, with dims chain, draw and point or budget; and dataset where
            `Fits` were asked.

        prob: The probability of the interval, between 0 and 1. The default is 0.9.

    Returns:
        A data frame that prints every column, with one row for each point, or for each budget and quantity. Its columns
        are the inputs, `median`, `mean`, `sd`, `lower` and `upper`, and `efolds`, the largest distance from the runs.
        `no_minimum` is there where draws without a minimum were left out, and gives their share. `of` is there where
        the optimum isn't that of the law alone. `mean` and `sd` are missing where the noise has no moments. With one
        draw, as from MAP, `sd`, `lower` and `upper` are blank. The frame's `attrs` have the `failed`, `review` and
        `trust` of the Dataset.

    Raises:
        InputError: `prob` isn't between 0 and 1, or the Dataset has no draws.
        SettingError: A keyword isn't known.

    >>> draws = xr.Dataset({"loss": (("chain", "draw", "point"), np.arange(101.0).reshape(1, 101, 1))})
    >>> interval(draws, prob=0.9)[["median", "lower", "upper"]].round(6).values.tolist()
    [[50.0, 5.0, 95.0]]
    """
    check_prob(prob)
    names = [name for name, variable in dataset.data_vars.items() if {"chain", "draw"} <= set(variable.dims)]
    if not names:
        raise InputError("interval takes a Dataset with dims chain and draw, as predict and optimum return")
    frames = []
    for name in names:
        variable = dataset[name]
        index = [dim for dim in variable.dims if dim not in ("chain", "draw")]
        flat = variable.transpose("chain", "draw", *index).values.reshape(-1, *(variable.sizes[d] for d in index))
        frame = _coordinates(dataset, index)
        if dataset.attrs.get("of", "law") != "law" and "of" not in frame:
            frame["of"] = dataset.attrs["of"]
        if len(names) > 1:
            frame["quantity"] = name
        for column, values in columns_of(flat, prob, dataset.attrs.get("moments", 1)).items():
            frame[column] = np.ravel(values)
        if "distance" in dataset:
            far = dataset["distance"].max("axis").broadcast_like(variable.isel(chain=0, draw=0))
            frame["efolds"] = far.transpose(*index).values.ravel()
        frames.append(frame)
    table = Table(pd.concat(frames, ignore_index=True))
    if len(names) > 1 and len(table) > len(names):
        first = [c for c in table.columns if c in dataset.coords]
        table = table.sort_values(first, kind="stable", ignore_index=True)
    table.attrs = {name: dataset.attrs[name] for name in ("failed", "review", "trust") if dataset.attrs.get(name)}
    return table


def _coordinates(dataset: xr.Dataset, index: list[Any]) -> pd.DataFrame:
    """The coordinates along the dims `index`, with one row for each cell. Of the dims, those in `SHOWN` are columns."""
    sizes = {dim: dataset.sizes[dim] for dim in index}
    shown = {}
    for name, coordinate in dataset.coords.items():
        if coordinate.dims and set(coordinate.dims) <= set(index) and (name in SHOWN or name not in index):
            shown[str(name)] = coordinate.broadcast_like(xr.DataArray(np.empty(tuple(sizes.values())), dims=index))
            shown[str(name)] = shown[str(name)].transpose(*index).values.ravel()
    if not np.any(shown.get("no_minimum", 0)):
        shown.pop("no_minimum", None)
    return pd.DataFrame(shown, index=range(int(np.prod(list(sizes.values())))))
