"""The command `scalebayes forecast` makes the recommended forecast of larger runs, and backtests it."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from scalebayes.cli import complete
from scalebayes.cli import format as show
from scalebayes.cli.answer import outside_text, points_text, values_of
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.cli.fit_options import Kind, Pool
from scalebayes.cli.fit_text import about_fit, bearing_on, checks_text, failed_text, fitted_text, trust
from scalebayes.cli.flags import here
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Observed, Out, Plot, Points, Prob, Seed
from scalebayes.cli.parse import check_prob, named
from scalebayes.cli.pictures import forecast_picture, slow
from scalebayes.cli.pooled import forecast_of_pool
from scalebayes.cli.reading import runs_or_curve, table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import method_of
from scalebayes.cli.table_options import Curve, Reading, RunsPath
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError, shown

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.runs import Runs


DRIVEN = "driven_by_the_prior"  # the check that is told only where the forecast depends on such a parameter


def forecast(
    runs: RunsPath,
    *,
    points: Points,
    along: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Forecast along this column alone, and give its values as --x, or as --C where the column is C; by "
            "default "
            "the columns are chosen from the table.",
            autocompletion=complete.columns,
        ),
    ] = None,
    kind: Kind = None,
    pool: Pool = None,
    observed: Observed = True,
    backtest: Annotated[
        bool,
        typer.Option(
            help="Also forecast your own larger runs from the smaller ones, and say how often the intervals were right."
        ),
    ] = True,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="The method: laplace (nuts takes over where laplace fails) or nuts; settings follow a colon, as in "
            "nuts:draws=4000. The default is laplace, and nuts with --pool.",
            autocompletion=lambda: ["laplace", "nuts"],
        ),
    ] = None,
    curve: Curve,
    reading: Reading,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Forecast runs not yet trained, in the recommended way.

    Runs of N and D, or of one input, are fitted by a law with a Gaussian process as its discrepancy, so that the
    intervals stay honest beyond the runs. Runs of one input are read as a ladder of finished runs, or as the training
    curve of one run, and the report says which. If RUNS is a tracker's chart, a log or a trainer_state.json, --run
    names the run whose curve is forecast. Several values are written as in scalebayes predict. With --pool the recipes
    of a column are fitted together, by nuts and without a backtest.
    """
    check_prob(prob)
    asked_at = points.typed()
    if not asked_at:
        raise InputError("say what to forecast: --N and --D, or two of --N, --D, --C; or --x for runs of one input")
    if along and set(asked_at) not in ({"x"}, {along}):
        raise InputError(f"--along {along}: give the values of {along} alone, as --x")
    values = values_of(asked_at)
    asked = table(runs, reading)
    method_name, method_settings = named(method or ("nuts" if pool else "laplace"), "--method", "nuts:draws=4000")
    if pool and method_name == "laplace":
        raise InputError("--method laplace: recipes that are pooled are sampled by nuts; leave --method out")
    if method_name in ("map", "bootstrap"):
        raise InputError(f"--method {method_name}: a forecast is of laplace or nuts, whose draws have intervals")
    target, picture = checked_target(out), checked_figure(plot)
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD
    from scalebayes.status import Checks, Status

    chosen = method_of(method_name, method_settings, METHOD)
    given = runs_or_curve(asked, curve, asked=asked_at, along=along)
    along = along or alone(given, asked_at)
    bound = {"x": along} if along else None
    check_asked(given if pool is None else given.without(pool), bound, kind, list(values))
    if pool is not None:
        fits = patiently(
            "Compiling and fitting",
            lambda: sb.forecaster(
                given, inputs=bound, kind=kind, pool=pool, method=chosen, seed=seed, on_fail="ignore"
            ),
        )
        answer = patiently("Forecasting", lambda: sb.predict(fits, observed=observed, **values))
        draw = lambda: drawn(  # noqa: E731
            lambda: forecast_picture(fits, answer, observed=observed, prob=prob, seed=seed), picture, slow(fits)
        )
        return forecast_of_pool(fits, answer, values, observed, prob, target, draw, json)
    fit = patiently(
        "Compiling and fitting",
        lambda: sb.forecaster(given, inputs=bound, kind=kind, method=chosen, seed=seed, on_fail="ignore"),  # type: ignore[arg-type]
    )
    answer = patiently("Forecasting", lambda: sb.predict(fit, observed=observed, **values))
    rows = show.records(sb.interval(answer, prob))
    if not json:  # the backtest takes longer than the forecast, which is read meanwhile
        forecast_text = points_text(fit, answer, rows, observed, prob)
        print(joined(failed_text(fit.checks), show.lines(repr(given)), fitted_text(fit), forecast_text), flush=True)
    path = drawn(lambda: forecast_picture(fit, answer, observed=observed, prob=prob, seed=seed), picture, slow(fit))
    if path and not json:
        print(f"\ndrawn to {shown(str(path))}", flush=True)
    sentence = patiently("Backtesting", lambda: worth(given, bound, kind, answer, prob, seed)) if backtest else ""
    if json:
        if far := outside_text(fit, answer):
            show.message(f"warning: {far}")
        about = {**about_fit(fit, prob), "observed": observed, "points": rows, "backtest": sentence}
        about |= {"trust": answer.attrs.get("trust", "")}
        about |= trust(fit, bearing_on(fit, answer, values)) | {"plot": path and str(path)}
        return answered(about, fit, target)
    bears = bearing_on(fit, answer, values)
    told = Checks(tuple(x for x in fit.checks if x.id != DRIVEN or x.status == Status.PASS or x in bears))
    answered("\n" + joined(show.prose(sentence), checks_text(told)), fit, target)


def alone(runs: "Runs", typed: Collection[str]) -> str | None:
    """Return N, D or C if it alone was typed and the runs have only that one of the three; otherwise None."""
    there = [name for name in ("N", "D", "C") if name in runs.inputs]
    return there[0] if len(there) == 1 and there == list(typed) else None


def check_asked(runs: "Runs", bound: dict[str, str] | None, kind: str | None, asked: list[str]) -> None:
    """Refuse typed inputs that aren't those of the recommended forecast, before the fit: one too many or missing."""
    from scalebayes.fitting.recipes import recipe
    from scalebayes.forecasting.inputs import DERIVABLE, check_given, not_in_runs

    try:
        chosen = recipe(runs, bound, kind)
    except InputError:
        if absent := [name for name in asked if name in DERIVABLE and name not in runs.inputs]:
            raise InputError(not_in_runs(absent, runs)) from None
        raise
    columns = {name: name for name in chosen.law.inputs} | dict(chosen.inputs or {})
    check_given(chosen.law.name, {name: runs.name_of(column) for name, column in columns.items()}, asked, runs)


def worth(
    runs: "Runs", bound: dict[str, str] | None, kind: str | None, answer: "xr.Dataset", prob: float, seed: int
) -> str:
    """Say below the command's forecast how often others as far out held the truth, in a backtest on the user's runs."""
    import scalebayes as sb
    from scalebayes.backtesting.backtest import RECOMMENDED

    axes = [str(axis) for axis in answer["axis"].values]
    by = "C" if "C" in axes else axes[0]
    efolds = float(answer["distance"].sel(axis=by).max())
    try:
        scored = sb.backtest(
            runs,
            [RECOMMENDED],
            inputs=bound,
            kind=kind,  # type: ignore[arg-type]
            by=by,
            probs=sorted({0.5, 0.8, 0.9, 0.95, prob}),
            seed=seed,
        )
    except InputError as error:
        return f"no backtest on your runs: {here(str(error))}"
    return f"{scored.sentence(RECOMMENDED, efolds, prob)}."
