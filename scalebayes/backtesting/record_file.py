"""This file makes the contents of the file of registered forecasts."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.fitting.to_file import REGISTERED, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf

if TYPE_CHECKING:
    from scalebayes.backtesting.on_record import Registered

FORECAST, COLUMN, MEMBER, NOISE = "forecast", "column", "member", "noise"
# Probabilities of the quantiles that the file has beside the draws, for whoever reads it with another program.
QUANTILES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
BY_DRAW = ("draw", "point")


def contents_of(record: "Registered") -> netcdf.Contents:
    """Return the arrays and the attributes that `Registered.save` writes, with one group for each member."""
    draws = record.forecast[record.observable].transpose("chain", "draw", "point").values
    quantiles = np.quantile(draws.reshape(-1, draws.shape[-1]), QUANTILES, axis=0)
    groups: dict[str, dict[str, netcdf.Variable]] = {
        FORECAST: {
            "draws": (("chain", *BY_DRAW), draws),
            "distance": (("point", "axis"), record.forecast["distance"].values),
            "quantile": (("prob",), np.array(QUANTILES)),
            "quantiles": (("prob", "point"), quantiles),
            **{f"{COLUMN}{i}": (("point",), x) for i, x in enumerate(record.columns.values())},
        }
    }
    for i, one in enumerate(record.members):
        arrays = groups[f"{MEMBER}{i}"] = {"location": (BY_DRAW, np.array(one.said.location))}
        if one.said.sd is not None:
            arrays["sd"] = (BY_DRAW, one.said.sd)
        arrays |= {f"{NOISE}{j}": (("draw",), x) for j, x in enumerate(one.said.noise.values())}
    return groups, {"": about(json_of(record_of(record)), REGISTERED)}


def record_of(record: "Registered") -> dict[str, Any]:
    """All that the file has besides arrays, in the types of JSON."""
    return {
        "date": record.date,
        "note": record.note,
        "prob": record.prob,
        "seed": record.seed,
        "versions": dict(record.versions),
        "factor": record.factor,
        "observable": record.observable,
        "columns": list(record.columns),
        "axes": [str(axis) for axis in record.forecast["axis"].values],
        "groups": None if record.groups is None else [str(one) for one in record.groups],
        "attrs": plain(record.forecast.attrs),
        "members": [
            {
                "name": one.name,
                "draws": one.draws,
                "noise": {"name": one.noise.name, "settings": dict(one.noise.settings)},
                "parameters": list(one.said.noise),
                "fitted": plain(one.fitted),
            }
            for one in record.members
        ],
    }
