"""This file has the forecasters of a backtest: which they are, and their fits at the cutoffs."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax

from scalebayes.backtesting.scorable import check_noise
from scalebayes.backtesting.trivial import NAME
from scalebayes.discrepancy.gp import Discrepancy
from scalebayes.display.progress import told
from scalebayes.errors import InputError, unknown
from scalebayes.fitting.forecaster import forecaster
from scalebayes.fitting.many.fit_many import fit_many
from scalebayes.fitting.result import Fit
from scalebayes.fitting.spec import RECOMMENDED, Spec
from scalebayes.infer.compile import cores
from scalebayes.laws.law import Law
from scalebayes.runs import Runs


class Recommended(NamedTuple):
    """The recommended forecaster, which chooses a spec of its own at each cutoff.

    Attributes:
        inputs: The column of each law input.

        kind: The kind of runs of one input, "ladder" or "curve"; None for runs of N and D.
    """

    inputs: Mapping[str, str]
    kind: str | None = None


def fits_of(
    one: Spec | Recommended, tables: Mapping[str, Runs], method: Any, key: Any, progress: bool | None
) -> Sequence[Fit]:
    """The fits of a forecaster, one for each cutoff, without warnings: the backtest's table has their status."""
    if isinstance(one, Recommended):
        keys = [jax.random.fold_in(key, j) for j in range(len(tables))]
        own: dict[str, Any] = {"inputs": one.inputs or None, "kind": one.kind, "on_fail": "ignore", "progress": False}
        # The threads run programs side by side; a program that isn't there yet is compiled by one of them.
        threads = ThreadPoolExecutor(min(cores(), len(tables)))
        with told(f"fitting the recommended forecaster at {len(tables)} cutoffs", progress), threads:
            alone = partial(forecaster, pool=None, **own)
            return list(threads.map(lambda table, key: alone(table, seed=key), tables.values(), keys))
    return tuple(fit_many(tables, one, method=method, seed=key, on_fail="ignore", progress=progress))


def named(
    laws: Sequence[str | Law | Spec],
    discrepancy: Sequence[Any],
    noise: Any,
    window: Any,
    method: Any,
    inputs: Mapping[str, str],
    priors: Any,
) -> dict[str, Spec | Recommended]:
    """The forecasters of a backtest by name: each law with each discrepancy, and each spec as it was given.

    Raises:
        InputError: A law, a discrepancy, a method, an input or a prior can't be used, or two forecasters have one name.
    """
    if isinstance(laws, (str, Law, Spec)) or not laws:
        raise InputError("laws is a list of laws, such as ['chinchilla', 'kaplan']")
    if isinstance(discrepancy, (str, Discrepancy)) or not discrepancy:
        raise InputError("discrepancy is a list, such as [None, 'gp']")
    if list(discrepancy) != [None] and all(isinstance(asked, Spec) for asked in laws):
        raise InputError(
            "discrepancy is for laws given by name, and each Spec has its own; leave it out, or give "
            "sb.Spec.of(law, discrepancy=...) as a law"
        )
    named: dict[str, Spec | Recommended] = {}
    bound: set[str] = set()
    params: set[str] = set()
    for asked in laws:
        if isinstance(asked, str) and asked == RECOMMENDED:
            bound |= set(inputs)
            named[RECOMMENDED] = Recommended(inputs)
            continue
        for departure in (None,) if isinstance(asked, Spec) else discrepancy:
            spec = Spec.of(asked, noise, departure, window)
            check_noise(spec.noise)
            spec.method(method)
            if not spec.recommended and spec.law.name in (NAME, RECOMMENDED):
                raise InputError(f"a law is called {spec.law.name!r}, as a forecaster of ours is; give it another name")
            if spec.name in named:
                raise InputError(
                    f"two of the forecasters are called {spec.name!r}; leave one out, or give it another name"
                )
            own_inputs = {key: column for key, column in inputs.items() if key in spec.law.inputs}
            bound |= set(own_inputs)
            params |= set(spec.params)
            own_priors: Any = (
                priors if isinstance(priors, str) else {n: x for n, x in priors.items() if n in spec.params}
            )
            named[spec.name] = Spec.of(spec, priors=own_priors or None, inputs=own_inputs or None)
    for name in inputs:
        if name not in bound:
            valid = dict.fromkeys(x for spec in named.values() if isinstance(spec, Spec) for x in spec.law.inputs)
            raise unknown("input of the laws", name, valid)
    if priors and not params:
        raise InputError("priors: 'recommended' has its own, and no law stands beside it; leave them out")
    for name in () if isinstance(priors, str) else priors:
        if name not in params:
            raise unknown("parameter in priors", name, sorted(params))
    return named
