"""This file has the way in for `pool=`: it splits runs by recipe, and fits one recipe alone and several together."""

from typing import Any

from scalebayes.display.progress import told as progressing
from scalebayes.errors import InputError, shown
from scalebayes.fitting.finish import versions
from scalebayes.fitting.on_fail import act, failed_sentence
from scalebayes.fitting.pooled.named_tables import tables_of
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.pooled.together import fitted
from scalebayes.fitting.run_method import alone
from scalebayes.fitting.spec import Spec
from scalebayes.infer.double import double
from scalebayes.runs import Runs
from scalebayes.seeds import Seed
from scalebayes.status import Status


def pooled(runs: Runs, pool: str, spec: Spec, method: Any, seed: Seed, on_fail: str, progress: bool | None) -> Pooled:
    """Fit the recipes of a column together. One recipe is fitted as without `pool`.

    Args:
        runs: The table of all runs.

        pool: The column that has the names of the recipes.

        spec: What is fitted to each recipe.

        method: The method with its settings.

        seed: An int or a JAX key.

        on_fail: "warn", "raise" or "ignore", as for `fit`.

        progress: Whether a line says what is going on, as for `fit`.

    Raises:
        InputError: The column can't be used, or the law, the noise or the method can't be pooled.
        FitError: A check failed, and `on_fail` is "raise".
    """
    if spec.noise.form.density is False:
        raise InputError(f"noise {spec.noise!r} is an objective and not a density, and pool= samples one; use 'normal'")
    columns = {runs.name_of(column) for column in (spec.inputs or {}).values()}
    columns |= {name for name in spec.law.inputs if name not in (spec.inputs or {})}
    tables = tables_of(runs, pool, columns)
    doing = f"fitting {spec.law.name} to {len(tables)} recipes; the first fit of a shape compiles"
    with progressing(doing, progress), double():
        if len(tables) == 1:
            [(name, table)] = tables.items()
            result = Pooled((name,), (alone(table, spec, method, seed),), versions=versions(), column=pool)
        else:
            result = fitted(tables, pool, spec, method, seed)
    act(on_fail, _failed(result), list(result))
    return result


def _failed(result: Pooled) -> str:
    """The sentence that says which recipes failed a check; "" where none did."""
    failed = [name for name, fit in zip(result.names, result, strict=True) if fit.checks.of(Status.FAIL)]
    if len(result) == 1:
        return failed_sentence(result[0])
    some = shown(", ".join(failed[:5])) + (", ..." if len(failed) > 5 else "")
    return f"{len(failed)} of {len(result)} recipes failed a check ({some}): .status says which" if failed else ""
