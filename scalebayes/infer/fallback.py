"""What follows Laplace where its k-hat fails: more proposals, then NUTS; for one fit as for many."""

from dataclasses import replace
from typing import Any

from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import KHAT, Laplace
from scalebayes.infer.nuts import NUTS
from scalebayes.model.problem import Problem

MORE = (2, 4)  # times the proposals


def trusted(numbers: Any) -> bool:
    """Whether the k-hat among a fit's numbers, if it has one, passes.

    >>> trusted({"khat": 0.3}), trusted({"khat": 0.9}), trusted({})
    (True, False, True)
    """
    return bool(numbers.get("khat", 0.0) < KHAT)


def kept(method: Any) -> Any:
    """The method whose draws are kept, whatever their k-hat.

    >>> [one.name for one in tries(kept(Laplace()))]
    ['laplace']
    """
    return replace(method, fallback=False) if isinstance(method, Laplace) else method


def tries(method: Any) -> list[Any]:
    """The method, and what is tried one after the other while k-hat fails; the last has none.

    >>> [getattr(one, "proposals", one.name) for one in tries(Laplace(proposals=1000))]
    [1000, 2000, 4000, 'nuts']
    """
    if not isinstance(method, Laplace) or not method.fallback:
        return [method]
    more = [replace(method, proposals=times * method.proposals, rounds=2 * method.rounds) for times in MORE]
    return [method, *more, chains_of(method)]


def chains_of(method: Laplace) -> NUTS:
    """NUTS with as many draws, in place of importance weights that fail.

    >>> chains_of(Laplace(draws=1000)).draws
    250
    """
    return NUTS(draws=-(-method.draws // NUTS().chains), search=method.search)


def run_on(method: Any, problem: Problem, key: Any) -> tuple[Any, Draws]:
    """The draws of a method, and the method they are by: where its k-hat fails, the next of its `tries`."""
    *before, last = tries(method)
    for one in before:
        draws = one.run(problem, key)
        if trusted(draws.numbers):
            return one, draws
    return last, last.run(problem, key)
