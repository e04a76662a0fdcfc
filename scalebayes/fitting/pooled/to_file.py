"""Makes the contents of the file of recipes that were fitted together."""

from typing import TYPE_CHECKING

from scalebayes.fitting.datatree import tree_name
from scalebayes.fitting.many.to_file import contents_of as contents_of_fits
from scalebayes.fitting.to_file import APART, SHARED
from scalebayes.safe_files import netcdf

if TYPE_CHECKING:
    from scalebayes.fitting.pooled.result import Pooled


def contents_of(fits: "Pooled") -> netcdf.Contents:
    """Return the arrays and the attributes that `Pooled.save` writes: those of `Fits`, and what the recipes share."""
    names = {SHARED: list(fits.draws), APART: list(fits.apart)}
    groups, attributes = contents_of_fits(fits, {"pool": {"column": fits.column, **names}})
    if not fits.draws:
        return groups, attributes
    shared = {tree_name(name): (("chain", "draw"), x) for name, x in fits.draws.items()}
    apart = {tree_name(name): (("chain", "draw", "recipe"), x) for name, x in fits.apart.items()}
    return {**groups, SHARED: shared, APART: apart}, attributes
