"""This file defines the noises: how the observable of a run scatters around the law.

A noise is a record of its parameters (their names begin with `noise_`), the distribution of the residual, and the link
on which the residual lives ("log", "logit" or "raw"). The law is the median of a new run; with the noise `beta` it is
the mean. The scale of a row is sqrt(noise_scale^2 / count + se^2), with se the row's known standard error and count the
number of readings averaged in the row. With a discrepancy the Student-t noise is a mixture of Normals, one for each row
(`Form.mixture`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.noise.huber import HuberDistribution, huber, huber_information, soften_huber
from scalebayes.noise.links import LINKS
from scalebayes.noise.student_t_mixture import STUDENT_T, Mixture
from scalebayes.parameters.param import Param

SCALE = dist.LogNormal(math.log(0.01), 1.5)  # the prior of noise_scale in reference units
DF = dist.Gamma(2.0, 0.1)  # the prior of a free noise_df


@dataclass(frozen=True)
class Form:
    """The functions of a noise. A trace depends on them.

    Attributes:
        residual: A function (noise parameters, scale of the row) -> distribution of the residual.
        on: The link: "log" (the residual is log y - log f), "logit" (logit y - logit f) or "raw" (y - f).
        spread: A function from the law's value to the factor of noise_scale there; None for the factor 1.
        density: False where the noise is an objective and no density. Only MAP and Bootstrap take such a noise.
        moments: Whether a new run has a mean and a variance.
        soften: A function (noise parameters, stage) -> parameters of a relaxed noise that is easier to optimise.
        information: A function from the noise parameters to the expected information of location and log scale at unit
            scale. A noise has it where the Hessian of the log density at the mode describes the posterior poorly.
        whole: A function (law's value, scale of the row) -> distribution of the observable, for a noise that isn't a
            distribution of a residual.
        within: The open interval of the observable, where it is narrower than the link's.
        new: A function from the noise parameters to those of a new run, where a new run scatters differently from the
            runs that were seen.
        mixture: The mixture of Normals, one for each row, that the noise is with a discrepancy. None where the noise
            is Normal already or is no such mixture.
    """

    residual: Callable[[Mapping[str, Any], Any], Any]
    on: str = "log"
    spread: Callable[[Any], Any] | None = None
    density: bool = True
    moments: bool = True
    soften: Callable[[Mapping[str, Any], Any], dict[str, Any]] | None = None
    information: Callable[[Mapping[str, Any]], tuple[Any, Any]] | None = None
    whole: Callable[[Any, Any], Any] | None = None
    within: tuple[float, float] | None = None
    new: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    mixture: Mixture | None = None

    def of_new_run(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The noise's parameters for a run that is still to be trained."""
        return values if self.new is None else self.new(values)

    @property
    def range(self) -> tuple[float, float]:
        """The open interval in which an observable can have this noise."""
        return self.within or LINKS[self.on].range

    @property
    def centre(self) -> str:
        """Whether the law is the "median" or the "mean" of a new run."""
        return "median" if self.whole is None else "mean"

    def row_scale(self, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """The scale of each row's residual: its sd, or the scale of a distribution with heavier tails.

        Args:
            location: The law's value, of any shape.
            values: The noise's parameters. They broadcast with `location`.
            se: The known standard errors, in the observable's units, or None.
            count: The number of readings averaged in each row, or None.

        Returns:
            The scales (run,), or one number where `spread`, `se` and `count` are None.
        """
        scale = values["noise_scale"] if self.spread is None else values["noise_scale"] * self.spread(location)
        if count is not None:
            scale = scale / jnp.sqrt(count)
        if se is None:
            return scale
        return jnp.sqrt(scale**2 + (se * LINKS[self.on].slope(location)) ** 2)

    def distribution(self, location: Any, values: Mapping[str, Any], se: Any = None, count: Any = None) -> Any:
        """The distribution of the observable of runs at which the law's value is `location`.

        Args:
            location: The law's value, of any shape; positive where `on` is "log".
            values: The noise's parameters. They broadcast with `location`.
            se: The known standard errors, in the observable's units. The default is None.
            count: The number of readings averaged in each row. The default is None.

        Returns:
            A NumPyro distribution.
        """
        # The runs are checked when they are read. NumPyro's own check is a select for each value, across which XLA
        # can't vectorise: it would make the density four times slower.
        scale = self.row_scale(location, values, se, count)
        if self.whole is not None:
            return self.whole(location, scale)
        return LINKS[self.on].around(location, self.residual(values, scale))

    def log_likelihood(self, y: Any, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """The log density of each row's observable (run,), or minus the row's objective where the noise is one."""
        if self.density:
            return self.distribution(location, values, se, count).log_prob(y)
        residual = jnp.log(y) - jnp.log(location)
        return -huber(residual / self.row_scale(location, values, se, count), values["noise_delta"])


@dataclass(frozen=True)
class Noise:
    """The distribution of a run's observable around the law.

    Attributes:
        name: The name of the noise, one of `names()`.
        params: The `Param` of each parameter, by its name, which begins with `noise_`.
        form: The functions of the noise.
        settings: The settings that the user gave, to print and to save.
        stages: The relaxations (`Form.soften`) that the optimiser goes through. The last one is 1, which is the noise
            itself.
    """

    name: str
    params: Mapping[str, Param]
    form: Form
    settings: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.settings.items() if v is not None)})"


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
        Form(_huber, density=scale is None, soften=soften_huber, information=huber_information),
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


def _huber(values: Mapping[str, Any], scale: Any) -> Any:
    return HuberDistribution(values["noise_delta"], scale)


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
