"""Makes the small sweeps of N and D that reach.py scores: few of the smaller runs, and larger ones held out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

ROWS = (8, 12, 16, 24, 40)  # fitted runs of a small sweep
BELOW = (0.25, 0.4, 0.55, 0.7)  # the share of a sweep's runs, by compute, from which the fitted ones are drawn
SCORED = 12  # the most held-out runs of a small sweep
SWEEPS = {"chinchilla": 60, "porian": 75, "datablations": 35, "tiny_gpt": 30}  # number of small sweeps from each source


class Case(NamedTuple):
    """A case to forecast.

    Attributes:
        fitted: The runs that are fitted.

        held: The runs that are held out.

        reach: Each held-out run's size or compute over the largest fitted one (run,).

        source: The name of the data set, all of whose cases are in one fold.
    """

    fitted: Any
    held: Any
    reach: np.ndarray
    source: str


def sweeps(folder: Path, seed: int) -> dict[str, Case]:
    """Return `SWEEPS` subsamples of the sweeps of N and D, of 8 to 40 runs, with larger runs held out."""
    rng = np.random.default_rng(seed)
    found = {}
    for source, count in SWEEPS.items():
        tables = _sweeps_of(folder, source)
        for i in range(count):
            name, table = tables[i % len(tables)]
            found[f"{name}, {i}"] = _subsample(table, source, ROWS[i // len(tables) % len(ROWS)], rng)
    return found


def _sweeps_of(folder: Path, source: str) -> list[tuple[str, pd.DataFrame]]:
    """Return the sweeps of a source by their names: tables with the columns params, tokens, flops and loss."""
    if source == "chinchilla":
        return [(source, pd.read_csv(folder / "chinchilla.csv").query("epoch_excluded == 0"))]
    if source == "datablations":
        return [(source, single_epoch(folder))]
    if source == "tiny_gpt":
        return [(source, tiny_gpt())]
    return [(str(name), rows) for name, rows in pd.read_csv(folder / "porian_isoflop.csv").groupby("family")]


def _subsample(table: pd.DataFrame, source: str, rows: int, rng: np.random.Generator) -> Case:
    """Return a case of runs drawn from the smaller ones of a sweep, of at least three values of N and of D."""
    import scalebayes as sb

    table = table.sort_values("flops", kind="stable")
    C = table["flops"].to_numpy()
    rows = min(rows, int(BELOW[-1] * len(C)))
    while True:
        share = max(rng.choice(BELOW), rows / len(C))
        low = np.flatnonzero(np.quantile(C, share) >= C)
        chosen = np.sort(rng.choice(low, min(rows, len(low)), replace=False))
        spread = table.iloc[chosen]
        further = np.flatnonzero(2 * C[chosen].max() < C)
        if len(further) and spread["params"].nunique() >= 3 and spread["tokens"].nunique() >= 3:
            break
    held = np.sort(rng.choice(further, min(SCORED, len(further)), replace=False))
    runs = sb.Runs(N=table["params"].to_numpy(), D=table["tokens"].to_numpy(), C=C, loss=table["loss"].to_numpy())
    return Case(runs.take(chosen), runs.take(held), C[held] / C[chosen].max(), source)


def single_epoch(folder: Path) -> pd.DataFrame:
    """Return the runs of datablations that saw each token once."""
    return pd.read_csv(folder / "datablations.csv").query("epochs <= 1.0001 and kind != 'outlier'")


def tiny_gpt() -> pd.DataFrame:
    """Return the runs of the package's own sweep that saw each token at most once, with the columns of the others."""
    import scalebayes as sb

    own = sb.datasets.load("tiny_gpt").to_pandas().query("epochs <= 1")
    return own.rename(columns={"N": "params", "D": "tokens", "C": "flops"})
