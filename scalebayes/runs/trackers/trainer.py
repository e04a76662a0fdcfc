"""This file reads trainer_state.json files of the Trainer of Hugging Face, one per run or one per checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalebayes.errors import InputError, listed
from scalebayes.runs.names import few
from scalebayes.runs.reading.raw_table import Table, flat, from_records, from_runs

NAME = "trainer_state.json"
KEYS = ("log_history", "global_step")  # keys that each state of a trainer has
# Counts that the Trainer writes as 0 if it can't count them.
COUNTS = ("total_flos", "num_input_tokens_seen")
# Keys of the state that become columns beside the metrics.
SETTINGS = ("global_step", "max_steps", "epoch", "num_train_epochs", "train_batch_size", "best_metric")


def found(folder: Path) -> list[Path]:
    """The trainer_state.json files in a folder and in the folders below it, sorted by path."""
    return sorted(path for path in folder.rglob(f"*{NAME}") if path.is_file())


def run_folder(path: Path) -> Path:
    """The folder of the Trainer's run that a file belongs to. It holds the folders of the checkpoints."""
    folder = path.absolute().parent
    return folder.parent if folder.name.startswith("checkpoint-") else folder


def run_place(path: Path) -> Path:
    """The place of a run: its folder, and the name of its file if that is one such as tiny.trainer_state.json."""
    return run_folder(path) / path.name.removesuffix(NAME).rstrip("._-")


def read_states(paths: Iterable[Path], source: str, root: Path | None = None) -> Table:
    """One row per run of the Trainer, with the last value of each metric.

    If a run has several checkpoints, the last one is read.

    A run has the name of its folder, or the path of its folder below `root`. `train_loss` is the loss over the last
    steps that were logged. The Trainer logs the mean over the whole training under this name at the end; here that
    mean is `mean_train_loss`. `total_flos` is 6 x tokens x parameters without embeddings.

    Args:
        paths: The files.

        source: The path that the user gave, for error messages.

        root: The folder that the user gave. The default is None, if the user gave a file.

    Raises:
        InputError: A file is no state of a trainer.
    """
    last = last_states(paths)
    return from_runs([{"run": run_name(place, root), **cells(state)} for place, state in last.items()], ["run"], source)


def read_logs(paths: Iterable[Path], source: str, root: Path | None = None) -> Table:
    """One row per entry of the Trainer's logs, with the name of the run in the column `run`.

    The log of a run is read from its last checkpoint, which has all entries. `train_loss` is the loss over the steps
    since the entry before. See `read_states`.
    """
    entries = [
        {"run": run_name(place, root), **flat(renamed(entry))}
        for place, state in last_states(paths).items()
        for entry in state["log_history"]
    ]
    if not entries:
        raise InputError(f"{source}: the log of the run is empty ('log_history' has no entry); give a run that logged")
    return replace(from_records(entries, source), tracked=True, named_by="run")


def last_states(paths: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """The Trainer's state of each run at its last checkpoint, by the place of the run."""
    last: dict[Path, dict[str, Any]] = {}
    for path in paths:
        state, place = checked_state(load(path), str(path)), run_place(path)
        if place not in last or state["global_step"] > last[place]["global_step"]:
            last[place] = state
    return last


def renamed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the Trainer's log, with `train_loss` for `loss` and `mean_train_loss` for `train_loss`."""
    names = {"loss": "train_loss", "train_loss": "mean_train_loss"}
    return {names.get(name, name): value for name, value in entry.items()}


def run_name(place: Path, root: Path | None) -> str:
    """The name of a run of the Trainer: its path below `root`, or the name of its folder."""
    below = place.relative_to(root.absolute()) if root and place.is_relative_to(root.absolute()) else None
    return below.as_posix() if below and below.parts else place.resolve().name


def cells(state: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of one run of the Trainer by the names of the columns.

    A count of 0 becomes a blank, because nothing was counted.
    """
    logged: dict[str, Any] = {}
    for entry in sorted(state["log_history"], key=lambda entry: entry.get("step") or 0):
        logged |= renamed(entry)
    logged.pop("step", None)
    settings = {key: state[key] for key in SETTINGS if key in state}
    counts = {key: state.get(key) or logged.get(key) or None for key in COUNTS}
    return flat({**logged, **settings, **counts})


def load(path: Path) -> Any:
    """The content of the Trainer's JSON file. Raises `InputError` if the file can't be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        reason = f"{error.msg} in line {error.lineno}"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except ValueError:
        reason = "a number in it is too long"
    except RecursionError:
        reason = "it nests too deep"
    except OSError as error:
        raise InputError(f"{path}: the file can't be read ({error.strerror})") from None
    raise InputError(f"{path}: the file is not JSON ({reason}); copy it again if it was cut off, or leave it out")


def is_state(held: Any) -> bool:
    """Whether the content of a file is meant as the state of a trainer, even if it is not valid."""
    return isinstance(held, dict) and any(key in held for key in KEYS)


def checked_state(state: Any, source: str) -> dict[str, Any]:
    """The content of a file, after a check that it is the state of a trainer."""
    if not isinstance(state, dict):
        raise InputError(f"{source}: the file holds a JSON {type(state).__name__}, not a trainer's state")
    lacking = [key for key in KEYS if key not in state]
    if lacking:
        raise InputError(
            f"{source}: the file is no {NAME} of a Trainer, it has no {listed(lacking)}; its keys: {few(state)}; "
            "give a trainer's state, or a list of one object a run"
        )
    history, step = state["log_history"], state["global_step"]
    if not (isinstance(history, list) and all(isinstance(entry, dict) for entry in history)):
        raise InputError(f"{source}: 'log_history' is no list of objects; the file isn't one that a Trainer wrote")
    if not all(isinstance(entry.get("step", 0), int | float | None) for entry in history):
        raise InputError(f"{source}: a 'step' in log_history is no number; the file isn't one that a Trainer wrote")
    if isinstance(step, bool) or not isinstance(step, int | float):
        raise InputError(f"{source}: 'global_step' is {step!r}, no number; the file isn't one that a Trainer wrote")
    return state
