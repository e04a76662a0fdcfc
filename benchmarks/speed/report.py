"""Writes the results of the speed benchmark as a table, a JSON file and a picture."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.shared import write_json
from benchmarks.speed.cold_report import stage_lines

OPTIMUM = 1.018275e-3  # sum-Huber objective at the optimum; a seed that ends above it has not reached it
FIT = "scalebayes, fit"


def write(record: dict[str, Any], folder: Path) -> str:
    """Write speed.json, speed.md and speed.png, and return the text of speed.md."""
    folder.mkdir(parents=True, exist_ok=True)
    record["targets"] = list(targets(record))
    text = markdown(record)
    write_json(folder / "speed.json", record)
    (folder / "speed.md").write_text(text, encoding="utf-8")
    picture(record, folder / "speed.png")
    return text


def _rows(record: dict[str, Any], group: str) -> dict[str, dict[str, Any]]:
    """Return name -> row, for the rows of a group that were timed."""
    return {row["name"]: row for row in record["rows"] if row["group"] == group and row["seconds"]}


def _median(row: dict[str, Any], fact: str) -> float:
    """Return the median over the repeats of a row's seconds or of one of its facts."""
    values = row["seconds"] if fact == "seconds" else row["facts"].get(fact, [float("nan")])
    return median(values)


def targets(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each target with its result; ratios compare medians of the whole call."""
    point, nuts, laplace = (_rows(record, group) for group in ("map", "nuts", "laplace"))

    def target(what: str, found: float, least: float | None = None, most: float | None = None) -> dict[str, Any]:
        met = found >= least if least is not None else found <= (most or 0.0)
        aim = f"at least {least:g}" if least is not None else f"at most {most:g}"
        return {"what": what, "found": found, "aim": aim, "met": bool(met)}

    if FIT in point:
        ours = _median(point[FIT], "seconds")
        if "scipy, grid" in point:
            ratio = _median(point["scipy, grid"], "seconds") / ours
            yield target("MAP: times as fast as SciPy from 4,500 starts", ratio, least=100)
        for name, row in point.items():
            if name.startswith("scipy, curve_fit"):
                ratio = ours / _median(row, "seconds")
                yield target(f"MAP: times as slow as one curve_fit ({row['note']})", ratio, most=4)
    if ends := record.get("objective_by_seed"):
        reached = sum(end <= OPTIMUM for end in ends)
        yield target(f"MAP: seeds of {len(ends)} that reach {OPTIMUM:.6e}", reached, least=len(ends))
    if FIT in nuts:
        ours = _median(nuts[FIT], "ess_per_second")
        if "numpyro" in nuts:
            ratio = ours / _median(nuts["numpyro"], "ess_per_second")
            yield target("NUTS: min-ESS a second over NumPyro's", ratio, least=200)
        if rivals := [row for name, row in nuts.items() if name.startswith("nutpie")]:
            best = max(rivals, key=lambda row: _median(row, "ess_per_second"))
            default = [row for row in rivals if row["name"] == "nutpie PyMC"]
            for row, what in ((default[0] if default else None, "nutpie's defaults"), (best, "nutpie's best row")):
                if row is not None:
                    ratio = ours / _median(row, "ess_per_second")
                    yield target(f"NUTS: min-ESS a second over {what} ({row['name']})", ratio, least=20)
        if FIT in laplace:
            ratio = _median(laplace[FIT], "ess_per_second") / ours
            yield target("Laplace: ESS a second over our NUTS", ratio, least=3)


def markdown(record: dict[str, Any]) -> str:
    """Return the text of speed.md."""
    machine = record["machine"]
    lines = [
        "# Speed",
        "",
        f"{record['date']}, commit {record['commit']}. {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, load at the start {machine['load_at_start']}. Warm rows: "
        f"{record.get('pinned', 'none')}, medians of {record['repeats']} interleaved repeats. Packages: "
        + ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        + ".",
        "",
        "The 240 Chinchilla runs. 'fit' is the whole call of `sb.fit`, checks and all; 'kernel' the compiled function",
        "alone. Targets are for the whole call, ratios are of medians in this one run.",
        "",
    ]
    if record["targets"]:
        lines += ["| target | aim | found | met |", "| --- | --- | --- | --- |"]
        for t in record["targets"]:
            lines.append(f"| {t['what']} | {t['aim']} | {t['found']:.3g} | {'yes' if t['met'] else 'NO'} |")
        lines.append("")
    lines += _point_lines(record) + _sampler_lines(record) + _agreement_lines(record) + _cold_lines(record)
    return "\n".join(lines)


def _point_lines(record: dict[str, Any]) -> list[str]:
    """Return the lines of the report about the point fits."""
    rows = [row for row in record["rows"] if row["group"] == "map"]
    ours = _rows(record, "map").get(FIT)
    if not rows or ours is None:
        return []
    lines = ["## Point fit: sum-Huber objective", "", "| row | seconds | over ours | repeats | objective | what |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        if not row["seconds"]:
            lines.append(f"| {row['name']} | missing | | | | {row['missing']} |")
            continue
        seconds = _median(row, "seconds")
        worst = max(row["facts"]["objective"])
        share = row["facts"].get("share_of_starts_that_reach_it")
        note = row["note"] + (f"; {share[0]:.1%} of the starts reach it" if share else "")
        over = seconds / _median(ours, "seconds")
        lines.append(f"| {row['name']} | {seconds:.4g} | {over:.3g} | {len(row['seconds'])} | {worst:.7g} | {note} |")
    return [*lines, "", "The objective is the worst of the repeats.", ""]


def _sampler_lines(record: dict[str, Any]) -> list[str]:
    """Return the lines of the report about the samplers and Laplace."""
    rows = [row for row in record["rows"] if row["group"] in ("nuts", "laplace")]
    if not rows:
        return []
    lines = ["## Posterior: Student-t(4) on log loss", ""]
    lines.append("| row | ESS a second | seconds | ESS | steps a draw | largest r-hat | ours is faster by | what |")
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    ours = _rows(record, "nuts").get(FIT)
    for row in rows:
        name = f"{row['group']}: {row['name']}"
        if not row["seconds"]:
            lines.append(f"| {name} | missing | | | | | | {row['missing']} |")
            continue
        rate = _median(row, "ess_per_second")
        steps = f"{_median(row, 'steps'):.1f}" if "steps" in row["facts"] else ""
        rhat = f"{max(row['facts']['rhat']):.4f}" if "rhat" in row["facts"] else ""
        faster = f"{_median(ours, 'ess_per_second') / rate:.3g}" if ours else ""
        cells = (f"{rate:,.0f}", f"{_median(row, 'seconds'):.3g}", f"{_median(row, 'ess'):.0f}", steps, rhat, faster)
        lines.append(f"| {name} | {' | '.join(cells)} | {row['note']} |")
    told = "ESS is the smallest bulk ESS over six parameters, of Laplace the weights', at most the draws returned."
    return [*lines, "", told + " The last ratio is our NUTS, the whole call, over the row.", ""]


def _agreement_lines(record: dict[str, Any]) -> list[str]:
    """Return the lines of the report about how far the samplers' medians are apart."""
    found = record.get("agreement") or {}
    if not found:
        return []
    names = list(next(iter(found.values()))["median"])
    lines = ["## Do they sample the same posterior? Medians over all repeats", ""]
    lines.append(f"| row | {' | '.join(names)} | furthest from ours, in Monte-Carlo errors |")
    lines.append("| --- " * (len(names) + 2) + "|")
    for row, facts in found.items():
        lines.append(
            f"| {row} | {' | '.join(f'{facts["median"][n]:.4f}' for n in names)} | {facts['furthest_in_mcse']:.1f} |"
        )
    return [*lines, "", "Laplace's draws repeat proposals: their Monte-Carlo error is taken too small.", ""]


def _cold_lines(record: dict[str, Any]) -> list[str]:
    """Return the lines of the report about the cold start."""
    cold = record.get("cold")
    if not cold:
        return []
    empty, filled = (median(cold["seconds"][cache]) for cache in ("empty", "filled"))
    return [
        f"## Cold start, {cold['cores']} cores",
        "",
        f"`scalebayes fit`, process start to saved file, median of {len(cold['seconds']['empty'])}: {empty:.2f} s with "
        f"an empty cache of compiled programs, {filled:.2f} s with a filled one.",
        "",
        *stage_lines(cold["profile"]),
    ]


def picture(record: dict[str, Any], path: Path) -> None:
    """Draw bars on log axes: the seconds of the point fits, and the ESS per second of the samplers."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    point = {name: _median(row, "seconds") for name, row in _rows(record, "map").items()}
    rate = {
        f"{group}: {name}": _median(row, "ess_per_second")
        for group in ("laplace", "nuts")
        for name, row in _rows(record, group).items()
    }
    panels = [
        (what, bars)
        for what, bars in (("point fit: seconds (less is better)", point), ("ESS a second (more is better)", rate))
        if bars
    ]
    if not panels:
        return
    heights = [len(bars) for _, bars in panels]
    figure, axes = plt.subplots(
        len(panels),
        figsize=(8, 1.2 + 0.34 * sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for axis, (what, bars) in zip(axes[:, 0], panels, strict=True):
        names = list(bars)
        colours = ["tab:blue" if "scalebayes" in name else "tab:gray" for name in names]
        drawn = axis.barh(names, [bars[name] for name in names], color=colours)
        axis.bar_label(drawn, [f" {bars[name]:,.3g}" if bars[name] < 1e3 else f" {bars[name]:,.0f}" for name in names])
        axis.set(xscale="log", title=what)
        axis.margins(x=0.12)
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
