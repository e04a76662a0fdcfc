"""This file has arrays of a data tree that are computed when they are first read."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing


def variable(dims: tuple[str, ...], shape: tuple[int, ...], make: Callable[[], np.ndarray]) -> xr.Variable:
    """Make a float64 variable of `Fit.data` whose values `make` computes once, when they are first read.

    >>> lazy = variable(("run",), (3,), lambda: np.arange(3.0))
    >>> lazy[1:].values
    array([1., 2.])
    """
    return xr.Variable(dims, indexing.LazilyIndexedArray(Computed(shape, make)))


class Computed(BackendArray):
    """An array that xarray reads as if it were in a file.

    Args:
        shape: The shape of the array.

        make: A function that returns the values, float64.
    """

    def __init__(self, shape: tuple[int, ...], make: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self._make = shape, np.dtype(np.float64), make

    @cached_property
    def values(self) -> np.ndarray:
        """The values, computed once."""
        return self._make()

    def __getitem__(self, key: Any) -> Any:
        at = self.values.__getitem__
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, at)

    def __deepcopy__(self, memo: Any) -> "Computed":
        # No code writes to the array, so that a copy can share it.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # The pickle has the values alone: the fit and its law may not be known in another process.
        return Computed.of, (self.values,)

    @classmethod
    def of(cls, values: np.ndarray) -> "Computed":
        """Make the array from values that are known."""
        return cls(values.shape, lambda: values)
