"""scalebayes compare: several laws fitted to one table, and how well each foretells runs."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit import fixed_of, method_of, priors_of, range_of
from scalebayes.cli.fit_text import checks_text, failed_text
from scalebayes.cli.flags import check_record
from scalebayes.cli.options import (
    Columns,
    Fix,
    Inputs,
    Json,
    NCounts,
    Observable,
    Priors,
    RunsPath,
    Seed,
    UniqueTokens,
    Unit,
    Units,
    Where,
    load_jax,
    table,
)
from scalebayes.cli.parse import named, pairs
from scalebayes.cli.wait import patiently
from scalebayes.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

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
    laws: Annotated[
        list[str], typer.Option("--law", help="Law, settings as in broken_power:breaks=2; give two or more.")
    ],
    noise: Annotated[str | None, typer.Option(help="Noise of all, by default each law's own.")] = None,
    method: Annotated[str, typer.Option(help="Method: laplace or nuts; settings as in nuts:draws=4000.")] = "laplace",
    where: Where = None,
    inputs: Inputs = None,
    columns: Columns = None,
    N_counts: NCounts = None,
    unique_tokens: UniqueTokens = None,
    unit: Unit = None,
    units: Units = None,
    observable: Observable = None,
    fix: Fix = None,
    priors: Priors = None,
    refits: Annotated[int, typer.Option(metavar="INT", min=0, help="The most exact refits of a law.")] = 10,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Compare laws on runs that their fits haven't seen.

    elpd: log predictive density of each run by the fit of the others, summed; largest: of a run of the largest tenth,
    by the fit of the others, on average. Weights are by stacking of either.
    """
    chosen = [(text, *named(text, "--law", "broken_power:breaks=2")) for text in laws]
    if len(set(laws)) < max(len(laws), 2):
        raise InputError("--law: give two or more laws, each once, such as --law chinchilla --law kaplan")
    bound = pairs(inputs or (), "--input", "x=C")
    asked = table(runs, where, columns, N_counts, unit, units, unique_tokens)
    fixed = fixed_of(fix)
    noise_name, noise_settings = named(noise or "", "--noise", "huber:delta=1e-3,scale=1")
    method_name, method_settings = named(method, "--method", "nuts:draws=4000")
    load_jax()
    import scalebayes as sb

    each = {text: sb.laws.get(name, **settings) for text, name, settings in chosen}
    known = list(dict.fromkeys(name for law in each.values() for name in law.inputs))
    for name in bound:
        if name not in known:
            raise unknown("input", name, known)
    noises = {text: sb.noises.get(noise_name or law.noise, noise_settings) for text, law in each.items()}
    params = {text: {**law.params, **noises[text].params} for text, law in each.items()}
    every = list(dict.fromkeys(name for own in params.values() for name in own))
    for name in fixed:
        if name not in every:
            raise unknown("parameter in --fix", name, every)
    held = {text: {name: x for name, x in fixed.items() if name in params[text]} for text in each}
    first, sampler = next(iter(each.values())), method_of(method_name, method_settings)
    found = asked.read(observable or first.observable, range_of(first))

    def compared() -> sb.Comparison:
        fits = {
            text: sb.fit(
                found,
                law,
                noise=noises[text],
                method=sampler,
                priors=priors_of(priors, held[text], params[text]),
                inputs={name: column for name, column in bound.items() if name in law.inputs},
                seed=seed,
                on_fail="ignore",  # the checks of the comparison say it
            )
            for text, law in each.items()
        }
        return sb.compare(fits, refits=refits, seed=seed)

    comparison = patiently("Compiling, fitting and comparing", compared)
    table_of = comparison.table()
    if json:
        rows = [{"law": name, **row} for name, row in zip(table_of.index, blanks(table_of), strict=True)]
        checks = [check_record(check) for check in comparison.checks]
        return show.document({"runs": len(found), "laws": rows, "checks": checks})
    names = [name for name in HEADS if name in table_of]
    rows = [
        [str(law), *(show.figure(float(row[name])) for name in names)]
        for law, row in zip(table_of.index, show.records(table_of), strict=True)
    ]
    blocks = [
        failed_text(comparison.checks),
        show.grid(["law", *(HEADS[name] for name in names)], rows),
        checks_text(comparison.checks),
    ]
    print("\n\n".join(block for block in blocks if block))


def blanks(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows for JSON, which has no NaN."""
    return [
        {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in row.items()}
        for row in show.records(table)
    ]
