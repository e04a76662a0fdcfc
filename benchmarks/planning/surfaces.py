"""Compares the runs that `next_runs` chooses with an even grid and with the optimal path, on simulated surfaces."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import scalebayes as sb
from benchmarks.shared import say

METHOD = sb.Laplace(draws=2000, proposals=6000, rounds=2, fallback=False)
# The mean and the sd of the surfaces' parameters: Besiroglu's values, spread as laws of different data sets are.
SPREAD = {"E": 0.1, "A": 0.3, "B": 0.3, "alpha": 0.12, "beta": 0.12}  # sd of the log
NOISE = 0.004  # the noise's sd on the log of the loss, as between runs with other seeds
START = 12  # runs of each surface at first, at sizes of 1e7 to 2e8 parameters and 3e8 to 1e10 tokens
RUNS = 10  # runs that a design adds
TIMES = 30.0  # the budget of the further runs over the compute of the first
TARGETS = {"loss": {"N": 5e9, "D": 1e11}, "optimum": {"C": 1e22}}
SHARES = (1.0, 0.5, 0.25)  # shares of the budget that `next_runs` is given


def compared(count: int, seed: int) -> dict[str, Any]:
    """Return, for each target and design, the cost, the predicted and the realised variance of each surface."""
    rng = np.random.default_rng(seed)
    preset = sb.laws.published("besiroglu2024")
    truths = [
        {n: x * np.exp(SPREAD[n] * rng.standard_normal()) for n, x in preset.values.items()} for _ in range(count)
    ]
    starts = [_observed(truth, *_scattered(rng), rng) for truth in truths]
    fits = _fitted(starts)
    say(f"  {count} surfaces fitted")
    record: dict[str, Any] = {}
    for name, target in TARGETS.items():
        before = [_variance(fit, target) for fit in fits]
        designs = [_designs(fit, target) for fit in fits]
        say(f"  {name}: designs chosen")
        record[name] = {}
        for design in designs[0]:
            chosen = [one[design] for one in designs]
            longer = [
                _observed(truth, table["N"], table["D"], rng, start)
                for truth, table, start in zip(truths, chosen, starts, strict=True)
            ]
            after = [_variance(fit, target) for fit in _fitted(longer)]
            record[name][design] = {
                "cost": [float(np.sum(6 * one["N"] * one["D"])) for one in chosen],
                "runs": [len(one["N"]) for one in chosen],
                "before": before,
                "predicted": [one["predicted"] for one in chosen],
                "realised": after,
            }
            say(f"  {name}, {design}: refitted")
    return record


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for each target, what `next_runs` saves against the two designs, and how well its forecast agrees."""
    found: dict[str, Any] = {}
    for name, designs in record.items():
        arrays = {one: {key: np.array(x) for key, x in of.items()} for one, of in designs.items()}
        cut = {one: (x["before"] - x["realised"]) / x["before"] for one, x in arrays.items()}
        told = {one: 1 / x["realised"] - 1 / x["before"] for one, x in arrays.items()}
        predicted, realised = (np.concatenate([x[key] for x in arrays.values()]) for key in ("predicted", "realised"))
        within = [
            _rank_correlation(*(np.array([x[key][i] for x in arrays.values()]) for key in ("predicted", "realised")))
            for i in range(len(arrays["grid"]["cost"]))
        ]
        found[name] = {
            "rank_correlation": _rank_correlation(predicted, realised),
            "rank_correlation_of_ratios": _rank_correlation(
                *(np.concatenate([x[key] / x["before"] for x in arrays.values()]) for key in ("predicted", "realised"))
            ),
            "median_rank_correlation_within_a_surface": float(np.median(within)),
            "median_realised_over_predicted": float(np.median(realised / predicted)),
            "variance_left": {one: float(np.median(x["realised"] / x["before"])) for one, x in arrays.items()},
            "share_of_budget_spent": {
                one: float(np.median(x["cost"] / arrays["grid"]["cost"])) for one, x in arrays.items()
            },
        }
        for other in ("grid", "path"):
            found[name][f"against_{other}"] = {
                one: {
                    "cut_per_flop": _ratio(cut[one] / arrays[one]["cost"], cut[other] / arrays[other]["cost"]),
                    "precision_per_flop": _ratio(told[one] / arrays[one]["cost"], told[other] / arrays[other]["cost"]),
                    "share_with_less_variance": float(np.mean(arrays[one]["realised"] < arrays[other]["realised"])),
                }
                for one in arrays
                if one.startswith("next")
            }
    return found


def _ratio(a: np.ndarray, b: np.ndarray) -> float:
    """The ratio of the two means over the surfaces."""
    return float(a.mean() / b.mean())


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def _scattered(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return 10 ** rng.uniform(7, 8.3, START), 10 ** rng.uniform(8.5, 10, START)


def _observed(truth: Mapping[str, float], N: Any, D: Any, rng: np.random.Generator, start: Any = None) -> sb.Runs:
    N, D = np.asarray(N), np.asarray(D)
    loss = truth["E"] + truth["A"] / N ** truth["alpha"] + truth["B"] / D ** truth["beta"]
    loss = loss * np.exp(NOISE * rng.standard_normal(len(N)))
    if start is None:
        return sb.Runs(N=N, D=D, loss=loss)
    return sb.Runs(N=np.r_[start["N"], N], D=np.r_[start["D"], D], loss=np.r_[start.y, loss])


def _fitted(runs: Sequence[sb.Runs]) -> Any:
    return sb.fit_many(list(runs), "chinchilla", noise="normal", method=METHOD, on_fail="ignore", progress=False)


def _variance(fit: sb.Fit, target: Mapping[str, float]) -> float:
    if "C" in target:
        return float(np.nanvar(np.log(sb.optimum(fit, **target)["N"].values)))
    return float(np.log(sb.predict(fit, **target)["loss"].values).var())


def _designs(fit: sb.Fit, target: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The designs of one surface, each with the variance that is predicted after it."""
    first = float(np.sum(6 * fit.runs["N"] * fit.runs["D"]))
    budget = TIMES * first
    tables = {"grid": _grid(fit, budget), "path": _path(fit, budget)}
    found = {}
    for name, (N, D) in tables.items():
        whole = sb.next_runs(fit, budget=1.01 * budget, target=target, candidates={"N": N, "D": D}, n=RUNS)
        found[name] = {"N": N, "D": D, "predicted": (whole.before * whole.ratio) ** 2}
    for share in SHARES:
        runs = sb.next_runs(fit, budget=share * budget, target=target, n=RUNS)
        table = {key: runs.table[key].to_numpy() for key in ("N", "D")}
        found[f"next_runs {share:.0%}"] = {**table, "predicted": (runs.before * runs.ratio) ** 2}
    return found


def _grid(fit: sb.Fit, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Five sizes times two token counts, from the middle of the runs up, as far as the budget goes."""
    N0, D0 = (float(np.median(fit.runs[name])) for name in ("N", "D"))

    def grid(factor: float) -> tuple[np.ndarray, np.ndarray]:
        n, d = np.meshgrid(N0 * factor ** np.linspace(0, 1, 5), D0 * factor ** np.array([0.0, 1.0]))
        return n.ravel(), d.ravel()

    return _scaled(grid, budget)


def _path(fit: sb.Fit, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Ten budgets, evenly spaced on a log scale from the median run up, each at the median optimum."""
    C0 = float(np.median(6 * fit.runs["N"] * fit.runs["D"]))

    def path(factor: float) -> tuple[np.ndarray, np.ndarray]:
        C = C0 * factor ** np.linspace(0, 2, RUNS)
        best = sb.optimum(fit, C=C)["N"].values
        N = np.nanmedian(best, axis=(0, 1))
        return N, C / (6 * N)

    return _scaled(path, budget)


def _scaled(design: Any, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """The design with the factor at which its runs cost the budget."""
    low, high = 0.0, 12.0
    for _ in range(30):
        middle = (low + high) / 2
        N, D = design(np.exp(middle))
        low, high = (middle, high) if np.sum(6 * N * D) < budget else (low, middle)
    return design(np.exp(low))
