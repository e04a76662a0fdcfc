"""This file has `Pooled`, the result of `fit` and `forecaster` with `pool=`: a fit of each recipe, of one posterior."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scalebayes.display.view import View
from scalebayes.errors import unknown
from scalebayes.fitting.many.result import Fits
from scalebayes.status import Status

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents

ALL = "all recipes"  # the name under which `Pooled.summary` has the parameters that recipes share
SPREAD = "spread of "  # begins the names of the parameters that say how much recipes differ
SHARE = "common_share"  # the name of rho, the share of a discrepancy's variance that recipes have in common


@dataclass(frozen=True, eq=False, repr=False)
class Pooled(Fits):
    """The fits of several recipes whose exponents and floor shares are partially pooled: `Fits` of one posterior.

    `pooled["a"]` is the `Fit` of recipe "a". Every function that takes a fit takes it, and `predict`, `optimum` and
    others take all of them at once. Draw i of every recipe belongs to one draw of the joint posterior, so differences
    between recipes are computed draw by draw.

    On the unconstrained scale (the log of an exponent) a pooled parameter of recipe g is mu + tau z_g. mu has the prior
    of the law, tau is half-Normal with half that prior's sd as its scale, and z_g is standard Normal.

    Attributes:
        column: The column that has the names of the recipes.

        draws: A mapping from name to the draws (chain, draw) of what the recipes share. Under the name of a pooled
            parameter is its value for the middle recipe, exp(mu) for an exponent; a floor E is there as a share of the
            loss at the reference. "spread of alpha" is tau of alpha. "common_share" is the share of the discrepancy's
            variance that all recipes have in common. With one recipe the mapping is empty.

        apart: A mapping from each pooled parameter to the draws of z (chain, draw, recipe).
    """

    column: str = ""
    draws: Mapping[str, np.ndarray] = field(default_factory=dict)
    apart: Mapping[str, np.ndarray] = field(default_factory=dict)

    def check(self, recipes: str | tuple[str | None, ...]) -> None:
        """Check that recipes, one or one for each point, are among those that were fitted.

        Raises:
            InputError: A recipe isn't known, or a name is blank.
        """
        for name in (recipes,) if isinstance(recipes, str) else recipes:
            if name not in self.names:
                raise unknown(f"recipe of {self.column!r}", str(name or ""), self.names)

    @cached_property
    def borrowed(self) -> "pd.DataFrame":
        """How much of each pooled parameter a recipe has from the others: a data frame of recipes and parameters.

        It is the posterior variance of z_g, which is 1 before anything is seen of recipe g. At 0 the recipe's own runs
        say exactly where it stands among the recipes. At 1 they say nothing of it, and the recipe stands where the
        others are.
        """
        from scalebayes.display.table import Table

        columns = {name: np.minimum(x.var(axis=(0, 1)), 1.0) for name, x in self.apart.items()}
        return Table(columns, index=list(self.names)).rename_axis("recipe")

    def summary(self, prob: float = 0.9) -> "pd.DataFrame":
        """Summarise what the recipes share, and the posterior of each free parameter of each recipe, in one table.

        Args:
            prob: The probability of the equal-tailed interval, between 0 and 1. The default is 0.9.

        Returns:
            The table of `Fits.summary`, with the column `borrowed` for pooled parameters (see `Pooled.borrowed`), after
            one block under the name "all recipes" with the parameters in `draws`.

        Raises:
            InputError: `prob` isn't between 0 and 1.
        """
        import pandas as pd

        from scalebayes.display.table import Table
        from scalebayes.fitting.summary import columns_of

        table = super().summary(prob)
        if not self.draws:
            return table
        of_each = self.borrowed
        known = [(recipe, name) for recipe in of_each.index for name in of_each.columns]
        table["borrowed"] = pd.Series({pair: float(of_each.loc[pair]) for pair in known}).reindex(table.index)
        rows = {(ALL, name): columns_of(x.reshape(-1), prob, 1) for name, x in self.draws.items()}
        shared = pd.DataFrame.from_dict(rows, orient="index").astype(float)
        shared.index = pd.MultiIndex.from_tuples(rows, names=table.index.names)
        shared.insert(0, "status", self.status["status"].max() if len(self) else "")
        return Table(pd.concat([shared, table]))

    def _contents(self) -> "Contents":
        from scalebayes.fitting.pooled.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """Describe the fits for printing.

        Returns:
            A `View` with the fits that failed, the number of recipes, and what they share.
        """
        found = super().view()
        if not self.draws:
            return found
        spread = {name: float(np.median(self.draws[SPREAD + name])) for name in self.apart}
        shared = ", ".join(f"{name} (spread {x:.2g})" for name, x in spread.items())
        most = self.borrowed.max(axis=1)
        least = f"{most.min():.0%} to {most.max():.0%}"
        worst = self.status["status"].value_counts()
        counts = ", ".join(f"{worst[one.value]} {one.value}" for one in Status if one.value in worst)
        head = (
            f"Pooled fit of {len(self)} recipes by {self.column!r}: {self.items[0].law.name}, "
            f"{sum(len(fit.runs) for fit in self)} runs, {self.items[0].method.name}; checks: {counts}"
        )
        return View(head, found.failed, [f"pooled: {shared}; borrowed from the other recipes: {least}"])
