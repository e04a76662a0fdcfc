"""Times the peers of the point fit: SciPy from a grid of starts and from one start, lmfit, and the package chinchilla.

Objective (Hoffmann et al. 2022, arXiv 2203.15556, approach 3; Besiroglu et al. 2024, arXiv 2404.10102): the sum over
runs of Huber(1e-3) of log L - logsumexp(a - alpha log N, b - beta log D, e).
"""

from functools import partial
from importlib.util import find_spec
from itertools import product
from math import prod
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.optimize import curve_fit, minimize
from scipy.special import logsumexp

from benchmarks.speed.ours import Measure, Task, timed

DELTA = 1e-3  # residual of log L, above which the Huber loss is linear
# The starts of Hoffmann et al. for a, b, e, alpha and beta.
GRID = tuple(
    product(
        np.arange(0.0, 26.0, 5.0), np.arange(0.0, 26.0, 5.0), np.arange(-1.0, 1.1, 0.5), *[np.arange(0.0, 2.1, 0.5)] * 2
    )
)
# Single starts, each a, b, e, alpha, beta. NEAR is the estimate of Besiroglu et al. (A 482, B 2085, E 1.82, alpha .348,
# beta .366), the best start there is. HOFFMANN is the earlier one of Hoffmann et al. ROUGH lies inside their grid.
NEAR = (np.log(482.0), np.log(2085.0), np.log(1.82), 0.348, 0.366)
HOFFMANN = (6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083)
ROUGH = (10.0, 10.0, 0.0, 0.5, 0.5)


class Table:
    """The logs of the runs, as all peers take them."""

    def __init__(self, runs: Any) -> None:
        self.N, self.D, self.L = np.log(runs.column("N")), np.log(runs.column("D")), np.log(runs.y)

    def terms(self, t: Any) -> np.ndarray:
        """Return the logs of the law's three terms (term, run) at t = a, b, e, alpha, beta."""
        a, b, e, alpha, beta = t
        return np.stack([a - alpha * self.N, b - beta * self.D, np.full_like(self.N, e)])

    def derivative(self, terms: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the derivative of the log of the law by t (run, parameter)."""
        share = np.exp(terms - total)
        return np.stack([*share, -share[0] * self.N, -share[1] * self.D], axis=1)

    def objective(self, t: Any) -> tuple[float, np.ndarray]:
        """Return the sum-Huber objective and its gradient."""
        terms = self.terms(t)
        total = logsumexp(terms, axis=0)
        residual = self.L - total
        size = np.abs(residual)
        value = np.where(size <= DELTA, residual**2 / 2, DELTA * (size - DELTA / 2)).sum()
        return float(value), -np.clip(residual, -DELTA, DELTA) @ self.derivative(terms, total)


def _grid(table: Table, starts: Any, seed: int) -> Measure:
    """Time SciPy's L-BFGS-B from all starts, with an analytic gradient."""
    seconds, ends = timed(lambda: [minimize(table.objective, x, jac=True, method="L-BFGS-B").fun for x in starts])
    best = min(ends)
    share = float(np.mean(np.array(ends) <= best * (1 + 1e-5)))
    return Measure(seconds, {"objective": float(best), "share_of_starts_that_reach_it": share})


def _curve_fit(table: Table, start: Any, analytic: bool, seed: int) -> Measure:
    """Time SciPy's `curve_fit` with the Huber loss from one start."""

    def log_law(_: Any, *t: float) -> np.ndarray:
        return np.log(np.exp(table.terms(t)).sum(axis=0))

    def jacobian(_: Any, *t: float) -> np.ndarray:
        terms = table.terms(t)
        return table.derivative(terms, np.log(np.exp(terms).sum(axis=0)))

    options: dict[str, Any] = {"loss": "huber", "f_scale": DELTA, "method": "trf"}
    if analytic:
        options["jac"] = jacobian
    try:
        seconds, (t, _) = timed(lambda: curve_fit(log_law, table.N, table.L, p0=start, **options))
    except RuntimeError as error:  # SciPy raises this if it didn't converge
        return Measure(np.nan, {"objective": np.nan, "failed": str(error)})
    return Measure(seconds, {"objective": table.objective(t)[0]})


def _lmfit(table: Table, seed: int) -> Measure:
    """Time lmfit's least squares with the Huber loss from the values of Hoffmann et al."""
    import lmfit

    start = lmfit.Parameters()
    for name, value in zip(("a", "b", "e", "alpha", "beta"), HOFFMANN, strict=True):
        start.add(name, value=value)

    def residual(parameters: Any) -> np.ndarray:
        return table.L - logsumexp(table.terms(list(parameters.valuesdict().values())), axis=0)

    def fit() -> Any:
        return lmfit.Minimizer(residual, start).least_squares(loss="huber", f_scale=DELTA)

    seconds, found = timed(fit)
    return Measure(seconds, {"objective": table.objective(list(found.params.valuesdict().values()))[0]})


PACKAGE_GRID = {
    "e": [-1.0, 0.0, 1.0],
    "a": [0.0, 8.0, 16.0],
    "b": [0.0, 8.0, 16.0],
    "alpha": [0.3, 0.8],
    "beta": [0.3, 0.8],
}


def _chinchilla(runs: Any, seed: int) -> Measure:
    """Time the package's own fit, with its picture: BFGS with numeric gradients from a grid of starts, by processes."""
    import pandas as pd
    from chinchilla import Chinchilla

    def loss(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        size = np.abs(np.log(y_true) - np.log(y_pred))
        return np.where(size <= DELTA, size**2 / 2, DELTA * (size - DELTA / 2))

    with TemporaryDirectory() as folder:
        N, D = runs.column("N"), runs.column("D")
        pd.DataFrame({"C": 6 * N * D, "N": N, "D": D, "loss": runs.y}).to_csv(f"{folder}/df.csv", index=False)
        package = Chinchilla(folder, param_grid=PACKAGE_GRID, loss_fn=loss, log_level=50)
        seconds, _ = timed(package.fit)
    t = (np.log(package.A), np.log(package.B), np.log(package.E), package.alpha, package.beta)
    return Measure(seconds, {"objective": Table(runs).objective(t)[0]})


def _package(name: str) -> str:
    """Return "not installed" if a package is missing, otherwise ""."""
    return "" if find_spec(name) else "not installed"


def point_tasks(runs: Any, full: bool) -> list[Task]:
    """Return the rows of the peers; SciPy's grid takes most of the time, and runs once unless `full`."""
    table = Table(runs)
    return [
        Task(
            "map",
            "scipy, grid",
            partial(_grid, table, GRID),
            f"L-BFGS-B from {len(GRID):,} starts, analytic gradient" + ("" if full else "; run once"),
            warm_up=lambda: _grid(table, GRID[:20], 0),
            at_most=None if full else 1,
        ),
        *(
            Task("map", f"scipy, curve_fit {name}", partial(_curve_fit, table, start, analytic), note)
            for name, start, analytic, note in (
                ("near", NEAR, True, "from the published estimate itself, analytic Jacobian"),
                ("Hoffmann", HOFFMANN, True, "from Hoffmann et al.'s values, analytic Jacobian"),
                ("Hoffmann, default", HOFFMANN, False, "from Hoffmann et al.'s values, as SciPy does it by default"),
                ("rough", ROUGH, True, "from a = b = 10, e = 0, 0.5, 0.5, analytic Jacobian"),
            )
        ),
        Task(
            "map",
            "lmfit",
            partial(_lmfit, table) if find_spec("lmfit") else None,
            "least_squares, Huber, from Hoffmann et al.'s values",
            missing=_package("lmfit"),
        ),
        Task(
            "map",
            "chinchilla",
            partial(_chinchilla, runs) if find_spec("chinchilla") else None,
            f"BFGS from {prod(map(len, PACKAGE_GRID.values()))} starts, numeric gradient",
            at_most=1,
            missing=_package("chinchilla"),
        ),
    ]
