"""Scores forecasts by how far they reach beyond the runs: `python -m benchmarks.reach.reach`.

The cases are ladders of finished runs and small sweeps of N and D. Each call is appended to skill_log.csv. See
README.md beside this file.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reach import ladder_sets, sweep_sets
from benchmarks.reach.reach_report import markdown, numbered_fifths, pooled
from benchmarks.reach.sweep_sets import Case
from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions, write_json
from benchmarks.skill.skill import log

COUNT, SEED = 200, 2  # number and seed of the simulated ladders
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def main() -> None:
    """Fit and score the cases, and write reach.json and reach.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_only(parser, PARTS)
    parser.add_argument("--methods", default="", help="methods to score, separated by commas; the default is all")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the cases that are drawn")
    add_out(parser, here, "reach.json and reach.md")
    options = parser.parse_args()
    asked = set(filter(None, options.methods.split(",")))
    folder = find_data().parent
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "reach.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    record.pop("fifths", None)
    for part in options.only:
        made, methods = PARTS[part]
        cases = made(folder, options.seed)
        done: dict[str, dict[str, Said]] = {}
        for method in [name for name in methods if not asked or name in asked]:
            about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
            started = time.perf_counter()
            chosen = methods[method]
            said = done[method] = mixed([done[name] for name in chosen]) if isinstance(chosen, tuple) else chosen(cases)
            each = {name: figures(said[name], case) for name, case in cases.items()}
            row = {**about, "machine": machine(), "versions": dict(versions()), "seed": options.seed}
            row |= {"seconds": round(time.perf_counter() - started, 1), "cases": each}
            record.setdefault(part, {})[method] = row
            say(f"{part}, {method}: {row['seconds']} s, {pooled(each.values())}")
            write_json(path, record)
            looked = {method: {"sets": {part: {n: [x] for n, x in pooled(each.values()).items()}}}}
            log(here.parent / "skill" / "skill_log.csv", "reach", about, looked)
    record["fifths"] = numbered_fifths(record)
    write_json(path, record)
    text = markdown(record)
    (options.out / "reach.md").write_text(text, encoding="utf-8")
    print(text)


class Said:
    """The forecast of a case: draws of log y (draw, run), and the log predictive density of y (run,)."""

    def __init__(self, log_draws: np.ndarray, log_density: np.ndarray, conflict: str = "") -> None:
        self.log_draws, self.log_density, self.conflict = log_draws, log_density, conflict


Method = Callable[[Mapping[str, Case]], dict[str, Said]]


def fitted(settings: Callable[[Any], dict[str, Any]]) -> Method:
    """Return a method that fits cases by the settings for their runs; cases of the same settings are one batch."""

    def said(cases: Mapping[str, Case]) -> dict[str, Said]:
        import scalebayes as sb

        batches: dict[str, dict[str, Case]] = {}
        chosen = {name: settings(case.fitted) for name, case in cases.items()}
        for name, case in cases.items():
            batches.setdefault(repr({key: str(x) for key, x in chosen[name].items()}), {})[name] = case
        found = {}
        for batch in batches.values():
            tables, own = {name: case.fitted for name, case in batch.items()}, chosen[next(iter(batch))]
            fits = sb.fit_many(tables, seed=0, on_fail="ignore", progress=False, **own)
            found |= {name: _of_fit(fit, case.held) for (name, case), fit in zip(batch.items(), fits, strict=True)}
        return found

    return said


def _of_fit(fit: Any, held: Any) -> Said:
    from scalebayes.backtesting.forecast_of import forecast

    inputs = {name: held.column(column) for name, column in fit.problem.columns.items()}
    one = forecast(fit, held, inputs, 0)
    conflict = next((str(c.status.value) for c in fit.checks if c.id == "prior_data_conflict"), "")
    return Said(one.log_draws, one.log_density, conflict)


def recommended(kind: str | None = None) -> Method:
    """Return the method of the recommended forecaster; for a kind that is given, as if the runs were of that kind."""

    def settings(runs: Any) -> dict[str, Any]:
        from scalebayes.fitting.forecaster import METHOD, recipe

        return {"law": recipe(runs, kind=kind), "method": METHOD}

    return fitted(settings)


def before(runs: Any) -> dict[str, Any]:
    """Return the settings of the forecaster with the priors that it had before they were learnt on these cases."""
    from dataclasses import replace

    import numpyro.distributions as dist

    from scalebayes.discrepancy.gp import GP
    from scalebayes.discrepancy.kernels import Matern
    from scalebayes.fitting.forecaster import METHOD, recipe

    spec = recipe(runs)
    if len(spec.law.inputs) > 1:
        assert spec.discrepancy is not None
        return {
            "law": replace(spec, discrepancy=GP(*(one.name for one in spec.discrepancy.components))),
            "method": METHOD,
        }
    scale = dist.LogNormal(-4.7, 0.5) if "C" in runs.inputs else dist.LogNormal(-3.3, 0.6)
    own = {"matern_scale": scale, "matern_length_x": dist.LogNormal(0.7, 0.4), "matern_fade": 0.25}
    priors = {"alpha": dist.LogNormal(-1.8, 0.9), "logit_phi": dist.Normal(0.0, 1.5)}
    priors |= {"noise_scale": dist.LogNormal(-5.5, 0.8)}
    return {"law": replace(spec, discrepancy=GP(Matern(fades="x"), **own), priors=priors), "method": METHOD}


def exact(law: str) -> Method:
    """Return the method that takes a law as exact, with the law's own priors; by Laplace, whatever its k-hat."""

    def settings(runs: Any) -> dict[str, Any]:
        one = law != "chinchilla"
        return {"law": law, "noise": "normal", "fallback": False} | (
            {"inputs": {"x": next(iter(runs.inputs))}} if one else {}
        )

    return fitted(settings)


def trivial(cases: Mapping[str, Case]) -> dict[str, Said]:
    """Forecast without a law: the last value, and a part of the last slope."""
    from scalebayes.backtesting.trivial import Trivial

    found = {}
    for name, case in cases.items():
        by = "C" if "C" in case.fitted.inputs else next(iter(case.fitted.inputs))
        found[name] = Said(*Trivial.of(case.fitted, by).forecast(case.held, 0))
    return found


def mixed(of: Sequence[Mapping[str, Said]]) -> dict[str, Said]:
    """Return the forecasts of the cases that mix those of several methods with equal weights."""
    found = {}
    for name in of[0]:
        each = [one[name] for one in of]
        count = min(len(one.log_draws) for one in each)
        rows = [one.log_draws[np.linspace(0, len(one.log_draws) - 1, count).round().astype(int)] for one in each]
        density = np.logaddexp.reduce([one.log_density for one in each]) - np.log(len(each))
        found[name] = Said(np.concatenate(rows), density)
    return found


def figures(said: Said, case: Case) -> dict[str, Any]:
    """Return the scores of a case: a list over its held-out runs for each figure, with four digits."""
    from scalebayes.backtesting.proper_scores import crps
    from scalebayes.forecasting.trust import stretch

    y = np.log(case.held.y)
    low, quarter, median, three, high = np.quantile(said.log_draws, LEVELS, axis=0)
    missed = 2 / 0.1 * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
    last = np.log(case.fitted.y[np.argmax(_size(case.fitted))])
    each = {
        "reach": case.reach,
        "crps": crps(said.log_draws, y),
        "interval_score": high - low + missed,
        "log_score": said.log_density,
        "error": median - y,
        "cov90": (low <= y) & (y <= high),
        "cov50": (quarter <= y) & (y <= three),
        "width90": high - low,
        "z": (y - said.log_draws.mean(axis=0)) / said.log_draws.std(axis=0),
        "stretch": stretch(low, median, high, last),
    }
    along = "N and D" if {"N", "D"} <= set(case.fitted.inputs) else next(iter(case.fitted.inputs))
    about = {"source": case.source, "along": along, "rows": len(case.fitted), "conflict": said.conflict}
    return about | {name: [float(f"{one:.4g}") for one in np.asarray(x, float)] for name, x in each.items()}


def _size(runs: Any) -> np.ndarray:
    return runs.column("C") if "C" in runs.inputs else runs.column(next(iter(runs.inputs)))


BASELINES = ("offset_power exact", "power exact", "trivial")
LADDERS: dict[str, Any] = {
    "recommended": recommended(),
    "priors before": fitted(before),
    "priors of curves": recommended("curve"),
    "offset_power exact": exact("offset_power"),
    "power exact": exact("power"),
    "trivial": trivial,
    "mixture of the last three": BASELINES,
}
SWEEPS: dict[str, Any] = {
    "recommended": recommended(),
    "priors before": fitted(before),
    "chinchilla exact": exact("chinchilla"),
    "trivial": trivial,
}
FEWER = {name: LADDERS[name] for name in ("recommended", "priors before", "priors of curves")}
Made = Callable[[Path, int], dict[str, Case]]
PARTS: dict[str, tuple[Made, dict[str, Any]]] = {
    "ladders": (lambda folder, seed: ladder_sets.ladders(folder), LADDERS),
    "sweeps": (sweep_sets.sweeps, SWEEPS),
    "simulated": (lambda folder, seed: ladder_sets.simulated(COUNT, seed), FEWER),
    "simulated along N": (lambda folder, seed: ladder_sets.simulated(COUNT, seed, "N"), FEWER),
    "fine-tuned": (lambda folder, seed: ladder_sets.fine_tuned(folder), FEWER),
}


if __name__ == "__main__":
    main()
