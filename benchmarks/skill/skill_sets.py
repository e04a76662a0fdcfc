"""Makes the cases that skill.py scores: the runs that are fitted, and the runs that are held out."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

HALF_A = ("bird", "cal")  # parts of the names of image curves on which the recipe was chosen
# Families of Porian's sweeps that are scored.
FAMILIES = (
    "rw-base-long-kaplan-kaplan-train",
    "rw-base-long-kaplan-standard-val",
    "rw-base-short-kaplan-standard-val",
    "rw-base-short-chinchilla-standard-val",
    "rw-tuned-short-const-standard-val",
)
LAST_LEVEL = 3.3e18  # FLOPs: Porian's levels below it, up to 3.2e18, are fitted; those above are held out


class Case(NamedTuple):
    """A case to forecast: the runs that are fitted, and the runs that are held out."""

    fitted: Any
    held: Any


def curves(folder: Path, domain: str) -> dict[str, Case]:
    """Return name -> case for the learning curves of one domain of `learning_curves.csv`."""
    import scalebayes as sb

    table = pd.read_csv(folder / "learning_curves.csv").query("dup == 0 and domain == @domain")

    def runs(rows: pd.DataFrame) -> Any:
        rows = rows.sort_values("x", kind="stable")
        return sb.Runs(x=rows["x"].to_numpy(), y=rows["y"].to_numpy(), observable="y")

    groups = {str(name): rows.groupby("split") for name, rows in table.groupby("curve_id")}
    return {n: Case(runs(g.get_group("train")), runs(g.get_group("test"))) for n, g in groups.items()}


def half(name: str) -> str:
    """Return the half of the image curves, "A" or "B", to which a curve belongs."""
    return "A" if any(word in name for word in HALF_A) else "B"


def chinchilla(folder: Path) -> dict[str, Case]:
    """Return cases that fit the Chinchilla runs below C = 1e21, or with the lowest 50, 70 or 90 % of compute."""
    import scalebayes as sb

    runs = sb.read_runs(folder / "chinchilla.csv", "epoch_excluded == 0")
    C = runs.column("C")
    below = {"C < 1e21": C < 1e21} | {f"lowest {s} %": np.quantile(C, s / 100) >= C for s in (50, 70, 90)}
    return {name: Case(runs.take(kept), runs.take(~kept)) for name, kept in below.items()}


def porian(folder: Path) -> dict[str, Case]:
    """Return cases that fit the IsoFLOP sweeps of five main families at levels up to 3.2e18 FLOPs."""
    import scalebayes as sb

    found = {}
    for family in FAMILIES:
        runs = sb.read_runs(folder / "porian_isoflop.csv", f"family == '{family}'")
        kept = runs.column("C") < LAST_LEVEL
        found[family] = Case(runs.take(kept), runs.take(~kept))
    return found


def own_sweep() -> dict[str, Case]:
    """Return the case of the package's own sweep: the targets, from runs of at most a quarter of their compute."""
    import scalebayes as sb

    runs = sb.datasets.load("tiny_gpt")
    return {"tiny_gpt": Case(runs.where("split == 'fit' and epochs <= 1"), runs.where("split == 'target'"))}


def below(folder: Path) -> dict[str, Case]:
    """Return cases of the sweeps by which the recommended forecaster was set, cut at several computes.

    The sweeps are the single-epoch runs of datablations, and the package's own sweep without its targets.
    """
    import scalebayes as sb

    own = sb.datasets.load("tiny_gpt").where("split == 'fit' and epochs <= 1")
    other = sb.read_runs(folder / "datablations.csv", "epochs <= 1.0001 and kind != 'outlier'")
    cuts = {"tiny_gpt": np.quantile(own.column("C"), [0.5, 0.7, 0.9]), "datablations": (2e19, 1e20, 7e20)}
    found = {}
    for name, runs in (("tiny_gpt", own), ("datablations", other)):
        C = runs.column("C")
        found |= {f"{name}, C < {cut:.3g}": Case(runs.take(cut > C), runs.take(cut <= C)) for cut in cuts[name]}
    return found


def few_rows(rows: int, exact: bool, count: int, seed: int) -> dict[str, Case]:
    """Simulate small sweeps, and the runs beyond them, from the recipe's own prior or from its law taken as exact.

    N and D are drawn over three e-folds each. Four held-out runs are larger by up to two e-folds in both.
    """
    import jax

    import scalebayes as sb
    from scalebayes.calibration.simulate import from_prior
    from scalebayes.fitting.forecaster import recipe
    from scalebayes.model.problem import build

    rng, found = np.random.default_rng(seed), {}
    nothing = {"matern_scale": 1e-9, "bend_scale": 1e-9, "drift_scale": 1e-9}
    for i in range(count):
        N, D = (np.exp(rng.uniform(0, 3, rows)) * base for base in (1e7, 1e9))
        further = np.exp(rng.uniform(0, 2, 4))
        whole = sb.Runs(
            N=np.append(N, N.max() * further), D=np.append(D, D.max() * further), loss=np.full(rows + 4, 3.0)
        )
        seen = whole.take(np.arange(rows))
        how = recipe(seen)
        with jax.enable_x64():
            first = how.problem(seen)
            fixed = {name: x for name, x in nothing.items() if exact and name in first.params}
            every = build(whole, how.law, how.noise, {**how.priors, **fixed}, None, first.reference, how.discrepancy)
            every = replace(every, numbers=every.numbers._replace(ends=first.numbers.ends))
            y = from_prior(every, 1, jax.random.key(int(rng.integers(2**31)))).y[0]
        runs = whole.observed_as(y)
        found[f"{rows} rows, {i}"] = Case(runs.take(np.arange(rows)), runs.take(np.arange(rows, rows + 4)))
    return found
