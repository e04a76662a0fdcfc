"""This file fits several recipes together in the configuration that is recommended for forecasts beyond the runs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from scalebayes.fitting.finish import versions
from scalebayes.fitting.pooled.named_tables import tables_of
from scalebayes.fitting.pooled.pool import pooled
from scalebayes.fitting.pooled.result import Pooled
from scalebayes.fitting.recipes import recipe
from scalebayes.fitting.recommended_checks import told
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import Spec
from scalebayes.runs import Runs
from scalebayes.runs import ladder_or_curve as kinds


def recommended_of(
    runs: Runs,
    pool: str,
    asked: Mapping[str, Any],
    method: Any,
    alone: Callable[..., Fit],
    *,
    seed: Any,
    on_fail: str,
    progress: bool | None,
) -> Pooled:
    """Fit the recipes of a column together as `forecaster` does, or one recipe as it does without `pool`.

    Args:
        runs: The table of all runs.

        pool: The column that has the names of the recipes.

        asked: The arguments `inputs` and `kind` of `forecaster`.

        method: The method with its settings.

        alone: A function that fits the runs of one recipe.

        seed: An int or a JAX key.

        on_fail: "warn", "raise" or "ignore".

        progress: Whether a line says what is going on.

    Raises:
        InputError: As `forecaster`, and the column can't be used.
        FitError: A check failed, and `on_fail` is "raise".
    """
    tables = tables_of(runs, pool, (asked["inputs"] or {}).values())
    if len(tables) == 1:
        [(name, table)] = tables.items()
        fit = alone(table, seed=seed, progress=progress)
        return Pooled((name,), (fit,), versions=versions(), column=pool)
    chosen = _spec(runs, pool, tables, asked)
    noted = runs if chosen.kind is None else kinds.noted(runs, chosen.kind)
    found = pooled(noted, pool, chosen, method, seed, on_fail, progress)
    return replace(found, items=tuple(told(fit) for fit in found))


def _spec(runs: Runs, pool: str, tables: Mapping[str, Runs], asked: Mapping[str, Any]) -> Spec:
    """The spec that is recommended for all recipes: for runs of N and D by all of them, else by the largest recipe."""
    column = runs.name_of(pool)
    two = not asked["inputs"] and len({"N", "D", "C"} & set(runs.inputs) - {column}) > 1
    table = runs if two else max(tables.values(), key=len)
    return replace(recipe(table.without(column), **asked), cells=None)
