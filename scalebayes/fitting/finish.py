"""This file makes a `Fit` of the draws of a method: it changes their units, checks the fit and records versions."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to

from scalebayes.checks import check
from scalebayes.checks.sampling import agreeing
from scalebayes.fitting.result import Fit
from scalebayes.infer import Draws
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.traces import jitted
from scalebayes.model.problem import Problem


def finished(problem: Problem, method: Any, seed: int | tuple[int, ...], draws: Draws) -> Fit:
    """Make the fit of a problem from its draws, with its checks; call it inside `double()`.

    Args:
        problem: The problem.

        method: The method that made the draws, with its settings.

        seed: The seed as an int, or the numbers of a JAX key.

        draws: The draws of the method.
    """
    return Fit(
        problem,
        method,
        seed,
        _in_own_units(problem, draws.z),
        MappingProxyType({**draws.stats, **_factors(problem, draws.z)}),
        MappingProxyType({**draws.numbers, **_mode_numbers(problem, draws)}),
        check(problem, draws),
        versions(),
    )


def _in_own_units(problem: Problem, z: np.ndarray) -> Mapping[str, np.ndarray]:
    values = compiled_once(_own_units, problem.model, problem.numbers, z)
    return MappingProxyType({name: np.asarray(values[name]) for name in problem.model.free})


def _own_units_impl(model: Any, numbers: Any, z: Any) -> dict[str, Any]:
    values = {name: biject_to(numbers.priors[name].support)(z[..., i]) for i, name in enumerate(model.free)}
    return model.paper(values, numbers)


_own_units = jitted(0)(_own_units_impl)


def _factors(problem: Problem, z: np.ndarray) -> dict[str, np.ndarray]:
    """The factors of the runs' noise scales (chain, draw, run), where each run has a scale of its own; else nothing."""
    if not problem.model.latent:
        return {}
    # The coordinates of rows that were added as padding are left out.
    own = z[..., len(problem.model.free) :][..., : len(problem.runs)]
    return {"noise_factor": np.asarray(compiled_once(_factor, problem.model, problem.numbers, z, own))}


def _factor_impl(model: Any, numbers: Any, z: Any, own: Any) -> Any:
    values = {name: biject_to(numbers.priors[name].support)(z[..., i]) for i, name in enumerate(model.free)}
    noise = model.noise_values(model.scaled(values, numbers))
    return model.factor({name: jnp.asarray(x)[..., None] for name, x in noise.items()}, own)


_factor = jitted(0)(_factor_impl)


def _mode_numbers(problem: Problem, draws: Draws) -> dict[str, float]:
    agree = agreeing(problem, draws)
    return {
        "starts": float(agree.size),
        "starts_agree": float(agree.sum()),
        "gradient_norm": float(draws.mode.gradient_norm),
        "mode_lp": float(draws.mode.log_density),
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that a fit records, because its numbers depend on them."""
    import platform
    from importlib.metadata import version

    packages = ("scalebayes", "jax", "jaxlib", "numpyro", "optax", "arviz-stats", "numpy")
    return {**{name: version(name) for name in packages}, "python": platform.python_version()}
