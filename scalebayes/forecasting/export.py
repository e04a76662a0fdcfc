"""This file has `export`, which writes the posterior predictive as a program that JAX runs without scalebayes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, known_settings, listed, unknown
from scalebayes.fitting import first_answer as asked
from scalebayes.fitting.groups import group_code
from scalebayes.fitting.in_own_units import flat, own_units, residuals
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import one_fit
from scalebayes.forecasting.predict import check_observed
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.infer.double import double
from scalebayes.safe_files import write as files
from scalebayes.seeds import Seed, as_key

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # the default probabilities
PLATFORMS = ("cpu", "cuda", "rocm")  # those with float64, in which the program computes


@known_settings
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

    `jax.export.deserialize(file.read()).call(N, D)` then returns the quantiles, float32 (point, quantile). The
    arguments are the law's inputs in order (`fit.law.inputs`), float32 (point,), in the runs' own units, for any
    number of points. The program needs JAX alone, works under `jit`, and gives the same numbers every time. It needs 8
    bytes of memory for each point and draw: for many points call it in parts, or export fewer draws.

    With a discrepancy the program contains the runs too. Each call conditions the process on them, for each point on
    its own. This takes draws x runs^2 x (runs / 3 + points) operations, which is a second for 4,000 draws, 48 runs and
    100 points on two cores. With `draws=400` it takes a tenth.

    Args:
        fit: A `Fit`, or a `Recalibrated`, whose program gives the widened quantiles.

        path: The path of the file.

        quantiles: The probabilities of the quantiles, between 0 and 1. The default is 0.05, 0.25, 0.5, 0.75, 0.95.

        observed: True for the observable of a new run, with its noise. The default is False, as in `predict`: the law,
            times the exponential of its discrepancy where it has one.

        group: A group of the runs, where the discrepancy has an offset for each group. The default is None: a new
            group.

        draws: The number of posterior draws in the program, at least 2, thinned evenly. The default is None: all.

        seed: An int or a JAX key, for the noise and the discrepancy. The program has one draw of each for each
            posterior draw, so that the answers at neighbouring points differ smoothly. The default is 0.

        platforms: The platforms on which the program can run. The default is all that have float64, in which it
            computes: "cpu", "cuda" and "rocm". A TPU doesn't have it.

    Returns:
        None. The program is in the file.

    Raises:
        InputError: The path can't be written; a quantile isn't between 0 and 1; a platform isn't known; the runs lack
            the group; the fit has fewer draws; the fit has one draw, and `observed` is True or it has a discrepancy;
            or `observed` is True and the noise is no density.

    Warns:
        FitWarning: The fit failed a check, as for `predict`. The program itself doesn't say so.

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
        raise InputError(f"draws is a number from 2 to {held}, the draws of the fit, not {draws!r}")
    code = group_code(fit, group)
    if fit.discrepancy is not None and held == 1:
        raise InputError("a MAP fit has one draw, also of its discrepancy: fit with method='laplace' or 'nuts'")
    if held == 1 and not np.array_equal(levels, [0.5]):
        raise InputError(
            "a MAP fit has one draw, and its quantiles would all be one number: ask for quantiles=[0.5], or fit with "
            "method='laplace' or 'nuts'"
        )
    kept = np.linspace(0, held - 1, draws or held).round().astype(int)
    with double():
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
        # Every point has the same key, so that neighbouring points differ by the law and its discrepancy alone.
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
    """A function from the law's inputs, each (point,), to draws of delta (point, draw), independent of other points."""
    model, ends, rows, reference = fit.problem.model, fit.problem.numbers.ends, own_units(fit), fit.reference.inputs
    assert ends is not None and model.process is not None
    process, seen_at = model.process, ends.seen_at(fit.problem.rows)
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

        # The map takes one draw at a time: all points share its factor of the runs' matrix.
        return jax.lax.map(of_draw, each).T

    return shift


def _arrays(fit: Fit, kept: np.ndarray) -> tuple[Any, ...]:
    """The kept draws of law, noise and discrepancy, and of the factors of the rows' scales or None (draw, ...)."""
    return jax.tree.map(lambda x: jnp.asarray(x[kept]), flat(fit))
