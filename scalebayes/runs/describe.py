"""This file makes the text that runs print, and the hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MOST = 20  # number of columns, curves or sentences that the text lists; the columns and curves after them are counted
NOT_SAID = "(unit not said)"


def short(value: float) -> str:
    """A number in the description of a table of runs, with three significant digits.

    >>> short(5.7e7), short(1.62e10), short(2.0771), short(4)
    ('5.7e7', '1.62e10', '2.08', '4')
    """
    if 1e-3 <= abs(value) < 1e5 or value == 0:
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"
    digits, _, power = f"{value:.2e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}" if power else digits


def span(column: np.ndarray) -> str:
    """The range of a numeric column of a table of runs, and the number of its blank cells, in words."""
    given = column[~np.isnan(column)]
    blank = f" ({len(column) - len(given)} blank)" if len(given) < len(column) else ""
    if not len(given):
        return "all blank"
    lower, upper = short(given.min()), short(given.max())
    return (lower if lower == upper else f"{lower} to {upper}") + blank


def values(column: np.ndarray) -> str:
    """The number of different values of a label of runs in words, or the value if there is only one."""
    words = sorted({cell for cell in column if cell is not None})
    return f"'{words[0]}'" if len(words) == 1 else f"{len(words)} values"


def described(runs: Any) -> list[str]:
    """The lines that describe runs: rows, observable, inputs, labels, and what was read, filtered and derived."""
    rows = f"{len(runs)} row{'s' if len(runs) > 1 else ''}"
    lines = [f"Runs: {rows}, {runs.observable} {span(runs.y)} {unit_text(runs.observable, runs.unit)}".rstrip()]
    noise = {f"{runs.observable}_se": runs.se, "count": runs.count}
    known = ", ".join(f"{name} {span(column)}" for name, column in noise.items() if column is not None)
    about = runs.metadata
    made = about.get("made", ())
    aliases = [
        f"{theirs} as {ours}"
        for ours, theirs in about.get("aliases", {}).items()
        if not any(text.startswith(f"'{theirs}' as {ours},") for text in made)
    ]
    texts = {
        "inputs": _first([f"{name} {span(column)}" for name, column in runs.inputs.items()]),
        "noise": known,
        "labels": _first([f"{name} ({values(column)})" for name, column in runs.labels.items()]),
        "observables": _observables(runs.labels),
        "N counts": runs.N_counts,
        "cost": ", ".join(filter(None, (about.get("cost", {}).get(name) for name in ("name", "formula")))),
        "derived": ", ".join(f"{name} = {formula}" for name, formula in runs.derived.items()),
        "from": _source(about),
        "read": "; ".join([*([", ".join(aliases)] if aliases else []), *made[:MOST]]),
        "for every run": ", ".join(f"{name} {short(value)}" for name, value in about.get("constants", {}).items()),
        "left out": _first(about.get("left_out", ())),
        "where": "; ".join(about.get("filters", ())),
        "best of": best_told(about.get("best_of")),
    }
    return [*lines, *(f"  {name}: {text}" for name, text in texts.items() if text)]


def best_told(about: Mapping[str, Any] | None) -> str:
    """Which runs `best_of` kept, and how far noise alone puts them below the mean of their hyper-parameters, in words.

    >>> best_told({"by": ["N", "D"], "runs": 20, "settings": 4, "rows": [5, 5], "lowest": True})
    'the lowest of each of 4 settings of N and D, 5 of 20 runs each'
    """
    if about is None:
        return ""
    low, high = about["rows"]
    each = f"{low}" if low == high else f"{low} to {high}"
    kind = "lowest" if about["lowest"] else "highest"
    text = f"the {kind} of each of {about['settings']} settings of {' and '.join(about['by'])}"
    text += f", {each} of {about['runs']} runs each"
    if "shift" not in about:
        return text
    shift = f"{abs(about['shift']):.2%}" if about["log"] else short(abs(about["shift"]))
    return f"{text}; noise alone puts them about {shift} {'below' if about['shift'] <= 0 else 'above'} their mean"


def unit_text(observable: str, unit: str) -> str:
    """The unit to print behind a value of the runs' observable. For a loss without a unit, it says that it is missing.

    >>> unit_text("loss", "nats/token"), unit_text("loss", ""), unit_text("accuracy", "")
    ('nats/token', '(unit not said)', '')
    """
    return unit or (NOT_SAID if observable == "loss" else "")


def in_unit(observable: str, unit: str) -> str:
    """The name of the runs' observable and its unit, as a phrase.

    >>> in_unit("loss", "nats/token"), in_unit("loss", ""), in_unit("accuracy", "")
    ('loss in nats/token', 'loss (unit not said)', 'accuracy')
    """
    return f"{observable} in {unit}" if unit else f"{observable} {unit_text(observable, unit)}".rstrip()


def _observables(labels: Mapping[str, np.ndarray]) -> str:
    """The rows of each observable in words, where a table has several; else ""."""
    rows = Counter(str(name) for name in labels.get("observable", ()) if name is not None)
    said = [f"{name} in {count}{' rows' if i == 0 else ''}" for i, (name, count) in enumerate(rows.items())]
    return _first(said) if len(said) > 1 else ""


def _first(phrases: Sequence[str]) -> str:
    """Phrases with commas between them. If there are more than `MOST`, the first ones and the number of the others."""
    return ", ".join([*phrases[:MOST], *([f"and {len(phrases) - MOST} more"] if len(phrases) > MOST else [])])


def _source(about: Mapping[str, Any]) -> str:
    rows = f" (rows in it: {about['rows_read']})" if "rows_read" in about else ""
    return f"{about['source']}{rows}" if about.get("source") else ""


def fingerprint(about: list[Any], columns: Mapping[str, np.ndarray]) -> str:
    """The SHA-256, hex, of a table of runs: of plain values and of columns (run,), in any order of the columns."""
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, column in sorted(columns.items()):
        # + 0.0 turns -0.0 into 0.0, so that both have the same hash.
        cells = column.tolist() if column.dtype == object else (column + 0.0).tolist()
        digest.update(json.dumps([name, cells]).encode())
    return digest.hexdigest()
