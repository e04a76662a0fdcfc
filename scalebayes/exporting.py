"""export: the posterior predictive as a program that JAX runs without scalebayes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes import files
from scalebayes.errors import InputError, listed, unknown
from scalebayes.forecast import check_observed
from scalebayes.keys import as_key
from scalebayes.result import Fit

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PLATFORMS = ("cpu", "cuda", "rocm")


def export(
    fit: Fit,
    path: Any,
    *,
    quantiles: Sequence[float] = QUANTILES,
    observed: bool = True,
    seed: Any = 0,
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Write the posterior predictive of a fit as a serialised `jax.export` program.

    `jax.export.deserialize(file.read()).call(N, D)` then gives the quantiles (point, quantile), float32, at inputs
    (point,), float32, of any number of points: the law's inputs in order (`fit.law.inputs`), in the runs' own
    units. It needs JAX alone, works under jit, and is the same numbers every time. It holds 8 bytes a point and draw
    at a time: ask for many points in parts, or export a fit of fewer draws.

    Args:
        fit: by a method with draws. path: of the file. quantiles: probabilities between 0 and 1.
        observed: True for a new run with its noise, False for the law's curve.
        seed: of the noise: one draw of it for each draw of the posterior, kept in the program.
        platforms: that the program runs on, of "cpu", "cuda" and "rocm". It computes in float64, which a TPU lacks.

    Raises:
        InputError: a path that can't be written, a quantile outside (0, 1), a fit that is one draw or whose noise
            is no density where `observed`.

    >>> import tempfile, numpy as np, jax, scalebayes as sb
    >>> runs = sb.Runs(x=[1e0, 1e1, 1e2, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sb.export(fitted, f"{folder}/loss.jax")
    ...     program = jax.export.deserialize(Path(f"{folder}/loss.jax").read_bytes())
    >>> program.call(np.float32([1e5, 1e6])).shape
    (2, 5)
    """
    if not isinstance(fit, Fit):
        raise InputError(f"export takes one fit, not {type(fit).__name__}; of many, export each: fits[0], fits['name']")
    if not platforms or isinstance(platforms, str):
        raise InputError(f"platforms is a list of {listed(PLATFORMS)}, not {platforms!r}")
    target, levels = files.target(path), np.asarray(quantiles, np.float64)
    if levels.ndim != 1 or not levels.size or not ((levels > 0) & (levels < 1)).all():
        raise InputError(f"quantiles are probabilities between 0 and 1, such as {list(QUANTILES)}, not {quantiles!r}")
    for platform in platforms:
        if platform not in PLATFORMS:
            raise unknown("platform", platform, PLATFORMS)
    if observed:
        check_observed(fit)
    with jax.enable_x64():
        program = _program(fit, levels, observed, as_key(seed))
        (points,) = jax.export.symbolic_shape("points")
        inputs = [jax.ShapeDtypeStruct((points,), np.float32) for _ in fit.law.inputs]
        whole = jax.export.export(jax.jit(program), platforms=tuple(platforms))(*inputs).serialize()
    files.write(target, lambda scratch: Path(scratch).write_bytes(whole))


def _program(fit: Fit, levels: np.ndarray, observed: bool, key: Any) -> Any:
    law, form, names = fit.law.fn, fit.noise.form, fit.law.inputs
    params = {name: jnp.asarray(x.ravel()) for name, x in fit.law_draws.items()}
    noise = {name: jnp.asarray(x.ravel()) for name, x in fit.noise_draws.items()}

    def at(*point):
        curve = law(**dict(zip(names, point, strict=True)), **params)
        # The same key at every point: neighbouring points differ by the law alone.
        return jnp.quantile(form.distribution(curve, noise).sample(key) if observed else curve, levels)

    def program(*inputs):
        return jax.vmap(at)(*(x.astype(jnp.float64) for x in inputs)).astype(jnp.float32)

    return program
