"""From a sweep's table to a forecast: fit the runs of one epoch, forecast the largest, see what they reached.

    python examples/forecast_sweep.py                         # the runs that come with scalebayes
    python examples/forecast_sweep.py --runs sweep/runs.csv   # those of your own train_sweep.py
    python examples/forecast_sweep.py --compare               # every law of N and D in the registry, a line each
    python examples/forecast_sweep.py --compare kaplan nested # these

It also says how far runs scatter that differ in their seed alone: noise that no law can explain, and what the scatter
around a law should come to where the law is right.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

import scalebayes as sb

SINGLE = "split == 'fit' and epochs <= 1"
TARGET = "split == 'target'"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit a sweep and forecast its largest runs.")
    parser.add_argument("--runs", help="a table that train_sweep.py wrote; without it the one in scalebayes")
    parser.add_argument("--law", default="chinchilla", help="a law of N and D")
    parser.add_argument("--compare", nargs="*", metavar="LAW", help="a table of laws of N and D, by default of all")
    options = parser.parse_args()
    try:
        runs, targets = read(options.runs, SINGLE), read(options.runs, TARGET)
        if options.compare is not None:
            return compare(runs, targets, options.compare or sb.laws.GROUPS["N and D"])
        fit = sb.fit(runs, law=options.law, on_fail="ignore")
        table = forecast(fit, targets)
    except sb.InputError as error:
        parser.error(str(error))
    print(fit, end="\n\n")
    sd, freedom = seed_spread(runs)
    if freedom:
        print(f"sd of the log loss between seeds:       {sd:.4f}, {freedom} degrees of freedom, pooled over settings")
    else:
        print("sd of the log loss between seeds:       not known, no setting was run with two seeds")
    off = residuals(fit)
    large = runs.column("C") >= np.quantile(runs.column("C"), 0.75)
    print(f"sd of the log loss around the law:      {off.std():.4f}, {len(runs)} runs")
    print(f"median distance from the law, log loss: {np.median(np.abs(off)):.4f}")
    print(f"mean residual of the quarter with the most compute: {off[large].mean():+.4f}", end="\n\n")
    print(f"the runs kept back, {targets.unit}, 90 % interval of a new run:")
    print(table.to_string(index=False, float_format=lambda x: f"{x:.6g}"))


def compare(runs: sb.Runs, targets: sb.Runs, names: Sequence[str]) -> None:
    """A line a law: how it fits, and what it says of the runs that were kept back."""
    print(f"{'law':<18}{'sd of log loss':>15}{'max r-hat':>11}{'inside':>9}{'mean error of log loss':>24}")
    for name in names:
        if set(sb.laws.get(name).inputs) == {"N", "D"}:
            fit = sb.fit(runs, law=name, on_fail="ignore")
            table, r_hat = forecast(fit, targets), fit.summary()["r_hat"].max()
            error = np.log(table["median"] / table["truth"]).mean()
            inside = f"{table['inside'].sum()} of {len(table)}"
            print(f"{name:<18}{residuals(fit).std():>15.4f}{r_hat:>11.3f}{inside:>9}{error:>+24.4f}")


def read(path: str | None, where: str) -> sb.Runs:
    if path is None:
        return sb.datasets.load("tiny_gpt", where=where)
    return sb.read_runs(path, where=where, unit="nats/byte", N_counts="non-embedding")


def forecast(fit: sb.Fit, targets: sb.Runs) -> pd.DataFrame:
    """The 90 % interval of each target's loss, its noise included, beside the loss that it reached."""
    answer = sb.predict(fit, N=targets.column("N"), D=targets.column("D"), observed=True)
    table = sb.interval(answer)[["N", "D", "median", "lower", "upper", "efolds"]]
    truth = targets.y
    return table.assign(truth=truth, inside=(table["lower"] <= truth) & (truth <= table["upper"]))


def residuals(fit: sb.Fit) -> np.ndarray:
    """log of each run's loss over the posterior median of the law's curve (run,)."""
    curve = sb.interval(sb.predict(fit, N=fit.runs.column("N"), D=fit.runs.column("D")))["median"].to_numpy()
    return np.log(fit.runs.y / curve)


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
