"""This folder has data sets of real training runs. `load` returns the `Runs` of a data set by its name."""

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
    "92 byte-level transformers that were trained for this package on the source code of Python's standard library; "
    "the loss is in nats per byte, D counts bytes, and N counts parameters without embeddings; "
    "where=\"split == 'fit' and epochs <= 1\" selects the runs of at most one epoch, and "
    "where=\"split == 'target'\" selects the largest runs, which a fit of the others can predict",
    rows=92,
    source="examples/train_sweep.py of scalebayes; tiny_gpt.md beside the table says how",
    licence="Apache-2.0",
    reference="scalebayes",
    reading=MappingProxyType({"unit": "nats/byte", "N_counts": "non-embedding"}),
)

TINY_GPT_TUNING = replace(
    TINY_GPT,
    name="tiny_gpt_tuning",
    what="31 runs from which the peak learning rates of tiny_gpt were chosen; their loss is that on the tuning files",
    rows=31,
)

_REGISTRY = {
    dataset.name: dataset
    for dataset in (TINY_GPT, TINY_GPT_TUNING, CHINCHILLA, DATABLATIONS, PORIAN_ISOFLOP, LEARNING_CURVES)
}

__all__ = ["Dataset", "describe", "load", "names"]


def names() -> tuple[str, ...]:
    """The names of the data sets.

    Returns:
        The names, each of which `load` and `describe` take.

    >>> names()
    ('tiny_gpt', 'tiny_gpt_tuning', 'chinchilla', 'datablations', 'porian_isoflop', 'learning_curves')
    """
    return tuple(_REGISTRY)


def describe(name: str) -> Dataset:
    """Describe a data set: its content, its source, its licence and the papers to cite.

    Args:
        name: The name of the data set.

    Returns:
        The description, as a `Dataset`.

    Raises:
        InputError: No data set has this name. The message lists the data sets and suggests the most similar name.

    >>> describe("learning_curves").licence
    'CC BY 4.0'
    """
    if not isinstance(name, str) or name not in _REGISTRY:
        raise unknown("data set", name, _REGISTRY)
    return _REGISTRY[name]


def load(name: str, where: str | None = None) -> Runs:
    """Load the runs of a data set.

    The first call for a public data set fetches the raw files of its source at one commit. It makes the table from
    them, checks the SHA-256 of the table, and keeps the table in the user's cache folder. The environment variable
    SCALEBAYES_CACHE names another folder for the cache. Later calls read the table from the cache.

    If the environment variable SCALEBAYES_DATA names a folder, the file NAME.csv in this folder is read instead. Its
    SHA-256 is checked too. The tables that ship with scalebayes are always read from the package.

    Args:
        name: The name of the data set.

        where: A filter of the rows, as in `read_runs`. It uses the names of the table, such as params and tokens. The
            default is None, for no filter.

    Returns:
        The runs of the data set.

    Raises:
        InputError: No data set has this name, the filter can't be read or no row passes it, a file is missing or has
            another content than it should, or there is no network.

    >>> load("chinchila")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: unknown data set 'chinchila'; did you mean 'chinchilla'? valid: tiny_gpt, ...
    """
    dataset = describe(name)
    with tidy_table(dataset) as path:
        return read_runs(path, where=where, **dataset.reading)
