"""This file has the laws whose parameters are values at the end of the runs, for predictions beyond them.

The laws have the same curves as `offset_power`, `onset_power` and `chinchilla`. Their parameters are what the largest
runs decide: F is the loss there, phi is the share of F that no scale takes away, and the exponents are slopes there.
Their reference is the largest runs and not the middle of all runs. Their priors are those of the recipe for
extrapolation.
"""

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.laws.law import Law, Terms
from scalebayes.parameters.param import Param

LEVEL = dist.LogNormal(0.0, 0.3)  # F over the geometric mean of the largest runs' losses


def _shares(logit):
    """The pair log phi and log(1 - phi) for logit phi."""
    return jax.nn.log_sigmoid(logit), jax.nn.log_sigmoid(-logit)


def _end_power(x, F, alpha, logit_phi, x_end):
    kept, falling = _shares(logit_phi)
    return jnp.exp(jnp.log(F) + jnp.logaddexp(kept, falling - alpha * (jnp.log(x) - jnp.log(x_end))))


def _end_onset(x, F, alpha, logit_phi, d, k, x_end):
    kept, falling = _shares(logit_phi)
    begun = (jax.nn.softplus(k * (jnp.log(u) - jnp.log(d))) / k for u in (x, x_end))
    return jnp.exp(jnp.log(F) + jnp.logaddexp(kept, falling - alpha * (next(begun) - next(begun))))


def _end_chinchilla(N, D, F, alpha, beta, logit_phi, logit_r, N_end, D_end):
    kept, falling = _shares(logit_phi)
    of_N, of_D = _shares(logit_r)
    in_N = of_N - alpha * (jnp.log(N) - jnp.log(N_end))
    in_D = of_D - beta * (jnp.log(D) - jnp.log(D_end))
    return jnp.exp(jnp.log(F) + jnp.logaddexp(kept, falling + jnp.logaddexp(in_N, in_D)))


def _end_chinchilla_terms(F, alpha, beta, logit_phi, logit_r, N_end, D_end):
    _, falling = _shares(logit_phi)
    of_N, of_D = _shares(logit_r)
    height = jnp.log(F) + falling
    return Terms(height + of_N + alpha * jnp.log(N_end), alpha, height + of_D + beta * jnp.log(D_end), beta)


END_POWER = Law(
    "end_power",
    _end_power,
    {
        "F": Param(LEVEL, "loss"),
        "alpha": Param(dist.LogNormal(-0.35, 0.5), ""),
        "logit_phi": Param(dist.Normal(0.0, 1.5), ""),
        "x_end": Param("reference", "x"),
    },
    formula="F (phi + (1 - phi) (x/x_end)^-alpha), phi = sigmoid(logit_phi)",
    reference="offset_power, written with the loss F at the largest runs and the share phi = E/F",
    trend={"x": -1},
    anchor="end",
)

END_ONSET = Law(
    "end_onset",
    _end_onset,
    {
        **END_POWER.params,
        "d": Param(dist.LogNormal(-1.0, 1.5), "x"),
        "k": Param(dist.LogNormal(0.0, 0.5), ""),
    },
    formula="F (phi + (1 - phi) exp(-alpha (s(x) - s(x_end)))), s(x) = log(1 + (x/d)^k) / k",
    reference="onset_power, written with the loss F at the largest runs and the share phi = E/F",
    trend={"x": -1},
    anchor="end",
)

END_CHINCHILLA = Law(
    "end_chinchilla",
    _end_chinchilla,
    {
        "F": Param(LEVEL, "loss"),
        "alpha": Param(dist.LogNormal(math.log(0.35), 0.4), ""),
        "beta": Param(dist.LogNormal(math.log(0.35), 0.4), ""),
        "logit_phi": Param(dist.Normal(-0.3, 1.0), ""),
        "logit_r": Param(dist.Normal(0.0, 1.0), ""),
        "N_end": Param("reference", "N"),
        "D_end": Param("reference", "D"),
    },
    formula="F (phi + (1 - phi) (r (N/N_end)^-alpha + (1 - r) (D/D_end)^-beta)), phi = sigmoid(logit_phi), "
    "r = sigmoid(logit_r)",
    reference="chinchilla, written with the loss F at the largest runs, the share phi = E/F, and r, the "
    "share of the term in N in the rest F - E",
    terms=_end_chinchilla_terms,
    trend={"N": -1, "D": -1},
    anchor="end",
)

LAWS = {law.name: law for law in (END_POWER, END_ONSET, END_CHINCHILLA)}
