"""This file says what follows Laplace where its k-hat fails: more proposals, and then NUTS, for one fit or many."""

from dataclasses import replace
from typing import Any

from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import KHAT, Laplace
from scalebayes.infer.nuts import NUTS
from scalebayes.model.problem import Problem

MORE = (2, 4)  # factors of the number of proposals in the second and the third try


def trusted(numbers: Any) -> bool:
    """Whether a method's importance weights can be trusted: their k-hat is below `KHAT`, or there is none.

    >>> trusted({"khat": 0.3}), trusted({"khat": 0.9}), trusted({})
    (True, False, True)
    """
    return bool(numbers.get("khat", 0.0) < KHAT)


def kept(method: Any) -> Any:
    """The method with its fallback off, so that its draws are kept whatever their k-hat is.

    A method other than Laplace has no fallback, and is returned as it is.

    >>> [one.name for one in tries(kept(Laplace()))]
    ['laplace']
    """
    return replace(method, fallback=False) if isinstance(method, Laplace) else method


def tries(method: Any) -> list[Any]:
    """The methods that are tried one after the other while k-hat fails; the given method is the first.

    >>> [getattr(one, "proposals", one.name) for one in tries(Laplace(proposals=1000))]
    [1000, 2000, 4000, 'nuts']
    """
    if not isinstance(method, Laplace) or not method.fallback:
        return [method]
    more = [replace(method, proposals=times * method.proposals, rounds=2 * method.rounds) for times in MORE]
    return [method, *more, chains_of(method)]


def chains_of(method: Laplace) -> NUTS:
    """NUTS with as many draws in all as this Laplace, for use where its importance weights fail.

    >>> chains_of(Laplace(draws=1000)).draws
    250
    """
    return NUTS(draws=-(-method.draws // NUTS().chains), search=method.search)


def run_on(method: Any, problem: Problem, key: Any) -> tuple[Any, Draws]:
    """Run a method, and the next of its `tries` while k-hat fails; return the method that was kept, and its draws."""
    *before, last = tries(method)
    for one in before:
        draws = one.run(problem, key)
        if trusted(draws.numbers):
            return one, draws
    return last, last.run(problem, key)
