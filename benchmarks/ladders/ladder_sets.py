"""Makes the ladders of finished runs that ladders.py scores, real and simulated: fitted runs and held-out runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.skill.skill_sets import FAMILIES, Case

REACH = 8.0  # the runs of a real ladder that are within this factor of the largest are held out
FEWEST, MOST = 4, 30  # fitted runs; a ladder with fewer or more is left out
FAR = 300.0  # the held-out run of a simulated ladder has this many times the largest compute fitted
# Ranges from which the settings of a simulated ladder are drawn.
NOISE = (0.001, 0.005)  # sd of the log of the loss
SPAN = (2.0, 3.0)  # decades of compute between the smallest and the largest fitted run
AMPLITUDE = (1.0, 3.0)  # A in nats: the reducible loss of the smallest run
FLOOR, ALPHA = (0.0, 2.0), (0.04, 0.3)  # E in nats, and the exponent


def chosen_on(folder: Path) -> dict[str, Case]:
    """Return the ladders on which the priors were chosen: datablations, and Porian's families without the main five."""
    table = pd.read_csv(folder / "porian_isoflop.csv")
    others = table[~table["family"].isin(FAMILIES)]
    found = {f"{name}, best of each C": _best(rows) for name, rows in others.groupby("family")}
    found |= _each_size(table, "owt2-base-short-chinchilla-standard-val")
    single = pd.read_csv(folder / "datablations.csv").query("epochs <= 1.0001 and kind != 'outlier'")
    found["datablations, frontier"] = _case(_frontier(single), "flops")
    return _kept(found)


def judged_on(folder: Path) -> dict[str, Case]:
    """Return ladders on which nothing was chosen: Porian's main families, Chinchilla, and the package's own sweep."""
    import scalebayes as sb

    table = pd.read_csv(folder / "porian_isoflop.csv")
    found = {f"{name}, best of each C": _best(table[table["family"] == name]) for name in FAMILIES}
    found |= _each_size(table, "rw-base-short-chinchilla-standard-val")
    runs = pd.read_csv(folder / "chinchilla.csv").query("epoch_excluded == 0")
    ratio = runs["tokens"] / runs["params"]
    for low, high in ((8, 12), (12, 18), (18, 27), (27, 40), (40, 60)):
        found[f"chinchilla, D/N {low} to {high}"] = _case(runs[(ratio >= low) & (ratio < high)], "flops")
    found["chinchilla, frontier"] = _case(_frontier(runs), "flops")
    own = sb.datasets.load("tiny_gpt").to_pandas().query("epochs <= 1")
    own = own.rename(columns={"N": "params", "D": "tokens"})
    for by, along in (("params", "tokens"), ("tokens", "params")):
        for size, rows in own.groupby(by):
            found[f"tiny_gpt, {by} {size:.4g}"] = _case(rows, along)
    return _kept(found)


def fine_tuned(folder: Path) -> dict[str, Case]:
    """Return ladders of loss against fine-tuning examples, for 42 pairs of model and data set; they start slowly."""
    table = pd.read_csv(folder / "forms" / "sft_train.csv").rename(columns={"D": "tokens"})
    return _kept({str(name): _case(rows, "tokens") for name, rows in table.groupby("group")})


def simulated(count: int, seed: int) -> dict[str, Case]:
    """Simulate ladders of 5 to 10 runs from L(C) = E + A (C/C_0)^-alpha; one run at `FAR` times C is held out."""
    import scalebayes as sb

    rng, found = np.random.default_rng(seed), {}
    for i in range(count):
        rows, E = int(rng.integers(5, 11)), rng.uniform(*FLOOR)
        alpha, A = np.exp(rng.uniform(*np.log(ALPHA))), rng.uniform(*AMPLITUDE)
        step = np.arange(rows) + 0.2 * rng.uniform(-1, 1, rows)
        span = rng.uniform(*SPAN) * np.log(10)
        C = 1e18 * np.exp(span * (step - step[0]) / (step[-1] - step[0]))
        C = np.append(C, C[-1] * FAR)
        sd = np.exp(rng.uniform(*np.log(NOISE)))
        loss = (E + A * (C / C[0]) ** -alpha) * np.exp(sd * rng.normal(size=rows + 1) * (np.arange(rows + 1) < rows))
        runs = sb.Runs(C=C, loss=loss)
        found[f"simulated {i}"] = Case(runs.take(np.arange(rows)), runs.take([rows]))
    return found


def _best(rows: pd.DataFrame) -> Case:
    """Return the ladder of the best run at each compute."""
    return _case(rows.loc[rows.groupby("flops")["loss"].idxmin()], "flops")


def _each_size(table: pd.DataFrame, family: str) -> dict[str, Case]:
    """Return the ladders along D of each model size of a family that has at least seven runs."""
    rows = table[table["family"] == family]
    return {f"{family}, N {N:.3g}": _case(each, "tokens") for N, each in rows.groupby("params") if len(each) >= 7}


def _frontier(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that no run of less compute beats, at most one for each e-fold of compute."""
    rows = rows.sort_values("flops", kind="stable")
    rows = rows[rows["loss"] == rows["loss"].cummin()]
    return rows.loc[rows.groupby(np.log(rows["flops"]).round())["loss"].idxmin()]


def _case(rows: pd.DataFrame, along: str) -> Case | None:
    """Return a ladder along a column, whose rows within `REACH` are held out; None if too few or many are left."""
    import scalebayes as sb

    rows = rows.sort_values(along, kind="stable")
    size = rows[along].to_numpy()
    few = size <= size.max() / REACH * (1 + 1e-6)
    if not FEWEST <= few.sum() <= MOST or np.unique(size[few]).size < FEWEST:
        return None
    name = {"params": "N", "tokens": "D", "flops": "C"}[along]
    runs = sb.Runs(**{name: size, "loss": rows["loss"].to_numpy()})
    return Case(runs.take(few), runs.take(~few))


def _kept(cases: dict[str, Any]) -> dict[str, Case]:
    """Return the cases without those that are None."""
    return {name: case for name, case in cases.items() if case is not None}
