"""This file has `plot_frontier`: the optimal N, D and D/N along compute, beside the runs and published optima."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from scalebayes.compute import other_size
from scalebayes.errors import known_settings, shown, unknown
from scalebayes.fitting.groups import Group
from scalebayes.forecasting.ask import Asked
from scalebayes.infer.double import double
from scalebayes.laws.published import FRONTIERS, published
from scalebayes.planning.costs.formulas import six_nd
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.limits import Limits
from scalebayes.planning.optimum import optimum
from scalebayes.planning.optimum_of_law import closed_form
from scalebayes.plots import style
from scalebayes.plots.axis import set_axis, token_of
from scalebayes.plots.bands import Prob, band, draw_band
from scalebayes.plots.key import key
from scalebayes.plots.pointwise import departs, lighter
from scalebayes.plots.subject import check_sizes, spread, subject_of
from scalebayes.seeds import Seed

QUANTITIES = ("N", "D", "D_per_N")
REACH = 100.0  # the multiple of the runs' largest compute up to which the frontier goes
BUDGETS, BUDGETS_DEPARTING = 33, 7  # number of budgets; the optimum of a curve takes a search at each
# What the figure shows beside: name -> the text of the legend.
NAMES = {
    "kaplan2020": "Kaplan 2020",
    "hoffmann2022": "Hoffmann 2022",
    "besiroglu2024": "Besiroglu 2024",
    "porian2024": "Porian 2024",
}
# Line styles of published optima, which are thin and grey, so that they differ from the fit and from each other.
THIN = {"kaplan2020": (0, (1, 1)), "hoffmann2022": (0, (4, 1)), "besiroglu2024": (0, (4, 1, 1, 1)), "porian2024": "-"}
GREYS = {"kaplan2020": "#777777", "hoffmann2022": "#BB5566", "besiroglu2024": "#997700", "porian2024": "#777777"}


@known_settings
def plot_frontier(
    fit: Asked,
    quantity: Literal["N", "D", "D_per_N"] | Sequence[str] = QUANTITIES,
    *,
    prob: Prob = 0.9,
    reach: float = REACH,
    beside: Sequence[str] | None = None,
    of: Literal["law", "curve"] | None = None,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    group: Group = None,
    seed: Seed = 0,
    ax: Any = None,
) -> Any:
    """Draw the optimal N, D and D/N against compute with their bands, beside the runs and published optima.

    Args:
        fit: A `Fit`, a `Stack`, a `Recalibrated`, or `Fits`, of a law of N and D. Of a fit with a discrepancy, 250
            of its draws are asked for the optimum.

        quantity: "N", "D" or "D_per_N", or several of them, a panel each. The default is all three.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The multiple of the runs' largest compute up to which it goes. The default is 100.

        beside: The names of published optima: "kaplan2020", "hoffmann2022", "besiroglu2024", "porian2024". The default
            is None: all of them where D counts tokens and the cost is 6 N D without limits, else none.

        of: "law" or "curve", as for `optimum`. The default is None.

        cost: The cost of a run, as for `optimum`. The default is C = 6 N D.

        subject_to: Limits by name, as for `optimum`. The default is None: no limit.

        group: The group whose offset is taken, as for `optimum`.

        seed: An int or a JAX key, as for `optimum`. The default is 0.

        ax: Axes to draw on, as many as there are quantities. The default is None: a figure is opened.

    Returns:
        The axes; for several quantities an array of them.

    Raises:
        InputError: The law isn't one of N and D, or a name isn't known.

    Warns:
        FitWarning: The fit failed a check, as for `optimum`.

    >>> import matplotlib, scalebayes as sb
    >>> matplotlib.use("agg")
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> axes = plot_frontier(fitted)
    >>> [ax.get_ylabel() for ax in axes]
    ['N (parameters)', 'D (tokens)', 'D/N (tokens per parameter)']
    >>> matplotlib.pyplot.close(axes[0].figure)
    """
    wanted = [quantity] if isinstance(quantity, str) else list(quantity)
    for one in wanted:
        if one not in QUANTITIES:
            raise unknown("quantity", one, QUANTITIES)
    data = plot_frontier_data(
        fit, prob=prob, reach=reach, beside=beside, of=of, cost=cost, subject_to=subject_to, group=group, seed=seed
    )
    subject, panels = subject_of(fit), style.opened_panels(len(wanted), ax)
    many = "dataset" in data.dims
    C, color = data["C"].values, style.PALETTE[0]
    for panel, name in zip(panels, wanted, strict=True):
        for other in data["beside"].values:
            y, look = data[f"beside_{name}"].sel(beside=other).values, {"color": GREYS[other], "linestyle": THIN[other]}
            panel.plot(C, y, linewidth=1.4, label=NAMES[other], zorder=1.5, **look)
        for place, one in enumerate(data["dataset"].values if many else [""]):
            own = data.sel(dataset=one) if many else data
            look = {"color": style.colour(place), "line": style.dashes(place)}
            beyond = None if many else own["efolds"].values > 0
            draw_band(panel, C, own, name, label=shown(str(one)), beyond=beyond, **look)
        style.dots(panel, data["run_C"].values, data[f"run_{name}"].values, color=style.PALE, zorder=1.2)
        set_axis(panel.xaxis, "C", subject.runs)
        if cost is not six_nd:
            panel.set_xlabel(shown(f"{cost.name} (FLOPs)"))
        set_axis(panel.yaxis, name, subject.runs)
    title = "data set" if many else ""
    key(panels[-1], data, title=title, beyond=not many, curve=not many, color=None if many else color, runs=style.PALE)
    style.say_failed(panels[0], str(data.attrs.get("failed", "")))
    return panels[0] if isinstance(quantity, str) else np.array(panels, object)


@known_settings
def plot_frontier_data(
    fit: Asked,
    *,
    prob: Prob = 0.9,
    reach: float = REACH,
    beside: Sequence[str] | None = None,
    of: Literal["law", "curve"] | None = None,
    cost: Cost = six_nd,
    subject_to: Limits | Mapping[str, Any] | None = None,
    group: Group = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compute what `plot_frontier` draws.

    Args:
        fit: As for `plot_frontier`.

        prob: The probability of the bands, or several of them. The default is 0.9.

        reach: The multiple of the runs' largest compute up to which it goes. The default is 100.

        beside: As for `plot_frontier`.

        of: "law" or "curve", as for `optimum`. The default is None.

        cost: The cost of a run, as for `optimum`. The default is C = 6 N D.

        subject_to: Limits by name, as for `optimum`. The default is None: no limit.

        group: The group whose offset is taken, as for `optimum`.

        seed: An int or a JAX key, as for `optimum`. The default is 0.

    Returns:
        A Dataset with the medians of `N`, `D` and `D_per_N` (budget,), their `_lower` and `_upper` (prob, budget), and
        `efolds` (budget,), the distance of the median optimum from the runs, along the coordinate C (budget,); of
        `Fits` with a dim dataset too. The runs are `run_...` (run,), and the published optima `beside_...` (beside,
        budget). The coordinate `no_minimum` is the share of draws that have no optimum, and are left out.

    Raises:
        InputError: As `plot_frontier`.

    >>> import scalebayes as sb
    >>> preset = sb.laws.published("besiroglu2024")
    >>> runs = sb.Runs(N=[1e8, 1e9, 1e10], D=[2e10, 4e10, 2e11], loss=[3.0, 2.6, 2.2])
    >>> fitted = sb.fit(runs, preset.law, priors=preset.values | {"noise_scale": 0.01, "E": "flat"}, method="map")
    >>> data = plot_frontier_data(fitted, reach=5.76e23 / 1.2e22)
    >>> round(data["N"].values[-1].item() / 1e10, 1), data["beside"].values.tolist()
    (7.2, ['kaplan2020', 'hoffmann2022', 'besiroglu2024', 'porian2024'])
    """
    subject = subject_of(fit)
    check_sizes(subject, "plot_frontier")
    columns = subject.columns
    curve = departs(fit) and of != "law"
    of_runs = np.asarray(cost(columns["N"], columns["D"]), np.float64)
    C = spread(of_runs, 1.0, reach, True, BUDGETS_DEPARTING if curve else BUDGETS)
    best = optimum(lighter(fit), C=C, cost=cost, subject_to=subject_to, of=of, group=group, seed=seed)
    found: dict[str, Any] = {}
    for name in QUANTITIES:
        found |= band(best[name], prob)
    comparable = token_of(subject.runs) == "token" and cost is six_nd and not subject_to
    names = _beside(beside, comparable)
    sizes = np.array([_published(name, C) for name in names]).reshape(len(names), len(C))
    others = {"N": sizes, "D": other_size(C, sizes), "D_per_N": other_size(C, sizes) / sizes}
    data = xr.Dataset(
        {
            **found,
            "efolds": best["distance"].max("axis"),
            "run_C": ("run", of_runs),
            **{f"run_{name}": ("run", columns[name]) for name in QUANTITIES},
            **{f"beside_{name}": (("beside", "budget"), x) for name, x in others.items()},
        },
        attrs={name: best.attrs[name] for name in ("failed", "review", "law", "of")},
    )
    return data.assign_coords(C=("budget", C), beside=np.array(names, str), no_minimum=best["no_minimum"])


def _beside(given: Sequence[str] | None, comparable: bool) -> list[str]:
    """The names of the published optima that are drawn."""
    if given is None:
        return list(NAMES) if comparable else []
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in NAMES:
            raise unknown("published optimum", name, NAMES)
    return names


def _published(name: str, C: np.ndarray) -> np.ndarray:
    """The published optimal N at budgets C (budget,)."""
    if name in FRONTIERS:
        return FRONTIERS[name].N(C)
    preset = published(name)
    assert preset.law.terms is not None
    with double():
        return np.exp(np.asarray(closed_form(preset.law.terms(**preset.values), C)[0]))
