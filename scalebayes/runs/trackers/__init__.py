"""This folder reads runs from the stores of trackers. This file finds out which kind of store a path holds."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import KINDS, Table, local_path
from scalebayes.runs.trackers import mlflow, tensorboard, trainer, wandb
from scalebayes.runs.trackers.objects import read_object

__all__ = ["is_run", "keeps_logs", "read_items", "read_tracked", "unpacked"]

is_run, read_items, unpacked = wandb.is_run, wandb.read_items, wandb.unpacked
SQLITE = "sqlite:///"


def read_tracked(given: str, history: bool = False) -> Table | None:
    """The runs in the store of a tracker at a path or an address; None if the path may be that of a table.

    A store of MLflow is an SQLite file, its address `sqlite:///...`, or a folder of experiments. Another folder, with
    the folders in it, may hold event files of TensorBoard or the `trainer_state.json` of Trainers.

    Args:
        given: The path or the address.

        history: Whether to read all that each run logged, with one row per step or entry of the log, and the name of
            the run in the column `run`. The result then is None also for a folder that may hold tables, and for a JSON
            file that is no state of a trainer. The default is False.

    Raises:
        InputError: The address is a web address, a folder has no runs, or a store can't be read.
    """
    if given.startswith(SQLITE):
        return mlflow.read_database(Path(given.removeprefix(SQLITE).partition("?")[0]), given, history)
    if given.startswith("file:"):
        path = Path(url2pathname(urlsplit(given).path))
    elif "://" in given:
        raise elsewhere(given)
    else:
        path = local_path(given)
    if path.is_dir():
        return read_folder(path, history)
    if not path.is_file():
        return None
    return read_file(path, history)


def keeps_logs(given: str) -> bool:
    """Whether a path holds complete logs of runs. Of these `read_runs` reads only the last values.

    >>> keeps_logs("runs.csv")
    False
    """
    path = local_path(given)
    if path.is_dir():
        return bool(trainer.found(path) or tensorboard.found(path)) or mlflow.is_folder_store(path)
    state = path.is_file() and path.suffix.lower() == ".json" and trainer.is_state(trainer.load(path))
    return state or tensorboard.MARK in path.name


def elsewhere(address: str) -> InputError:
    """The error for the address of a tracker that is not read. The caller raises it."""
    parts = urlsplit(address)
    if parts.scheme == "sqlite":
        return InputError(f"{address}: an SQLite file's address has three slashes, as in sqlite:///mlflow.db")
    address = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"  # without a password
    cure = "download the file and give its path"
    if address.startswith(("http:", "https:", "postgresql", "mysql", "mssql", "databricks")):
        cure += "; of an MLflow server, give the data frame that mlflow.search_runs(...) returns"
    return InputError(f"{address} is a web address; {cure}")


def read_file(path: Path, history: bool) -> Table | None:
    if tensorboard.MARK in path.name:
        return (tensorboard.read_logs if history else tensorboard.read_events)([path], str(path), path.parent)
    if path.suffix.lower() == ".json":
        held = trainer.load(path)
        if trainer.is_state(held):
            return (trainer.read_logs if history else trainer.read_states)([path], str(path))
        if history:
            return None
        return read_items(held, str(path)) if isinstance(held, list) else read_object(held, str(path))
    return mlflow.read_database(path, str(path), history) if mlflow.is_database(path) else None


def read_folder(folder: Path, history: bool) -> Table | None:
    source = str(folder)
    if mlflow.is_folder_store(folder):
        return mlflow.read_folder(folder, source, history)
    states, events = trainer.found(folder), tensorboard.found(folder)
    # A Trainer writes event files of its run into its folder too. Its state has more information, and is read instead.
    runs = {trainer.run_folder(path) for path in states}
    others = [path for path in events if not runs.intersection(path.absolute().parents)]
    if states and others:
        raise InputError(
            f"{folder} holds a {trainer.NAME} ({states[0]}) and event files of other runs ({others[0]}); "
            "give a folder that holds one kind"
        )
    if states:
        return (trainer.read_logs if history else trainer.read_states)(states, source, folder)
    if events:
        return (tensorboard.read_logs if history else tensorboard.read_events)(events, source, folder)
    if history:
        return None
    raise no_runs(folder)


def no_runs(folder: Path) -> InputError:
    """The error for a folder without runs of a tracker. It names a store or a table nearby. The caller raises it."""
    resolved = folder.resolve()
    databases = [path for path in (resolved / "mlflow.db", resolved.parent / "mlflow.db") if path.is_file()]
    near = [*databases, *(path for path in (resolved / "mlruns",) if mlflow.is_folder_store(path))]
    database = f"MLflow's runs are in {near[0]}, give that; or " if near else ""
    if not near and any(resolved.rglob("*.csv")):
        table = next(iter(sorted(resolved.rglob("*.csv")))).relative_to(resolved)
        database = (
            f"give a table of it, such as {folder / table}; logs or charts, a file each, are read as curves: "
            f"sb.read_curves({str(folder)!r}); or "
        )
    return InputError(
        f"{folder} is a folder without runs: no event files of TensorBoard (*{tensorboard.MARK}*), no {trainer.NAME}, "
        f"no experiments of MLflow (*/meta.yaml); {database}give the path of a table ({KINDS}), or a tracker's folder"
    )
