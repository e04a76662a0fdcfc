"""Where trackers keep runs: which store lies at a path or an address, by what is there."""

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
    """The runs of a tracker's store at a path or an address; None for a path that may be a table's.

    With `history` what each run logged, a row a step or an entry of the log, with the run in the column `run`; None
    also for a folder that may hold tables, and for a JSON file that is no trainer's state.

    An MLflow store is an SQLite file, its address `sqlite:///...`, or a folder of experiments; a folder, with those
    below it, may hold event files of TensorBoard or the `trainer_state.json` of Trainers. Raises `InputError` for
    addresses elsewhere, for folders without runs, and for stores that can't be read.
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
    """Whether at a path lie runs with all that they logged, of which `read_runs` takes what was logged last.

    >>> keeps_logs("runs.csv")
    False
    """
    path = local_path(given)
    if path.is_dir():
        return bool(trainer.found(path) or tensorboard.found(path)) or mlflow.is_folder_store(path)
    state = path.is_file() and path.suffix.lower() == ".json" and trainer.is_state(trainer.load(path))
    return state or tensorboard.MARK in path.name


def elsewhere(address: str) -> InputError:
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
    # A Trainer writes event files of the same runs below its own folder; its state says more.
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
