"""This file defines the result of a check of a fit, and the warning and the error for a check that failed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from scalebayes.errors import shown


class Status(StrEnum):
    """The result of a check.

    Attributes:
        PASS: The check found no problem.

        REVIEW: Read the sentence of the check before you rely on the fit.

        FAIL: Do not rely on the fit.
    """

    PASS = "pass"
    REVIEW = "review"
    FAIL = "fail"


class FitWarning(UserWarning):
    """A check of the fit failed."""


class SlowWarning(UserWarning):
    """What starts now will take more than half a minute."""


class FitError(RuntimeError):
    """A check of the fit failed, and the fit was called with `on_fail="raise"`."""


@dataclass(frozen=True)
class Check:
    """The result of one check of a fit.

    Attributes:
        name: The name that people read. It may change between versions.

        status: Pass, review or fail.

        sentence: What the check found and, unless it passed, what to do about it.

        id: The identifier of the check, such as "k_hat". It never changes. The default is the name in lower snake case.

        of: The member of a stack that was checked, or "weights" for the weights of the stack. The default is "", for
            the check of a fit.

        about: The parameters or columns that the sentence names as the cause. The default is (), for none.

        conclusive: False if there are too few runs, or too few chains, to answer the question of the check. The default
            is True.

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
        """The key of this check in `Checks`: its id, or in a stack the name of the member and the id."""
        return f"{self.of}: {self.id}" if self.of else self.id

    def within(self, of: str) -> "Check":
        """The same check, marked as one of a stack.

        Args:
            of: The member of the stack that was checked, or "weights".

        Returns:
            The check with this member in its name.
        """
        return replace(self, name=f"{of}: {self.name}", of=of)

    def record(self) -> dict[str, Any]:
        """The check as JSON data.

        Returns:
            A dict of the attributes. `of` is left out if it is blank.
        """
        told = {"id": self.id, "name": self.name, "status": self.status.value, "sentence": self.sentence}
        of = {"of": self.of} if self.of else {}
        return {**told, **of, "about": list(self.about), "conclusive": self.conclusive}

    def __str__(self) -> str:
        return shown(f"{self.status.value:<7} {self.name}: {self.sentence}")


@dataclass(frozen=True)
class Checks:
    """The checks of a fit.

    `checks["k_hat"]` is one check, by its identifier or by the name that people read. A printed table of checks lists
    the worst first.

    Attributes:
        items: The checks, in the order in which they were made.

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
        """The check with this key or name. If there is none, the checks with this identifier, one per member."""
        exact = [check for check in self.items if key in (check.key, check.name)]
        return exact[:1] or [check for check in self.items if check.id == key]

    def of(self, *statuses: Status) -> tuple[Check, ...]:
        """The checks with some statuses.

        Args:
            *statuses: The statuses.

        Returns:
            The checks whose status is one of them.
        """
        return tuple(check for check in self.items if check.status in statuses)

    @property
    def status(self) -> Status:
        """The worst status of all checks."""
        return worst(check.status for check in self.items)

    def __str__(self) -> str:
        order = [Status.FAIL, Status.REVIEW, Status.PASS]
        return "\n".join(str(check) for status in order for check in self.of(status))


def checks_record(checks: Checks) -> list[dict[str, Any]]:
    """The checks as JSON data, which `checks.registry.read_checks` reads.

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
    """The worst of several statuses; pass if there are none."""
    order = [Status.PASS, Status.REVIEW, Status.FAIL]
    return max(statuses, key=order.index, default=Status.PASS)
