"""Chooses among the Chinchilla runs as if they were still to be trained, by `next_runs` and by four other rules."""

from collections.abc import Callable
from typing import Any

import numpy as np

import scalebayes as sb
from benchmarks.shared import say

METHOD = sb.Laplace(draws=2000, proposals=6000, fallback=False)
START = 20  # the number of cheapest rows that are trained at first
ABOVE = 1e21  # FLOPs: the rows above it are the target, and are never trained
SHARE = 0.1  # the share of the pool's FLOPs that may be spent
ROUNDS = 4  # rounds of `next_runs` with a refit after each; the budget is shared evenly
STEP = 1e-4  # relative step of the law's Jacobian


def compared(runs: sb.Runs, repeats: int, seed: int) -> dict[str, Any]:
    """Return rule -> RMSE and mean width of the target rows' log loss, and the runs and FLOPs that were spent."""
    N, D, y = runs["N"], runs["D"], runs.y
    cost = 6 * N * D
    start = np.argsort(cost)[:START]
    target = np.flatnonzero(cost > ABOVE)
    pool = np.setdiff1d(np.arange(len(runs)), np.r_[start, target])
    budget = SHARE * cost[pool].sum()

    def fitted(rows: np.ndarray) -> sb.Fit:
        table = sb.Runs(N=N[rows], D=D[rows], loss=y[rows])
        return sb.fit(table, "chinchilla", method=METHOD, on_fail="ignore", progress=False)

    def scored(rows: np.ndarray) -> dict[str, float]:
        loss = np.log(sb.predict(fitted(rows), N=N[target], D=D[target])["loss"].values.reshape(-1, len(target)))
        low, middle, high = np.quantile(loss, [0.05, 0.5, 0.95], axis=0)
        error = middle - np.log(y[target])
        new = np.setdiff1d(rows, start)
        return {
            "rmse": float(np.sqrt(np.mean(error**2))),
            "width": float(np.mean(high - low)),
            "runs": len(new),
            "share_of_pool": float(cost[new].sum() / cost[pool].sum()),
        }

    first = fitted(start)
    rng = np.random.default_rng(seed)

    def asked(rows: np.ndarray, fit: sb.Fit, limit: float, n: int) -> np.ndarray:
        left = np.setdiff1d(pool, rows)
        found = sb.next_runs(
            fit,
            budget=limit,
            target={"N": N[target], "D": D[target]},
            candidates={"N": N[left], "D": D[left], "row": left},
            n=n,
        )
        return np.r_[rows, found.table["row"].to_numpy().astype(int)]

    departing = sb.fit(
        sb.Runs(N=N[start], D=D[start], loss=y[start]),
        "chinchilla",
        discrepancy="gp",
        method=METHOD,
        on_fail="ignore",
        progress=False,
    )
    once = asked(start, first, budget, len(pool))
    rounds = start
    for i in range(ROUNDS):
        spent = cost[np.setdiff1d(rounds, start)].sum()
        fit = first if i == 0 else fitted(rounds)
        rounds = asked(rounds, fit, budget * (i + 1) / ROUNDS - spent, len(pool))
    say("  pool: next_runs has chosen")
    v_optimal = _v_optimal(first, start, pool, target, N, D, cost, budget)
    found = {
        "start": scored(start),
        "all of the pool": scored(np.r_[start, pool]),
        "next_runs": scored(once),
        "next_runs of a fit with a discrepancy": scored(asked(start, departing, budget, len(pool))),
        f"next_runs, {ROUNDS} rounds": scored(rounds),
        "next_runs, as many runs as v-optimal": scored(asked(start, first, budget, max(len(v_optimal) - START, 1))),
        "v-optimal": scored(v_optimal),
        "cheapest first": scored(_afforded(start, pool[np.argsort(cost[pool])], cost, budget)),
    }
    random = [scored(_afforded(start, rng.permutation(pool), cost, budget)) for _ in range(repeats)]
    found["random"] = {key: float(np.median([one[key] for one in random])) for key in random[0]}
    found["random"]["rmse_all"] = [one["rmse"] for one in random]
    found["random"]["width_all"] = [one["width"] for one in random]
    return {"targets": len(target), "pool": len(pool), "budget": float(budget), "rules": found}


def _afforded(start: np.ndarray, order: np.ndarray, cost: np.ndarray, budget: float) -> np.ndarray:
    """The start with the rows in their order, each of which is taken where it is within what is left of the budget."""
    chosen, left = list(start), budget
    for row in order:
        if cost[row] <= left:
            chosen.append(int(row))
            left -= cost[row]
    return np.array(chosen)


def _v_optimal(
    fit: sb.Fit, start: np.ndarray, pool: np.ndarray, target: np.ndarray, N: Any, D: Any, cost: Any, budget: float
) -> np.ndarray:
    """The greedy V-optimal design of the law's Jacobian at the posterior median, by variance saved per FLOP."""
    values = {name: float(np.median(x)) for name, x in fit.law_draws.items()}
    noise = float(np.median(fit.noise_draws["noise_scale"]))
    jacobian = _jacobian(lambda **v: np.log(np.asarray(fit.law(N=N, D=D, **v))), values) / noise
    information = jacobian[start].T @ jacobian[start] + 1e-6 * np.eye(len(values))
    rows, left = list(start), budget
    free = set(pool.tolist())
    while True:
        able = np.array(sorted(i for i in free if cost[i] <= left), int)
        if not able.size:
            return np.array(rows)
        inverse = np.linalg.inv(information)
        along = jacobian[able] @ inverse
        saved = np.sum((along @ jacobian[target].T) ** 2, axis=1) / (1 + np.sum(along * jacobian[able], axis=1))
        best = int(able[np.argmax(saved / cost[able])])
        rows.append(best)
        free.discard(best)
        left -= cost[best]
        information = information + np.outer(jacobian[best], jacobian[best])


def _jacobian(curve: Callable[..., np.ndarray], values: dict[str, float]) -> np.ndarray:
    """The derivatives of the log loss by the log of each parameter (run, parameter)."""
    columns = []
    for name, x in values.items():
        up, down = (curve(**{**values, name: x * np.exp(step)}) for step in (STEP, -STEP))
        columns.append((up - down) / (2 * STEP))
    return np.column_stack(columns)
