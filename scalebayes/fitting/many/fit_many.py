"""This file has `fit_many`, which fits many data sets, or many laws, in one call."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from numbers import Integral
from typing import Any, Literal

from scalebayes.discrepancy import gp as discrepancies
from scalebayes.discrepancy.gp import Departure
from scalebayes.errors import InputError, known_settings, shown
from scalebayes.fitting.finish import versions
from scalebayes.fitting.many.checkpoints import Folder
from scalebayes.fitting.many.crossed import crossed, of_column
from scalebayes.fitting.many.digest import function_digest
from scalebayes.fitting.many.progress import Bar
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.many.runner import Running, check_executor
from scalebayes.fitting.on_fail import act, check_on_fail, failed_sentence
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Method
from scalebayes.infer.double import double
from scalebayes.infer.fallback import kept as keeping
from scalebayes.laws.law import Law
from scalebayes.model.problem import Problem
from scalebayes.noise.noise import Noise
from scalebayes.parameters.priors import param_record
from scalebayes.runs import Runs
from scalebayes.runs.window import Window
from scalebayes.seeds import Seed, as_key, seed_record
from scalebayes.status import Status


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
    """Fit many data sets, many laws, or both. Data sets of one padded shape share one compiled program.

    Data set i is fitted with the key `jax.random.fold_in(key, i)`, where `key` is the key of `seed`. The result is
    that of `fit` with that key. There is one exception: under Student-t noise with a discrepancy the draws differ by
    chance, since the rows of padding have coordinates of their own. The data sets whose k-hat fails are fitted again
    together: by Laplace with more proposals, and then by NUTS.

    Args:
        runs: A list of tables, a mapping from name to table, or one table with `by` or `laws`.

        law: A name, a `Law` or a `Spec`, as for `fit`; it is the same for every data set. The default is "chinchilla".

        by: A column of one table, such as "experiment". Each value of the column is a data set with that name. The
            default is None: the table isn't split.

        laws: A list of laws, in place of `law`. Each is fitted to every data set. The default is None: `law` alone.

        noise: A name or a noise, as for `fit`. The default is that of `fit`.

        discrepancy: "gp" or `GP(...)`, as for `fit`. The default is None: each law is taken as exact.

        window: "auto" or `Window(...)`, as for `fit`. The default is None: all runs.

        method: A name or a method with settings, as for `fit`. The default is "laplace".

        priors: A mapping from parameter to prior, or "flat", as for `fit`. The default is None: the laws' own priors.

        inputs: A mapping from law input to column, as for `fit`. The default is None: columns of the same names.

        seed: An int or a JAX key. The default is 0.

        on_fail: What happens where checks fail. "warn" gives one `FitWarning` now, and one with the first answer;
            "raise" raises a `FitError`; "ignore" does nothing. The default is "warn".

        fallback: Whether other proposals and NUTS are tried where Laplace's k-hat fails. The default is True.

        batch: The number of data sets in one call of a program. It is rounded up to a multiple of the number that the
            devices compute side by side; all local devices share a batch. The default is None: as many as the devices
            have room for, but one for NUTS on a CPU, which has nothing to gain from data sets side by side.

        executor: An executor of `concurrent.futures`, such as
            `ProcessPoolExecutor(4, multiprocessing.get_context("spawn"))`, or that of a dask cluster,
            `Client.get_executor()`. The default is None: threads of this process.

        folder: The path of a folder where finished batches are kept. If the call is killed, the same call made again
            goes on from there. The default is None: nothing is kept.

        progress: Whether a bar on standard error shows the progress. The default is None: the bar appears on a
            terminal and in a notebook only.

    Returns:
        `Fits`, a sequence with one `Fit` for each data set and law. A fit's name is that of its data set, or the
        position of the data set in the list. With `laws` it is "data set/law", or the law's name for one table.

    Raises:
        InputError: An argument can't be used; the message names the data set.
        FitError: A check of a fit failed, and `on_fail` is "raise".
        WorkerError: A worker process died, and its executor can't be used again. A dask cluster does the work of a
            dead worker again itself; there, this error means that a batch brought down several workers.

    Warns:
        FitWarning: A check of a fit failed, and `on_fail` is "warn".

    >>> x = [1.0, 10.0, 100.0, 1e3]
    >>> tables = {"a": Runs(x=x, loss=[3.0, 2.0, 1.5, 1.1]), "b": Runs(x=x, loss=[3.0, 2.0, 1.5, 1.2])}
    >>> fits = fit_many(tables, "power", method="map", on_fail="ignore")
    >>> float(fits["a"].draws["alpha"].item()) > float(fits["b"].draws["alpha"].item())
    True
    """
    check_on_fail(on_fail)
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, Integral) or batch < 1):
        raise InputError(f"batch is a whole number of data sets from 1 on, not {batch!r}")
    check_executor(executor)
    started = time.perf_counter()
    names, tables, each_law = crossed(runs if by is None else of_column(runs, by), law, laws)
    specs = {one: Spec.of(one, noise, discrepancy, window, priors, inputs) for one in dict.fromkeys(each_law)}
    methods = [spec.method(method) for spec in specs.values()]
    key = as_key(seed)
    with double():
        problems = [
            _problem(name if len(names) > 1 else "", table, specs[one])
            for name, table, one in zip(names, tables, each_law, strict=True)
        ]
        chosen_method = methods[0] if fallback else keeping(methods[0])
        batches = None if folder is None else Folder(folder, about(problems, chosen_method, seed, batch and int(batch)))
        fits: list[Any] = [None] * len(problems)
        with Bar(len(problems), progress) as bar:
            run = Running(problems, key, batch, executor, batches, bar)
            resampled = 0
            for i, fit, again in run.settled(chosen_method):
                fits[i] = replace(fit, label=specs[each_law[i]].name)
                resampled += again
    result = Fits(tuple(names), tuple(fits), time.perf_counter() - started, resampled, versions())
    sentence = ""
    if failed := [name for name, fit in zip(names, fits, strict=True) if fit.checks.of(Status.FAIL)]:
        some = shown(", ".join(failed[:5])) + (", ..." if len(failed) > 5 else "")
        sentence = f"{len(failed)} of {len(fits)} fits failed a check ({some}): fits.status says which"
        sentence = failed_sentence(fits[0]) if len(fits) == 1 else sentence
    act(on_fail, sentence, fits)
    return result


def _problem(name: str, runs: Runs, spec: Spec) -> Problem:
    try:
        return spec.problem(runs)
    except InputError as error:
        raise InputError(f"data set {name!r}: {error}" if name else str(error)) from None


def about(problems: Sequence[Problem], method: Any, seed: Any, batch: int | None) -> dict[str, Any]:
    """What a call of `fit_many` computes, as JSON data. A folder of finished batches belongs to one such record."""

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
