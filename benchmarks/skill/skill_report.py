"""Writes the tables and draws the picture of skill.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# Targets: part, set, figure, whether the bound is the smallest or the largest value allowed, and the bound.
TARGETS = (
    ("curves", "IC", "rmse", "most", 0.0265),
    ("curves", "IC", "log_score", "least", 3.52),
    ("curves", "IC", "cov90", "least", 0.87),
    ("curves", "IC", "cov90", "most", 0.93),
    ("curves", "IC half B", "log_score", "least", 3.45),
    ("curves", "IC half B", "cov90", "least", 0.86),
    ("curves", "IC", "seconds", "most", 0.3),
    ("curves", "BB", "rmse", "most", 0.0100),
    ("curves", "BB", "cov90", "least", 0.85),
    ("windows", "1.5 e-folds", "rmse", "most", 0.0350),
    ("windows", "2 e-folds", "rmse", "most", 0.0350),
    ("windows", "2.5 e-folds", "rmse", "most", 0.0350),
    ("windows", "3 e-folds", "rmse", "most", 0.0350),
    ("chinchilla", "all", "rmse", "most", 0.0105),
    ("chinchilla", "all", "cov90", "least", 0.85),
    ("chinchilla", "all", "log_score", "least", 2.5),
    ("chinchilla", "lowest 50 %", "rmse", "most", 0.0160),
    ("chinchilla", "lowest 50 %", "cov90", "least", 0.85),
    ("chinchilla", "lowest 50 %", "log_score", "least", 2.1),
    ("porian", "all", "rmse", "most", 0.0085),
    ("porian", "all", "cov90", "least", 0.88),
    ("porian", "all", "log_score", "least", 2.2),
    ("porian", "all", "width90", "most", 0.045),
    ("few rows", "own prior", "cov90", "least", 0.9),
    ("few rows", "exact law", "cov90", "least", 0.9),
)
LOST = -0.02  # nats: a stack whose log score, minus that of its best law, is lower misses its target
# Parts whose targets name a method, over all cases. The other targets name a set, for the recommended forecaster.
METHODS = {
    "windows": lambda name: (name, "all"),
    "few rows": lambda name: (f"recommended, {name}", "all"),
}
# Published figures on the 72 image curves: RMSE on the log, and log score.
PUBLISHED = {
    "NSL-PFN (arXiv 2505.23032)": (0.0280, 3.330),
    "MCMC on M4 (ibid.)": (0.0422, 3.024),
    "BNSL (ibid.)": (0.0406, None),
    "M4 (ibid.)": (0.0415, None),
}
SHOWN = {"rmse": "RMSE of log", "log_score": "log score", "cov90": "inside 90 %", "width90": "width 90 %"}
ABOUT = (
    "Means over seeds ± their standard error, within which a target is met; made by "
    "`python -m benchmarks.skill.skill`. The priors of curves were learnt on half A of the image "
    "curves, in windows of 1.5, 2 and 3 e-folds: the part `windows` and that half of IC show what was chosen, and half "
    "B and the other domains how good the choice is. "
    "The configuration for N and D began from one that others chose on Chinchilla and Porian."
)


def mean(values: list[float]) -> tuple[float, float]:
    """Return the mean over the seeds, and its standard error, which is NaN for one seed."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def cell(values: list[float], digits: int) -> str:
    """Return the mean over the seeds as text, with its standard error if there is one."""
    middle, error = mean(values)
    return f"{middle:.{digits}f}" + ("" if np.isnan(error) else f" ± {error:.{digits}f}")


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of skill.md."""
    lines = [
        "# Forecast skill",
        "",
        ABOUT,
        "",
    ]
    lines += targets(record)
    for part, found in record["parts"].items():
        seeds = {len(s["rmse"]) for row in found["rows"].values() for s in row["sets"].values()}
        packages = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        of = f"{min(seeds)} to {max(seeds)} seeds, {found['machine'].get('cpu', '')}; {packages}"
        lines += ["", f"## {part}", "", f"{made(found)}. {of}"]
        lines += ["", f"| set | method | {' | '.join(SHOWN.values())} | s a case |", "|---" * (len(SHOWN) + 3) + "|"]
        names = dict.fromkeys(name for row in found["rows"].values() for name in row["sets"])
        for name in names:
            for method, row in found["rows"].items():
                if one := row["sets"].get(name):
                    cells = [cell(one[x], 4 if x in ("rmse", "width90") else 3) for x in SHOWN]
                    lines.append(f"| {name} | {method} | {' | '.join(cells)} | {row['seconds']:.2f} |")
            if part == "curves" and name == "IC":
                for method, (rmse, score) in PUBLISHED.items():
                    lines.append(f"| {name} | published: {method} | {rmse:.4f} | {score or '-'} | - | - | - |")
    return "\n".join(lines) + "\n"


def made(part: Mapping[str, Any]) -> str:
    """Say when and from which commit the rows of a part were made; rows may differ in this."""
    methods: dict[str, list[str]] = {}
    for method, row in part["rows"].items():
        when = f"{row.get('date', part['date'])}, commit {row.get('commit', part['commit'])}"
        methods.setdefault(when, []).append(method)
    if len(methods) == 1:
        return next(iter(methods))
    return "; ".join(f"{', '.join(names)}: {when}" for when, names in methods.items())


def targets(record: Mapping[str, Any]) -> list[str]:
    """Return the lines of the table of targets."""
    lines = ["| part | set | figure | target | found | |", "|---|---|---|---|---|---|"]
    for part, name, figure, side, bound in TARGETS:
        rows = record["parts"].get(part, {}).get("rows", {})
        method, of = METHODS.get(part, lambda name: ("recommended", name))(name)
        row = rows.get(method, {})
        values = row.get("sets", {}).get(of, {}).get(figure)
        if figure == "seconds" and row:
            values = [row["seconds"]]
        if values:
            lines.append(target(part, name, figure, side, bound, values))
    stacked = record["parts"].get("stacking", {}).get("rows", {})
    scores = {method: row["sets"]["IC"]["log_score"] for method, row in stacked.items()}
    if alone := {method: values for method, values in scores.items() if not method.startswith("stack")}:
        best = max(alone, key=lambda method: mean(alone[method])[0])
        for method in (m for m in scores if m not in alone):
            less = list(np.subtract(scores[method], alone[best]))
            lines.append(target("stacking", f"IC, {method} less {best}", "log_score", "least", LOST, less))
    return lines


def target(part: str, name: str, figure: str, side: str, bound: float, values: list[float]) -> str:
    """Return a row with a target and the result; a result within one standard error meets the target."""
    middle, error = mean(values)
    slack = 0.0 if np.isnan(error) else error
    met = middle <= bound + slack if side == "most" else middle >= bound - slack
    digits = {"rmse": 4, "width90": 4, "seconds": 2}.get(figure, 3)
    sign = "<=" if side == "most" else ">="
    cells = [part, name, SHOWN.get(figure, "s a case, warm"), f"{sign} {bound:g}", cell(values, digits)]
    return f"| {' | '.join(cells)} | {'met' if met else 'missed'} |"


def picture(record: Mapping[str, Any], path: Path) -> None:
    """Draw coverage against error, one panel for each part."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    parts = {n: p for n, p in record["parts"].items() if n in ("curves", "chinchilla", "porian")}
    methods = list(dict.fromkeys(method for found in parts.values() for method in found["rows"]))
    width = 4.0 * max(len(parts), 1)
    figure, axes = plt.subplots(1, max(len(parts), 1), figsize=(width, 4.2), squeeze=False, layout="constrained")
    for axis, (part, found) in zip(axes[0], parts.items(), strict=False):
        name = "IC" if part == "curves" else "all"
        for i, method in enumerate(methods):  # a method has the same colour in every panel
            if one := found["rows"].get(method, {"sets": {}})["sets"].get(name):
                axis.plot(mean(one["rmse"])[0], mean(one["cov90"])[0], "o", color=f"C{i}", label=method)
        axis.axhline(0.9, color="0.7", lw=1, zorder=0)
        axis.set(title=part, xlabel="RMSE of log", xscale="log", ylim=(0, 1.02))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    handles = {x: h for axis in axes[0] for h, x in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    axes[0][0].set_ylabel("inside 90 % intervals")
    figure.savefig(path, dpi=150)
    plt.close(figure)
