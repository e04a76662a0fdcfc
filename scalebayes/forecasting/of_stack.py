"""This file has `Stack`, a mixture of several fits with weights, and the answer of such a mixture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalebayes.display.view import View, Viewed
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.of_fits import agreed, doubts
from scalebayes.infer.laplace import stratified
from scalebayes.safe_files.saved import Saved
from scalebayes.status import Checks, Status

if TYPE_CHECKING:
    from scalebayes.safe_files.netcdf import Contents


@dataclass(frozen=True, eq=False, repr=False)
class Stack(Viewed, Saved):
    """A mixture of fits. Each fit gives a share of the draws that is its weight.

    `predict` and `optimum` take it as they take a fit.

    Attributes:
        members: A mapping from name to fit.

        weights: A mapping from name to weight; the weights sum to one.

        by: Where the weights come from, in words.

        draws: The number of draws of the mixture. All have equal weight.

        seed: The seed by which the members' draws are chosen, as an int, or the numbers of a JAX key.

        versions: A mapping from library to the version that made the stack.

        compared: The checks of the comparison that gave the weights; empty for weights that the user gave.
    """

    members: Mapping[str, Fit]
    weights: Mapping[str, float]
    by: str
    draws: int
    seed: int | tuple[int, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    compared: Checks = field(default_factory=lambda: Checks(()))

    @property
    def first(self) -> Fit:
        """The first member. All members have the same observable, the same unit and the same meaning of N."""
        return next(iter(self.members.values()))

    @property
    def checks(self) -> Checks:
        """The checks of the comparison, and those of each member with draws in the mixture under the member's name."""
        return Checks(
            tuple(self.compared)
            + tuple(check.within(name) for name in self.picks for check in self.members[name].checks)
        )

    @cached_property
    def picks(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """For each member with draws in the mixture, the positions there (pick,) and the member's draws (pick,).

        The members are chosen by stratified sampling with their weights, and the draws of a member evenly along its
        chains. Both vary less than independent choices. The order is random, and the same in each answer.
        """
        rng = np.random.default_rng(np.atleast_1d(np.asarray(self.seed, np.uint64)))
        of = stratified(np.array(list(self.weights.values())), self.draws, rng)
        found = {}
        for k, (name, fit) in enumerate(self.members.items()):
            where, own = np.flatnonzero(of == k), fit.size
            if where.size:
                # All draws of the member are taken as often as they fit in; the rest is spread out evenly.
                rest = where.size % own
                spread = ((np.arange(rest) + rng.uniform()) * own / max(rest, 1)).astype(int)
                found[name] = where, rng.permutation(np.concatenate([np.arange(where.size - rest) % own, spread]))
        return found

    def _contents(self) -> "Contents":
        from scalebayes.forecasting.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """Describe the stack for printing.

        Returns:
            A `View` with the checks that failed, and the members with their weights.
        """
        failed = [str(check) for check in self.checks.of(Status.FAIL)]
        head = (
            f"Stack of {len(self.members)} fits, weights {self.by}, {self.draws} draws of {self.first.runs.observable}"
        )
        rows = [
            f"{weight:7.3f}  {name}: {fit.law.name}, noise {fit.noise!r}"
            + (f", discrepancy {fit.discrepancy!r}" if fit.discrepancy else "")
            for (name, fit), weight in zip(self.members.items(), self.weights.values(), strict=True)
        ]
        return View(head, failed, rows)


def mixed(stack: Stack, answers: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Mix the answers of a stack's members into one Dataset with dims chain = 1 and draw.

    The coordinate `model` (draw,) has the name of the member that each draw is from. The distance is the largest over
    the members. The attributes `failed` and `review` have those of all members with draws in the mixture.
    """
    first: xr.Dataset = next(iter(answers.values()))
    data: dict[str, Any] = {}
    for variable, x in first.data_vars.items():
        if "draw" in x.dims:
            dims = [dim for dim in x.dims if dim not in ("chain", "draw")]
            values = np.empty((stack.draws, *(x.sizes[dim] for dim in dims)))
            for name, (where, own) in stack.picks.items():
                theirs = answers[name][variable].transpose("chain", "draw", *dims).values
                values[where] = theirs.reshape(-1, *theirs.shape[2:])[own]
            data[str(variable)] = (("chain", "draw", *dims), values[None])
    axes, distance = farthest([one["distance"] for one in answers.values()])
    data["distance"] = ((first["distance"].dims[0], "axis"), distance)
    whose = np.empty(stack.draws, dtype=object)
    for name, (where, _) in stack.picks.items():
        whose[where] = name
    coords: dict[str, Any] = {}
    for one in answers.values():
        coords |= {
            str(name): x for name, x in one.coords.items() if name != "axis" and not {"chain", "draw"} & set(x.dims)
        }
    plain = dict.fromkeys(axis for one in answers.values() for axis in one.attrs.get("plain", "").split())
    told = {
        "law": ", ".join(f"{name} {stack.weights[name]:.3g}" for name in answers),
        "moments": min(int(one.attrs["moments"]) for one in answers.values()),
        "plain": " ".join(plain),
        **{what: doubts(answers, what) for what in ("failed", "review")},
    }
    if "of" in first.attrs:
        told["of"] = agreed(one.attrs["of"] for one in answers.values())
    return xr.Dataset(data, {**coords, "axis": axes, "model": ("draw", whose.astype(str))}, {**first.attrs, **told})


def farthest(distances: Sequence[xr.DataArray]) -> tuple[list[str], np.ndarray]:
    """The axes that any member of a stack has, and its members' largest distance along each (point | budget, axis)."""
    axes = list(dict.fromkeys(str(axis) for one in distances for axis in one["axis"].values))
    along = {
        axis: np.max([one.sel(axis=axis).values for one in distances if axis in one["axis"].values], axis=0)
        for axis in axes
    }
    return axes, np.column_stack(list(along.values()))
