"""The command `scalebayes compare` fits several laws to one table and scores how well each predicts runs."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.complete import RECOMMENDED
from scalebayes.cli.figure import checked_figure
from scalebayes.cli.fit_options import Discrepancies, LawsOrRecommended, Method, Model, Priors, Window
from scalebayes.cli.fit_text import checks_text, failed_text
from scalebayes.cli.flags import check_record
from scalebayes.cli.opened import load_jax
from scalebayes.cli.options import Json, Out, Plot, Seed
from scalebayes.cli.pictures import picture_of
from scalebayes.cli.reading import check_laws_of_curve, runs_or_curve, table
from scalebayes.cli.saving import answered, checked_target, joined
from scalebayes.cli.settings import discrepancy_of, law_of, law_typed, range_of, typed, window_of
from scalebayes.cli.table_options import Curve, Reading, RunsPath
from scalebayes.cli.wait import patiently
from scalebayes.display.progress import step
from scalebayes.errors import InputError

if TYPE_CHECKING:
    from scalebayes.comparison.result import Comparison
    from scalebayes.fitting.spec import Spec

# Column of the comparison's table -> its heading on the terminal.
HEADS = {
    "elpd_loo": "elpd",
    "difference": "diff",
    "difference_se": "se",
    "bad_k": "bad k",
    "lpd_largest": "largest",
    "log_evidence": "evidence",
    "weight_loo": "weight",
    "weight_largest": "by largest",
}


def compare(
    runs: RunsPath,
    *,
    laws: LawsOrRecommended = None,
    model: Model,
    priors: Priors = None,
    method: Method = "laplace",
    discrepancy: Discrepancies = None,
    window: Window = None,
    curve: Curve,
    reading: Reading,
    refits: Annotated[
        int,
        typer.Option(
            metavar="INT",
            min=0,
            help="Largest number of exact refits for each law, where its leave-one-out estimate is unreliable.",
        ),
    ] = 10,
    largest: Annotated[
        bool,
        typer.Option(
            help="Also score forecasts of the largest tenth of the runs, which needs one more fit for each law."
        ),
    ] = True,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Compare laws on runs that their fits haven't seen.

    elpd is the sum over all runs of the log predictive density of a run, given the other runs. largest is the mean log
    predictive density of the largest tenth of the runs, from a fit of the smaller runs. The weights come from stacking
    by either score.
    """
    laws = laws or []
    if len(set(laws)) < len(laws) or len(laws) * len(discrepancy or [""]) < 2:
        raise InputError("--law: give two or more laws, each once, such as --law chinchilla --law kaplan")
    for text in laws:
        law_typed(text)
    asked, settings = table(runs, reading), typed(model, method, priors)
    target, last, picture = checked_target(out), window_of(window), checked_figure(plot)
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD

    departures = [discrepancy_of(text) for text in dict.fromkeys(discrepancy or ["none"])]
    specs = named(
        {
            text: [sb.Spec.of(law, settings.noise_of(law, departure), departure) for departure in departures]
            for text, law in {text: law_of(text) for text in laws if text != RECOMMENDED}.items()
        }
    )
    known = [x for spec in specs.values() for x in spec.law.inputs] + (["x"] if RECOMMENDED in laws else [])
    settings.check_inputs(known)
    first = next(iter(specs.values())).law if specs else sb.laws.get("end_chinchilla")
    sampler, of_recommended = settings.method_of(), settings.method_of(METHOD)
    check_laws_of_curve(curve, [spec.law for spec in specs.values()])
    given = runs_or_curve(asked, curve, first.observable, range_of(first))
    settings.check_fixed(list(specs.values()), given)

    def compared() -> sb.Comparison:
        fits, count = {}, len(specs) + (RECOMMENDED in laws)
        for name, spec in specs.items():
            with step(f"fitting {name} ({len(fits) + 1} of {count})"):
                fits[name] = sb.fit(
                    given,
                    spec,
                    window=last,
                    method=sampler,
                    priors=settings.priors_of_one(spec),
                    inputs=settings.inputs_of(spec.law),
                    seed=seed,
                    on_fail="ignore",  # the checks of the comparison say it
                )
        if RECOMMENDED in laws:
            bound = {name: column for name, column in settings.inputs.items() if name == "x"} or None
            fits[RECOMMENDED] = sb.forecaster(given, inputs=bound, method=of_recommended, seed=seed, on_fail="ignore")
        return sb.compare(fits, refits=refits, largest=largest, seed=seed)

    comparison = patiently("Compiling, fitting and comparing", compared)
    answer = comparison_document(comparison) if json else comparison_text(comparison)
    answered(answer, comparison, target, picture_of(comparison, picture))


def named(typed: "Mapping[str, list[Spec]]") -> "dict[str, Spec]":
    """Return the specs that were typed by their names, as in Python; laws of one name keep what was typed of them.

    Args:
        typed: The specs of each law by what was typed for the law, such as "broken_power:breaks=2".

    Returns:
        A dict from name to spec, such as "power+gp(matern)", or "broken_power:breaks=2+gp".

    Raises:
        InputError: Two of the specs are the same.
    """
    count = Counter(specs[0].law.name for specs in typed.values())
    by_name: dict[str, Spec] = {}
    for text, specs in typed.items():
        for spec in specs:
            law = spec.law.name
            name = spec.name if count[law] == 1 else text + spec.name.removeprefix(law)
            if name in by_name:
                raise InputError(f"two of the fits are {name}; give each --law and each --discrepancy once")
            by_name[name] = spec
    return by_name


def comparison_document(comparison: "Comparison") -> dict[str, Any]:
    """Return the JSON document that the command prints of a comparison, with None in place of NaN."""
    scores = comparison.table()
    rows = [
        {
            "law": str(name),
            **{key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in row.items()},
        }
        for name, row in zip(scores.index, show.records(scores), strict=True)
    ]
    checks = [check_record(check) for check in comparison.checks]
    return {"runs": comparison.data.sizes["run"], "laws": rows, "checks": checks}


def comparison_text(comparison: "Comparison") -> str:
    """Return the text that the command prints of a comparison: a row for each law, and its checks."""
    scores = comparison.table()
    names = [name for name in HEADS if name in scores]
    rows = [
        [str(law), *(f"{row[name]:.0f}" if name == "bad_k" else show.figure(float(row[name])) for name in names)]
        for law, row in zip(scores.index, show.records(scores), strict=True)
    ]
    grid = show.grid(["law", *(HEADS[name] for name in names)], rows)
    return joined(failed_text(comparison.checks), grid, checks_text(comparison.checks))
