"""Scores mixtures for skill.py: two laws of learning curves, each alone and stacked."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.shared import say
from benchmarks.skill import skill_sets as sets

LAWS = ("end_power", "end_onset")


def stacking(
    cases: Mapping[str, sets.Case], seeds: Iterable[int], figures: Callable[[Any], dict[str, float]], prob: float
) -> dict[str, Any]:
    """Return method -> its figures by seed.

    The methods are each law by the recommended recipe, and mixtures of the laws by leave-one-out scores and evidence.
    """
    import scalebayes as sb
    from scalebayes.backtesting.forecast_of import forecast
    from scalebayes.backtesting.proper_scores import Forecast, scores_of
    from scalebayes.fitting.forecaster import METHOD, recipe

    how = recipe(next(iter(cases.values())).fitted)
    tables = {name: case.fitted for name, case in cases.items()}
    found: dict[str, Any] = {}
    took = []
    for seed in seeds:
        started = time.perf_counter()
        fits = {
            law: sb.fit_many(tables, replace(how, law=sb.laws.get(law)), method=METHOD, on_fail="ignore", seed=seed)
            for law in LAWS
        }
        each: dict[str, list[dict[str, float]]] = {}
        for name, case in cases.items():
            members = {law: of[name] for law, of in fits.items()}
            said = {law: forecast(fit, case.held, {"x": case.held.column("x")}, seed) for law, fit in members.items()}
            compared = sb.compare(members, refits=0, largest=False)
            # If NUTS replaced a fit, that fit has no evidence, and leave-one-out scores give the weights.
            known = bool(np.isfinite(compared.data["log_evidence"]).all())
            for by in ("loo", "evidence"):
                weighed = compared.weights(by if known else "loo")
                weights = np.array([weighed[law] for law in LAWS])
                said[f"stack by {by}"] = _mixed(Forecast, [said[law] for law in LAWS], weights, seed)
            for method, one in said.items():
                each.setdefault(method, []).append(figures(scores_of(one, np.log(case.held.y), [prob])))
        took.append(time.perf_counter() - started)
        say(f"  stacking, seed {seed}: {took[-1]:.1f} s")
        for method, scored in each.items():
            row = found.setdefault(method, {"seconds": 0.0, "sets": {"IC": {x: [] for x in scored[0]}}})
            for figure, values in row["sets"]["IC"].items():
                values.append(float(np.mean([one[figure] for one in scored])))
    for row in found.values():
        row["seconds"] = float(np.median(took[1:] or took)) / len(cases)
    return found


def _mixed(kind: Any, parts: list[Any], weights: np.ndarray, seed: int) -> Any:
    """Return the mixture of forecasts: draws of each in proportion to its weight, and the log of the mean density."""
    size = len(parts[0].log_draws)
    chosen = np.random.default_rng(seed).choice(len(parts), size, p=weights / weights.sum())
    draws = np.select([(chosen == k)[:, None] for k in range(len(parts))], [one.log_draws for one in parts])
    with np.errstate(divide="ignore"):
        density = np.logaddexp.reduce([np.log(w) + one.log_density for w, one in zip(weights, parts, strict=True)])
    return kind(draws, density)
