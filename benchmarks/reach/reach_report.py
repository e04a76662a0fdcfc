"""Writes the tables of reach.py: the scores by set and by reach, and how often intervals miss by their stretch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

BANDS = ((1.0, 3.5), (3.5, 10.0), (10.0, 30.0), (30.0, 400.0))  # of the reach: the size over the largest fitted one
FIFTHS = 5
HEAD = "| | cases | CRPS | interval score | log score | mean error | RMSE | 90 % hold | 50 % hold | width | rms z |"
Rows = Iterable[Mapping[str, Any]]


def pooled(rows: Rows, low: float = 0.0, high: float = np.inf) -> dict[str, float]:
    """Return the mean figures over cases, each with the same weight, of the runs whose reach is in [low, high)."""
    kept = []
    for row in rows:
        near = [low <= reach < high for reach in row["reach"]]
        if any(near):
            kept.append({name: np.array(x)[near] for name, x in row.items() if isinstance(x, list)})
    mean = lambda x: float(np.mean([np.mean(x(row)) for row in kept])) if kept else float("nan")  # noqa: E731
    names = ("crps", "interval_score", "log_score", "cov90", "cov50", "width90")
    bias = [row["error"].mean() for row in kept]
    return {
        "cases": len(kept),
        **{name: mean(lambda row, name=name: row[name]) for name in names},
        "bias": float(np.mean(bias)) if kept else float("nan"),
        "bias_se": float(np.std(bias, ddof=1) / len(bias) ** 0.5) if len(bias) > 1 else float("nan"),
        "rmse": mean(lambda row: row["error"] ** 2) ** 0.5,
        "z": mean(lambda row: row["z"] ** 2) ** 0.5,
    }


def line(name: str, rows: Sequence[Mapping[str, Any]], low: float = 0.0, high: float = np.inf) -> str:
    """Return a row of a table; "" where no run has such a reach."""
    one = pooled(rows, low, high)
    if not one["cases"]:
        return ""
    return (
        f"| {name} | {one['cases']} | {one['crps']:.4f} | {one['interval_score']:.3f} | {one['log_score']:.2f} "
        f"| {one['bias']:+.4f} ± {one['bias_se']:.4f} | {one['rmse']:.4f} | {one['cov90']:.2f} | {one['cov50']:.2f} "
        f"| {one['width90']:.3f} | {one['z']:.2f} |"
    )


def fifths(rows: Rows) -> list[dict[str, float]]:
    """Return the share of 90 % intervals that missed and the mean absolute error, by fifths of the stretch.

    A case counts once, however many of its runs are held out.
    """
    table = [
        (stretch, 1 - held, abs(error), 1 / len(row["stretch"]))
        for row in rows
        for stretch, held, error in zip(row["stretch"], row["cov90"], row["error"], strict=True)
    ]
    stretch, missed, error, weight = np.array(sorted(table)).T
    part = np.ceil(FIFTHS * np.cumsum(weight) / weight.sum() - 1e-9).clip(1, FIFTHS)
    return [
        {
            "to": float(f"{stretch[part == k].max():.3g}"),
            "missed": float(f"{np.average(missed[part == k], weights=weight[part == k]):.3g}"),
            "error": float(f"{np.average(error[part == k], weights=weight[part == k]):.3g}"),
        }
        for k in range(1, FIFTHS + 1)
    ]


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of reach.md."""
    lines = [
        *("# Forecasts by how far they reach", "", "Made by `python -m benchmarks.reach.reach`. CRPS, interval score"),
        "(of the 90 % interval), errors of the median over the truth and widths are on the log of the loss; lower is",
        "better but for the log score. Each case has the same weight. The margin of the mean error is its standard",
        "error over the cases. The priors of the forecaster were chosen on `ladders` and `sweeps`.",
    ]
    for part, methods in record.items():
        if part == "fifths":
            continue
        first = next(iter(methods.values()))
        sources = list(dict.fromkeys(row["source"] for row in first["cases"].values()))
        alongs = list(dict.fromkeys(row["along"] for row in first["cases"].values()))
        lines += ["", f"## {part}", "", *sorted({f"{m['date']}, commit {m['commit']}." for m in methods.values()})]
        every = {name: list(row["cases"].values()) for name, row in methods.items()}
        lines += ["", HEAD, "|---" * 11 + "|", *(line(name, rows) for name, rows in every.items())]
        sets = [*(("along", x) for x in alongs), *(("source", x) for x in sources)]
        for key, value in sets if len(sets) > 2 else []:
            lines += ["", f"### {part}: {'along ' if key == 'along' else ''}{value}", "", HEAD, "|---" * 11 + "|"]
            lines += [line(name, [row for row in rows if row[key] == value]) for name, rows in every.items()]
        for low, high in BANDS:
            found = [line(name, rows, low, high) for name, rows in every.items()]
            if any(found) and len(BANDS) > 1:
                lines += ["", f"### {part}: {low:g} to {high:g} times the largest fitted", "", HEAD, "|---" * 11 + "|"]
                lines += list(filter(None, found))
    return "\n".join([*lines, *_fifths_text(record)]) + "\n"


def numbered_fifths(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fifths of the recommended forecasts by their number, and the number of cases."""
    rows = [
        row
        for part in ("ladders", "sweeps")
        for row in record.get(part, {}).get("recommended", {"cases": {}})["cases"].values()
    ]
    found = enumerate(fifths(rows), 1) if rows else ()
    return {"cases": len(rows), **{str(number): one for number, one in found}}


def _fifths_text(record: Mapping[str, Any]) -> list[str]:
    """Return the lines on the fifths."""
    found = [one for one in record["fifths"].values() if isinstance(one, dict)]
    lines = [
        "",
        f"## 90 % intervals that missed, by the stretch of {record['fifths']['cases']} recommended forecasts",
        "",
    ]
    lines += ["| stretch up to | missed | mean absolute error |", "|---|---|---|"]
    return lines + [f"| {one['to']:.3g} | {one['missed']:.3f} | {one['error']:.4f} |" for one in found]
