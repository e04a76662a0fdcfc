"""This file has the question of a decision: what is asked of every fit, checked, and its cost for the law of a fit."""

from typing import Any, NamedTuple

from scalebayes.errors import InputError, unknown
from scalebayes.fitting.groups import Groups
from scalebayes.fitting.result import Fit
from scalebayes.planning.costs.formulas import repeated, six_nd
from scalebayes.planning.costs.record import Cost, checked_cost
from scalebayes.planning.limits import Limits
from scalebayes.planning.smaller import times_of


class Question(NamedTuple):
    """What is asked of every fit: the budgets C (budget,), the cost, its limits, and "law", "curve" or None.

    `smaller` has how many times smaller than the optimum the models are whose price is asked for.
    """

    C: Any
    cost: Cost
    limits: Limits
    of: str | None
    smaller: tuple[float, ...] = ()

    @classmethod
    def checked(cls, C: Any, cost: Any, subject_to: Any, of: Any, smaller: Any = None) -> "Question":
        """Make a question of what a user gives.

        Raises:
            InputError: `cost` is none, a limit can't be used, `of` is neither "law" nor "curve", or `smaller` has a
                factor that isn't above 1.
        """
        if of not in (None, "law", "curve"):
            raise unknown("of", of, ("law", "curve"))
        return cls(C, checked_cost(cost), Limits.of(subject_to), of, times_of(smaller))

    @property
    def plain(self) -> bool:
        """Whether the cost is 6 N D and there are no limits."""
        return self.cost is six_nd and not self.limits.named()


def cost_of(fit: Fit, question: Question) -> Cost:
    """The cost of a question for a fit, with the law's inputs besides N and D.

    Raises:
        InputError: The law isn't one of N and D, or needs an input that neither the cost nor a limit gives.
    """
    law, unique = fit.law, question.limits.unique_tokens
    cost = repeated(unique, question.cost) if unique else question.cost
    lacking = [name for name in law.inputs if name not in ("N", "D", *cost.inputs)]
    renamed = any(name != column for name, column in fit.problem.columns.items())
    if not {"N", "D"} <= set(law.inputs) or renamed or (lacking and lacking != ["U"]):
        of_these = ", ".join(f"{n} = {c}" if n != c else n for n, c in fit.problem.columns.items())
        raise InputError(
            f"optimum splits a budget between N and D, and law {law.name!r} takes {of_these}; fit runs that have "
            "N and D"
        )
    if lacking:
        raise InputError(
            f"law {law.name!r} takes U: say how many unique tokens there are, subject_to={{'unique_tokens': 25e9}}"
        )
    if unique and "U" not in law.inputs:
        raise InputError(
            f"law {law.name!r} knows no repetition, so unique_tokens would change nothing; say max_D={unique:g} in its "
            "place, or fit data_constrained"
        )
    if question.cost.inputs and not set(question.cost.inputs) <= set(law.inputs):
        names = ", ".join(name for name in question.cost.inputs if name not in law.inputs)
        raise InputError(
            f"cost {question.cost.name!r} gives {names}, which law {law.name!r} doesn't take; use the cost "
            "without it, or fit a law that takes it"
        )
    return cost


def refuse_groups_of_law(groups: Groups, departs: bool) -> None:
    """Refuse a named group where the answer is that of the law alone.

    Args:
        groups: The group or groups that were asked for, of which None is a new group.

        departs: Whether the answer is that of the law with its discrepancy.

    Raises:
        InputError: A group is named, and the answer is that of the law.
    """
    named = [one for one in (groups if isinstance(groups, tuple) else (groups,)) if one is not None]
    if named and not departs:
        raise InputError(f"group={named[0]!r}: the law alone has no offset for a group; leave it out")
