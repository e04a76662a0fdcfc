"""What follows a method whose k-hat fails: more proposals where NUTS is slow, then NUTS."""

from dataclasses import replace
from typing import Any

from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import KHAT, Laplace
from scalebayes.infer.nuts import NUTS
from scalebayes.problem import Problem

MORE = (2, 4)  # times the proposals


def trusted(numbers: Any) -> bool:
    """Whether the k-hat among a fit's numbers, if it has one, passes.

    >>> trusted({"khat": 0.3}), trusted({"khat": 0.9}), trusted({})
    (True, False, True)
    """
    return bool(numbers.get("khat", 0.0) < KHAT)


def with_more(method: Any) -> list[Any]:
    """The method with more and more proposals, to be tried under a discrepancy; nothing for one that proposes none.

    >>> [one.proposals for one in with_more(Laplace(proposals=1000))]
    [2000, 4000]
    """
    if not isinstance(method, Laplace):
        return []
    return [replace(method, proposals=more * method.proposals, rounds=2 * method.rounds) for more in MORE]


def chains_of(method: Laplace) -> NUTS:
    """NUTS with as many draws, in place of importance weights that fail.

    >>> chains_of(Laplace(draws=1000)).draws
    250
    """
    return NUTS(draws=-(-method.draws // NUTS().chains), search=method.search)


def run_on(method: Any, problem: Problem, key: Any) -> tuple[Any, Draws]:
    """The draws of a method, and the method they are by; under a discrepancy, where its k-hat fails, of what follows.

    A posterior of a law alone stays with the method that was asked for: its check names the other.
    """
    draws = method.run(problem, key)
    if problem.model.process is None or trusted(draws.numbers):
        return method, draws
    for one in (*with_more(method), chains_of(method)):
        draws = one.run(problem, key)
        if trusted(draws.numbers):
            return one, draws
    raise AssertionError("chains have no k-hat")
