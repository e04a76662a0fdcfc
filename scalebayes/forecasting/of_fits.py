"""This file joins the answers of many fits to one Dataset with a dim dataset."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scalebayes.errors import InputError, listed
from scalebayes.fitting.many.result import Fits

NAMED = 3  # number of fits, and of different doubts, that a review names; of any beyond it the count is given


def joined(fits: Fits, answers: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join the answers of many fits to one question to one Dataset along a leading dim dataset.

    Where the numbers of chains or draws differ, the chains of each fit are joined to one, and its draws are thinned to
    the number that the fit with the fewest draws has.

    Raises:
        InputError: The answers have different axes or quantities, as those of laws with different inputs have.
    """
    if not answers:
        raise InputError("these Fits are empty: there is no fit to ask")
    first = answers[0]
    for name, other in zip(fits.names, answers, strict=True):
        if set(other.data_vars) != set(first.data_vars) or list(other["axis"].values) != list(first["axis"].values):
            raise InputError(
                f"data sets {fits.names[0]!r} and {name!r} have laws of different inputs or observables; ask each alone"
            )
    answers = _alike(answers)
    first = answers[0]
    data = {name: (("dataset", *x.dims), np.stack([one[name].values for one in answers])) for name, x in first.items()}
    shared = {name: x for name, x in first.coords.items() if all(x.identical(one.coords[name]) for one in answers)}
    own = {
        name: (("dataset", *x.dims), np.stack([one.coords[name].values for one in answers]))
        for name, x in first.coords.items()
        if name not in shared
    }
    told = {name: agreed(one.attrs[name] for one in answers) for name in first.attrs}
    named = dict(zip(fits.names, answers, strict=True))
    told |= {what: doubts(named, what) for what in ("failed", "review")}
    if told.get("moments") == "differs":
        told["moments"] = 0
    return xr.Dataset(data, {**shared, **own, "dataset": list(fits.names)}, told)


def of_recipes(recipes: str | tuple[str | None, ...], answers: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The answer of recipes that were fitted together: of one recipe, or of one recipe for each point.

    Draw i of all points is of one draw of the joint posterior.

    Args:
        recipes: The name of a recipe, or a tuple with one for each point.

        answers: A mapping from the name of each of these recipes to its answer, all of the same points.

    Raises:
        InputError: There is not one recipe for each point.
    """
    if isinstance(recipes, str):
        return answers[recipes]
    names = list(answers)
    first = answers[names[0]]
    dim = next(one for one in ("point", "budget", "target") if one in first.dims)
    size = len(recipes)
    if first.sizes[dim] not in (1, size):
        raise InputError(f"inputs pair up point by point: {first.sizes[dim]} points, and group names {size} recipes")
    if first.sizes[dim] == 1:
        answers = {name: one.isel({dim: [0] * size}) for name, one in answers.items()}
    each = [answers[str(recipe)].isel({dim: [i]}) for i, recipe in enumerate(recipes)]
    told = {name: agreed(one.attrs[name] for one in answers.values()) for name in first.attrs}
    told |= {what: doubts(answers, what) for what in ("failed", "review") if what in told}
    found = xr.concat(each, dim, data_vars="minimal", coords="minimal", compat="override", join="override")
    return found.assign_attrs(told)


def agreed(values: Iterable[Any]) -> Any:
    """The attribute of many fits' joined answers: the value where all values are the same, else "differs".

    >>> agreed(["law", "law"]), agreed(["law", "curve"])
    ('law', 'differs')
    """
    first, *others = values
    return first if all(other == first for other in others) else "differs"


def doubts(answers: Mapping[str, xr.Dataset], what: str) -> str:
    """Join the failures or the reviews of many fits' answers to one sentence, since a doubt of one holds for all.

    The sentence names the fits that each text is about, unless the text is about all of them.

    Args:
        answers: A mapping from the name of each fit to its answer.

        what: The attribute, "failed" or "review".

    >>> doubted, fine = (xr.Dataset(attrs={"review": text}) for text in ("no noise", ""))
    >>> doubts({"a": doubted, "b": fine}, "review"), doubts({"a": doubted}, "review"), doubts({"b": fine}, "review")
    ("of 'a': no noise", 'no noise', '')
    """
    of: dict[str, list[str]] = {}
    for name, one in answers.items():
        of.setdefault(one.attrs[what], []).append(name)
    more = {text: f" and {len(names) - NAMED} more" if len(names) > NAMED else "" for text, names in of.items()}
    told = {text: f"of {listed(names[:NAMED])}{more[text]}: " if len(of) > 1 else "" for text, names in of.items()}
    said = [f"{names}{text}" for text, names in told.items() if text]
    return "; ".join(said[:NAMED] + ([f"and other doubts of {len(said) - NAMED} more"] if len(said) > NAMED else []))


def _alike(answers: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    sizes = {(one.sizes["chain"], one.sizes["draw"]) for one in answers}
    if len(sizes) == 1:
        return list(answers)
    fewest = min(chains * draws for chains, draws in sizes)
    return [_flat(one, fewest) for one in answers]


def _flat(answer: xr.Dataset, fewest: int) -> xr.Dataset:
    """An answer with its chains joined to one and its draws thinned evenly to `fewest`."""
    kept = np.linspace(0, answer.sizes["chain"] * answer.sizes["draw"] - 1, fewest).round().astype(int)
    data = {}
    for name, x in answer.data_vars.items():
        if "draw" in x.dims:
            rest = [dim for dim in x.dims if dim not in ("chain", "draw")]
            values = x.transpose("chain", "draw", *rest).values
            data[name] = (("chain", "draw", *rest), values.reshape(1, -1, *values.shape[2:])[:, kept])
        else:
            data[name] = x
    coords = {name: x for name, x in answer.coords.items() if not {"chain", "draw"} & set(x.dims)}
    return xr.Dataset(data, coords, answer.attrs)
