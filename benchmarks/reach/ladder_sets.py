"""Makes the ladders of finished runs that reach.py scores, real and simulated, cut at several sizes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.reach.sweep_sets import Case, single_epoch, tiny_gpt

CUTS = (3.0, 10.0, 30.0, 100.0)  # a ladder is cut where its largest run has this many times the largest fitted size
NEAREST, FARTHEST = 2.9, 110.0  # held-out runs outside these factors of the largest fitted size aren't scored
FEWEST, MOST = 4, 30  # fitted runs of a ladder; of a longer one, rungs at equal distances on the log are taken
FAR = 300.0  # the held-out run of a simulated ladder has this many times the largest compute fitted
# Ranges from which the settings of a simulated ladder are drawn.
NOISE = (0.001, 0.005)  # sd of the log of the loss
SPAN = (2.0, 3.0)  # decades of compute between the smallest and the largest fitted run
AMPLITUDE = (1.0, 3.0)  # A in nats: the reducible loss of the smallest run
FLOOR, ALPHA = (0.0, 2.0), (0.04, 0.3)  # E in nats, and the exponent


def ladders(folder: Path) -> dict[str, Case]:
    """Return the ladders of finished runs of all public sets, each cut at several sizes."""
    found = {}
    for name, (source, along, rows) in _ladders(folder):
        found |= {f"{name}, cut at 1/{cut:g}": case for cut, case in _cut(rows, along, source)}
    return found


def _ladders(folder: Path) -> Iterator[tuple[str, tuple[str, str, pd.DataFrame]]]:
    """Yield (name, (source, column, runs)) of each ladder."""
    for family, rows in pd.read_csv(folder / "porian_isoflop.csv").groupby("family"):
        best = rows.loc[rows.groupby("flops")["loss"].idxmin()]
        yield f"{family}, best of each C", ("porian", "flops", best)
        # Beyond the middle of the largest budget, a size's best run is limited by the budgets and not by the size.
        limit = rows[rows["flops"] == rows["flops"].max()]["params"].median()
        best = rows[rows["params"] <= limit]
        yield f"{family}, best of each N", ("porian", "params", best.loc[best.groupby("params")["loss"].idxmin()])
    runs = pd.read_csv(folder / "chinchilla.csv").query("epoch_excluded == 0")
    yield "chinchilla, frontier", ("chinchilla", "flops", _frontier(runs))
    ratio = runs["tokens"] / runs["params"]
    for low, high in ((8, 12), (12, 18), (18, 27), (27, 40), (40, 60)):
        yield f"chinchilla, D/N {low} to {high}", ("chinchilla", "flops", runs[(ratio >= low) & (ratio < high)])
    yield "datablations, frontier", ("datablations", "flops", _frontier(single_epoch(folder)))
    own = tiny_gpt()
    yield "tiny_gpt, frontier", ("tiny_gpt", "flops", _frontier(own))
    for by, along in (("params", "tokens"), ("tokens", "params")):
        for size, rows in own.groupby(by):
            yield f"tiny_gpt, {by} {size:.4g}", ("tiny_gpt", along, rows)
    curves = pd.read_csv(folder / "learning_curves.csv").query("dup == 0 and domain != 'IC'")
    for name, rows in curves.groupby("curve_id"):
        source = str(rows["domain"].iloc[0])
        yield str(name), (source, "tokens", rows.rename(columns={"x": "tokens", "y": "loss"}))


def fine_tuned(folder: Path) -> dict[str, Case]:
    """Return ladders of loss against fine-tuning examples, for 42 pairs of model and data set; they start slowly."""
    table = pd.read_csv(folder / "forms" / "sft_train.csv").rename(columns={"D": "tokens"})
    groups = table.groupby("group")
    return {f"{name}, cut at 1/{cut:g}": case for name, rows in groups for cut, case in _cut(rows, "tokens", "sft")}


def simulated(count: int, seed: int, along: str = "C") -> dict[str, Case]:
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
        runs = sb.Runs(**{along: C, "loss": loss})
        found[f"simulated {i}"] = Case(runs.take(np.arange(rows)), runs.take([rows]), np.array([FAR]), "simulated")
    return found


def _frontier(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that no run of less compute beats, at most one for each e-fold of compute."""
    rows = rows.sort_values("flops", kind="stable")
    rows = rows[rows["loss"] == rows["loss"].cummin()]
    return rows.loc[rows.groupby(np.log(rows["flops"]).round())["loss"].idxmin()]


def _cut(rows: pd.DataFrame, along: str, source: str) -> Iterator[tuple[float, Case]]:
    """Yield (cut, case) for each of `CUTS` that leaves enough runs on both sides."""
    import scalebayes as sb

    rows = rows.sort_values(along, kind="stable")
    size = rows[along].to_numpy()
    runs = sb.Runs(**{{"params": "N", "tokens": "D", "flops": "C"}[along]: size, "loss": rows["loss"].to_numpy()})
    before = 0
    for cut in CUTS:
        few = np.flatnonzero(size <= size.max() / cut * (1 + 1e-6))
        if len(few) > MOST:
            equal = np.linspace(np.log(size[few[0]]), np.log(size[few[-1]]), MOST)
            few = few[np.unique(np.abs(np.log(size[few])[None] - equal[:, None]).argmin(axis=1))]
        if np.unique(size[few]).size < FEWEST or len(few) == before:
            continue
        reach = size / size[few].max()
        held = np.flatnonzero((reach >= NEAREST) & (reach <= FARTHEST))
        if len(held):
            before = len(few)
            yield cut, Case(runs.take(few), runs.take(held), reach[held], source)
