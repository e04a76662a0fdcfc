"""Stack: several fits as one forecaster, each with its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.display.view import View, Viewed
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.of_fits import agreed, doubts
from scalebayes.infer.laplace import stratified
from scalebayes.status import Checks, Status


@dataclass(frozen=True, eq=False, repr=False)
class Stack(Viewed):
    """A mixture of fits: its draws are theirs, each fit giving as many as its weight says.

    Attributes:
        members: name -> fit. weights: name -> weight, that sum to one. by: where the weights come from.
        draws: how many, equally weighted. seed: of which draws are taken, an int or a JAX key's numbers.
        compared: the checks of the comparison that the weights are from; none for weights that were given.

    `predict` and `optimum` take it as they take a fit.
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
        """A member: all have its observable, its unit and what N counts."""
        return next(iter(self.members.values()))

    @property
    def checks(self) -> Checks:
        """Those of the comparison, and of the members that have weight, named after them."""
        return Checks(
            tuple(self.compared)
            + tuple(check.within(name) for name in self.picks for check in self.members[name].checks)
        )

    @cached_property
    def picks(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Member with draws -> positions in the mixture (pick,), and which of its own draws stand there (pick,).

        Members in stratified proportion to their weights, and draws evenly along a member's chains: both vary less
        than independent choices. In random order, the same in each answer.
        """
        rng = np.random.default_rng(np.atleast_1d(np.asarray(self.seed, np.uint64)))
        of = stratified(np.array(list(self.weights.values())), self.draws, rng)
        found = {}
        for k, (name, fit) in enumerate(self.members.items()):
            where, own = np.flatnonzero(of == k), fit.size
            if where.size:
                # Whole rounds of all draws, and the rest spread out.
                rest = where.size % own
                spread = ((np.arange(rest) + rng.uniform()) * own / max(rest, 1)).astype(int)
                found[name] = where, rng.permutation(np.concatenate([np.arange(where.size - rest) % own, spread]))
        return found

    def save(self, path: Any) -> None:
        """Write one NetCDF file with every member, whole or not at all; `load` brings back the same numbers.

        Raises:
            InputError: the path can't be written.
        """
        from scalebayes.forecasting.to_file import save

        save(self, path)

    def view(self) -> View:
        """What printing the stack tells: what failed of its members, and their weights."""
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
    """One Dataset of the members' answers, with draws (chain = 1, draw); the coordinate `model` says whose each is.

    The distance is the largest of theirs: how far the point lies outside the runs of a member. What to review of a
    member is to be reviewed of the mixture.
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
    """Axes of any of the distances, and the largest distance along each (point | budget, axis)."""
    axes = list(dict.fromkeys(str(axis) for one in distances for axis in one["axis"].values))
    along = {
        axis: np.max([one.sel(axis=axis).values for one in distances if axis in one["axis"].values], axis=0)
        for axis in axes
    }
    return axes, np.column_stack(list(along.values()))
