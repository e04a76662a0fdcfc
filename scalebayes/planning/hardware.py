"""This file has the devices that training runs on, and turns money, device hours and days into FLOPs and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings, unknown
from scalebayes.planning.costs.record import positive_number

HOUR = 3600.0  # seconds
DAY = 24.0  # hours
LEAST_PEAK = 1e9  # FLOP/s; no device that trains is slower, so less is a number in TFLOP/s or PFLOP/s


@known_settings
@dataclass(frozen=True)
class Hardware:
    """A device that training runs on: how fast it is, how much of that training gets, and what it costs.

    Args:
        name: The name, which answers show.

        peak_flops: The peak of one device in FLOP/s, dense (without sparsity), in the precision of the training.

        mfu: The share of the peak that training gets, over 0 and at most 1: model FLOPs utilisation. Runs at scale that
            were reported get .3 to .5.

        price_per_hour: Dollars for an hour of one device. 0 is for devices that cost nothing.

        watts: The power of one device. The default is None, for not known.

        source: Where the numbers are from. The default is "".

    Raises:
        InputError: A number is out of its range; the message says which and what to type.

    >>> own = Hardware("own", peak_flops=989e12, mfu=0.45, price_per_hour=1.2)
    >>> f"{own.flops_per_hour:.4g}"
    '1.602e+18'
    >>> Hardware.of("h100").price_per_hour
    2.95
    """

    name: str
    peak_flops: float
    mfu: float
    price_per_hour: float
    watts: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise InputError(f"Hardware: name is a text such as 'h100', not {self.name!r}")
        of = f"Hardware {self.name!r}:"
        if positive_number(f"{of} peak_flops", self.peak_flops) < LEAST_PEAK:
            raise InputError(f"{of} peak_flops is in FLOP/s: {self.peak_flops:g} TFLOP/s is {self.peak_flops:g}e12")
        if (mfu := positive_number(f"{of} mfu", self.mfu)) > 1:
            percent = f"; {mfu:g} % is mfu={mfu / 100:g}" if mfu <= 100 else ""
            raise InputError(f"{of} mfu is a share of the peak, at most 1, not {mfu:g}{percent}")
        if self.price_per_hour != 0:
            positive_number(f"{of} a price_per_hour that isn't 0", self.price_per_hour)
        if self.watts is not None:
            positive_number(f"{of} watts", self.watts)

    @property
    def flops_per_hour(self) -> float:
        """The FLOPs of training that one device does in an hour."""
        return self.peak_flops * self.mfu * HOUR

    @classmethod
    def of(cls, name: "str | Hardware") -> "Hardware":
        """The preset of a name, or the hardware itself.

        The presets are one device at a utilisation of .4, with a price of an hour on demand that is dated in `source`.
        Prices differ threefold between sellers and change within months: check yours, and set it with
        `dataclasses.replace(sb.Hardware.of("h100"), price_per_hour=2.1)`.

        Args:
            name: "h100", "h200", "b200", "a100", "tpu_v5p" or "tpu_v4", in any case, or a `Hardware`.

        Returns:
            The hardware; its `source` says where each number is from.

        Raises:
            InputError: No preset has this name. The message lists them and suggests the most similar one.

        >>> Hardware.of("H100").watts
        700.0
        """
        if isinstance(name, Hardware):
            return name
        word = str(name).strip().lower().replace("-", "_").replace(" ", "_")
        if word not in PRESETS:
            raise unknown("hardware", name, PRESETS)
        return PRESETS[word]


# What the prices below stand on. Each is an assumption of that date: hours on demand differ threefold between sellers.
_INDEX = "median of prices on demand, 20 May 2026, aimultiple.com/gpu-index; check yours"
_GUIDE = "middle of specialised clouds' prices on demand, May 2026, mercatus-ai.com/blog/cloud-gpu-pricing; check yours"
_B200 = "middle of specialised clouds' prices on demand, 11 March 2026, lyceum.technology/magazine (B200); check yours"
_LIST = "Google's list price on demand, 2025, cloud.google.com/tpu/pricing, not looked up since; check yours"
_SPARSE = "half of the sheet's BF16 peak, which is with sparsity"

# Name, peak FLOP/s (dense BF16, one module for servers or one chip), $ an hour, the most watts that it draws, sources.
_PRESETS = (
    ("h100", 989.4e12, 2.95, 700.0, f"nvidia.com/en-us/data-center/h100 (SXM), {_SPARSE}; $: {_INDEX}"),
    ("h200", 989.4e12, 4.00, 700.0, f"nvidia.com/en-us/data-center/h200 (SXM), {_SPARSE}; $: {_GUIDE}"),
    ("b200", 2250e12, 5.25, 1000.0, f"nvidia.com/en-us/data-center/hgx (B200), {_SPARSE}; $: {_B200}"),
    ("a100", 312e12, 1.30, 400.0, f"nvidia.com/en-us/data-center/a100 (SXM); $: {_GUIDE}"),
    ("tpu_v5p", 459e12, 4.20, None, f"cloud.google.com/tpu/docs/v5p, no watts published; $: {_LIST}"),
    ("tpu_v4", 275e12, 3.22, 192.0, f"cloud.google.com/tpu/docs/v4, most watts measured; $: {_LIST}"),
)
MFU = 0.4  # of a preset: dense models at scale were reported at .3 to .5, so FLOPs an hour are known to a quarter
PRESETS: Mapping[str, Hardware] = MappingProxyType(
    {name: Hardware(name, peak, MFU, price, watts, source) for name, peak, price, watts, source in _PRESETS}
)


@known_settings
def budget(
    C: Any = None,
    dollars: Any = None,
    gpu_hours: Any = None,
    days: Any = None,
    on: str | Hardware | None = None,
    devices: float | None = None,
) -> np.ndarray:
    """Turn budgets in one of four units into FLOPs.

    Args:
        C: FLOPs: a positive number or a list of them, as is each of the next three. Exactly one of the four is given.

        dollars: Dollars for the devices.

        gpu_hours: Hours of one device.

        days: Days on `devices`.

        on: The hardware, or the name of a preset of `Hardware.of`. The last three need it.

        devices: How many devices work at once; `days` needs it.

    Returns:
        FLOPs, float64 (budget,).

    Raises:
        InputError: Not exactly one budget is given, it isn't positive, or it lacks `on` or `devices`.

    >>> budget(gpu_hours=[1, 1000], on="h100")
    array([1.424736e+18, 1.424736e+21])
    >>> budget(dollars=1e6)
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: a budget in dollars needs its hardware: dollars=1000000.0, on='h100'
    """
    given = {
        name: value
        for name, value in dict(C=C, dollars=dollars, gpu_hours=gpu_hours, days=days).items()
        if value is not None
    }
    if not given:
        raise InputError("give a budget: C=1e23, or dollars=, gpu_hours= or days= with on='h100'")
    if len(given) > 1:
        raise InputError(f"give one budget, not {' and '.join(f'{name}=' for name in given)}; leave all but one out")
    ((unit, value),) = given.items()
    amounts = positive_array(unit, value)
    device, count = None if on is None else Hardware.of(on), None if devices is None else _count(devices)
    if unit == "C":
        return amounts
    if device is None:
        also = ", devices=1024" if unit == "days" and count is None else ""
        raise InputError(f"a budget in {unit} needs its hardware: {unit}={value!r:.40}, on='h100'{also}")
    if unit == "dollars":
        if device.price_per_hour == 0:
            raise InputError(f"hardware {device.name!r} costs nothing, so dollars set no budget; give gpu_hours=")
        return amounts / device.price_per_hour * device.flops_per_hour
    if unit == "gpu_hours":
        return amounts * device.flops_per_hour
    if count is None:
        raise InputError(f"a budget in days needs the number of devices: days={value!r:.40}, devices=1024")
    return amounts * DAY * count * device.flops_per_hour


@known_settings
def spending(C: Any, on: str | Hardware, devices: float | None = None) -> dict[str, np.ndarray]:
    """What FLOPs cost on a hardware: the inverse of `budget`.

    Args:
        C: FLOPs, an array of any shape.

        on: The hardware, or the name of a preset of `Hardware.of`.

        devices: How many devices work at once. The default is None, for not said.

    Returns:
        "gpu_hours" and "dollars", "days" where `devices` is given, and "kWh" where the hardware's watts are known; each
        float64, of the shape of C. kWh are those of the devices at full power, without hosts and cooling.

    Raises:
        InputError: The hardware isn't known, or `devices` isn't a positive whole number.

    >>> {name: f"{value:.3g}" for name, value in spending(1e23, on="h100", devices=1024).items()}
    {'gpu_hours': '7.02e+04', 'dollars': '2.07e+05', 'days': '2.86', 'kWh': '4.91e+04'}
    """
    device = Hardware.of(on)
    hours = np.asarray(C, np.float64) / device.flops_per_hour
    answer = {"gpu_hours": hours, "dollars": hours * device.price_per_hour}
    if devices is not None:
        answer["days"] = hours / (DAY * _count(devices))
    if device.watts is not None:
        answer["kWh"] = hours * device.watts / 1000.0
    return answer


def positive_array(name: str, value: Any) -> np.ndarray:
    """Positive numbers that were given by name, one or a list, as float64 (number,).

    Raises:
        InputError: They aren't positive and finite numbers in one row.
    """
    try:
        array = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        array = np.array([np.nan])
    if array.ndim > 1 or not array.size:
        raise InputError(f"{name} is a positive number or a list of them, not an array of shape {array.shape}")
    wrong = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
    if wrong.size:
        which = f"; number {wrong[0] + 1} is {array[wrong[0]]:g}" if array.size > 1 else f", not {value!r}"
        raise InputError(f"{name} is a positive number or a list of them{which}")
    return array


def _count(devices: Any) -> float:
    """The number of devices.

    Raises:
        InputError: It isn't a whole number of 1 or more.
    """
    number = positive_number("devices", devices)
    if number % 1:
        raise InputError(f"devices is a whole number, not {devices!r}")
    return number
