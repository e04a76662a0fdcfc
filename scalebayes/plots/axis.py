"""This file says what stands along the axis of a figure: name, unit, scale, and where its ticks are."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from scalebayes.display.figures import as_typed, counted
from scalebayes.errors import shown

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from scalebayes.runs import Runs

MINOR = 8  # number of decades from which on an axis has no minor ticks
LARGE = 1e4  # from here on a number that counts nothing is written as a power of ten
COUNTS = ("N", "D", "U", "D_per_N")  # written as 70B and 1.4T; all else as 1e21 or 2.5


def text_of(name: str) -> Callable[[float], str]:
    """How the values of a quantity are written: 70B for parameters and tokens, 1e21 for FLOPs, 2.5 for a loss.

    >>> text_of("N")(7e10), text_of("C")(1e21), text_of("x")(1e4), text_of("loss")(2.25)
    ('70B', '1e21', '1e4', '2.25')
    """
    return counted if name in COUNTS else _plain


def _plain(value: float) -> str:
    if abs(value) < LARGE:
        return as_typed(float(f"{value:.4g}"))
    mantissa, _, power = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"


def label_of(name: str, runs: "Runs | None" = None, unit: str = "") -> str:
    """The name of a quantity with its unit, as it stands along an axis.

    Args:
        name: N, D, C, D_per_N, the observable of the runs, or another column of theirs.

        runs: The runs, which know the unit of their observable and which parameters N counts. The default is None, for
            a law without runs, which has units for N, D, C and U alone.

        unit: The unit of another quantity of a law without runs. The default is "": it isn't said.

    >>> from scalebayes import Runs
    >>> runs = Runs(N=[1e8], D=[2e9], loss=[3.0], unit="nats/byte", N_counts="non-embedding")
    >>> [label_of(name, runs) for name in ("N", "D_per_N", "C", "loss")]
    ['N (non-embedding parameters)', 'D/N (bytes per parameter)', 'C (FLOPs)', 'loss (nats/byte)']
    >>> label_of("x", runs), label_of("x"), label_of("loss", unit="nats/token")
    ('x (unit not said)', 'x', 'loss (nats/token)')
    """
    token = token_of(runs)
    counts = f"{runs.N_counts} " if runs is not None and runs.N_counts else ""
    units = {
        "N": f"{counts}parameters",
        "D": f"{token}s",
        "C": "FLOPs",
        "D_per_N": f"{token}s per parameter",
        "U": f"unique {token}s",
    }
    if name in units:
        return f"{'D/N' if name == 'D_per_N' else name} ({units[name]})"
    if runs is not None:
        own = name if name == runs.observable else runs.aliases.get(name, name)
        unit = (runs.unit if name == runs.observable else "") or "unit not said"
        return shown(f"{own} ({unit})")
    return shown(f"{name} ({unit})" if unit else name)


def token_of(runs: "Runs | None") -> str:
    """What D counts: what the unit of the loss is per, such as "byte" of "nats/byte"; "token" where it isn't known."""
    _, slash, per = (runs.unit or "" if runs is not None else "").partition("/")
    return per.strip() if slash and per.strip() else "token"


def set_axis(axis: "Axis", name: str, runs: "Runs | None" = None, *, log: bool = True, unit: str = "") -> None:
    """Give an axis its label, its scale and its ticks.

    Args:
        axis: `ax.xaxis` or `ax.yaxis`.

        name: The quantity.

        runs: The runs, for its unit. The default is None, for a law without runs.

        log: Whether the axis is logarithmic. The default is True; a quantity that may be negative is not.

        unit: The unit of a quantity of a law without runs. The default is "": it isn't said.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    from scalebayes.plots.ticks import LogTicks, TickText

    ax, write = axis.axes, text_of(name)
    (ax.set_xscale if axis.axis_name == "x" else ax.set_yscale)("log" if log else "linear")  # type: ignore[union-attr]
    if log:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogTicks())
        few = np.log10(max(high, 1e-300) / max(low, 1e-300)) < MINOR
        axis.set_minor_locator(LogLocator(subs="all") if few else NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(TickText(write))
    _ruled(axis, label_of(name, runs, unit))


def plain_axis(axis: "Axis", label: str) -> None:
    """Give an axis of what is no quantity of the runs, such as a share, its label and the look of all others.

    Args:
        axis: `ax.xaxis` or `ax.yaxis`.

        label: The label, with its unit.
    """
    from scalebayes.plots.ticks import TickText

    axis.set_major_formatter(TickText(_plain))
    _ruled(axis, label)


def _ruled(axis: "Axis", label: str) -> None:
    axis.grid(True, which="major", color="0.9", linewidth=0.8, zorder=0)
    axis.axes.set_axisbelow(True)  # type: ignore[union-attr]
    for side in ("top", "right"):
        axis.axes.spines[side].set_visible(False)  # type: ignore[union-attr]
    axis.set_label_text(label)
