"""This file has the families of noises: the functions that make a `Noise`, and the registry that finds them by name."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.noise.huber import huber_information, huber_residual, soften_huber
from scalebayes.noise.noise import Form, Noise
from scalebayes.noise.student_t_mixture import STUDENT_T
from scalebayes.parameters.param import Param

SCALE = dist.LogNormal(math.log(0.01), 1.5)  # the prior of noise_scale in reference units
DF = dist.Gamma(2.0, 0.1)  # the prior of a free noise_df


@known_settings
def StudentT(df: Any = 4.0) -> Noise:
    """Make the noise that is Student-t on the log of the observable, which is the default noise.

    The residual log y - log f is Student-t with scale noise_scale and `df` degrees of freedom. With a discrepancy every
    run has a scale of its own, which NUTS samples together with the parameters. Given these scales the Gaussian process
    is integrated out exactly. Over them the noise is the same Student-t as without a discrepancy.

    Args:
        df: The degrees of freedom, a positive number, or "free" for a parameter with the prior Gamma(2, 0.1) of Juarez
            and Steel (2010). The default is 4.

    Returns:
        The noise "student_t".

    Raises:
        InputError: `df` is neither a positive number nor "free".

    >>> StudentT()
    student_t(df=4.0)
    """
    free = df == "free"
    if not free and not _positive(df):
        raise InputError(f"StudentT: df is a positive number or 'free', not {df!r}")
    return Noise(
        "student_t",
        {"noise_scale": Param(SCALE, ""), "noise_df": Param(DF if free else float(df), "")},
        Form(_student_t, moments=False, mixture=STUDENT_T),
        settings={"df": df if free else float(df)},
    )


@known_settings
def Normal(new_run: tuple[float, float] | None = None) -> Noise:
    """Make the noise that is Normal on the log of the observable.

    The residual log y - log f is Normal with sd noise_scale.

    Args:
        new_run: A pair (mean, sd): the prior of log `noise_new` is Normal with this mean and this sd. `noise_new` is
            the sd of a new run divided by the sd of the runs that were seen. These runs say nothing about it: a
            prediction errs by more than the runs scatter. The default is None: a new run scatters as the runs do.

    Returns:
        The noise "normal".

    Raises:
        InputError: `new_run` isn't a finite mean with a positive sd.

    >>> Normal().form.on
    'log'
    """
    if new_run is None:
        return Noise("normal", {"noise_scale": Param(SCALE, "")}, Form(_normal), settings={"new_run": None})
    mean, sd = new_run
    if not (math.isfinite(mean) and _positive(sd)):
        raise InputError(f"Normal: new_run is mean and sd of a log, such as (0.1, 0.35), not {new_run!r}")
    return Noise(
        "normal",
        {"noise_scale": Param(SCALE, ""), "noise_new": Param(dist.LogNormal(float(mean), float(sd)), "")},
        Form(_normal, new=_wider),
        settings={"new_run": (float(mean), float(sd))},
    )


@known_settings
def NormalRaw() -> Noise:
    """Make the noise that is Normal on the observable itself.

    The residual y - f is Normal with sd noise_scale, which is in the observable's units.

    Returns:
        The noise "normal_raw".

    >>> NormalRaw().params["noise_scale"].dimension
    'loss'
    """
    return Noise("normal_raw", {"noise_scale": Param(SCALE, "loss")}, Form(_normal, on="raw"))


@known_settings
def LogitNormal() -> Noise:
    """Make the noise that is Normal on the logit of an observable between 0 and 1, such as an error rate.

    The residual logit y - logit f is Normal with sd noise_scale.

    Returns:
        The noise "logit_normal".

    >>> LogitNormal().form.on
    'logit'
    """
    return Noise(
        "logit_normal", {"noise_scale": Param(dist.LogNormal(math.log(0.05), 1.5), "")}, Form(_normal, "logit")
    )


@known_settings
def Beta() -> Noise:
    """Make the noise that is a Beta distribution around the law, for an observable between 0 and 1.

    The law's value f is the mean of the distribution. Its sd is noise_scale sqrt(f (1 - f)), so that
    noise_scale^2 = 1 / (1 + a + b), with a and b the usual parameters of a Beta distribution.

    Returns:
        The noise "beta".

    >>> round(float(Beta().form.distribution(0.2, {"noise_scale": 0.1}).variance), 6)
    0.0016
    """
    form = Form(_normal, "raw", spread=_binomial, whole=_beta, within=(0.0, 1.0))
    return Noise("beta", {"noise_scale": Param(dist.Beta(1.0, 9.0), "")}, form)


@known_settings
def Huber(delta: float = 1e-3, scale: float | None = None) -> Noise:
    """Make the noise that is Huber's function h of (log y - log f) / scale.

    With a free scale it is a density (`HuberDistribution`). At delta = 1e-3 data can't tell this density from that of
    least absolute deviations; it is the likelihood of Besiroglu et al. With a fixed scale it is the objective of
    Hoffmann et al., sum_i h((log y - log f) / scale), and no density: only MAP and Bootstrap take it, with flat priors.

    Args:
        delta: The residual at which the quadratic part of h ends, in units of the scale. The default is 1e-3.
        scale: A number at which the scale is fixed. The default is None: the scale is a parameter.

    Returns:
        The noise "huber".

    Raises:
        InputError: `delta` or `scale` isn't a positive number.

    >>> Huber(delta=1e-3, scale=1.0).form.density
    False
    """
    if not _positive(delta):
        raise InputError(f"Huber: delta is a positive number, not {delta!r}")
    if scale is not None and not _positive(scale):
        raise InputError(f"Huber: scale is a positive number, or None for a free one, not {scale!r}")
    # `span` is the log of the first stage. A free scale settles where delta * scale is about the scatter times delta^2;
    # with a fixed scale delta * scale is known.
    span = max(math.log(1 / delta) if scale is None else math.log(0.01 / (delta * scale)) / 2, 0.0)
    steps = math.ceil(span)
    return Noise(
        "huber",
        {
            "noise_scale": Param(SCALE if scale is None else float(scale), ""),
            "noise_delta": Param(float(delta), ""),
        },
        Form(huber_residual, density=scale is None, soften=soften_huber, information=huber_information),
        settings={"delta": float(delta), "scale": scale},
        stages=(*(math.exp(span * (1 - i / steps)) for i in range(steps)), 1.0),
    )


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _student_t(values: Mapping[str, Any], scale: Any) -> Any:
    return dist.StudentT(values["noise_df"], 0.0, scale, validate_args=False)


def _normal(values: Mapping[str, Any], scale: Any) -> Any:
    return dist.Normal(0.0, scale, validate_args=False)


def _wider(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "noise_scale": values["noise_scale"] * values["noise_new"]}


def _binomial(location: Any) -> Any:
    return jnp.sqrt(location * (1 - location))


def _beta(location: Any, scale: Any) -> Any:
    # A known standard error may be larger than the sd of every distribution on (0, 1) with that mean.
    total = jnp.maximum(location * (1 - location) / scale**2 - 1, 1e-3)
    return dist.Beta(location * total, (1 - location) * total, validate_args=False)


_REGISTRY: Mapping[str, Callable[..., Noise]] = MappingProxyType(
    {
        "student_t": StudentT,
        "normal": Normal,
        "huber": Huber,
        "normal_raw": NormalRaw,
        "logit_normal": LogitNormal,
        "beta": Beta,
    }
)


def names() -> tuple[str, ...]:
    """List the names of the noises.

    Returns:
        The names, as `noise=` takes them.

    >>> names()
    ('student_t', 'normal', 'huber', 'normal_raw', 'logit_normal', 'beta')
    """
    return tuple(_REGISTRY)


def get(noise: str | Noise, settings: Mapping[str, Any] | None = None) -> Noise:
    """Find a noise by its name.

    Args:
        noise: The name of a noise, or a `Noise`, which is returned as it is.
        settings: The settings of the noise, by their names. The default is None: all settings have their defaults.

    Returns:
        The noise.

    Raises:
        InputError: There is no such noise or setting. The message lists the valid ones.

    >>> get("huber", {"delta": 0.01}).settings["delta"]
    0.01
    """
    if isinstance(noise, Noise):
        return noise
    if not isinstance(noise, str):
        raise InputError(f"a noise is a name or a scalebayes noise such as sb.StudentT(), not {type(noise).__name__}")
    if noise not in _REGISTRY:
        raise unknown("noise", noise, _REGISTRY)
    return _REGISTRY[noise](**(settings or {}))
