"""What a column that no law takes is, by its name and its values: a cause that somebody set, an outcome, a name."""

from __future__ import annotations

import re

import numpy as np

# Words in the names of what a run is measured by. It follows the loss, so it explains nothing.
OUTCOMES = frozenset(
    {
        *("loss", "losses", "ppl", "perplexity", "acc", "accuracy", "score", "scores", "bpb", "bpc", "bpt", "bits"),
        *("nll", "logprob", "logprobs", "error", "err", "xent", "entropy", "metric", "f1", "bleu", "rouge", "auc"),
        *("mse", "mae", "rmse", "brier", "mmlu", "hellaswag", "arc", "piqa", "winogrande", "lambada", "gsm8k"),
        *("humaneval", "pass", "em", "r2", "grad", "gradient", "gnorm"),
    }
)
# Words in the names of when and how fast a run ran: measured as well, and different in every run.
TIMES = frozenset(
    {
        *("time", "timestamp", "date", "created", "started", "updated", "finished", "runtime", "duration", "elapsed"),
        *("wall", "seconds", "secs", "minutes", "hours", "throughput", "mfu", "hfu", "memory", "mem", "speed"),
        *("utilization", "power", "energy", "cost"),
    }
)
# Words in the names of numbers that only name a row: their order means nothing.
NAMES = frozenset(
    {
        *("id", "ids", "idx", "index", "row", "number", "no", "seed", "seeds", "job", "pid", "uuid", "hash"),
        *("unnamed", "order"),
    }
)
FEW = 8  # values of a number, up to which each is a level of its own


def words(name: str) -> set[str]:
    """The words of a column's name, in lower case.

    >>> sorted(words("eval/valLoss_se")), sorted(words("F1"))
    (['eval', 'loss', 'se', 'val'], ['f1'])
    """
    return set(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))


def distinct(values: np.ndarray) -> int:
    """How many different values a column has; all blank cells together are one."""
    if values.dtype.kind == "f":
        return len(np.unique(values))
    return len(set(values.tolist()))


def is_outcome(name: str, values: np.ndarray) -> bool:
    """Whether a number is measured of the run and not set, by its name: a metric, a time, a speed.

    A number of few values was set by somebody, whatever its name: `z_loss` is 0 or 1e-4.

    >>> is_outcome("train/loss", np.linspace(2, 3, 40)), is_outcome("z_loss", np.tile([0.0, 1e-4], 20))
    (True, False)
    """
    few = distinct(values) <= min(FEW, len(values) / 3)
    return not few and bool(words(name) & (OUTCOMES | TIMES))


def is_name(name: str, values: np.ndarray) -> bool:
    """Whether a column only names its rows: a text that is another in most rows, a number that counts them.

    >>> is_name("run", np.array(["a", "b", "c"], dtype=object)), is_name("lr", np.array([1e-3, 1e-3, 2e-3]))
    (True, False)
    """
    if values.dtype.kind != "f":
        return distinct(values) > len(values) / 2
    given = values[np.isfinite(values)]
    if distinct(values) <= min(FEW, len(values) / 3):
        return False
    return bool(words(name) & NAMES) or (len(given) > 1 and bool((np.diff(given) == 1).all()))
