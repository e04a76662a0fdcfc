"""This file reads a JSON file with one object, which is a table by columns or by runs, or else an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalebayes.errors import InputError
from scalebayes.runs.names import few
from scalebayes.runs.reading.cells import as_columns
from scalebayes.runs.reading.raw_table import Table, flat, from_records, numbered

# Keys of the results of an evaluation harness.
HARNESS = ("versions", "config", "configs", "n-shot", "n-samples", "config_general", "lm_eval_version", "summary_tasks")
AS_LIST = '[{"N": 1e9, "D": 2e10, "loss": 2.6}, ...]'


def read_object(held: Any, source: str) -> Table:
    """The table of runs in a JSON object: one list per column, as data frames write it too, or one object per run.

    Raises:
        InputError: The object is anything else, such as the results of an evaluation harness.

    >>> read_object({"N": [1e8, 1e9], "loss": [3.1, 2.7]}, "runs.json").rows.tolist()
    [1, 2]
    >>> read_object({"tiny": {"N": 1e8, "loss": 3.1}, "base": {"N": 1e9, "loss": 2.7}}, "r.json").cells["run"].tolist()
    ['tiny', 'base']
    """
    if not isinstance(held, Mapping):
        raise InputError(f"{source}: the file holds a JSON {type(held).__name__}, no runs; write {AS_LIST}")
    if is_harness(held):
        raise scores_of_one(held, source)
    lists = {str(name): values for name, values in held.items() if isinstance(values, list)}
    if held and len(lists) == len(held):
        lengths = {name: len(values) for name, values in lists.items()}
        if len(set(lengths.values())) == 1:
            return numbered(as_columns(lists), source)
        shown = ", ".join(f"'{name}' {length}" for name, length in list(lengths.items())[:10])
        raise InputError(f"{source}: the columns have unequal lengths ({shown}); give one value a run in each")
    inner = [set(entry) for entry in held.values() if isinstance(entry, Mapping)]
    if len(inner) == len(held) > 1 and inner[0] and all(keys == inner[0] for keys in inner):
        if inner[0] == {str(i) for i in range(len(inner[0]))}:  # a data frame writes objects by column and then by row
            return numbered(as_columns({name: list(entry.values()) for name, entry in held.items()}), source)
        return from_records([{"run": str(name), **flat(entry)} for name, entry in held.items()], source)
    raise InputError(
        f"{source}: the file holds one JSON object with the keys {few(map(str, held), 8)}: no trainer's state (which "
        f"has 'log_history'), and no table; write a list of one object a run, as in {AS_LIST}"
    )


def is_harness(held: Mapping[str, Any]) -> bool:
    """Whether an object holds the scores of one model, as lm-evaluation-harness and similar programs write them."""
    return isinstance(held.get("results"), Mapping) and any(name in held for name in HARNESS)


def scores_of_one(held: Mapping[str, Any], source: str) -> InputError:
    """The error for the results of an evaluation harness. It names one of their scores. The caller raises it."""
    names = (
        f"{task}_{str(metric).partition(',')[0]}"
        for task, scores in held["results"].items()
        if isinstance(scores, Mapping)
        for metric, value in scores.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and "stderr" not in str(metric)
    )
    score = next(names, "accuracy")
    keys = few([name for name in held if name == "results" or name in HARNESS])
    return InputError(
        f"{source}: the file holds the scores of one model, as an evaluation harness writes them ({keys}), and no "
        f"table of runs; write a table with a row a model, with the columns N, D and {score}, and name the score: "
        f"observable='{score}'"
    )
