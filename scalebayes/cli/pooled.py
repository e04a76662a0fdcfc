"""Prints the fits of several recipes that were fitted together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, points_text
from scalebayes.cli.fit_many import fits_document, fits_text
from scalebayes.cli.saving import answered, joined

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.fitting.pooled.result import Pooled


def answered_pooled(fits: "Pooled", target: Any, draw: Any, prob: float, json: bool) -> None:
    """Print, draw and save the fits of pooled recipes."""
    if json:
        return answered(document(fits, prob), fits, target, draw)
    unsaved = "" if target else "not saved; --out fits.nc keeps them"
    answered(joined(text(fits, prob), unsaved), fits, target, draw)


def text(fits: "Pooled", prob: float) -> str:
    """Return what is printed of pooled recipes: the table of many fits, and what they share."""
    return joined(failed_lines(fits), fits_text(fits, prob), shared_text(fits, prob))


def forecast_of_pool(
    fits: "Pooled",
    answer: "xr.Dataset",
    values: Mapping[str, Any],
    observed: bool,
    prob: float,
    target: Any,
    draw: Any,
    json: bool,
) -> None:
    """Print, draw and save the forecasts of pooled recipes."""
    import scalebayes as sb

    rows = show.records(sb.interval(answer, prob))
    if json:
        said: Any = {**document(fits, prob), **about(fits, answer, values), "observed": observed, "points": rows}
    else:
        points = points_text(fits, answer, rows, observed, prob)
        said = joined(failed_lines(fits), points, doubts(fits, answer, values), shared_text(fits, prob))
    answered(said, fits, target, draw)


def document(fits: "Pooled", prob: float) -> dict[str, Any]:
    """Return the JSON document of pooled recipes: that of many fits, with what they share and how much each borrows."""
    from scalebayes.fitting.pooled.result import ALL

    found = {**fits_document(fits, prob), "pool": fits.column}
    if not fits.draws:
        return {**found, "shared": {}, "borrowed": {}}
    shared = fits.summary(prob).loc[ALL]
    kept = [name for name in ("median", "mean", "sd", "lower", "upper") if name in shared]
    borrowed = {name: dict(row) for name, row in fits.borrowed.to_dict(orient="index").items()}
    return {**found, "shared": shared[kept].to_dict(orient="index"), "borrowed": borrowed}


def shared_text(fits: "Pooled", prob: float) -> str:
    """Return the text of what the recipes share: the middle recipe, the spreads, and how much each borrows."""
    if not fits.draws:
        return show.prose("There is one recipe, which is fitted as without --pool.")
    from scalebayes.fitting.pooled.result import ALL

    columns = ["median", "lower", "upper"]
    rows = []
    shared = fits.summary(prob).loc[ALL]
    for name, row in zip(shared.index, show.records(shared), strict=True):
        cells = show.estimate(row, columns, show.most_digits([row]))
        rows.append([str(name), *cells])
    share = fits.borrowed.max(axis=1)
    most = f"{share.idxmax()} borrows most from the others ({share.max():.0%}), "
    most += f"{share.idxmin()} least ({share.min():.0%})."
    return joined(show.grid(["shared by all recipes", *columns], rows), show.prose(most))
