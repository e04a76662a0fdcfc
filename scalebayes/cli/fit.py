"""The command `scalebayes fit` fits a law to a table of runs, or to the training curve of one run."""

from typing import Any

from scalebayes.cli import format as show
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_options import Discrepancy, Fallback, Law, Method, Model, Pool, Priors, Window
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, fitted_text, parameters_text, warn_failed
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Out, Plot, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.planning_options import SIX_ND, CostTyped, cost_typed
from scalebayes.cli.pooled import answered_pooled
from scalebayes.cli.reading import check_laws_of_curve, runs_or_curve, table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed, window_of
from scalebayes.cli.table_options import Curve, Reading, RunsPath
from scalebayes.cli.wait import patiently


def fit(
    runs: RunsPath,
    *,
    law: Law = "chinchilla",
    model: Model,
    priors: Priors = None,
    method: Method = "nuts",
    discrepancy: Discrepancy = None,
    window: Window = None,
    pool: Pool = None,
    curve: Curve,
    reading: Reading,
    cost: CostTyped = SIX_ND,
    fallback: Fallback = True,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Fit a scaling law to a table of runs.

    If RUNS is a chart or a log, --run names the run whose training curve is fitted. The law then has one input x, which
    is the steps or the tokens of the run.

    If the table has a column C of its own, --cost says which cost that is. With --pool the table has several recipes,
    and every one of them gets a fit.
    """
    check_prob(prob)
    asked, settings = table(runs, reading), typed(model, method, priors)
    law_typed(law)
    target, last, picture = checked_target(out), window_of(window), checked_figure(plot)
    load_jax()
    import scalebayes as sb

    chosen, departure = law_of(law), discrepancy_of(discrepancy)
    said = None if cost == SIX_ND else cost_typed(cost)
    noise, sampler = settings.noise_of(chosen, departure), settings.method_of()
    check_laws_of_curve(curve, [chosen])
    given = runs_or_curve(asked, curve, chosen.observable, range_of(chosen))
    given = given if said is None else given.with_cost(said)
    settings.check_fixed([sb.Spec.of(chosen, noise, departure)], given)
    fitted: Any = patiently(
        "Compiling and fitting",
        lambda: sb.fit(
            given,
            chosen,
            noise=noise,
            discrepancy=departure,
            window=last,
            method=sampler,
            priors=settings.priors_of(chosen.params, noise.params),
            inputs=settings.inputs,
            pool=pool,  # type: ignore[arg-type]
            seed=seed,
            fallback=fallback,
            on_fail="ignore",  # the checks are printed
        ),
    )
    if pool is not None:
        return answered_pooled(fitted, target, picture_of(fitted, picture, prob, seed), prob, json)
    draw = picture_of(fitted, picture, prob, seed)
    if json:
        warn_failed(fitted)
        return answered(about_fit(fitted, prob), fitted, target, draw)
    text = joined(
        failed_text(fitted.checks),
        show.lines(repr(fitted.runs)),
        fitted_text(fitted),
        parameters_text(fitted, prob),
        checks_text(fitted.checks),
        "not saved; --out fit.nc keeps it" if target is None else "",
    )
    answered(text, fitted, target, draw)
