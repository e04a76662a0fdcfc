"""This file reads a store of MLflow, an SQLite database or a folder such as mlruns, with the client of MLflow."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import Table, from_records, from_runs

SQLITE = b"SQLite format 3\0"  # the first bytes of an SQLite file
TABLES = {"experiments", "runs", "params", "metrics"}  # tables of a database that is a store of MLflow
PAGE = 1000  # number of results that the client is asked for at a time
# Environment variables while MLflow reads: a folder may be opened, and nothing is reported home.
READING = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def is_database(path: Path) -> bool:
    """Whether a file is a tracker's SQLite store, by its first bytes or by its extension."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(SQLITE))
    except OSError:
        return False
    return begins == SQLITE or path.suffix.lower() in (".db", ".sqlite", ".sqlite3")


def is_folder_store(folder: Path) -> bool:
    """Whether a folder is a store of MLflow: each experiment in it has a meta.yaml with its id."""
    return any("experiment_id" in path.read_text(errors="replace") for path in folder.glob("*/meta.yaml"))


def read_database(path: Path, source: str, history: bool = False) -> Table:
    """The runs of MLflow's SQLite store. See `read_store`. A copy is read, so that the file does not change.

    Raises:
        InputError: The file does not exist, is no SQLite database, or is no store of MLflow.
    """
    import sqlite3  # some Pythons were built without it

    if not path.is_file():
        raise InputError(f"{source}: there is no file {path} (looked from {Path.cwd()}); check the path")
    with TemporaryDirectory(prefix="scalebayes-", ignore_cleanup_errors=True) as folder:
        # The client adds missing tables to a database, and updates older ones to its own version.
        copy = Path(folder) / "mlflow.db"
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
                tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                if tables >= TABLES:
                    with closing(sqlite3.connect(copy)) as target:
                        database.backup(target)
        except sqlite3.Error as error:
            raise InputError(
                f"{source}: the file can't be read as an SQLite database ({error}); copy it again, or check what it is"
            ) from None
        if not tables >= TABLES:
            raise InputError(
                f"{source}: the database is no tracking store of MLflow, "
                f"it lacks {', '.join(sorted(TABLES - tables))}; "
                "give the file that MLflow's tracking address names, such as mlflow.db"
            )
        return read_store(f"sqlite:///{copy.as_posix()}", source, database=True, history=history)


def read_store(address: str, source: str, database: bool = False, history: bool = False) -> Table:
    """The runs of all experiments in MLflow's store, one row per run, the oldest first. Deleted runs are left out.

    The columns are `run_name`, `run_id`, `experiment`, `status`, and the names of MLflow after `params.`, `metrics.`
    and `tags.`. A metric has its latest value.

    Args:
        address: The address of the store.

        source: The store as the user named it, for error messages.

        database: Whether the store is a database. The default is False.

        history: Whether to read all that the runs logged. The table then has one row per step of a run, with the
            columns `run`, `step` and the metrics by their names in MLflow. The default is False.

    Raises:
        InputError: The store can't be read or has no runs, or the package is missing.
    """
    # MLflow and SQLAlchemy warn of deprecations in their own code, which no caller could fix.
    with warnings.catch_warnings(), only_reading():
        warnings.simplefilter("ignore")
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise needs_package(source) from None
        if database and not all(map(importlib.util.find_spec, ("sqlalchemy", "alembic"))):
            raise needs_package(source)
        try:
            with messages_of_log() as messages:
                client = MlflowClient(tracking_uri=address)
                experiments = {each.experiment_id: each.name for each in pages(client.search_experiments)}
                runs = list(pages(client.search_runs, experiment_ids=list(experiments))) if experiments else []
                runs.sort(key=lambda run: (run.info.start_time or 0, run.info.run_id))
                logged = log_rows(client, runs) if history else []
        except Exception as error:  # in a damaged store the parsers of the client raise errors of many kinds
            reason = " ".join(str(error).split())
            raise InputError(f"{source}: MLflow can't read the store ({reason})") from None
    if messages:
        raise InputError(f"{source}: MLflow can't read all of the store ({messages[0]}); mend that, or take it out")
    if not runs:
        raise InputError(f"{source}: the store of MLflow has no runs; give the one that they were logged to")
    if history:
        if not logged:
            raise InputError(f"{source}: no run of the store of MLflow has logged a metric; give the one that has")
        return replace(from_records(logged, source), tracked=True, named_by="run")
    rows = [run_cells(run, experiments[run.info.experiment_id]) for run in runs]
    return from_runs(rows, ("run_name", "run_id"), source)


def log_rows(client: Any, runs: list[Any]) -> list[dict[str, Any]]:
    """The metrics of MLflow's runs, one row per step of a run.

    If several runs have the same name, their id is added to it.
    """
    names = Counter(run.info.run_name for run in runs)
    rows = []
    for run in runs:
        name = run.info.run_name
        name = name if names[name] == 1 else f"{name} ({run.info.run_id})"
        steps: dict[int, dict[str, Any]] = {}
        for metric in run.data.metrics:
            history = client.get_metric_history(run.info.run_id, metric)
            for reading in sorted(history, key=lambda reading: reading.timestamp):
                steps.setdefault(reading.step, {"run": name, "step": reading.step})[metric] = reading.value
        rows += [steps[step] for step in sorted(steps)]
    return rows


def read_folder(folder: Path, source: str, history: bool = False) -> Table:
    """The runs of MLflow's folder store. See `read_store`.

    MLflow adds an empty folder `.trash`, which is removed again.
    """
    trash = folder.resolve() / ".trash"
    there = trash.exists()
    try:
        return read_store(folder.resolve().as_uri(), source, history=history)
    finally:
        if not there and trash.is_dir() and not any(trash.iterdir()):
            trash.rmdir()


def needs_package(source: str) -> InputError:
    """The error if the package of MLflow is missing. The caller raises it."""
    return InputError(f"{source}: MLflow's stores need its client; install it with: pip install 'scalebayes[mlflow]'")


def pages(search: Callable[..., Any], **query: Any) -> Iterator[Any]:
    """All results of a search in MLflow, whose client returns one page at a time. Deleted results are left out."""
    token = None
    while True:
        page = search(**query, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def run_cells(run: Any, experiment: str) -> dict[str, Any]:
    """The cells of one run of MLflow by the names of the columns."""
    info, data = run.info, run.data
    return {
        "run_name": info.run_name,
        "run_id": info.run_id,
        "experiment": experiment,
        "status": info.status,
        **{f"params.{name}": value for name, value in data.params.items()},
        **{f"metrics.{name}": value for name, value in data.metrics.items()},
        # Tags that begin with "mlflow." are notes of MLflow itself.
        **{f"tags.{name}": value for name, value in data.tags.items() if not name.startswith("mlflow.")},
    }


@contextmanager
def messages_of_log() -> Iterator[list[str]]:
    """Collect the messages that MLflow logs about damaged experiments and runs, which it skips.

    MLflow logs them on the root logger, and would add a handler to it permanently. Here the handlers are restored.
    """
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(" ".join(record.getMessage().split()).partition(" Detailed error")[0].rstrip(". "))

    logger, root, keep = logging.getLogger("mlflow"), logging.getLogger(), Keep(logging.WARNING)
    level, before = logger.level, root.handlers[:]
    logger.setLevel(max(level, logging.WARNING))  # without this MLflow also logs what it does to the copy of a database
    root.handlers[:] = [keep]
    try:
        yield messages
    finally:
        root.handlers[:] = before
        logger.setLevel(level)


@contextmanager
def only_reading() -> Iterator[None]:
    """Set the environment variables for reading: MLflow may open a folder, and reports nothing home."""
    before = {name: os.environ.get(name) for name in READING}
    os.environ.update(READING)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
