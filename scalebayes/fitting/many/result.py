"""This file has `Fits`, the result of `fit_many`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from scalebayes.display.view import View, Viewed
from scalebayes.errors import NameNotFound, unknown
from scalebayes.fitting.result import Fit
from scalebayes.safe_files.saved import Saved
from scalebayes.status import Status

if TYPE_CHECKING:
    import pandas as pd

    from scalebayes.safe_files.netcdf import Contents

SHOWN = 10  # number of failed fits that are named when the fits are printed; of any beyond it the count is printed


@dataclass(frozen=True, eq=False, repr=False)
class Fits(Viewed, Saved, Sequence[Fit]):
    """The fits of many data sets, or of many laws: a sequence of `Fit`, indexed by position or by name.

    `predict` and `optimum` take it as they take a fit; their answers have a dim `dataset`.

    Attributes:
        names: The names of the data sets, in order.

        items: The fits, in the same order.

        seconds: The duration of the whole call, in seconds; NaN for a part of the fits, as from a slice.

        resampled: The number of fits that were sampled again with NUTS because Laplace's k-hat failed; 0 for a part
            of the fits.

        versions: A mapping from library to the version that made the fits.
    """

    names: tuple[str, ...]
    items: tuple[Fit, ...]
    seconds: float = float("nan")
    resampled: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, value: object) -> bool:
        """Whether a name is that of one of the fits, or an object is one of the fits."""
        return value in self.names if isinstance(value, str) else any(value is fit for fit in self.items)

    def __iter__(self) -> Iterator[Fit]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int | str) -> Fit: ...
    @overload
    def __getitem__(self, index: slice) -> "Fits": ...
    def __getitem__(self, index: int | str | slice) -> "Fit | Fits":
        if isinstance(index, slice):
            return Fits(self.names[index], self.items[index], versions=self.versions)
        if isinstance(index, str):
            if index not in self.names:
                raise NameNotFound(str(unknown("data set", index, self.names)))
            return self.items[self.names.index(index)]
        return self.items[index]

    def where(self, *statuses: Status | str) -> "Fits":
        """Select the fits whose worst check has one of the given statuses.

        Args:
            *statuses: "pass", "review" or "fail", or a `Status`.

        Returns:
            The selected `Fits`, in the same order.

        Raises:
            InputError: A status isn't known.
        """
        known = [status.value for status in Status]
        for status in statuses:
            if str(status) not in known:
                raise unknown("status", str(status), known)
        kept = [i for i, fit in enumerate(self.items) if fit.checks.status in statuses]
        return Fits(tuple(self.names[i] for i in kept), tuple(self.items[i] for i in kept), versions=self.versions)

    @property
    def status(self) -> "pd.DataFrame":
        """A data frame with one row for each data set.

        The columns are `law`, `method`, `runs` (their number), `status` (the worst status of the checks), and the
        names of the checks under `failed` and `review`.
        """
        from scalebayes.display.table import Table

        rows = [
            {
                "dataset": name,
                "law": fit.law.name,
                "method": fit.method.name,
                "runs": len(fit.runs),
                "status": fit.checks.status.value,
                "failed": ", ".join(c.name for c in fit.checks.of(Status.FAIL)),
                "review": ", ".join(c.name for c in fit.checks.of(Status.REVIEW)),
            }
            for name, fit in zip(self.names, self.items, strict=True)
        ]
        columns = ["dataset", "law", "method", "runs", "status", "failed", "review"]
        return Table(rows, columns=columns).set_index("dataset")

    def summary(self, prob: float = 0.9) -> "pd.DataFrame":
        """Summarise the posterior of each free parameter of each fit in one table.

        Args:
            prob: The probability of the equal-tailed interval, between 0 and 1. The default is 0.9.

        Returns:
            A data frame with one row for each data set and parameter: the columns of `Fit.summary`, after the
            `status` of the fit's checks.

        Raises:
            InputError: `prob` isn't between 0 and 1.
        """
        import pandas as pd

        from scalebayes.display.table import Table

        if not self.items:
            return Table(columns=["status", "median", "mean", "sd", "lower", "upper"])
        tables = {}
        for name, fit in zip(self.names, self.items, strict=True):
            table = fit.summary(prob)
            table.insert(0, "status", fit.checks.status.value)
            tables[name] = table
        return Table(pd.concat(tables, names=["dataset", "parameter"]))

    def _contents(self) -> "Contents":
        from scalebayes.fitting.many.to_file import contents_of

        return contents_of(self)

    def view(self) -> View:
        """Describe the fits for printing.

        Returns:
            A `View` with the fits that failed, the number of fits, and the statuses of their checks.
        """
        statuses = Counter(fit.checks.status.value for fit in self.items)
        counts = ", ".join(f"{statuses[status.value]} {status.value}" for status in Status if statuses[status.value])
        laws = ", ".join(dict.fromkeys(fit.law.name for fit in self.items))
        again = [f"{self.resampled} were sampled with NUTS, because Laplace's k-hat failed"] if self.resampled else []
        checks = {name: fit.checks.of(Status.FAIL) for name, fit in zip(self.names, self.items, strict=True)}
        failed = [f"fail    {name}: {', '.join(c.name for c in bad)}" for name, bad in checks.items() if bad]
        if len(failed) > SHOWN:
            failed = [*failed[:SHOWN], f"... and {len(failed) - SHOWN} more; fits.status has them all"]
        return View(f"Fits of {len(self)} data sets: {laws}; checks: {counts}", failed, again)
