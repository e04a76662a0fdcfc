"""This file finds the table of a data set: in the package, in a folder that the user names, or in the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalebayes.datasets.base import Dataset, File
from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import local_path

# Environment variables: the folder with the tables of the user, and the folder of the cache.
FOLDER, CACHE = "SCALEBAYES_DATA", "SCALEBAYES_CACHE"
TIMEOUT = 30  # seconds without a new byte; after that many, a download fails


@contextmanager
def tidy_table(dataset: Dataset) -> Iterator[Path]:
    """The path of the table of a data set. A table that is not there yet is fetched and made first.

    The SHA-256 of a public table is checked.

    Raises:
        InputError: A file is missing or has another content than it should, or there is no network.
    """
    if dataset.tidy is None:
        with as_file(files("scalebayes.datasets") / f"{dataset.name}.csv") as path:
            yield path
        return
    folder = os.environ.get(FOLDER)
    yield given(dataset, local_path(folder)) if folder else cached(dataset)


def given(dataset: Dataset, folder: Path) -> Path:
    """The path of a data set's table in the folder that the user named."""
    path = folder / f"{dataset.name}.csv"
    if not path.is_file():
        raise InputError(
            f"there is no {path.name} in {folder}, the folder that {FOLDER} names; put it there "
            f"(sha256 {dataset.sha256}), or unset {FOLDER} and go online once"
        )
    check(path, dataset, f"put the right file there, or unset {FOLDER} and go online once")
    return path


def cached(dataset: Dataset) -> Path:
    """The path of a data set's table in the cache. If the table is not there, it is made from its source first."""
    folder = cache_folder()
    path = folder / f"{dataset.name}.csv"
    if path.is_file():
        check(path, dataset, "delete it, and load the data set again")
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=f".{dataset.name}-") as scratch:
            contents = [fetched(dataset, file, Path(scratch)) for file in dataset.files]
            made = Path(scratch) / path.name
            made.write_bytes(tidied(dataset, contents))
            os.replace(made, path)  # atomic, so that another process that loads it now sees a whole file or none
    except OSError as error:
        raise InputError(
            f"{dataset.name}: the cache {folder} can't be written to ({error.strerror or error}); "
            f"set {CACHE} to a folder of yours, or {other_way(dataset)}"
        ) from None
    return path


def cache_folder() -> Path:
    """The folder in which data sets are cached: $SCALEBAYES_CACHE if it is set, else the user's cache folder."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("scalebayes")).expanduser()


def fetched(dataset: Dataset, file: File, folder: Path) -> bytes:
    """The bytes of a data set's raw file, fetched over the network."""
    import pooch
    import requests

    name = f"raw-{file.url.rsplit('/', 1)[-1]}"
    keeper = pooch.create(folder, base_url="", registry={name: file.sha256}, urls={name: file.url})
    # The type that pooch declares for a downloader has other argument names, hence Any.
    downloader: Any = pooch.HTTPDownloader(timeout=TIMEOUT)
    try:
        return Path(keeper.fetch(name, downloader=downloader)).read_bytes()
    except requests.RequestException as error:
        answer = error.response
        reason = type(error).__name__ if answer is None else f"the answer is {answer.status_code} {answer.reason}"
        if answer is not None:
            answer.close()  # the answer is a stream that pooch leaves open
    except ValueError:  # pooch raises it if the hash differs
        raise InputError(
            f"{dataset.name}: {file.url} doesn't hold what it should (sha256 {file.sha256}); nothing was kept; "
            f"{other_way(dataset)}"
        ) from None
    raise InputError(
        f"{dataset.name}: {file.url} can't be fetched ({reason}); go online once, and it stays in {cache_folder()}; "
        f"or {other_way(dataset)}"
    )


def tidied(dataset: Dataset, contents: list[bytes]) -> bytes:
    """The table of a data set, made from its raw files, after a check of its SHA-256."""
    assert dataset.tidy is not None
    try:
        made = dataset.tidy(*contents).encode()
    except InputError as error:
        raise InputError(f"{dataset.name}: {error}; {other_way(dataset)}") from None
    except Exception as error:  # a file from outside can make its reader raise any error
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{dataset.name}: the raw files at {dataset.source} can't be read as they should "
            f"({type(error).__name__}: {reason}); {other_way(dataset)}"
        ) from error
    hashed = hashlib.sha256(made).hexdigest()
    if hashed != dataset.sha256:
        raise InputError(
            f"{dataset.name}: the table made of the raw files at {dataset.source} has sha256 {hashed} and not "
            f"{dataset.sha256}; nothing was kept; {other_way(dataset)}"
        )
    return made


def check(path: Path, dataset: Dataset, cure: str) -> None:
    """Raise `InputError` if the SHA-256 of a file is not that of the data set's table."""
    try:
        hashed = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: the file can't be read ({error.strerror or error}); {cure}") from None
    if hashed != dataset.sha256:
        raise InputError(
            f"{path}: this is not the table of {dataset.name} (sha256 {hashed} and not {dataset.sha256}); {cure}"
        )


def other_way(dataset: Dataset) -> str:
    """The end of an error message on a data set: how to use a table of it that the user has."""
    return f"set {FOLDER} to a folder that holds {dataset.name}.csv (sha256 {dataset.sha256})"
