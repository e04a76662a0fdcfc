"""This file draws the figures of a report into its page, each with a text that says what it shows."""

import base64
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

from scalebayes.errors import InputError
from scalebayes.fitting.many.result import Fits
from scalebayes.forecasting.ask import Asked, fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.plots.plot_backtest import plot_backtest
from scalebayes.plots.plot_curves import plot_curves
from scalebayes.plots.plot_floor import plot_floor
from scalebayes.plots.plot_forecast import plot_forecast
from scalebayes.plots.plot_frontier import plot_frontier
from scalebayes.plots.plot_isoflop import plot_isoflop
from scalebayes.plots.plot_learning_curves import plot_learning_curves
from scalebayes.plots.plot_residuals import plot_residuals
from scalebayes.plots.pointwise import departs
from scalebayes.plots.subject import subject_of
from scalebayes.reporting.tags import Html, joined, paragraphs, section, tag
from scalebayes.seeds import Seed

HEAVY = 300_000  # bytes of a drawing from which on it is kept as pixels: thousands of runs make large drawings
PIXELS = 130.0  # dots an inch of such a picture


class Picture(NamedTuple):
    """A figure that a report may have.

    Attributes:
        title: What the caption says.
        shows: What is drawn, for who can't see it.
        draw: Draws it; an InputError says why it can't be drawn.
    """

    title: str
    shows: str
    draw: Callable[[], Any]


def pictures(asked: Asked, reach: float, seed: Seed) -> Html:
    """The section with the figures; one that can't be drawn is a sentence that says why.

    Args:
        asked: What is reported.

        reach: The multiple of the runs' largest compute up to which forecasts are drawn.

        seed: The seed of the draws.
    """
    parts, missing = [], []
    for one in _chosen(asked, reach, seed):
        try:
            parts.append(drawn(one))
        except InputError as error:
            missing.append(f"{one.title}: {error}.")
    if departs(asked) and subject_of(asked).sizes and not isinstance(asked, Fits):
        missing.append(
            "Optimal N and D along the budget (sb.plot_frontier, sb.plot_isoflop) are left out: with a discrepancy each"
            " takes about a minute. Draw them from the saved fit."
        )
    more = [tag("h3", "Not drawn"), paragraphs(*missing)] if missing else []
    return section("figures", "Figures", joined([*parts, *more]))


def of_backtest(backtest: Any, prob: float) -> Html:
    """The figure of a backtest."""
    shows = "Forecasts of held-out runs against the truth, and errors and coverage against the distance from the runs."
    return drawn(
        Picture("Backtest: forecasts against what turned out", shows, lambda: plot_backtest(backtest, prob=prob))
    )


def drawn(picture: Picture) -> Html:
    """A figure as part of a page."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    import numpy as np

    with mpl.rc_context({"svg.hashsalt": "scalebayes", "svg.fonttype": "path"}), plt.ioff():
        before = plt.get_fignums()
        try:
            axes = np.ravel(np.asarray(picture.draw(), object))
            source = _source(axes[0].figure)
        finally:
            for number in set(plt.get_fignums()) - set(before):
                plt.close(number)
    image = tag("img", src=source, alt=f"{picture.title}. {picture.shows}")
    return tag("figure", image, tag("figcaption", tag("strong", f"{picture.title}. "), picture.shows))


def _source(figure: Any) -> str:
    """A figure as an address that holds it whole: a drawing, or pixels where the drawing is large."""
    drawing, pixels = BytesIO(), BytesIO()
    figure.savefig(drawing, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    if drawing.tell() <= HEAVY:
        return f"data:image/svg+xml;base64,{base64.b64encode(drawing.getvalue()).decode()}"
    figure.savefig(pixels, format="png", bbox_inches="tight", dpi=PIXELS)
    return f"data:image/png;base64,{base64.b64encode(pixels.getvalue()).decode()}"


def _chosen(asked: Asked, reach: float, seed: Seed) -> Iterator[Picture]:
    fits, subject = fits_of(asked), subject_of(asked)
    name, banded = subject.observable, not all(fit.is_mode for fit in fits)
    bands = "with bands" if banded else "at the mode, without bands"
    if isinstance(asked, Fits):
        shows = f"Small multiples: the runs of each data set, and its curve {bands}."
        yield Picture("Each data set and its fit", shows, lambda: plot_learning_curves(asked, seed=seed))
        return
    along = "compute" if subject.sizes else subject.inputs[0]
    shows = f"The {name} of the runs against {along}, and the forecast beyond them {bands}, on a ground that is greyer "
    shows += "the further it is from the runs."
    yield Picture("Forecast beyond the runs", shows, lambda: plot_forecast(asked, reach=reach, seed=seed))
    shows = f"The runs as dots, and curves of the {name} {bands}."
    yield Picture("Runs and curves", shows, lambda: plot_curves(asked, seed=seed))
    if banded and all("E" in fit.law.params and "E" in fit.draws for fit in fits):
        shows = (
            f"Forecasts of the {name} at 10, 100 and 300 times the runs' largest {along} as lines that rise with the "
        )
        shows += "irreducible loss E; above them the posterior of E."
        yield Picture("What the irreducible loss decides", shows, lambda: plot_floor(asked, seed=seed))
    if not isinstance(asked, Stack):
        shows = (
            "Residuals of the runs against their inputs and their order; a trend is a sign that the law doesn't hold."
        )
        yield Picture("Residuals", shows, lambda: plot_residuals(fits[0]))
    if subject.sizes and not departs(asked):
        shows = "The N, the D and their ratio that are optimal at a budget, beside published optima and the runs."
        yield Picture("Optimal size and tokens", shows, lambda: plot_frontier(asked, seed=seed))
        shows = (
            f"The {name} against N at fixed budgets, a valley each, with the posterior of its minimum, and the runs."
        )
        yield Picture("Valleys at fixed budgets", shows, lambda: plot_isoflop(asked, seed=seed))
