"""Data sets of real training runs: the registry, and the way from a name to `Runs`."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from scalebayes.datasets.base import Dataset
from scalebayes.datasets.cache import tidy_table
from scalebayes.datasets.chinchilla import CHINCHILLA
from scalebayes.datasets.datablations import DATABLATIONS
from scalebayes.datasets.learning_curves import LEARNING_CURVES
from scalebayes.datasets.porian import PORIAN_ISOFLOP
from scalebayes.errors import unknown
from scalebayes.runs import Runs, read_runs

TINY_GPT = Dataset(
    "tiny_gpt",
    "92 byte-level transformers on the source code of Python's standard library, trained for this package: loss in "
    "nats a byte, D bytes, N without embeddings; where=\"split == 'fit' and epochs <= 1\" leaves those of one epoch, "
    "where=\"split == 'target'\" the largest, to be forecast",
    rows=92,
    source="examples/train_sweep.py of scalebayes; tiny_gpt.md beside the table says how",
    licence="Apache-2.0",
    reference="scalebayes",
    reading=MappingProxyType({"unit": "nats/byte", "N_counts": "non-embedding"}),
)

TINY_GPT_TUNING = replace(
    TINY_GPT,
    name="tiny_gpt_tuning",
    what="the runs that the peak learning rates of tiny_gpt were chosen by, their loss on files of their own",
    rows=31,
)

_REGISTRY = {
    dataset.name: dataset
    for dataset in (TINY_GPT, TINY_GPT_TUNING, CHINCHILLA, DATABLATIONS, PORIAN_ISOFLOP, LEARNING_CURVES)
}

__all__ = ["Dataset", "describe", "load", "names"]


def names() -> tuple[str, ...]:
    """The names of the data sets.

    >>> names()
    ('tiny_gpt', 'tiny_gpt_tuning', 'chinchilla', 'datablations', 'porian_isoflop', 'learning_curves')
    """
    return tuple(_REGISTRY)


def describe(name: str) -> Dataset:
    """What a data set holds, where it comes from, its licence and the papers to cite.

    Raises:
        InputError: no such data set; the message lists them and suggests the nearest.

    >>> describe("learning_curves").licence
    'CC BY 4.0'
    """
    if not isinstance(name, str) or name not in _REGISTRY:
        raise unknown("data set", name, _REGISTRY)
    return _REGISTRY[name]


def load(name: str, where: str | None = None) -> Runs:
    """The runs of a data set, filtered as by `read_runs`: on the names of its table, such as params and tokens.

    The first load of a public data set fetches the raw files of its source at one commit, tidies them, checks the
    table by its SHA-256 and keeps it in the user's cache folder ($SCALEBAYES_CACHE moves it); later ones read it
    from there. Where SCALEBAYES_DATA names a folder, NAME.csv is read from it instead, checked the same way.

    Raises:
        InputError: no such data set, a filter that can't be read or leaves no row, a file that isn't there or
            doesn't hold what it should, no network.

    >>> load("chinchila")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: unknown data set 'chinchila'; did you mean 'chinchilla'? valid: tiny_gpt, ...
    """
    dataset = describe(name)
    with tidy_table(dataset) as path:
        return read_runs(path, where=where, **dataset.reading)
