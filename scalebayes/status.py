"""Check and Status: what was looked at, how it went, and what to do; and how a check that failed is raised."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

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
        name: as people read it; it may change between versions.

        status: pass, review or fail.

        sentence: what was found and, unless it passed, what to do about it.

        id: which check it is, such as "k_hat"; it never changes. By default the name in lower snake case.

        of: the member of a stack whose check it is, or "weights"; by default blank.

        about: the parameters or columns that the sentence names as the cause, where there are such.

        conclusive: False where too few runs, or too few chains, leave open what the check asks.

    >>> print(Check("divergences", Status.PASS, "No divergent transition."))
    pass    divergences: No divergent transition.
    >>> Check("k-hat", Status.PASS, "Fine.").within("power").key
    'power: k_hat'
    """

    name: str
    status: Status
    sentence: str
    id: str = ""
    of: str = ""
    about: tuple[str, ...] = ()
    conclusive: bool = True

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", snake_case(self.name))

    @property
    def key(self) -> str:
        """What finds it among `Checks`: its id, in a stack after the member that it is of."""
        return f"{self.of}: {self.id}" if self.of else self.id

    def within(self, of: str) -> "Check":
        """The same check, as one of a member of a stack, or of its weights."""
        return replace(self, name=f"{of}: {self.name}", of=of)

    def record(self) -> dict[str, Any]:
        """The check as JSON data."""
        told = {"id": self.id, "name": self.name, "status": self.status.value, "sentence": self.sentence}
        of = {"of": self.of} if self.of else {}
        return {**told, **of, "about": list(self.about), "conclusive": self.conclusive}

    def __str__(self) -> str:
        return shown(f"{self.status.value:<7} {self.name}: {self.sentence}")


@dataclass(frozen=True)
class Checks:
    """The checks of a fit, worst first when printed; indexed by identifier, or by the name that people read.

    >>> checks = Checks((Check("k-hat", Status.PASS, "Fine."), Check("b", Status.FAIL, "Refit.")))
    >>> checks.status
    <Status.FAIL: 'fail'>
    >>> checks["k_hat"].sentence, checks["k-hat"].sentence, "c" in checks
    ('Fine.', 'Fine.', False)
    """

    items: tuple[Check, ...]

    def __iter__(self):
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: str) -> Check:
        found = self._called(key)
        if len(found) == 1:
            return found[0]
        if found:
            raise KeyError(f"{len(found)} checks are {key!r}; name one of {', '.join(repr(c.key) for c in found)}")
        raise KeyError(f"no check {key!r}; there are {', '.join(c.key for c in self.items)}")

    def __contains__(self, key: object) -> bool:
        return bool(self._called(key))

    def _called(self, key: object) -> list[Check]:
        """The checks of a key or a name; those of an identifier, where they are of several members of a stack."""
        exact = [check for check in self.items if key in (check.key, check.name)]
        return exact[:1] or [check for check in self.items if check.id == key]

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


def checks_record(checks: Checks) -> list[dict[str, Any]]:
    """Checks as JSON data; `checks.registry.read_checks` reads it.

    >>> checks_record(Checks((Check("a", Status.PASS, "Fine."),)))
    [{'id': 'a', 'name': 'a', 'status': 'pass', 'sentence': 'Fine.', 'about': [], 'conclusive': True}]
    """
    return [check.record() for check in checks]


def snake_case(name: str) -> str:
    """A name in lower snake case.

    >>> snake_case("E-BFMI"), snake_case("one row of a log")
    ('e_bfmi', 'one_row_of_a_log')
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several statuses; pass where there are none."""
    order = [Status.PASS, Status.REVIEW, Status.FAIL]
    return max(statuses, key=order.index, default=Status.PASS)
