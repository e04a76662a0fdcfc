"""This file gives the batches of one call to an executor, keeps each that is finished, and makes the fits of it."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from scalebayes.errors import InputError, shown
from scalebayes.fitting.finish import finished
from scalebayes.fitting.many.checkpoints import Folder
from scalebayes.fitting.many.plan import Group, planned
from scalebayes.fitting.many.progress import Bar
from scalebayes.fitting.many.worker import are_whole, batch_of, compute, from_arrays, keys_of, parcel
from scalebayes.fitting.result import Fit
from scalebayes.infer import NUTS
from scalebayes.infer.compile import cores
from scalebayes.infer.draws import Draws
from scalebayes.infer.fallback import tries, trusted
from scalebayes.model.problem import Problem
from scalebayes.status import Status


class WorkerError(RuntimeError):
    """A worker process of the executor died, so that the executor, or the worker's batch, can't be used any more.

    The message says whether finished batches are kept in a folder, from which the same call can go on.
    """


# The name of the error that dask raises for a batch during which several workers died. It is no `BrokenExecutor`.
KILLED = "KilledWorker"


def check_executor(executor: Any) -> None:
    """Refuse an executor on which the workers of `fit_many` would hang.

    Raises:
        InputError: The executor is a pool of forked processes. A fork doesn't copy JAX's threads, and waits for them.
    """
    context = getattr(executor, "_mp_context", None)
    if isinstance(executor, ProcessPoolExecutor) and context and context.get_start_method() == "fork":
        raise InputError(
            "executor= forks this process, and a forked JAX hangs; start its workers afresh: "
            'ProcessPoolExecutor(4, multiprocessing.get_context("spawn"))'
        )


@dataclass(frozen=True, eq=False)
class Part:
    """One batch of data sets.

    Attributes:
        name: The name of the batch in the folder.

        group: The group of the batch, which has its sizes.

        members: The positions of the data sets in the list of problems.

        keys: The data of each data set's key (batch, ...).
    """

    name: str
    group: Group
    members: tuple[int, ...]
    keys: np.ndarray


class Running:
    """What all batches of one call share.

    Args:
        problems: The problem of each data set.

        key: A JAX key; data set i is fitted with `fold_in(key, i)`.

        batch: The number of data sets in one batch; None for as many as the devices have room for.

        executor: The executor that computes the batches; None for threads of this process.

        folder: The folder that keeps finished batches; None to keep none.

        bar: The progress bar.
    """

    def __init__(
        self,
        problems: list[Problem],
        key: Any,
        batch: int | None,
        executor: Executor | None,
        folder: Folder | None,
        bar: Bar,
    ) -> None:
        self.problems, self.key, self.batch = problems, key, batch
        self.executor, self.folder, self.bar = executor, folder, bar

    def of(self, method: Any, members: Sequence[int]) -> Iterator[tuple[int, Fit]]:
        """Fit some of the problems by one method, and yield the fits as their batches are finished.

        Args:
            method: The method, with its settings.

            members: The positions of the problems.
        """
        parts = self._parts(method, list(members))
        there = [part for part in parts if self.folder and self.folder.has(part.name)]
        threads = None if self.executor else ThreadPoolExecutor(_threads())
        waiting: dict[Future[Any], Part] = {}
        try:
            for part in parts:
                if part not in there:
                    waiting[self._submit(threads or self.executor, method, part, waiting, len(parts))] = part
            for part in there:
                assert self.folder is not None
                arrays = self.folder.read(part.name)
                if arrays is None or not are_whole(arrays, [self.problems[i] for i in part.members]):
                    self.folder.forget(part.name)  # damaged
                    waiting[self._submit(threads or self.executor, method, part, waiting, len(parts))] = part
                else:
                    yield from self._finished(method, part, from_arrays(arrays))
            for future in as_completed(list(waiting)):
                part = waiting.pop(future)
                try:
                    arrays = future.result()
                except Exception as error:
                    if isinstance(error, BrokenExecutor) or type(error).__name__ == KILLED:
                        raise self._died(waiting, len(parts)) from error
                    raise
                self._keep(part, arrays)
                yield from self._finished(method, part, from_arrays(arrays))
        finally:
            for future in waiting:
                future.cancel()
            if threads:
                threads.shutdown(cancel_futures=True)

    def settled(self, method: Any) -> Iterator[tuple[int, Fit, bool]]:
        """Fit all problems, and yield position, fit, and whether NUTS sampled it because k-hat failed; in no order.

        The problems whose k-hat fails are fitted together by the next of the method's `tries`.
        """
        poor, each = list(range(len(self.problems))), tries(method)
        for attempt, one in enumerate(each):
            last, again = attempt == len(each) - 1, sorted(poor)
            sampled, poor = attempt > 0 and isinstance(one, NUTS), []
            if not again:
                return
            if attempt:
                self.bar.again(len(again), f"k-hat failed: {'NUTS' if sampled else 'more proposals'} for")
            for i, fit in self.of(one, again):
                if last or trusted(fit.numbers):
                    yield i, fit, sampled
                else:
                    poor.append(i)

    def _parts(self, method: Any, members: list[int]) -> list[Part]:
        """The batches of some problems.

        A batch's name has a digest of its data sets, its sizes and its method, so that a folder that was written with
        other sizes isn't misread.
        """
        parts = []
        chosen_problems = [self.problems[i] for i in members]
        for group in planned(chosen_problems, self.batch, method.search.screened, isinstance(method, NUTS)):
            for positions in group.batches:
                chosen = tuple(members[j] for j in positions)
                text = repr((chosen, group.size, group.batch, group.width, method))
                name = f"{method.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
                parts.append(Part(name, group, chosen, keys_of(self.key, chosen, group)))
        return parts

    def _submit(self, executor: Any, method: Any, part: Part, waiting: dict[Future[Any], Part], all_: int) -> Any:
        arrays = batch_of(self.problems, part.members, part.group)
        impl = str(jax.random.key_impl(self.key))
        sent = parcel(arrays) if self.executor else arrays
        try:
            future = executor.submit(compute, method, sent, part.keys, impl, len(part.members))
        except BrokenExecutor as error:
            raise self._died(waiting, all_) from error
        if self.folder:
            future.add_done_callback(lambda future: self._keep_at_once(part, future))
        return future

    def _keep_at_once(self, part: Part, future: Future[Any]) -> None:
        """Write a batch as soon as it is finished, while the caller may be busy with another.

        A batch that can't be written here is written by `_keep` when its result is read, which then raises the error.
        """
        if not future.cancelled() and future.exception() is None:
            try:
                self._keep(part, future.result())
            except InputError:
                return

    def _keep(self, part: Part, found: dict[str, np.ndarray]) -> None:
        if self.folder and not self.folder.has(part.name):
            self.folder.write(part.name, found)

    def _died(self, waiting: dict[Future[Any], Part], all_: int) -> WorkerError:
        """Keep all finished batches, and return the error for a dead worker."""
        if self.folder is None:
            return WorkerError("a worker process died, and what was finished is lost; folder= would keep it")
        for future, part in waiting.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._keep(part, future.result())
        return WorkerError(
            f"a worker process died; {self.folder.count()} finished batches (of {all_} in this pass) are kept in "
            f"{shown(str(self.folder.path))}, and the same call with a new executor goes on there"
        )

    def _finished(self, method: Any, part: Part, draws: list[Draws]) -> Iterator[tuple[int, Fit]]:
        failed = 0
        for i, one, key in zip(part.members, draws, part.keys[: len(part.members)], strict=True):
            fit = finished(self.problems[i], method, tuple(key.tolist()), one)
            failed += bool(fit.checks.of(Status.FAIL))
            yield i, fit
        self.bar.done(len(part.members), failed)


def _threads() -> int:
    """The number of batches computed at a time in this process.

    On a CPU it is the number of cores for each local device of JAX; on an accelerator it is 1, since a device has one
    queue.
    """
    return max(1, cores() // len(jax.local_devices())) if jax.default_backend() == "cpu" else 1
