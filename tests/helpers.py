"""What tests share: runs simulated, prior draws, fits that hold given values, where things are."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

import scalebayes as sb
from scalebayes.fitting.result import Fit
from scalebayes.model.problem import build
from scalebayes.status import Checks

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("SCALEBAYES_DATA", ROOT.parent / "shared" / "data"))

# Methods for tests that are about something else than the search or the proposals. Without L-BFGS and without kernels
# that move they take half as long to compile as the defaults, which is most of what a fit costs here. No NUTS follows
# where the weights of few runs are poor. Tests that use these same objects share what is compiled.
SEARCH = sb.Search(screened=256, starts=4, lbfgs_steps=0)
POINT = sb.MAP(search=SEARCH)
LAPLACE = sb.Laplace(draws=2000, proposals=6000, rounds=0, search=SEARCH, fallback=False)
# As they are typed.
TYPED_POINT = "map:screened=256,starts=4,lbfgs_steps=0"
TYPED_LAPLACE = "laplace:draws=2000,proposals=6000,rounds=0,screened=256,starts=4,lbfgs_steps=0"


# Hoffmann et al. 2022, arXiv 2203.15556, table A9: millions of parameters.
CHINCHILLA_SIZES = (
    *(44, 57, 74, 90, 106, 117, 140, 163, 175, 196, 217, 251, 278, 306, 425, 489, 509, 552, 587, 632, 664, 724, 816),
    *(893, 1018, 1143, 1266, 1424, 1429, 1593, 1609, 1731, 1794, 2007, 2283, 2298, 2639, 2980, 3530, 3802, 4084, 4516),
    *(6796, 9293, 11452, 12295, 12569, 13735, 14940, 16183),
)


# The same paper's IsoFLOP budgets.
CHINCHILLA_BUDGETS = (6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21)

# Parameters of a process with all components over N and D.
PROCESS_VALUES = {
    "matern_scale": 0.03,
    "matern_length_N": 2.0,
    "matern_length_D": 1.5,
    "matern_fade": 0.4,
    "bend_scale": 0.05,
    "drift_scale": 0.01,
    "offset_scale": 0.02,
}


def simulated(rows: int, seed: int, noise_scale: float = 0.005) -> sb.Runs:
    """Runs scattered over N and D, with losses from the values of Besiroglu et al. and Student-t(4) noise."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10.5, rows), 10 ** rng.uniform(9.0, 11.5, rows)
    preset = sb.laws.published("besiroglu2024")
    with jax.enable_x64():
        loss = np.asarray(preset.law(N=N, D=D, **preset.values)) * np.exp(noise_scale * rng.standard_t(4, rows))
    return sb.Runs(N=N, D=D, loss=loss)


def chinchilla_like(seed: int = 0, noise_scale: float = 0.0045) -> sb.Runs:
    """98 runs at the Chinchilla paper's sizes and budgets, with losses simulated as in `simulated`.

    Each budget trains every second of the sizes that get between 2 and 200 tokens a parameter.
    """
    preset = sb.laws.published("besiroglu2024")
    rng = np.random.default_rng(seed)
    grid = [
        (size * 1e6, budget / (6 * size * 1e6))
        for budget in CHINCHILLA_BUDGETS
        for size in CHINCHILLA_SIZES[::2]
        if 2 <= budget / (6 * (size * 1e6) ** 2) <= 200
    ]
    N, D = np.array(grid).T
    with jax.enable_x64():
        curve = np.asarray(preset.law(N=N, D=D, **preset.values))
    loss = curve * np.exp(noise_scale * rng.standard_t(4, len(N)))
    return sb.Runs(N=N, D=D, loss=loss)


# Prior draws that are made at least, so that a distribution's sampler is compiled for one size.
MOST = 2000


def prior_draws(law: sb.Law, size: int, seed: int) -> dict[str, np.ndarray]:
    """Parameters of a law in reference units, float64 (size,), drawn from its priors."""
    assert all(p.scaled or p.fixed for p in law.params.values()), f"{law.name}: a prior isn't in reference units"
    with jax.enable_x64():
        keys = jax.random.split(jax.random.key(seed), len(law.params))
        return {
            name: np.full(size, 1.0 if param.prior == "reference" else float(param.prior))
            if param.fixed
            else np.asarray(param.distribution.sample(key, (max(size, MOST),)), np.float64)[:size]
            for (name, param), key in zip(law.params.items(), keys, strict=True)
        }


def fit_of(
    law: sb.Law,
    draws: Mapping[str, Any],
    runs: sb.Runs,
    noise: sb.Noise | None = None,
    priors: Mapping[str, Any] | str = MappingProxyType({}),
) -> Fit:
    """A fit that holds given values of a law's parameters, in the runs' own units, and was never fitted.

    noise: by default Normal; its scale is fixed at 0.01 where it is a parameter.

    priors: of parameters that don't keep the law's, or "flat" for all.
    """
    noise = noise or sb.Normal()
    scale = noise.params.get("noise_scale")
    fixed = {"noise_scale": 0.01} if scale and not scale.fixed else {}
    problem = build(runs, law, noise, priors if isinstance(priors, str) else fixed | dict(priors))
    arrays = {name: np.asarray(x, np.float64).reshape(1, -1) for name, x in draws.items()}
    return Fit(problem, sb.MAP(), 0, MappingProxyType(arrays), {}, {}, Checks(()))


def departing(
    runs: sb.Runs, law: sb.Law, draws: Mapping[str, Any], discrepancy: Any, values: Mapping[str, float]
) -> Fit:
    """A fit that holds draws of a law's parameters and fixed values of its discrepancy, and was never fitted.

    values: of the discrepancy's parameters, and of noise_scale, by default 0.003.
    """
    with jax.enable_x64():
        problem = build(runs, law, sb.Normal(), {"noise_scale": 0.003} | dict(values), discrepancy=discrepancy)
    arrays = {name: np.asarray(x, np.float64).reshape(1, -1) for name, x in draws.items()}
    return Fit(problem, sb.MAP(), 0, MappingProxyType(arrays), {}, {}, Checks(()))


class Compiled:
    """The questions to a process, each as one program, as inside a fit.

    Asked eagerly, each operation is a program, and the hundreds that a process takes are a minute of the compiler's. A
    constant that a test replaces is read when a question is first asked: make one of these in each test.
    """

    def __init__(self, process: Any) -> None:
        self.process = process
        for name in ("covariance", "variance", "log_density", "left_out", "given_others", "conditional"):
            setattr(self, name, jax.jit(partial(getattr(process, name))))
