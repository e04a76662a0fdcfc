"""Measures the coverage and the speed of decisions: `python -m benchmarks.planning.decisions`; see README.md.

Sweeps are simulated at the places of the Chinchilla runs from draws of their posterior. Each is fitted, and asked for
the optimum at a budget, the compute of a loss, and the compute-equivalent gain over a recipe that needs twice as much.
"""

import argparse
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

import scalebayes as sb
from benchmarks.shared import commit, find_data, machine, versions, write_json
from scalebayes.planning.least import least
from scalebayes.planning.limits import Limits, allowed

BUDGET, LOSS = 5.76e23, 2.0  # FLOPs and nats a token at which decisions are asked for
SAVED = 2.0  # the other recipe needs this many times the compute for the same loss
BOUNDS = 0.85, 0.95  # shares of 90 % intervals that hold the truth, as the issue of this part asks
DRAWS, BUDGETS = 4000, 1000  # of the optimum that is timed
SECONDS = 2.0  # aim for it, warm


def main() -> None:
    """Simulate, fit, ask, and write the report."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=200, help="simulated sweeps; the default is %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=here, help="folder of decisions.json and decisions.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "seed": options.seed}
    record |= {"machine": machine(), "versions": dict(versions()), "commit": commit(), "sweeps": options.sweeps}
    record["coverage"] = coverage(options.sweeps, options.seed)
    record["seconds"] = seconds()
    write_json(options.out / "decisions.json", record)
    text = markdown(record)
    (options.out / "decisions.md").write_text(text, encoding="utf-8")
    print(text)


def coverage(sweeps: int, seed: int) -> dict[str, Any]:
    """Return the share of the 90 % intervals that hold the simulated truth, by decision."""
    runs = sb.read_runs(find_data(), "epoch_excluded == 0")
    source = sb.fit(runs, "chinchilla", noise="normal", method="laplace", on_fail="ignore")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(source.law_draws["A"].size, sweeps, replace=False)
    N, D = runs.column("N"), runs.column("D")
    truths, tables = [], []
    for i in chosen:
        truth = {name: float(x.ravel()[i]) for name, x in source.law_draws.items()}
        scale = float(source.noise_draws["noise_scale"].ravel()[i])
        with jax.enable_x64():
            loss = np.asarray(source.law(N=N, D=D, **truth))
        tables.append(sb.Runs(N=N, D=D, loss=loss * np.exp(scale * rng.standard_normal(len(N)))))
        truths.append(truth)
    fits = sb.fit_many(tables, "chinchilla", noise="normal", method="laplace", on_fail="ignore", progress=False)
    found: dict[str, list[bool]] = {"N*": [], "D*": [], "budget for a loss": [], "compute-equivalent gain": []}
    out = 0
    for fit, truth in zip(fits, truths, strict=True):
        a, b = truth["alpha"], truth["beta"]
        G = (a * truth["A"] / (b * truth["B"])) ** (1 / (a + b))
        true_N = G * (BUDGET / 6) ** (b / (a + b))
        gap = LOSS - truth["E"]
        best, needed = sb.optimum(fit, C=BUDGET), sb.budget_for(fit, loss=LOSS)
        holds = lambda draws, value: bool(np.quantile(draws, 0.05) <= value <= np.quantile(draws, 0.95))  # noqa: E731
        found["N*"].append(holds(best["N"].values, true_N))
        found["D*"].append(holds(best["D"].values, BUDGET / 6 / true_N))
        if gap > 0:
            n = (truth["A"] * (a + b) / (b * gap)) ** (1 / a)
            d = (truth["B"] * (a + b) / (a * gap)) ** (1 / b)
            found["budget for a loss"].append(holds(needed["C"].values, 6 * n * d))
            # The loss that a recipe without scatter reaches with SAVED times the compute of the truth at BUDGET.
            at = truth["E"] + truth["A"] / true_N**a + truth["B"] / (BUDGET / 6 / true_N) ** b
            gain = sb.budget_for(fit, loss=at)["C"].values / (BUDGET / SAVED)
            found["compute-equivalent gain"].append(holds(gain, SAVED))
        else:
            out += 1
    return {
        name: {
            "held": float(np.mean(held)),
            "intervals": len(held),
            "mc_error": float(np.sqrt(0.9 * 0.1 / len(held))),
        }
        for name, held in found.items()
    } | {"out_of_reach": out}


def seconds() -> dict[str, float]:
    """Return the seconds of a numeric, constrained optimum of many draws and budgets, the first time and then warm."""
    preset = sb.laws.published("besiroglu2024")
    rng = np.random.default_rng(0)
    params = {name: x * np.exp(0.05 * rng.standard_normal(DRAWS)) for name, x in preset.values.items()}
    C, cost, limits = np.geomspace(1e18, 1e26, BUDGETS), sb.costs.with_inference(1e13), Limits(max_N=1e11)
    taken = []
    with jax.enable_x64():
        for _ in range(4):
            began = time.perf_counter()
            least(preset.law.fn, params, cost, C, allowed(limits, cost, C))
            taken.append(time.perf_counter() - began)
    return {"first": taken[0], "warm": float(np.median(taken[1:]))}


def markdown(record: dict[str, Any]) -> str:
    """Return the report."""
    rows = [
        f"| {name} | {one['held']:.3f} | {one['mc_error']:.3f} | {one['intervals']} | "
        f"{'met' if BOUNDS[0] <= one['held'] <= BOUNDS[1] else 'missed'} |"
        for name, one in record["coverage"].items()
        if isinstance(one, dict)
    ]
    warm = record["seconds"]["warm"]
    return "\n".join(
        [
            "# Decisions: coverage and seconds",
            "",
            f"{record['date']}, commit {record['commit']}, {record['machine']}, seed {record['seed']}, "
            f"{record['sweeps']} sweeps.",
            "",
            f"Share of 90 % intervals that hold the simulated truth; aim {BOUNDS[0]} to {BOUNDS[1]}.",
            "",
            "| decision | held | Monte-Carlo error | intervals | |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"A numeric optimum with a limit and inference, {DRAWS} draws x {BUDGETS} budgets: first "
            f"{record['seconds']['first']:.2f} s, warm {warm:.2f} s (median of 3), aim {SECONDS:g} s: "
            f"{'met' if warm <= SECONDS else 'missed'}.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
