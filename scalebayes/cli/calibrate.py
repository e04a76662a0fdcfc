"""The command `scalebayes calibrate` tests on simulated runs whether a method's intervals have their coverage."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_options import Batch, Discrepancy, Fallback, Folder, Law, Method, Model
from scalebayes.cli.opened import load_jax, opened
from scalebayes.cli.options import Json, Out, Plot, Seed
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.reading import table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed
from scalebayes.cli.shell import quoted
from scalebayes.cli.table_options import Reading, RunsPath
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.calibration.result import Calibration

PRIOR = "prior"
FULL = 200  # simulations: fewer take less time and find only large faults of a method


def calibrate(
    runs: RunsPath,
    *,
    law: Law = "chinchilla",
    model: Model,
    method: Method = "laplace",
    discrepancy: Discrepancy = None,
    n: Annotated[
        int, typer.Option("--n", metavar="INT", min=2, help="Number of data sets that are simulated and fitted.")
    ] = 1000,
    draws: Annotated[
        int, typer.Option(metavar="INT", min=2, help="Number of posterior draws among which each true value is ranked.")
    ] = 99,
    draw_from: Annotated[
        str,
        typer.Option(
            metavar="FROM",
            help="Draw the true parameters from the prior, or from the posterior of the saved fit at this path.",
        ),
    ] = PRIOR,
    reading: Reading,
    fallback: Fallback = True,
    batch: Batch = None,
    folder: Folder = None,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Test on simulated runs whether intervals are right.

    Parameters are drawn from the priors, runs are simulated at the inputs of the table, and each data set is fitted.
    If the method is right, the ranks of the true values among the draws of their fits are uniform. This takes minutes.
    """
    asked, settings = table(runs, reading), typed(model, method)
    law_typed(law)
    target, picture = checked_target(out, "calibration.nc"), checked_figure(plot)
    load_jax()
    import scalebayes as sb

    chosen, departure, sampler = law_of(law), discrepancy_of(discrepancy), settings.method_of()
    source = PRIOR if draw_from == PRIOR else opened(Path(draw_from), "Fit")
    if source != PRIOR and (settings.noise or departure or settings.fixed or settings.inputs):
        raise InputError(
            f"--draw-from {quoted(draw_from)}: the fit has its own noise, discrepancy, priors and inputs; leave "
            "--noise, --discrepancy, --fix and --input out"
        )
    given = asked.read(chosen.observable, range_of(chosen))
    settings.check_fixed([sb.Spec.of(chosen, settings.noise_of(chosen, departure), departure)], given)
    fits = f"{n} simulated data sets of {len(given)} runs are fitted"
    show.message(f"{fits} by {sampler.name}: {duration(n, sampler.name, departure is not None)}")
    calibration = patiently(
        "Simulating and fitting",
        lambda: sb.calibrate(
            law=chosen,
            runs=given,
            noise=None if settings.noise is None else settings.noise_of(chosen, departure),
            discrepancy=departure,
            method=sampler,
            n=n,
            draw_from=source,
            draws=draws,
            priors=settings.priors_of(),
            inputs=settings.inputs or None,
            seed=seed,
            fallback=fallback,
            batch=batch,
            folder=folder,
        ),
        bar=True,
        folder=folder,
    )
    answer = calibration_document(calibration) if json else calibration_text(calibration)
    answered(answer, calibration, target, picture_of(calibration, picture))


def duration(n: int, method: str, departs: bool) -> str:
    """Say before the command starts roughly how long the calibration takes, with compilation and fits."""
    slow = departs or method == "nuts"
    what = "a minute or two" if n <= FULL and not slow else "several minutes" if not slow else "minutes to hours"
    return f"this takes {what}; --n {FULL} takes less and finds large faults" if n > FULL else f"this takes {what}"


def calibration_text(calibration: "Calibration") -> str:
    """Return the text that the command prints of a calibration.

    It says what was simulated, whether ranks are uniform, and the coverage by parameter.
    """
    about, failed = calibration.data.attrs, calibration.data["failed"].values
    lines = [
        f"{about.get('law', 'A posterior')} by {about.get('method', 'its draws')}: {len(failed)} data sets simulated "
        f"from the {about.get('drawn_from', 'prior')}, each truth ranked among {about['draws']} draws of its fit."
    ]
    if about.get("left_out"):
        lines.append(f"{about['left_out']} more were left out, because what was drawn for them wasn't finite.")
    if again := int(calibration.data["resampled"].values.sum()):
        lines.append(f"{again} were sampled with nuts, because the k-hat of laplace failed.")
    lines.append(f"All fits: {verdict(calibration, 'all')}.")
    if failed.any():
        each = Counter(name for one in calibration.data["failed_checks"].values if one for name in str(one).split(", "))
        why = ", ".join(f"{name} {count}" for name, count in each.most_common())
        lines.append(f"{failed.sum()} of the fits failed checks of their own ({why}).")
        if not failed.all():
            lines.append(f"The others: {verdict(calibration, 'passed')}.")
    of = "all" if failed.all() else "passed"
    scores = calibration.table(of)
    probs = [name.removeprefix("covered_") for name in scores if name.startswith("covered_")]
    rows = [
        [
            str(name),
            show.figure(row["p_value"], 2),
            "yes" if row["inside"] else "no",
            *(share(row[f"covered_{p}"], row[f"se_{p}"]) for p in probs),
        ]
        for name, row in zip(scores.index, show.records(scores), strict=True)
    ]
    grid = show.grid(["parameter", "p-value", "inside", *(f"{p} %" for p in probs)], rows)
    which = "all fits" if of == "all" else "the fits that passed their checks"
    what = (
        f"The table is of {which}. inside says whether the ranks stay inside the 95 % envelope of uniform ranks. 50 % "
        "is "
        "the per cent of true values inside the 50 % interval, with its standard error, and so on."
    )
    return joined("\n".join(show.prose(line, 2) for line in lines), grid, show.prose(what))


def verdict(calibration: "Calibration", of: str) -> str:
    """Say in the command's text whether the ranks are uniform, and for which parameters they aren't.

    Args:
        calibration: The calibration.

        of: "all" for all fits, or "passed" for those that passed their own checks.

    Returns:
        A clause without a full stop.
    """
    scores = calibration.table(of)
    least = f"the smallest p-value is {scores['p_value'].min():.2g}, that of {scores['p_value'].idxmin()}"
    if calibration.holds(of):
        return f"the ranks are as uniform as those of a right method ({least})"
    off = [str(name) for name, inside in zip(scores.index, scores["inside"], strict=True) if not inside]
    return f"the ranks of {', '.join(off)} are not uniform, so their intervals are wrong ({least})"


def share(covered: float, error: float) -> str:
    """Return a share of true values as the command prints it: in per cent with its standard error; a dash for NaN.

    >>> share(0.885, 0.0146), share(float("nan"), float("nan"))
    ('88 ± 1.5', '-')
    """
    return "-" if covered != covered else f"{100 * covered:.0f} ± {100 * error:.1f}"


def calibration_document(calibration: "Calibration") -> dict[str, Any]:
    """Return the JSON document that the command prints of a calibration.

    It is for all fits and for those that passed their own checks.
    """
    tables = {
        of: dict(zip(calibration.table(of).index, show.records(calibration.table(of)), strict=True))
        for of in ("all", "passed")
    }
    failed = calibration.data["failed"].values
    return {
        **{str(name): value for name, value in calibration.data.attrs.items()},
        "simulations": len(failed),
        "failed": int(failed.sum()),
        "resampled": int(calibration.data["resampled"].values.sum()),
        "holds": {of: calibration.holds(of) for of in ("all", "passed") if of == "all" or not failed.all()},
        "parameters": tables,
    }
