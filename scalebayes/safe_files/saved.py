"""This file has `Saved`, the base class of results that can be saved to a file."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalebayes.safe_files.netcdf import Contents


class Saved(ABC):
    """The base class of results that `save` writes to a file, and that `scalebayes.load` reads from it."""

    @abstractmethod
    def _contents(self) -> "Contents":
        """The arrays and the attributes of the file that `save` writes."""

    def save(self, path: Any) -> None:
        """Write the result to one NetCDF file, from which `scalebayes.load` reads the same numbers.

        The file is written as a whole or not at all. It needs no other file: that of many fits has all its fits, that
        of a stack has all its members, and that of a recalibrated fit has the fit and its factor.

        Args:
            path: The path of the file. A file that is there is replaced.

        Raises:
            InputError: The path can't be written.
        """
        from scalebayes.safe_files import netcdf

        netcdf.save(path, *self._contents())
