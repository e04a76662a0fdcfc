"""From a sweep's table to a forecast: fit the runs of one epoch, forecast the largest, see what they reached.

    python examples/forecast_sweep.py                         # the runs that come with scalebayes
    python examples/forecast_sweep.py --runs sweep/runs.csv   # those of your own train_sweep.py

It also says how far runs scatter that differ in their seed alone: noise that no law can explain, and what the scatter
around a law should come to where the law is right.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

import scalebayes as sb

SINGLE = "split == 'fit' and epochs <= 1"
TARGET = "split == 'target'"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit a sweep and forecast its largest runs.")
    parser.add_argument("--runs", help="a table that train_sweep.py wrote; without it the one in scalebayes")
    parser.add_argument("--law", default="chinchilla")
    options = parser.parse_args()
    try:
        runs, targets = read(options.runs, SINGLE), read(options.runs, TARGET)
        fit = sb.fit(runs, law=options.law, on_fail="ignore")
    except sb.InputError as error:
        parser.error(str(error))
    print(fit, end="\n\n")

    sd, freedom = seed_spread(runs)
    curve = sb.interval(sb.predict(fit, N=runs.column("N"), D=runs.column("D")))["median"].to_numpy()
    residuals = np.log(runs.y / curve)
    if freedom:
        print(f"sd of the log loss between seeds:       {sd:.4f}, {freedom} degrees of freedom, pooled over settings")
    else:
        print("sd of the log loss between seeds:       not known, no setting was run with two seeds")
    print(f"sd of the log loss around the law:      {residuals.std():.4f}, {len(runs)} runs")
    print(f"median distance from the law, log loss: {np.median(np.abs(residuals)):.4f}")
    large = runs.column("C") >= np.quantile(runs.column("C"), 0.75)
    print(f"mean residual of the quarter with the most compute: {residuals[large].mean():+.4f}", end="\n\n")

    forecast = sb.predict(fit, N=targets.column("N"), D=targets.column("D"), observed=True)
    table = sb.interval(forecast)[["N", "D", "median", "lower", "upper", "efolds"]]
    table["truth"] = targets.y
    table["inside"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    print(f"the runs kept back, {targets.unit}, 90 % interval of a new run:")
    print(table.to_string(index=False, float_format=lambda x: f"{x:.6g}"))


def read(path: str | None, where: str) -> sb.Runs:
    if path is None:
        return sb.datasets.load("tiny_gpt", where=where)
    return sb.read_runs(path, where=where, unit="nats/byte", N_counts="non-embedding")


def seed_spread(runs: sb.Runs) -> tuple[float, int]:
    """The sd of the log loss of runs that differ in their seed alone, pooled, and its degrees of freedom."""
    settings = defaultdict(list)
    for N, D, y in zip(runs.column("N"), runs.column("D"), runs.y, strict=True):
        settings[N, D].append(np.log(y))
    freedom = sum(len(losses) - 1 for losses in settings.values())
    squares = sum(np.sum((losses - np.mean(losses)) ** 2) for losses in map(np.array, settings.values()))
    return float(np.sqrt(squares / freedom)) if freedom else float("nan"), freedom


if __name__ == "__main__":
    main()
