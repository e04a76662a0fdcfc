"""This file says what to doubt about an answer in a report: the law taken as exact, and the checks that bear on it."""

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

from scalebayes.fitting import bearing
from scalebayes.forecasting.ask import Asked
from scalebayes.forecasting.distance import exactness, outside
from scalebayes.reporting.assumptions import named_fits
from scalebayes.reporting.tags import Html, tag
from scalebayes.reporting.verdict import checks_of
from scalebayes.status import Status

MOST = 12  # checks that are named; of those after them the number is given


def doubts(asked: Asked, answer: xr.Dataset, inputs: Iterable[str] | None = None) -> Html:
    """The paragraph below an answer that says what to doubt; empty where there is nothing.

    The sentences of checks are in the verdict, so that they are named here alone.

    Args:
        asked: What was asked.

        answer: What `predict` or `optimum` returned.

        inputs: The inputs of a forecast. The default is None, for an optimum.
    """
    told, names = [], []
    of_law = answer.attrs.get("of") == "law"
    for name, fit in named_fits(asked).items():
        own = answer.sel(dataset=name) if "dataset" in answer.dims else answer
        distances = {str(axis): own["distance"].sel(axis=axis).values for axis in own["axis"].values}
        told.append(exactness(fit, distances, of_law=of_law))
        far = outside(distances)
        questions = bearing.of_optimum(far) if inputs is None else bearing.of_forecast(inputs, far)
        names += [f"{name}: {check.name}" if name else check.name for check in bearing.bearing(fit, questions)]
    told = [f"{text[:1].upper()}{text[1:]}." for text in dict.fromkeys(told) if text]
    if names:
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        told.append(f"What the verdict says of these checks bears on it: {', '.join(names[:MOST])}{more}.")
    return tag("p", tag("strong", "Doubt: "), " ".join(told), class_="doubt") if told else Html("")


def failed_note(asked: Asked) -> Html:
    """A paragraph that sends who begins to read here back to the verdict, where a check failed; else empty."""
    if checks_of(asked).status is not Status.FAIL:
        return Html("")
    back = tag("a", "the verdict says which", href="#verdict")
    return tag("p", tag("strong", "This rests on a fit that failed a check: "), back, ".", class_="doubt")


def names_of(points: Any) -> list[str]:
    """The inputs that the points of a forecast give, where they say."""
    if isinstance(points, Mapping):
        return list(points)
    columns = getattr(points, "columns", ())
    return [] if callable(columns) else [str(name) for name in columns]
