"""Noise: how the observable of a run scatters around the law.

A noise is a record: its parameters (names begin with `noise_`), a residual distribution, and the scale on which
the residual lives ("log", "logit" or "raw"). The law is the median of a new run; of `beta`, the mean.
A row's scale is sqrt(noise_scale^2 / count + se^2), with se the row's known standard error. With a discrepancy
Student-t noise is a mixture of Normals, of one row each (`mixture`).
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

SCALE = dist.LogNormal(math.log(0.01), 1.5)
DF = dist.Gamma(2.0, 0.1)


@dataclass(frozen=True)
class Form:
    """The functions of a noise: what a trace depends on.

    Attributes:
        residual: (noise parameters, scale of the row) -> distribution of the residual.
        on: the link: "log" (residual = log y - log f), "logit" or "raw" (y - f).
        spread: law's value -> what noise_scale is multiplied with there; None for 1.
        density: False for an objective, which only MAP and Bootstrap take.
        moments: whether a new run has a mean and a variance.
        soften: (noise parameters, stage) -> parameters of a relaxed noise that is easier to optimise.
        information: noise parameters -> expected information of location and log scale at unit scale, where the
            Hessian of the log density at the mode is a poor guide to the posterior.
        whole: (law's value, scale of the row) -> distribution of the observable, where it isn't one of a residual.
        within: the open interval of the observable, where it is narrower than the link's.
        new: noise parameters -> those of a new run, where it scatters differently from the runs seen.
        mixture: of Normals, one a row, which the noise is; None where it is Normal, or no such mixture.
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
        """What the law is of a new run: its median or its mean."""
        return "median" if self.whole is None else "mean"

    def row_scale(self, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """Scale (sd, or that of a heavier tail) of each row's residual; one number without se and count."""
        scale = values["noise_scale"] if self.spread is None else values["noise_scale"] * self.spread(location)
        if count is not None:
            scale = scale / jnp.sqrt(count)
        if se is None:
            return scale
        return jnp.sqrt(scale**2 + (se * LINKS[self.on].slope(location)) ** 2)

    def distribution(self, location: Any, values: Mapping[str, Any], se: Any = None, count: Any = None) -> Any:
        """Distribution of the observable of runs whose law value is `location`.

        Args:
            location: the law's value, any shape; positive where `on` is "log".
            values: the noise's parameters; they broadcast with `location`.
            se: known standard errors, in the observable's units, or None. count: readings averaged in a row, or None.
        """
        # The runs were checked at the door. NumPyro's own check, a select per value, would make the density four
        # times slower, since XLA can't vectorise across it.
        scale = self.row_scale(location, values, se, count)
        if self.whole is not None:
            return self.whole(location, scale)
        return LINKS[self.on].around(location, self.residual(values, scale))

    def log_likelihood(self, y: Any, location: Any, values: Mapping[str, Any], se: Any, count: Any) -> Any:
        """Log density of each row's observable; minus the row's objective where the noise is one."""
        if self.density:
            return self.distribution(location, values, se, count).log_prob(y)
        residual = jnp.log(y) - jnp.log(location)
        return -huber(residual / self.row_scale(location, values, se, count), values["noise_delta"])


@dataclass(frozen=True)
class Noise:
    """The distribution of a run's observable around the law.

    Attributes:
        name: as in `names()`.
        params: `noise_...` -> `Param`.
        form: its functions.
        settings: what the user asked for, to print and to save.
        stages: relaxations (`Form.soften`) that the optimiser goes through; the last is 1, the noise itself.
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
    """Student-t on the log of the observable (the default noise).

    With a discrepancy every run gets a scale of its own, which NUTS samples with the rest: given the scales the
    process is integrated out exactly, and over them the noise is Student-t as it is without one.

    Args:
        df: degrees of freedom: a number, or "free" for the prior Gamma(2, 0.1) of Juarez and Steel (2010).

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
    """Normal on the log of the observable.

    Args:
        new_run: mean and sd of the log of `noise_new`, the sd of a new run over that of the runs seen, of which these
            say nothing: a forecast is further off than they scatter. None: a new run scatters as they do.

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
    """Normal on the observable itself; its scale is in the observable's units.

    >>> NormalRaw().params["noise_scale"].dimension
    'loss'
    """
    return Noise("normal_raw", {"noise_scale": Param(SCALE, "loss")}, Form(_normal, on="raw"))


@known_settings
def LogitNormal() -> Noise:
    """Normal on the logit of an observable between 0 and 1, such as an error rate.

    >>> LogitNormal().form.on
    'logit'
    """
    return Noise(
        "logit_normal", {"noise_scale": Param(dist.LogNormal(math.log(0.05), 1.5), "")}, Form(_normal, "logit")
    )


@known_settings
def Beta() -> Noise:
    """Beta around the law, which is its mean, for an observable between 0 and 1.

    Its sd is noise_scale sqrt(f (1 - f)): noise_scale^2 = 1 / (1 + a + b) in the usual a and b.

    >>> round(float(Beta().form.distribution(0.2, {"noise_scale": 0.1}).variance), 6)
    0.0016
    """
    form = Form(_normal, "raw", spread=_binomial, whole=_beta, within=(0.0, 1.0))
    return Noise("beta", {"noise_scale": Param(dist.Beta(1.0, 9.0), "")}, form)


@known_settings
def Huber(delta: float = 1e-3, scale: float | None = None) -> Noise:
    """Huber's function of the residual of the log, over its scale.

    With a free scale it is a density (`HuberDistribution`); delta = 1e-3 is then least absolute deviations for all
    that data can tell, the likelihood of Besiroglu et al. With scale fixed it is the objective of Hoffmann et al.,
    sum_i h((log y - log f) / scale), and not a density: only MAP and Bootstrap take it, with flat priors.

    Args:
        delta: where the quadratic ends, in units of the scale. scale: None (free), or a number.

    >>> Huber(delta=1e-3, scale=1.0).form.density
    False
    """
    if not _positive(delta):
        raise InputError(f"Huber: delta is a positive number, not {delta!r}")
    if scale is not None and not _positive(scale):
        raise InputError(f"Huber: scale is a positive number, or None for a free one, not {scale!r}")
    # A free scale settles where delta * scale is about the scatter times delta^2; a fixed one says it outright.
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
    # A known standard error may be wider than any distribution on (0, 1) with that mean.
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
    """The names of the noises.

    >>> names()
    ('student_t', 'normal', 'huber', 'normal_raw', 'logit_normal', 'beta')
    """
    return tuple(_REGISTRY)


def get(noise: str | Noise, settings: Mapping[str, Any] | None = None) -> Noise:
    """A noise by its name, with its settings; a `Noise` passes through.

    Raises:
        InputError: no such noise or setting; the message lists the valid ones.

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
