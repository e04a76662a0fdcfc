"""This file makes the joint distribution of targets and of the curve at candidates from the draws of one or more fits.

Without a discrepancy every draw has one curve, and the joint distribution is that of the draws. What a discrepancy adds
is in `within_draws.py`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.result import Fit
from scalebayes.infer.double import double
from scalebayes.model.arrays import padded
from scalebayes.noise.links import LINKS
from scalebayes.planning.design.expected_variance import Joint
from scalebayes.planning.design.within_draws import Member, Places, Spots, process_of

# The number of draws that are used, and the largest number of values of the curve (draw times candidate): twice as many
# values take 160 MB more, half as many draws double the covariance that is due to luck.
DRAWS, VALUES = 2000, 2e7
# With a discrepancy: the largest number of covariances (draw times candidate times run) of means, about five seconds of
# one core, and the least number of draws, below which luck would outweigh what a run tells.
COVARIANCES, FEWEST = 1e8, 64


def count_of(fit: Fit, candidates: int) -> int:
    """The number of draws that are used for so many candidates."""
    count = min(DRAWS, int(VALUES / candidates))
    if fit.discrepancy is not None:
        count = min(count, max(FEWEST, int(COVARIANCES / (candidates * len(fit.problem.rows.mask)))))
    return max(count, FEWEST)


def params_of(member: Member) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of law and of noise in the draws that are used, each (draw, 1)."""
    return tuple(  # type: ignore[return-value]
        {name: x.ravel()[member.picks, None] for name, x in each.items()}
        for each in (member.fit.law_draws, member.fit.noise_draws)
    )


def curve_of(member: Member, places: Places) -> np.ndarray:
    """The law at places, on the scale of the noise (draw, place); it is the log of the observable by default."""
    count, params = places.inputs[next(iter(places.inputs))].shape[-1], params_of(member)[0]
    # Few shapes are compiled: the last place is repeated.
    inputs = {n: np.concatenate([x, np.repeat(x[-1:], padded(count) - count)]) for n, x in places.inputs.items()}
    with double():
        return np.asarray(_curve(member.fit.law.fn, member.fit.noise.form.on, inputs, params))[:, :count]


def _curve_impl(fn, on, inputs, params):
    value = fn(**inputs, **params)
    shape = (*value.shape[:1], *jnp.broadcast_shapes(*(jnp.shape(x) for x in inputs.values()))[-1:])
    return jnp.broadcast_to(LINKS[on].of(value), shape)


_curve = jax.jit(_curve_impl, static_argnums=(0, 1))


def noise_of(member: Member, curve: np.ndarray) -> np.ndarray:
    """The variance of a new run's noise that counts for estimating the curve at candidates (candidate,).

    It is the inverse of the run's expected information on its location, averaged over the draws: the variance itself
    for a Normal, and scale^2 (df + 3) / (df + 1) for Student-t with df degrees of freedom.
    """
    form, values = member.fit.noise.form, form_values(member)
    with double():
        location = np.asarray(LINKS[form.on].inverse(curve)) if form.spread is not None else curve[:, :1]
        scale = np.asarray(form.row_scale(location, values, None, None))
    if form.information is not None:
        share = np.asarray(form.information(values)[0])
    else:
        share = (values["noise_df"] + 1) / (values["noise_df"] + 3) if "noise_df" in values else 1.0
    return np.broadcast_to(np.mean(np.broadcast_to(scale**2 / share, scale.shape), axis=0), curve.shape[1:]).copy()


def form_values(member: Member) -> dict[str, Any]:
    """The noise's parameters for a new run, each (draw, 1).

    Raises:
        InputError: The noise is an objective and no density.
    """
    form = member.fit.noise.form
    if not form.density:
        raise InputError(
            f"noise {member.fit.noise!r} is an objective and not a density: it can't say how a new run scatters; fit "
            "with noise='student_t'"
        )
    return dict(form.of_new_run(params_of(member)[1]))


def joint_of(
    members: Sequence[Member],
    targets: Sequence[np.ndarray],
    spots: Sequence[Spots | None],
    candidates: Sequence[Places],
) -> Joint:
    """The joint distribution over the draws of all members, a mixture.

    Args:
        members: The fits with the draws that are used.

        targets: For each member, the law's part of the targets (draw, target).

        spots: For each member, where the targets depend on the discrepancy, or None.

        candidates: For each member, the candidates.
    """
    total = sum(len(one.picks) for one in members)
    all_targets, all_points, noise, within, effective, free = [], [], 0.0, [], 0.0, 0
    for member, target, spot, places in zip(members, targets, spots, candidates, strict=True):
        share = len(member.picks) / total
        curve = curve_of(member, places)
        noise = noise + share * noise_of(member, curve)
        if member.fit.discrepancy is not None:
            adds = process_of(member, spot, places, target.shape[1])
            curve, target = curve + adds.points, target + adds.targets
            within.append((share, adds.within))
        all_targets.append(target)
        all_points.append(curve)
        free += len(member.fit.draws)
        effective += min(len(member.picks), max(member.fit.numbers.get("importance_ess", np.inf), 2.0))
    return Joint(np.concatenate(all_targets), np.concatenate(all_points), np.asarray(noise), effective, free, within)
