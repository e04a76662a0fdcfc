"""Event files of TensorBoard: the last value of each scalar, and the hyperparameters that its HParams tab shows."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import Table, from_records, from_runs

MARK = ".tfevents."
HEADER, FOOTER = 12, 4  # bytes of a record's length with its checksum, and of its data's checksum


def found(folder: Path) -> list[Path]:
    """The event files in a folder and below it, in order of their names, which is that of their times."""
    return sorted(path for path in folder.rglob(f"*{MARK}*") if path.is_file())


def read_events(paths: list[Path], source: str, root: Path) -> Table:
    """One row a folder with event files, named by its path below `root`: the scalars by their tags, and `hparams/`.

    A scalar's value is that of its greatest step. Raises `InputError` for a file that is damaged, and where the
    package `tensorboard` is missing. A file that ends inside a record is read up to there, as TensorBoard does:
    so ends the file of a run that is still writing, or that was killed. An empty file, of one killed at its start, is
    passed over beside others.
    """
    runs = [{"run": name, **run_cells(files)} for name, files in by_run(paths, root).items()]
    return from_runs(runs, ["run"], source)


def read_logs(paths: list[Path], source: str, root: Path) -> Table:
    """One row a step of a run, with `run`, `step` and the scalars by their tags; see `read_events`."""
    entries = []
    for name, files in by_run(paths, root).items():
        steps: dict[int, dict[str, Any]] = {}
        for step, tag, number in scalars(files, {}):
            steps.setdefault(step, {"run": name, "step": step})[tag] = number
        entries += [steps[step] for step in sorted(steps)]
    if not entries:
        raise InputError(f"{source}: the event files hold no scalar; give a folder of runs that logged some")
    return replace(from_records(entries, source), tracked=True, named_by="run")


def by_run(paths: list[Path], root: Path) -> dict[str, list[Path]]:
    """The event files of each run, by its folder's path below `root`."""
    paths = [path for path in paths if path.stat().st_size] or paths
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.absolute().parent, []).append(path)
    below = {folder: folder.relative_to(root.absolute()) for folder in sorted(folders)}
    return {path.as_posix() if path.parts else folder.resolve().name: folders[folder] for folder, path in below.items()}


def run_cells(files: list[Path]) -> dict[str, Any]:
    """One run's cells by their names, over all of its event files."""
    settings: dict[str, Any] = {}
    last: dict[str, tuple[int, float]] = {}
    for step, tag, number in scalars(files, settings):
        if step >= last.get(tag, (step, 0.0))[0]:
            last[tag] = step, number
    return settings | {tag: number for tag, (_, number) in last.items()}


def scalars(files: list[Path], settings: dict[str, Any]) -> Iterator[tuple[int, str, float]]:
    """Each scalar of a run's event files: its step, tag and value. Hyperparameters are put into `settings`."""
    try:
        # Compiled protocol buffers, whose names no type checker knows.
        hparams: Any = importlib.import_module("tensorboard.plugins.hparams.plugin_data_pb2")
        from tensorboard.util import tensor_util
    except ImportError:
        raise InputError(
            f"{files[0]}: event files need tensorboard; install it with: pip install 'scalebayes[tensorboard]'"
        ) from None
    plugins: dict[str, str] = {}  # of a tag: only its first value says it
    for path in files:
        for step, value in values(path):
            plugin = value.metadata.plugin_data
            plugins.setdefault(value.tag, plugin.plugin_name)
            if plugin.plugin_name == "hparams":
                started = hparams.HParamsPluginData.FromString(plugin.content).session_start_info
                for name, setting in started.hparams.items():
                    kind = setting.WhichOneof("kind")
                    settings[f"hparams/{name}"] = None if kind is None else getattr(setting, kind)
            number = None
            if value.HasField("simple_value"):
                number = value.simple_value
            elif plugins[value.tag] == "scalars":
                number = tensor_util.make_ndarray(value.tensor).item()
            if number is not None:
                yield step, value.tag, number


def values(path: Path) -> Iterator[tuple[int, Any]]:
    """Each value of each summary in an event file, with its step."""
    from google.protobuf.message import DecodeError
    from tensorboard.summary.writer.record_writer import masked_crc32c

    events: Any = importlib.import_module("tensorboard.compat.proto.event_pb2")
    count = 0
    try:
        with path.open("rb") as file:
            for data, checksum in records(file, masked_crc32c):
                count += 1
                event = events.Event.FromString(data)
                # A checksum takes long, and graphs, pictures and histograms are not asked for.
                if not event.HasField("summary"):
                    continue
                if len(data) < 2**16 and struct.pack("<I", masked_crc32c(data)) != checksum:
                    raise DecodeError
                for value in event.summary.value:
                    yield event.step, value
    except DecodeError:
        problem = f"the event file is damaged, at its record {count or 1} or the next"
    except OSError as error:
        raise InputError(f"{path}: the file can't be read ({error.strerror})") from None
    else:
        if count:
            return
        problem = "no event can be read: the file is empty, cut off or no event file"
    raise InputError(f"{path}: {problem}; copy it again, or take it out of the folder")


def records(file: BinaryIO, checksum: Callable[[bytes], int]) -> Iterator[tuple[bytes, bytes]]:
    """The records of an event file, each with the checksum that follows it; one that is cut off ends them."""
    from google.protobuf.message import DecodeError

    while len(head := file.read(HEADER)) == HEADER:
        length, check = struct.unpack("<QI", head)
        if checksum(head[:8]) != check:
            raise DecodeError
        data, footer = file.read(length), file.read(FOOTER)
        if len(data) + len(footer) < length + FOOTER:
            return
        yield data, footer
