"""This file tells by its name and values whether a column holds a setting, an outcome, or names of runs."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np

# Words in the names of outcomes, which are measured on a run. They depend on the loss and can't explain it.
OUTCOMES = frozenset(
    {
        *("loss", "losses", "ppl", "perplexity", "acc", "accuracy", "score", "scores", "bpb", "bpc", "bpt", "bits"),
        *("nll", "logprob", "logprobs", "error", "err", "xent", "entropy", "metric", "f1", "bleu", "rouge", "auc"),
        *("mse", "mae", "rmse", "brier", "mmlu", "hellaswag", "arc", "piqa", "winogrande", "lambada", "gsm8k"),
        *("humaneval", "pass", "em", "r2", "grad", "gradient", "gnorm"),
    }
)
# Those in the names of losses.
LOSS_WORDS = frozenset({"loss", "losses", "ppl", "perplexity", "bpb", "bpc", "bpt", "nll", "xent", "entropy", "ce"})
# Words in the names of times and speeds. These are measured as well, and differ in every run.
TIMES = frozenset(
    {
        *("time", "timestamp", "date", "created", "started", "updated", "finished", "runtime", "duration", "elapsed"),
        *("wall", "seconds", "secs", "minutes", "hours", "throughput", "mfu", "hfu", "memory", "mem", "speed"),
        *("utilization", "power", "energy", "cost"),
    }
)
# Words in the names of numbers that only name a row. Their order has no meaning.
NAMES = frozenset(
    {
        *("id", "ids", "idx", "index", "row", "number", "no", "seed", "seeds", "job", "pid", "uuid", "hash"),
        *("unnamed", "order"),
    }
)
FEW = 8  # number of different values; a numeric column with more of them may be an outcome or a name


def written_words(name: str) -> set[str]:
    """The words of a table column's name as they are written, in lower case.

    >>> sorted(written_words("eval/valLoss_se")), sorted(written_words("F1"))
    (['eval', 'loss', 'se', 'val'], ['f1'])
    """
    return set(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))


def distinct(values: np.ndarray) -> int:
    """The number of different values of a table's column. All blank cells together count as one."""
    if values.dtype.kind == "f":
        return len(np.unique(values))
    return len(set(values.tolist()))


def is_outcome(name: str, values: np.ndarray) -> bool:
    """Whether a numeric column of a table was measured on the run, by its name: a metric, a time or a speed.

    A column with few different values was set by somebody, whatever its name is. An example is `z_loss` of 0 or 1e-4.

    >>> is_outcome("train/loss", np.linspace(2, 3, 40)), is_outcome("z_loss", np.tile([0.0, 1e-4], 20))
    (True, False)
    """
    return _measured(values) and bool(_words(name) & (OUTCOMES | TIMES))


def is_loss(name: str, values: np.ndarray, words: Collection[str] = ()) -> bool:
    """Whether a numeric column of a table is a loss that was measured on the run, by its name.

    Args:
        name: The name of the column.

        values: Its values (run,).

        words: Other words that name such a quantity in this table. The default is (), for none.

    >>> values = np.linspace(2, 3, 40)
    >>> is_loss("loss7", values), is_loss("acc_arc", values), is_loss("acc_arc", values, ["acc"])
    (True, False, True)
    """
    return _measured(values) and bool(_words(name) & {*LOSS_WORDS, *words})


def _measured(values: np.ndarray) -> bool:
    """Whether a table's column has more different values than somebody would set."""
    return distinct(values) > min(FEW, len(values) / 3)


def _words(name: str) -> set[str]:
    """The words of a table column's name, also without the number at their end, as in loss7."""
    words = written_words(name)
    return words | {word.rstrip("0123456789") for word in words}


def is_name(name: str, values: np.ndarray) -> bool:
    """Whether a column of a table only names its rows: text that differs in most rows, or a number that counts them.

    >>> is_name("run", np.array(["a", "b", "c"], dtype=object)), is_name("lr", np.array([1e-3, 1e-3, 2e-3]))
    (True, False)
    """
    if values.dtype.kind != "f":
        return distinct(values) > len(values) / 2
    given = values[np.isfinite(values)]
    if distinct(values) <= min(FEW, len(values) / 3):
        return False
    return bool(written_words(name) & NAMES) or (len(given) > 1 and bool((np.diff(given) == 1).all()))
