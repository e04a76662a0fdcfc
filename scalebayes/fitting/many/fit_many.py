"""fit_many: many data sets, or many laws, in one call."""

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from numbers import Integral
from typing import Any, Literal

import jax

from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Departure
from scalebayes.errors import InputError, known_settings, shown, unknown
from scalebayes.fitting.finish import versions
from scalebayes.fitting.first_answer import settle
from scalebayes.fitting.many.checkpoints import Folder
from scalebayes.fitting.many.digest import function_digest
from scalebayes.fitting.many.progress import Bar
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.many.runner import Running, check_executor
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Method
from scalebayes.infer.fallback import kept as keeping
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.noise import Noise
from scalebayes.parameters.priors import param_record
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table
from scalebayes.runs.split import split
from scalebayes.runs.window import Window
from scalebayes.seeds import Seed, as_key, seed_record
from scalebayes.status import FitError, FitWarning, Status


@known_settings
def fit_many(
    runs: Runs | Sequence[Runs] | Mapping[str, Runs],
    law: str | Law | Spec = "chinchilla",
    *,
    by: str | None = None,
    laws: Sequence[str | Law | Spec] | None = None,
    noise: str | Noise | None = None,
    discrepancy: Departure = None,
    window: Window | Literal["auto"] | None = None,
    method: Method = "laplace",
    priors: Literal["flat"] | Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    seed: Seed = 0,
    on_fail: Literal["warn", "raise", "ignore"] = "warn",
    fallback: bool = True,
    batch: int | None = None,
    executor: Executor | None = None,
    folder: Any = None,
    progress: bool | None = None,
) -> Fits:
    """Fit many data sets, many laws, or both: one traced program for all that share a shape.

    Data set i is fitted with the key `jax.random.fold_in(key, i)`, and gives what `fit` gives with that seed (but for
    the draws' own chance under Student-t noise with a discrepancy, where padding too has coordinates). Where Laplace's
    k-hat fails, more proposals are tried and then NUTS, together with the other data sets that failed.

    Args:
        runs: tables, or name -> table, or one table with `by` or `laws`.
        by: a column of one table, such as "experiment": each of its values is a data set of its own, and named by it.
        law, noise, discrepancy, window, method, priors, inputs, seed: as for `fit`; the same for every data set.
        laws: several laws, each fitted to every data set; in place of `law`.
        on_fail: what failed checks do: one `FitWarning`, now and with the first answer; a `FitError`; nothing.
        fallback: False to keep Laplace's fits where its k-hat fails.
        batch: data sets a call, rounded up to what the devices compute side by side; by default what they have room
            for. All local devices share a batch.
        executor: of `concurrent.futures`, such as `ProcessPoolExecutor(4, multiprocessing.get_context("spawn"))`, or
            that of a dask cluster, `Client.get_executor()`; by default threads of this process.
        folder: where finished batches are kept. A run that was killed goes on from there when it is called again.
        progress: True for a bar on standard error, False for none, None for one on a terminal.

    Raises:
        InputError: what was given can't be used; the data set is named. FitError: with `on_fail="raise"`.
        WorkerError: a worker process died, and the executor is of no more use. A dask cluster does its work again.

    >>> x = [1.0, 10.0, 100.0, 1e3]
    >>> tables = {"a": Runs(x=x, loss=[3.0, 2.0, 1.5, 1.1]), "b": Runs(x=x, loss=[3.0, 2.0, 1.5, 1.2])}
    >>> fits = fit_many(tables, "power", method="map", on_fail="ignore")
    >>> float(fits["a"].draws["alpha"].item()) > float(fits["b"].draws["alpha"].item())
    True
    """
    if on_fail not in ("warn", "raise", "ignore"):
        raise unknown("on_fail", on_fail, ("warn", "raise", "ignore"))
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, Integral) or batch < 1):
        raise InputError(f"batch is a whole number of data sets from 1 on, not {batch!r}")
    check_executor(executor)
    started = time.perf_counter()
    names, tables, each_law = _crossed(runs if by is None else _split(runs, by), law, laws)
    specs = {one: Spec.of(one, noise, discrepancy, window, priors, inputs) for one in dict.fromkeys(each_law)}
    methods = [spec.method(method) for spec in specs.values()]
    key = as_key(seed)
    with jax.enable_x64():
        problems = [
            _problem(name if len(names) > 1 else "", table, specs[one])
            for name, table, one in zip(names, tables, each_law, strict=True)
        ]
        chosen_method = methods[0] if fallback else keeping(methods[0])
        kept = None if folder is None else Folder(folder, about(problems, chosen_method, seed, batch and int(batch)))
        fits: list[Any] = [None] * len(problems)
        with Bar(len(problems), progress) as bar:
            run = Running(problems, key, batch, executor, kept, bar)
            resampled = 0
            for i, fit, again in run.settled(chosen_method):
                fits[i] = replace(fit, label=specs[each_law[i]].name)
                resampled += again
    result = Fits(tuple(names), tuple(fits), time.perf_counter() - started, resampled, versions())
    if failed := [name for name, fit in zip(names, fits, strict=True) if fit.checks.of(Status.FAIL)]:
        told = shown(", ".join(failed[:5])) + (", ..." if len(failed) > 5 else "")
        sentence = f"{len(failed)} of {len(fits)} fits failed a check ({told}): fits.status says which"
        if len(fits) == 1:
            sentence = "; ".join(f"{c.name}: {c.sentence}" for c in fits[0].checks.of(Status.FAIL))
        if on_fail == "raise":
            raise FitError(sentence)
        if on_fail == "warn":
            warnings.warn(sentence, FitWarning, stacklevel=3)
    if on_fail == "ignore":
        settle(*result)
    return result


def _split(runs: Any, by: str) -> dict[str, Runs]:
    """Value of a column -> its runs, of one table."""
    if not isinstance(runs, Runs):
        raise InputError(
            f"by={by!r} splits one table made by sb.read_runs or sb.Runs, and runs is {type(runs).__name__}; give one "
            "table, or leave by= out"
        )
    return split(runs, by)


def _crossed(
    runs: Any, law: str | Law | Spec, laws: Sequence[str | Law | Spec] | None
) -> tuple[list[str], list[Runs], list[str | Law | Spec]]:
    """Names, tables and laws, one each a fit."""
    if isinstance(runs, Runs):
        if laws is None:
            raise InputError(
                "fit_many takes a list of tables, or one table with by='column' or laws=[...]; for one of each use fit"
            )
        tables = {"": runs}
    elif isinstance(runs, Mapping):
        tables = {str(name): table for name, table in runs.items()}
        if len(tables) < len(runs):
            raise InputError("two of the names of runs are the same as text; give each its own")
    elif isinstance(runs, Sequence) and not isinstance(runs, str):
        tables = {str(i): table for i, table in enumerate(runs)}
    else:
        raise InputError(
            f"runs is a list of tables made by sb.read_runs or sb.Runs, or name -> table, not {type(runs).__name__}; "
            "for one data frame or file use sb.fit(sb.read_runs(...))"
        )
    if not tables:
        raise InputError("runs is empty: there is nothing to fit")
    for name, table in tables.items():
        if not isinstance(table, Runs):
            raise no_table(table, f"data set {name!r}")
    if laws is None:
        return list(tables), list(tables.values()), [law] * len(tables)
    if isinstance(laws, (str, Law)) or not laws:
        raise InputError("laws is a list of laws, such as ['chinchilla', 'kaplan']")
    called = [one if isinstance(one, str) else one.name for one in laws]
    if len(set(called)) < len(called):
        raise InputError(f"laws has two of one name: {', '.join(called)}; give each its own")
    pairs = [(name, table, one, of) for name, table in tables.items() for one, of in zip(laws, called, strict=True)]
    names = [f"{name}/{of}" if name else of for name, _, _, of in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"data set and law make one name, {twice!r}, twice; give the data sets other names")
    return names, [table for _, table, _, _ in pairs], [one for _, _, one, _ in pairs]


def _problem(name: str, runs: Runs, spec: Spec) -> Problem:
    try:
        return spec.problem(runs)
    except InputError as error:
        raise InputError(f"data set {name!r}: {error}" if name else str(error)) from None


def about(problems: Sequence[Problem], method: Any, seed: Any, batch: int | None) -> dict[str, Any]:
    """What a folder of finished batches belongs to."""

    def model(p: Problem) -> str:
        params = {n: param_record(x) for n, x in p.params.items()}
        parts = {
            "law": p.law.name,
            "settings": dict(p.law.settings),
            "ties": p.law.ties,
            "function": function_digest(p.law.fn),
            "noise": p.noise.name,
            "noise settings": dict(p.noise.settings),
            "noise functions": function_digest(p.noise.form),
            "params": params,
            "discrepancy": p.discrepancy and discrepancies.record_of(p.discrepancy),
        }
        return json.dumps(parts, default=str)

    return {
        "models": list(dict.fromkeys(map(model, problems))),
        "runs": [p.runs.hash for p in problems],
        "inputs": list(dict.fromkeys(json.dumps(dict(p.columns)) for p in problems)),
        "method": {"name": method.name, **asdict(method)},
        "seed": seed_record(seed),
        "batch": batch,
        "versions": versions(),
    }
