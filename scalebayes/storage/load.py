"""Reads any result back from its file with `load`; nothing that a file names is ever imported or run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scalebayes.backtesting import file as backtest
from scalebayes.backtesting import record_read
from scalebayes.backtesting.result import Backtest
from scalebayes.errors import InputError, known_settings, listed, shown
from scalebayes.fitting.to_file import (
    BACKTEST,
    CALIBRATION,
    COMPARISON,
    DECISIONS,
    FIT,
    FITS,
    FORMAT,
    KINDS,
    RECALIBRATED,
    REGISTERED,
    STACK,
)
from scalebayes.laws.law import Law
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.hdf5 import Content
from scalebayes.storage import calibrate, compare, decisions, many_fits, recalibrate, stack
from scalebayes.storage.first_format import upgraded
from scalebayes.storage.fit import law_of, restored, together

WHAT = "result"  # the word for a file's content in errors


@known_settings
def load(path: Any, law: Law | Sequence[Law] | None = None) -> Any:
    """Read any result back from the file that its `save` wrote.

    A result is a fit, many fits, a stack, a recalibrated fit, a backtest, a comparison, a calibration, registered
    forecasts, a comparison of recipes, strategies or next runs. The checksum at the file's end is checked before
    anything else is read. Files of older versions, which have no checksum, are read too. Every fit is checked: its
    sizes must agree with its runs, and its draws must be finite, but for as many as the file itself says are not.

    Args:
        path: The path of the file, a str or a `Path`.

        law: The law that the file names, if that law isn't in the registry, or a list of laws for many fits or a stack.
            A law's function is never read from a file. The default is None.

    Returns:
        A `Fit`, `Fits`, `Stack`, `Recalibrated`, `Backtest`, `Comparison`, `Calibration`, `Registered`,
        `RecipeComparison`, `Strategies` or `NextRuns`, whichever was saved.

    Raises:
        InputError: There is no such file, it is not a saved result, it is damaged, or its law is not in the registry
            and `law` doesn't give it.

    >>> import tempfile, scalebayes as sb
    >>> fitted = sb.fit(sb.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5]), "power", method="map")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted.save(f"{folder}/fit.nc")
    ...     again = load(f"{folder}/fit.nc")
    >>> bool(again.draws["alpha"] == fitted.draws["alpha"])
    True
    """
    path, given = Path(path), [law] if isinstance(law, Law) else list(law or ())
    whole = netcdf.checked(path, WHAT)
    content = netcdf.opened(path, whole, WHAT)
    attrs = content.attrs[""]
    if "scalebayes_format" not in attrs and backtest.OLD not in attrs:
        raise InputError(f"can't read {path}: it is a NetCDF file, but not a {WHAT} saved by scalebayes")
    try:
        if backtest.OLD in attrs:
            _no_laws(path, "a backtest", given)
            return Backtest(backtest.restored(path, content, whole))
        written = int(attrs["scalebayes_format"])
        if written > FORMAT:
            raise InputError(f"can't read {path}: a later version of scalebayes wrote it (format {written}); upgrade")
        if written == FORMAT and netcdf.MARK not in attrs:
            raise InputError("its checksum is gone")
        kind, record, content = _parts(content, written)
        if kind == BACKTEST:
            _no_laws(path, "a backtest", given)
            return Backtest(backtest.restored(path, content, whole))
        return _read(path, kind, content, record, given)
    except InputError as error:
        # An error that the user can cure already names the file. Any other one means that the file is damaged.
        named = shown(str(path)) in str(error)
        raise InputError(str(error) if named else netcdf.damaged(path, str(error))) from None
    except Exception as error:
        raise InputError(netcdf.damaged(path, f"{type(error).__name__}: {error}")) from None


def _parts(content: Content, written: int) -> tuple[str, Any, Content]:
    """Return the kind, the record and the arrays of a file, in the current format."""
    if written < FORMAT:
        return upgraded(content)
    found = content.attrs[""]
    kind, record = str(found["scalebayes_kind"]), json.loads(found["scalebayes"])
    return kind, record, content._replace(groups=together(content.groups, record)) if kind == FIT else content


def _read(path: Path, kind: str, content: Content, record: Mapping[str, Any], given: Sequence[Law]) -> Any:
    """Return the result of any kind but a backtest, from its record and its arrays."""
    if kind == FITS:
        held = {one["law"]["name"] for group in record["groups"] for one in group["fits"]}
        if strange := [one.name for one in given if one.name not in held]:
            raise InputError(f"{path} holds fits of {listed(sorted(held))}, and law= is {strange[0]!r}")
        return many_fits.restored(path, content, record, {one.name: one for one in given})
    if kind == STACK:
        return stack.restored(path, content, record, given)
    if kind in (COMPARISON, CALIBRATION):
        _no_laws(path, f"a {kind}", given)
        return (compare if kind == COMPARISON else calibrate).restored(content, record)
    if kind in DECISIONS:
        _no_laws(path, "a decision", given)
        return getattr(decisions, kind)(content, record)
    if kind == REGISTERED:
        _no_laws(path, "registered forecasts", given)
        return record_read.restored(content, record)
    if kind not in (FIT, RECALIBRATED):
        raise InputError(f"it holds {kind!r:.40}, which is none of {listed((*KINDS, *DECISIONS))}")
    if len(given) > 1:
        raise InputError(f"{path} holds one fit: law= is one law")
    if kind == RECALIBRATED:
        return recalibrate.restored(path, content, record, given[0] if given else None)
    return restored(content.groups, record, law_of(path, record["law"], given[0] if given else None))


def _no_laws(path: Path, what: str, given: Sequence[Law]) -> None:
    """Refuse laws that are given for a kind of result that has none."""
    if given:
        raise InputError(f"{path} holds {what}, which has no law to give: leave law= out")
