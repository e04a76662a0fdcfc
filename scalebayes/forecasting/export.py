"""export: the posterior predictive as a program that JAX runs without scalebayes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, listed, unknown
from scalebayes.files import write as files
from scalebayes.fitting import first_answer as asked
from scalebayes.fitting.at_points import flat, own_units, residuals
from scalebayes.fitting.groups import group_code
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit
from scalebayes.forecasting.predict import check_observed
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.seeds import Seed, as_key

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PLATFORMS = ("cpu", "cuda", "rocm")


def export(
    fit: Fit | Recalibrated,
    path: Any,
    *,
    quantiles: Sequence[float] = QUANTILES,
    observed: bool = False,
    group: str | None = None,
    draws: int | None = None,
    seed: Seed = 0,
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Write the posterior predictive of a fit as a serialised `jax.export` program.

    `jax.export.deserialize(file.read()).call(N, D)` then gives the quantiles (point, quantile), float32, at inputs
    (point,), float32, of any number of points: the law's inputs in order (`fit.law.inputs`), in the runs' own
    units. It needs JAX alone, works under jit, and is the same numbers every time. It holds 8 bytes a point and draw
    at a time: ask for many points in parts, or export fewer draws.

    With a discrepancy the program holds the runs too, and conditions the process on them anew in each call, each point
    on its own: it takes draws x runs^2 x (runs / 3 + points) operations, a second for 4,000 draws, 48 runs and 100
    points on two cores. Where that is too slow, `draws=400` takes a tenth.

    Args:
        fit: by a method with draws, or of `recalibrate`, whose program gives the widened quantiles. path: of the
            file. quantiles: probabilities between 0 and 1.
        observed: False, as in `predict`, for the law's curve, times its discrepancy where it has one; True for a new
            run with its noise.
        group: whose offset a discrepancy takes, as for `predict`; by default a new one.
        draws: how many of the posterior's, evenly thinned; by default all.
        seed: of the noise and the discrepancy: one draw of each for each draw of the posterior, kept in the program, so
            that neighbouring points differ smoothly.
        platforms: that the program runs on, of "cpu", "cuda" and "rocm". It computes in float64, which a TPU lacks.

    Raises:
        InputError: a path that can't be written, a quantile outside (0, 1), a group that the runs lack, more draws than
            the fit has, a fit that is one draw where `observed` or with a discrepancy, or whose noise is no density
            where `observed`.

    Warns:
        FitWarning: the fit failed a check, as for `predict`: the program answers without a word of it.

    >>> import pathlib, tempfile, numpy as np, jax, scalebayes as sb
    >>> runs = sb.Runs(x=[1e0, 1e1, 1e2, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2])
    >>> fitted = sb.fit(runs, "power", method="laplace", on_fail="ignore")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sb.export(fitted, f"{folder}/loss.jax")
    ...     program = jax.export.deserialize(pathlib.Path(f"{folder}/loss.jax").read_bytes())
    >>> program.call(np.float32([1e5, 1e6])).shape
    (2, 5)
    """
    widened, fit = (fit, fit.fit) if isinstance(fit, Recalibrated) else (None, one_fit(fit, "export"))
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
    held = fit.size
    if draws is not None and not 1 < draws <= held:
        raise InputError(f"draws is from 2 to the {held} of the fit, not {draws!r}")
    code = group_code(fit, group)
    if fit.discrepancy is not None and held == 1:
        raise InputError("a MAP fit is one draw, of its discrepancy too: fit with method='laplace' or 'nuts'")
    if held == 1 and not np.array_equal(levels, [0.5]):
        raise InputError(
            "a MAP fit is one draw, and its quantiles would all be one number: ask for quantiles=[0.5], or fit with "
            "method='laplace' or 'nuts'"
        )
    kept = np.linspace(0, held - 1, draws or held).round().astype(int)
    with jax.enable_x64():
        program = _program(fit, kept, levels, observed, code, as_key(seed), widened)
        (points,) = jax.export.symbolic_shape("points")
        inputs = [jax.ShapeDtypeStruct((points,), np.float32) for _ in fit.law.inputs]
        whole = jax.export.export(jax.jit(program), platforms=tuple(platforms))(*inputs).serialize()
    files.write(target, bytes(whole))
    asked.warn({"": fit})


def _program(
    fit: Fit,
    kept: np.ndarray,
    levels: np.ndarray,
    observed: bool,
    group: int,
    key: Any,
    widened: Recalibrated | None,
) -> Any:
    law, form, names = fit.law.fn, fit.noise.form, fit.law.inputs
    params, noise, _, _ = _arrays(fit, kept)
    new_run = form.of_new_run(noise)
    shift = _shift(fit, kept, group, jax.random.fold_in(key, 1)) if fit.discrepancy is not None else None

    def at(point, delta):
        curve = law(**dict(zip(names, point, strict=True)), **params) * jnp.exp(delta)
        # The same key at every point: neighbouring points differ by the law and its discrepancy alone.
        values = form.distribution(curve, new_run).sample(key) if observed else curve
        if widened is None:
            return jnp.quantile(values, levels)
        on_scale = widened.link.of(values)
        middle = jnp.quantile(on_scale, 0.5)
        return widened.link.inverse(middle + widened.factor * (jnp.quantile(on_scale, levels) - middle))

    def program(*inputs):
        point = tuple(x.astype(jnp.float64) for x in inputs)
        delta = jnp.zeros(point[0].shape) if shift is None else shift(point)
        return jax.vmap(at)(point, delta).astype(jnp.float32)

    return program


def _shift(fit: Fit, kept: np.ndarray, group: int, key: Any) -> Any:
    """A function from the law's inputs (point,) each to a draw of delta at each point on its own (point, draw)."""
    model, ends, rows, reference = fit.problem.model, fit.problem.numbers.ends, own_units(fit), fit.reference.inputs
    assert ends is not None and model.process is not None
    process, seen_at = model.process, ends.places(fit.problem.rows.inputs, rows.group)
    own = None if rows.group is None else jnp.full(1, float(group))
    rows, seen_at = jax.tree.map(jnp.asarray, (rows, seen_at))
    each = (_arrays(fit, kept), jax.random.normal(key, kept.shape))

    def shift(point):
        def of_draw(arrays):
            (law, noise, values, factor), normal = arrays
            seen = residuals(model, rows, seen_at, law, noise, factor)

            def of_point(point):
                there = {name: x[None] / reference[name] for name, x in zip(model.inputs, point, strict=True)}
                mean, sd, _ = process.conditional(values, seen, ends.places(there, own))
                return mean[0] + sd[0] * normal

            return jax.vmap(of_point)(point)

        # One draw at a time: its factor of the runs' matrix is shared by the points.
        return jax.lax.map(of_draw, each).T

    return shift


def _arrays(fit: Fit, kept: np.ndarray) -> tuple[Any, ...]:
    """Draws of law, noise and discrepancy, and of the factors of the rows' scales (draw, ...), or None."""
    return jax.tree.map(lambda x: jnp.asarray(x[kept]), flat(fit))
