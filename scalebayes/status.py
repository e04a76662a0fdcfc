"""Check and Status: what was looked at, how it went, and what to do; and how a check that failed is raised."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scalebayes.errors import shown


class Status(StrEnum):
    """How a check went: pass, review (read it before you rely on the fit), fail (don't rely on the fit)."""

    PASS = "pass"
    REVIEW = "review"
    FAIL = "fail"


class FitWarning(UserWarning):
    """A check of the fit failed."""


class FitError(RuntimeError):
    """A check of the fit failed, and `on_fail="raise"` was asked for."""


@dataclass(frozen=True)
class Check:
    """One thing that a fit is held to.

    Attributes:
        name: of the check. status: pass, review or fail.
        sentence: what was found and, unless it passed, what to do about it.

    >>> print(Check("divergences", Status.PASS, "No divergent transition."))
    pass    divergences: No divergent transition.
    """

    name: str
    status: Status
    sentence: str

    def __str__(self) -> str:
        return shown(f"{self.status.value:<7} {self.name}: {self.sentence}")


@dataclass(frozen=True)
class Checks:
    """The checks of a fit, worst first when printed; indexed by name.

    >>> checks = Checks((Check("a", Status.PASS, "Fine."), Check("b", Status.FAIL, "Refit.")))
    >>> checks.status
    <Status.FAIL: 'fail'>
    >>> checks["a"].sentence
    'Fine.'
    """

    items: tuple[Check, ...]

    def __iter__(self):
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Check:
        for check in self.items:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r}; there are {', '.join(c.name for c in self.items)}")

    def __contains__(self, name: object) -> bool:
        return any(check.name == name for check in self.items)

    def of(self, *statuses: Status) -> tuple[Check, ...]:
        """The checks with one of these statuses."""
        return tuple(check for check in self.items if check.status in statuses)

    @property
    def status(self) -> Status:
        """The worst status."""
        return worst(check.status for check in self.items)

    def __str__(self) -> str:
        order = [Status.FAIL, Status.REVIEW, Status.PASS]
        return "\n".join(str(check) for status in order for check in self.of(status))


def checks_record(checks: Checks) -> list[list[str]]:
    """Checks as JSON data.

    >>> checks_record(Checks((Check("a", Status.PASS, "Fine."),)))
    [['a', 'pass', 'Fine.']]
    """
    return [[check.name, check.status.value, check.sentence] for check in checks]


def checks_of(record: Iterable[Iterable[str]]) -> Checks:
    """The checks that `checks_record` wrote."""
    return Checks(tuple(Check(name, Status(status), sentence) for name, status, sentence in record))


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several statuses; pass where there are none."""
    order = [Status.PASS, Status.REVIEW, Status.FAIL]
    return max(statuses, key=order.index, default=Status.PASS)
