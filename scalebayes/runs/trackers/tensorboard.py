"""This file reads the scalars and the hyperparameters in event files of TensorBoard."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import Table, from_records, from_runs

MARK = ".tfevents."  # a part of the name of each event file
HEADER, FOOTER = 12, 4  # bytes before the data of a record (its length and a checksum) and after it (a checksum)


def found(folder: Path) -> list[Path]:
    """TensorBoard's event files in a folder and in the folders in it, sorted by name, which also sorts them by time."""
    return sorted(path for path in folder.rglob(f"*{MARK}*") if path.is_file())


def read_events(paths: list[Path], source: str, root: Path) -> Table:
    """One row per folder with TensorBoard's event files, which is one run.

    The run has the path of the folder below `root` as a name.

    The columns are the tags of the scalars, and hyperparameters with names that begin with `hparams/`. The value of a
    scalar is the one at its largest step. A file that ends inside of a record is read up to that record, as TensorBoard
    does: the run still writes it, or was killed. An empty file, of a run that was killed at its start, is skipped if
    there are other files.

    Raises:
        InputError: A file is damaged, or the package `tensorboard` is missing.
    """
    runs = [{"run": name, **run_cells(files)} for name, files in by_run(paths, root).items()]
    return from_runs(runs, ["run"], source)


def read_logs(paths: list[Path], source: str, root: Path) -> Table:
    """One row per step of a run, with the columns `run`, `step` and the tags of the scalars. See `read_events`."""
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
    """TensorBoard's event files of each run, by the path of its folder below `root`."""
    paths = [path for path in paths if path.stat().st_size] or paths
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.absolute().parent, []).append(path)
    below = {folder: folder.relative_to(root.absolute()) for folder in sorted(folders)}
    return {path.as_posix() if path.parts else folder.resolve().name: folders[folder] for folder, path in below.items()}


def run_cells(files: list[Path]) -> dict[str, Any]:
    """The cells of one run of TensorBoard by the names of the columns, from all of its event files."""
    settings: dict[str, Any] = {}
    last: dict[str, tuple[int, float]] = {}
    for step, tag, number in scalars(files, settings):
        if step >= last.get(tag, (step, 0.0))[0]:
            last[tag] = step, number
    return settings | {tag: number for tag, (_, number) in last.items()}


def scalars(files: list[Path], settings: dict[str, Any]) -> Iterator[tuple[int, str, float]]:
    """The step, the tag and the value of each scalar in the event files of a run. Hyperparameters go to `settings`."""
    try:
        # These are compiled protocol buffers. No type checker knows their names, hence Any.
        hparams: Any = importlib.import_module("tensorboard.plugins.hparams.plugin_data_pb2")
        from tensorboard.util import tensor_util
    except ImportError:
        raise InputError(
            f"{files[0]}: event files need tensorboard; install it with: pip install 'scalebayes[tensorboard]'"
        ) from None
    plugins: dict[str, str] = {}  # the plugin of each tag, which only the first value of the tag states
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
    """The step and each value of each summary in an event file of TensorBoard."""
    from google.protobuf.message import DecodeError
    from tensorboard.summary.writer.record_writer import masked_crc32c

    events: Any = importlib.import_module("tensorboard.compat.proto.event_pb2")
    count = 0
    try:
        with path.open("rb") as file:
            for data, checksum in records(file, masked_crc32c):
                count += 1
                event = events.Event.FromString(data)
                # Other events are skipped: they are not needed, and their checksums take long.
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
    """The records of an event file of TensorBoard, each with the checksum after it.

    A record that is cut off ends the file.
    """
    from google.protobuf.message import DecodeError

    while len(head := file.read(HEADER)) == HEADER:
        length, check = struct.unpack("<QI", head)
        if checksum(head[:8]) != check:
            raise DecodeError
        data, footer = file.read(length), file.read(FOOTER)
        if len(data) + len(footer) < length + FOOTER:
            return
        yield data, footer
