"""The command `scalebayes fit-many` fits one or several laws to many data sets in one call."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import complete
from scalebayes.cli import format as show
from scalebayes.cli.answer import checks_of, failed_lines
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_options import Batch, Discrepancy, Fallback, Folder, Method, Model, Priors, SeveralLaws, Window
from scalebayes.cli.fit_text import percent
from scalebayes.cli.flags import check_record
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Out, Plot, Prob, Seed
from scalebayes.cli.parse import check_prob
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.reading import table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed, window_of
from scalebayes.cli.table_options import Reading
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.fitting.many.result import Fits

SHOWN = 20  # data sets whose parameters are printed; those after them are only in the file and in --json


def fit_many(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS...",
            help="Several files of runs, one for each data set; or one file, with --by or with several --law.",
        ),
    ],
    *,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Split one table by this column, so that each of its values is a data set; by default no table is "
            "split.",
            autocompletion=complete.columns,
        ),
    ] = None,
    law: SeveralLaws = None,
    model: Model,
    priors: Priors = None,
    method: Method = "laplace",
    discrepancy: Discrepancy = None,
    window: Window = None,
    reading: Reading,
    fallback: Fallback = True,
    batch: Batch = None,
    folder: Folder = None,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Fit many data sets in one call.

    The data sets are several files, each with the name of its file, or one table that is split by a column. The law is
    chinchilla unless --law names another. If several laws are given, each is fitted to every data set.
    """
    check_prob(prob)
    laws = law or ["chinchilla"]
    for text in laws:
        law_typed(text)
    if by is not None and len(runs) > 1:
        raise InputError(f"--by {by} splits one table, and {len(runs)} are given; give one file, or leave --by out")
    if by is None and len(runs) == 1 and len(laws) == 1:
        raise InputError("one table and one law are one fit: give --by COLUMN, several files, or --law twice or more")
    names = [Path(path).stem for path in runs]
    if len(set(names)) < len(names):
        names = list(runs)
    if len(set(names)) < len(names):
        raise InputError(f"{next(name for name in names if names.count(name) > 1)} is given twice; give each file once")
    asked, settings = [table(path, reading) for path in runs], typed(model, method, priors)
    target, last, picture = checked_target(out, "fits.nc"), window_of(window), checked_figure(plot)
    load_jax()
    import scalebayes as sb

    chosen, departure = [law_of(text) for text in laws], discrepancy_of(discrepancy)
    noises = [settings.noise_of(one, departure) for one in chosen]
    params = [{**one.params, **noise.params} for one, noise in zip(chosen, noises, strict=True)]
    sampler = settings.method_of()
    tables = [one.read(chosen[0].observable, range_of(chosen[0])) for one in asked]
    specs = [sb.Spec.of(one, noise, departure) for one, noise in zip(chosen, noises, strict=True)]
    settings.check_fixed(specs, tables[0])
    given: Any = tables[0] if len(tables) == 1 else dict(zip(names, tables, strict=True))
    fits = patiently(
        "Compiling and fitting",
        lambda: sb.fit_many(
            given,
            chosen[0],
            by=by,
            laws=chosen if len(chosen) > 1 else None,
            noise=noises[0] if settings.noise is not None else None,
            discrepancy=departure,
            window=last,
            method=sampler,
            priors=settings.priors_of(*params),
            inputs=settings.inputs,
            seed=seed,
            on_fail="ignore",  # the checks are printed
            fallback=fallback,
            batch=batch,
            folder=folder,
        ),
        bar=True,
        folder=folder,
    )
    unsaved = "" if target else "not saved; --out fits.nc keeps them"
    answer = fits_document(fits, prob) if json else joined(failed_lines(fits), fits_text(fits, prob), unsaved)
    answered(answer, fits, target, picture_of(fits, picture, prob, seed))


def fits_text(fits: "Fits", prob: float) -> str:
    """Return the text that the command prints of many fits: one row for each data set and parameter.

    A row has the worst status of the fit's checks.
    """
    mode = all(fit.is_mode for fit in fits)
    columns = ["mode"] if mode else ["median", "lower", "upper"]
    rows = []
    for name in fits.names[:SHOWN]:
        fit = fits[name]
        table = fit.summary(prob)
        for i, (parameter, row) in enumerate(zip(table.index, show.records(table), strict=True)):
            cells = show.estimate(row, columns, show.most_digits([row])) if not fit.is_mode else [_mode(row)]
            start = [name, f"{len(fit.runs)}", fit.checks.status.value] if i == 0 else ["", "", ""]
            rows.append([*start, str(parameter), *cells, *[""] * (len(columns) - len(cells))])
    grid = show.grid(["data set", "runs", "checks", "parameter", *columns], rows)
    if len(fits) > SHOWN:
        more = f"These are the first {SHOWN} of {len(fits)} data sets; --json and the file of --out have all of them."
        grid += f"\n{show.prose(more)}"
    laws, methods = ({getattr(fit, what).name: 0 for fit in fits} for what in ("law", "method"))
    head = f"{len(fits)} data sets, law {', '.join(laws)}, method {', '.join(methods)}."
    if fits.resampled:
        head += f" {fits.resampled} were sampled with nuts, because the k-hat of laplace failed."
    what = "The mode alone: map has no intervals; nuts and laplace do."
    if not mode:
        what = f"lower to upper: {percent(prob)} interval, equal tails."
    return joined(show.prose(head), grid, show.prose(f"checks is the worst status of a data set's checks. {what}"))


def _mode(row: dict[str, Any]) -> str:
    """Return the mode of a parameter as text; a fit that is one draw has it as its median."""
    return show.figure(row["median"], 5)


def fits_document(fits: "Fits", prob: float) -> dict[str, Any]:
    """Return the JSON document that the command prints of many fits."""
    each = {
        name: {
            "law": fit.law.name,
            "method": fit.method.name,
            "runs": len(fit.runs),
            "status": fit.checks.status.value,
            "parameters": dict(zip(fit.summary(prob).index, show.records(fit.summary(prob)), strict=True)),
            "checks": [check_record(check) for check in fit.checks],
        }
        for name, fit in zip(fits.names, fits, strict=True)
    }
    return {
        "fits": each,
        "prob": prob,
        "resampled": fits.resampled,
        "status": checks_of(fits).status.value,
        "versions": dict(fits.versions),
    }
