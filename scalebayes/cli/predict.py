"""The command `scalebayes predict` shows what a saved fit forecasts for runs that are not yet trained."""

from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.answer import about, doubts, failed_lines, groups_of, outside_text, points_text, values_of
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.opened import ANSWERS, members, opened
from scalebayes.cli.options import AnyFit, Group, Inputs, Json, Observed, Plot, Points, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.pictures import forecast_picture, one_group, slow
from scalebayes.cli.saving import answered, joined
from scalebayes.cli.wait import patiently
from scalebayes.errors import unknown


def predict(
    file: AnyFit,
    *,
    points: Points,
    inputs: Inputs = None,
    observed: Observed = False,
    group: Group = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Forecast the loss of runs not yet trained.

    Several values are separated by commas. lo:hi:n stands for n values from lo to hi that are evenly spaced in the log.
    Lists of equal length pair up, and a single value goes with each value of a list; so do the groups of --group. Two
    of N, D and C are enough: the third follows from C = 6 N D.
    """
    check_prob(prob)
    values, picture = values_of(points.typed(), inputs), checked_figure(plot)
    asked = opened(file, *ANSWERS)
    import scalebayes as sb

    fits = list(members(asked).values())
    known = dict.fromkeys(
        [x for fit in fits for x in (*fit.problem.columns, *fit.problem.columns.values())] + ["N", "D", "C"]
    )
    for name in values:
        if not any(fit.runs.name_of(name) in known for fit in fits):
            raise unknown("input", name, known)
    of = groups_of(asked, group)
    if picture is not None:
        one_group(of)
    forecast = patiently("Forecasting", lambda: sb.predict(asked, observed=observed, group=of, seed=seed, **values))
    rows = show.records(sb.interval(forecast, prob))

    def draw() -> Any:
        return forecast_picture(asked, forecast, observed=observed, prob=prob, group=of, seed=seed)

    if json:
        if far := outside_text(asked, forecast):
            show.message(f"warning: {far}")
        answer: Any = {**about(asked, forecast, values), "observed": observed, "prob": prob, "points": rows}
    else:
        said = points_text(asked, forecast, rows, observed, prob)
        answer = joined(failed_lines(asked), "\n".join(filter(None, [said, doubts(asked, forecast, values)])))
    answered(answer, plot=lambda: drawn(draw, picture, slow(asked)))
