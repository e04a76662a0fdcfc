"""This file fits several recipes together, and makes a `Fit` of each out of the one posterior."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.checks.sampling import draws_checks
from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.in_common import CommonDraws
from scalebayes.errors import InputError
from scalebayes.fitting.finish import finished, versions
from scalebayes.fitting.pooled.result import SHARE, SPREAD, Pooled
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import Spec
from scalebayes.infer import NUTS, Draws
from scalebayes.infer.compile import compiled_once
from scalebayes.infer.joint_mode import joint_mode
from scalebayes.infer.mode import Mode, at
from scalebayes.infer.traces import jitted
from scalebayes.model.joint_problem import Joint, joined, references
from scalebayes.model.problem import Problem
from scalebayes.runs import Runs
from scalebayes.seeds import as_key, seed_record
from scalebayes.status import Check, Checks, Status


def fitted(tables: Mapping[str, Runs], column: str, spec: Spec, method: Any, seed: Any) -> Pooled:
    """Fit several recipes together; call it inside `double()`.

    Args:
        tables: The runs of each recipe, by its name; there are two or more.

        column: The column that has the names.

        spec: What is fitted to each recipe.

        method: `NUTS` with its settings.

        seed: An int or a JAX key.

    Raises:
        InputError: The method isn't NUTS, or the law, the noise or the runs can't be pooled.
    """
    started = time.perf_counter()
    if not isinstance(method, NUTS):
        raise InputError(
            f"pool= is fitted by method='nuts', not by {method.name!r}: with several parameters a recipe a mode says "
            "little, and importance weights fail; use method='nuts', or leave pool= out"
        )
    joint = joint_of(tables, spec)
    key_mode, key_chains, key_common = jax.random.split(as_key(seed), 3)
    joint, mode = joint_mode(joint, key_mode, method.search)
    draws = method.from_mode(joint.model, joint.numbers, joint.rows, mode, key_chains, careful=True)
    return of_draws(joint, column, spec, method, seed_record(seed), draws, key_common, time.perf_counter() - started)


def joint_of(tables: Mapping[str, Runs], spec: Spec) -> Joint:
    """The joint problem of recipes, from the runs of each; call it inside `double()`."""
    if spec.discrepancy is not None and not spec.discrepancy.components:
        suited = discrepancies.suited(spec.law.inputs, False)  # the same for all recipes, whatever groups each has
        spec = replace(spec, discrepancy=replace(spec.discrepancy, components=suited))
    if spec.discrepancy is not None and spec.noise.form.mixture is not None:
        raise InputError(
            f"pool= with a discrepancy takes noise='normal', not {spec.noise!r}: every run would have an unknown scale"
        )
    alone = [_problem(name, runs, spec) for name, runs in tables.items()]
    shared = references(alone)
    return joined({n: spec.problem(tables[n], one) for n, one in zip(tables, shared, strict=True)})


def _problem(name: str, runs: Runs, spec: Spec) -> Problem:
    try:
        return spec.problem(runs)
    except InputError as error:
        raise InputError(f"recipe {name!r}: {error}") from None


def of_draws(
    joint: Joint, column: str, spec: Spec, method: Any, seed: Any, draws: Draws, key: Any, seconds: float
) -> Pooled:
    """Make the result of the draws of a joint posterior."""
    of = (joint.model, joint.numbers, joint.rows)
    each, apart, shared = jax.device_get(compiled_once(taken_apart, *of, draws.z))
    common = None
    if joint.model.model.process is not None:
        drawn = compiled_once(_common, joint.model, joint.numbers, joint.rows, draws.z, jax.random.key_data(key))
        common = CommonDraws(shared[SHARE], np.asarray(drawn))
    at_mode, *_ = jax.device_get(compiled_once(taken_apart, *of, draws.mode.z[None, None]))
    z = np.stack([each[name] for name in joint.model.model.free], axis=-1)  # (chain, draw, recipe, free)
    middle = np.stack([at_mode[name][0, 0] for name in joint.model.model.free], axis=-1)  # (recipe, free)
    borrowed = {name: np.minimum(x.var(axis=(0, 1)), 1.0) for name, x in apart.items()}
    of_joint = tuple(draws_checks(_Named(joint), draws))
    fits = []
    for i, (name, problem) in enumerate(zip(joint.names, joint.problems, strict=True)):
        own = Draws(z[:, :, i], draws.stats, draws.numbers, _mode_of(joint, problem, z[:, :, i], middle[i], draws.mode))
        fit = finished(problem, method, seed, own)
        checks = _checks(fit, of_joint, {n: float(x[i]) for n, x in borrowed.items()}, name, len(joint.names))
        fits.append(replace(fit, checks=checks, label=spec.name, pool=column, common=common))
    return Pooled(joint.names, tuple(fits), seconds, 0, versions(), column, shared, apart)


@jitted(0)
def taken_apart(model: Any, numbers: Any, rows: Any, z: Any) -> tuple[Any, Any, Any]:
    """Each recipe's coordinates (chain, draw, recipe), the deviates z of pooled ones, and what recipes share."""

    def one(z: Any) -> tuple[Any, Any]:
        parts, _ = model.unwhitened(z, numbers, rows)
        found = model.placed(parts, numbers)
        return found, dict(zip(model.pooled, model.deviates(found, parts), strict=True))

    found, deviates = jax.lax.map(one, z.reshape(-1, z.shape[-1]), batch_size=64)
    found, deviates = jax.tree.map(lambda x: x.reshape(*z.shape[:-1], -1), (found, deviates))
    parts = model.apart(z)
    priors = {name: jax.tree.map(lambda x: x[0], numbers.each.priors[name]) for name in model.pooled}
    shared = {name: biject_to(priors[name].support)(parts.mean[..., i]) for i, name in enumerate(model.pooled)}
    shared |= {SPREAD + name: jnp.exp(parts.log_tau[..., i]) for i, name in enumerate(model.pooled)}
    if model.model.process is not None:
        shared[SHARE] = jax.nn.sigmoid(parts.logit_share[..., 0])
    return found, deviates, shared


@jitted(0)
def _common(model: Any, numbers: Any, rows: Any, z: Any, key: Any) -> Any:
    """A draw of the departure that recipes share, at its places, for each posterior draw (chain, draw, place)."""
    flat = z.reshape(-1, z.shape[-1])
    keys = jax.random.split(jax.random.wrap_key_data(key), len(flat))

    def one(each: Any) -> Any:
        z, key = each
        parts, _ = model.unwhitened(z, numbers, rows)
        values = model.values(model.placed(parts, numbers), numbers)
        found = model.solved(jax.nn.sigmoid(parts.logit_share[0]), values, numbers, rows)
        return found.mean + found.root @ jax.random.normal(key, found.mean.shape)

    return jax.lax.map(one, (flat, keys)).reshape(*z.shape[:-1], -1)


class _Named:
    """What the checks of the sampler ask of a problem: the names of all coordinates, and that there is a density."""

    def __init__(self, joint: Joint) -> None:
        self.model, self.noise, self.runs = joint.model, joint.problems[0].noise, ()


def _mode_of(joint: Joint, problem: Problem, z: np.ndarray, middle: np.ndarray, mode: Mode) -> Mode:
    """The part of the joint mode that is a recipe's; its precision is that of its draws (chain, draw, free)."""
    model, numbers = joint.model, joint.numbers
    names = (*model.own, *model.pooled, *model.common)
    width = dict(zip(names, numbers.width, strict=True))
    for name, spread in zip(model.pooled, numbers.spread, strict=True):
        width[name] = float(np.hypot(width[name], spread))  # of mu + tau z, since the mean of tau^2 is spread^2
    location, scale = jax.device_get(compiled_once(_at, problem.model, problem.numbers, problem.rows, middle))
    flat = z.reshape(-1, z.shape[-1])
    covariance = np.atleast_2d(np.cov(flat.T)) + 1e-12 * np.eye(flat.shape[-1])
    sd = np.array([width[name] for name in problem.model.free])
    return mode._replace(z=middle, precision=np.linalg.inv(covariance), start_sd=sd, location=location, scale=scale)


_at = jitted(0)(at)


def _checks(fit: Fit, of_joint: tuple[Check, ...], borrowed: dict[str, float], name: str, recipes: int) -> Checks:
    """The checks of a recipe: its own, with those of the sampler of the joint posterior, and how much it borrows."""
    joint = {check.id: check for check in of_joint}
    own = [joint.get(check.id, check) for check in fit.checks]
    told = ", ".join(f"{parameter} {share:.0%}" for parameter, share in borrowed.items())
    sentence = f"from the other {recipes - 1} recipe{'s' if recipes > 2 else ''}: {told}"
    if mostly := tuple(parameter for parameter, share in borrowed.items() if share > limits.BORROWED):
        why = f"the runs of {name!r} say little of where it stands among the recipes; add runs of it, or doubt it where"
        check = make_check("borrowed", Status.REVIEW, f"{sentence}: {why} it is unlike the others.", about=mostly)
    else:
        check = make_check("borrowed", Status.PASS, f"{sentence[0].upper()}{sentence[1:]}.")
    return Checks((*own, check))
