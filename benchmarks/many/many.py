"""Times many fits at once and bootstraps, and measures how the cost grows: `python -m benchmarks.many.many`.

All rows are warm and use all cores. Times are medians of interleaved repeats, and ratios compare rows of one run. See
README.md beside this file.
"""

import argparse
import atexit
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.shared import ROOT, add_only, add_out, commit, find_data, machine, say, versions, write_json

PARTS = ("sets", "bootstrap", "runs", "parameters", "memory")
SETS = (1, 10, 100, 1000, 10_000)  # numbers of data sets
ONCE = 1000  # data sets; a larger number is fitted only once, by the programs that this number compiled
RUNS = (30, 240, 2000, 20_000)  # numbers of runs
BREAKS = (0, 1, 2, 3, 4)  # breaks of broken_power, which has 4 to 16 parameters with the noise
# Breaks; beyond these NUTS is left out. With more breaks than runs show, it takes minutes to find many modes.
SAMPLED = 1
SETS_ROW = "fit_many, laplace"
REFITS = 100  # refits of SciPy's bootstrap that are timed
WORST = ("khat_below_0.7", "converged")  # facts that are reported for the worst repeat
LOOPED = 20  # single fits in the timed loop


def main() -> None:
    """Time the rows, and write many.json, many.md and many.png."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="repeats of every row; the default is %(default)s")
    add_only(parser, PARTS)
    parser.add_argument(
        "--sets", type=int, default=max(SETS), help="largest number of data sets; the default is %(default)s"
    )
    add_out(parser, here, "many.json, many.md and many.png")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats is at least 1")
    if options.child:
        return peak_of(options.child)
    parts = options.only
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "repeats": options.repeats}
    record |= {"machine": machine(), "versions": dict(versions()), "commit": commit(), "rows": []}
    if "memory" in parts:
        record["memory"] = {str(rows): child(rows) for rows in (240, max(RUNS))}
    tasks = [task for part in parts if part in TASKS for task in TASKS[part](find_data(), options.sets)]
    record["rows"] = [{"part": p, "name": n, "size": s, "seconds": [], "facts": {}} for p, n, s, _ in tasks]
    for row, (part, name, size, run) in zip(record["rows"], tasks, strict=True):
        if part == "sets" and size > ONCE:
            continue
        say(f"warm-up: {part}, {name}, {size}")
        row["first"] = timed(run)[0]
    for repeat in range(options.repeats):
        for row, (part, name, size, run) in zip(record["rows"], tasks, strict=True):
            if part == "sets" and size > ONCE and repeat:
                continue
            seconds, facts = timed(run)
            row["seconds"].append(seconds)
            row["facts"] = {n: min(x, row["facts"].get(n, x)) if n in WORST else x for n, x in facts.items()}
            say(f"repeat {repeat + 1}: {part}, {name}, {size}: {seconds:.4g} s")
    options.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(markdown(record)) + "\n"
    write_json(options.out / "many.json", record)
    (options.out / "many.md").write_text(text, encoding="utf-8")
    picture(record, options.out / "many.png")
    print(text)


def timed(run: Callable[[], dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    """Return the seconds of a call, and its result."""
    start = time.perf_counter()
    facts = run()
    return time.perf_counter() - start, facts


Task = tuple[str, str, int, Callable[[], dict[str, Any]]]  # part, name, size, and the call that returns facts


def simulated(rows: int, seed: int) -> Any:
    """Simulate runs scattered over N and D, with the law of Besiroglu et al. and Student-t(4) noise of scale .5 %."""
    import jax

    import scalebayes as sb

    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10.5, rows), 10 ** rng.uniform(9.0, 11.5, rows)
    preset = sb.laws.published("besiroglu2024")
    with jax.enable_x64():
        loss = np.asarray(preset.law(N=N, D=D, **preset.values)) * np.exp(0.005 * rng.standard_t(4, rows))
    return sb.Runs(N=N, D=D, loss=loss)


def sets_tasks(_: Path, most: int) -> Iterator[Task]:
    """Yield tasks that fit data sets of 240 runs by Laplace with its fallback, in one call and one at a time."""
    import scalebayes as sb

    tables = [simulated(240, seed) for seed in range(most)]

    def together(count: int) -> dict[str, Any]:
        fits = sb.fit_many(tables[:count], on_fail="ignore", progress=False)
        khat = np.array([fit.numbers.get("khat", np.inf) for fit in fits])
        return {"khat_below_0.7": float((khat < 0.7).mean()), "resampled": fits.resampled}

    def looped() -> dict[str, Any]:
        for table in tables[:LOOPED]:
            sb.fit(table, method="laplace", on_fail="ignore")
        return {}

    for count in [n for n in SETS if n <= len(tables)]:
        yield "sets", SETS_ROW, count, partial(together, count)
    yield "sets", "a loop of fit, laplace", LOOPED, looped


def bootstrap_tasks(path: Path, _: int) -> Iterator[Task]:
    """Yield tasks that bootstrap the Chinchilla runs, by sum-Huber and Student-t, by us and by SciPy from one start."""
    import scalebayes as sb

    runs = sb.read_runs(path).where("epoch_excluded == 0")

    def ours(**options: Any) -> dict[str, Any]:
        fit = sb.fit(runs, method=sb.Bootstrap(resamples=1000), on_fail="ignore", **options)
        return {"sd_alpha": float(fit.draws["alpha"].std()), "converged": float(fit.sample_stats["converged"].mean())}

    huber = {"noise": sb.Huber(delta=1e-3, scale=1.0), "priors": "flat"}
    yield "bootstrap", "scalebayes, sum-Huber", 1000, partial(ours, **huber)
    yield "bootstrap", "scalebayes, Student-t", 1000, ours
    N, D, L = (np.log(x) for x in (runs.column("N"), runs.column("D"), runs.y))
    for kind in ("sum-Huber", "Student-t"):
        yield "bootstrap", f"scipy BFGS, {kind}", REFITS, partial(scipy_bootstrap, (N, D, L), kind, range(REFITS))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ProcessPoolExecutor(cores, get_context("spawn"))
    atexit.register(pool.shutdown)

    def spread(kind: str) -> dict[str, Any]:
        parts = [range(i, REFITS, cores) for i in range(cores)]
        list(pool.map(partial(scipy_bootstrap, (N, D, L), kind), parts))
        return {"processes": cores}

    for kind in ("sum-Huber", "Student-t"):
        yield "bootstrap", f"scipy BFGS, a process a core, {kind}", REFITS, partial(spread, kind)


def scipy_bootstrap(table: Any, kind: str, seeds: Any) -> dict[str, Any]:
    """Refit resampled runs from the published estimate, each by SciPy's BFGS with an analytic gradient."""
    from scipy.optimize import minimize

    from benchmarks.speed.peers import NEAR, Table

    whole, alphas = Table.__new__(Table), []
    for seed in seeds:
        chosen = np.random.default_rng(seed).integers(0, len(table[0]), len(table[0]))
        whole.N, whole.D, whole.L = (x[chosen] for x in table)
        if kind == "sum-Huber":
            found = minimize(whole.objective, NEAR, jac=True, method="BFGS")
        else:
            found = minimize(partial(student_t, whole), (*NEAR, np.log(0.004)), jac=True, method="BFGS")
        alphas.append(found.x[3])
    return {"sd_alpha": float(np.std(alphas))}


def student_t(table: Any, t: Any, df: float = 4.0) -> tuple[float, np.ndarray]:
    """Return minus the log likelihood of a Student-t on the log of the loss, up to a constant, and its gradient."""
    terms = table.terms(t[:5])
    top = terms.max(axis=0)
    total = top + np.log(np.exp(terms - top).sum(axis=0))
    z = (table.L - total) * np.exp(-t[5])
    pull = (df + 1) * z / (df + z**2)
    slope = -(pull * np.exp(-t[5])) @ table.derivative(terms, total)
    value = (df + 1) / 2 * np.log1p(z**2 / df).sum() + len(z) * t[5]
    return float(value), np.append(slope, len(z) - pull @ z)


def runs_tasks(_: Path, __: int) -> Iterator[Task]:
    """Yield tasks that fit one posterior, for several numbers of runs."""
    import scalebayes as sb

    def one(table: Any, method: str) -> dict[str, Any]:
        fit = sb.fit(table, method=method, on_fail="ignore")
        return {"rhat": float(fit.summary()["r_hat"].max())} if method == "nuts" else {"khat": fit.numbers["khat"]}

    for rows in RUNS:
        table = simulated(rows, seed=rows)
        for method in ("laplace", "nuts"):
            yield "runs", method, rows, partial(one, table, method)


def parameters_tasks(_: Path, __: int) -> Iterator[Task]:
    """Yield tasks that fit 240 runs with several numbers of parameters, by offset_power and broken_power."""
    import scalebayes as sb

    rng = np.random.default_rng(0)
    x = np.logspace(4, 9, 240)
    loss = (0.3 + 3 * x**-0.15 * (1 + (x / 1e6) ** 2) ** -0.08) * np.exp(0.005 * rng.standard_t(4, 240))
    table = sb.Runs(x=x, loss=loss)

    def one(law: Any, method: str) -> dict[str, Any]:
        fit = sb.fit(table, law, method=method, on_fail="ignore")
        return {"parameters": len(fit.draws), "status": fit.checks.status.value}

    for breaks in BREAKS:
        law = sb.laws.get("broken_power", breaks=breaks) if breaks else sb.laws.get("offset_power")
        for method in ("laplace", "nuts") if breaks <= SAMPLED else ("laplace",):
            yield "parameters", method, len(law.params) + 1, partial(one, law, method)


TASKS = {"sets": sets_tasks, "bootstrap": bootstrap_tasks, "runs": runs_tasks, "parameters": parameters_tasks}


def child(rows: int) -> dict[str, float]:
    """Return the peak memory of a process that fits a table with NUTS."""
    say(f"memory: NUTS of {rows} runs")
    words = [sys.executable, "-m", "benchmarks.many.many", "--child", str(rows)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def peak_of(rows: int) -> None:
    """Fit a table with NUTS in this process, and print its peak memory as JSON."""
    import scalebayes as sb

    seconds, fit = timed(lambda: {"fit": sb.fit(simulated(rows, seed=rows), on_fail="ignore")})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    rhat = float(fit["fit"].summary()["r_hat"].max())
    print(json.dumps({"peak_GiB": peak / 2**30, "seconds": seconds, "rhat": rhat}))


def markdown(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of many.md."""
    about = record["machine"]
    yield "# Many fits\n"
    yield (
        f"{record['date']}, commit {record['commit']}. {about['cpu']}, {about['cores']} cores, {about['system']}, "
        f"Python {about['python']}, load at the start {about['load_at_start']}. Warm, all cores, medians of "
        f"{record['repeats']} interleaved repeats. Packages: "
        + ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        + ".\n"
    )
    found = {
        (r["part"], r["name"], r["size"]): median(r["seconds"]) / r["size"] for r in record["rows"] if r["seconds"]
    }
    yield "| target | aim | found |\n| --- | --- | --- |"
    sets = {size: each for (_, name, size), each in found.items() if name == SETS_ROW}
    if sets:
        loop = found["sets", "a loop of fit, laplace", LOOPED]
        most = max(sets)
        compared = min(most, ONCE)
        khat = next(r["facts"]["khat_below_0.7"] for r in record["rows"] if r["name"] == SETS_ROW and r["size"] == most)
        yield f"| posteriors a second, {compared:,} data sets of 240 runs | at least 30 | {1 / sets[compared]:.1f} |"
        yield f"| share of {most:,} data sets with k-hat below .7 | at least .95 | {khat:.3f} |"
        yield f"| over a loop of fit, {compared:,} data sets | - | {loop / sets[compared]:.2f} |"
    for part, name, what in (("sets", SETS_ROW, "data sets"), ("runs", "laplace", "runs"), ("runs", "nuts", "runs")):
        total = {size: each * size for (p, n, size), each in found.items() if (p, n) == (part, name)}
        if len(total) > 1:
            small, large = sorted(total)[-2:]
            times = total[large] / total[small]
            yield f"| {name}: {small:,} to {large:,} {what}, cost | at most {large / small:.3g} | {times:.3g} times |"
    for kind in ("sum-Huber", "Student-t"):
        for row, where in ((f"scipy BFGS, {kind}", "one process"), (f"scipy BFGS, a process a core, {kind}", "a core")):
            if ("bootstrap", row, REFITS) in found:
                ratio = found["bootstrap", row, REFITS] / found["bootstrap", f"scalebayes, {kind}", 1000]
                aim = "at least 10" if where == "one process" else "-"
                told = "in one process" if where == "one process" else "in a process a core"
                yield f"| 1,000 bootstraps over SciPy's BFGS {told}, {kind} | {aim} | {ratio:.1f} |"
    for rows, facts in record.get("memory", {}).items():
        yield f"| peak memory, NUTS of {rows} runs, GiB | at most 24 | {facts['peak_GiB']:.2f} |"
    yield "\n| part | row | size | seconds | each, ms | first, with compiling | facts |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in record["rows"]:
        each = found[row["part"], row["name"], row["size"]]
        facts = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row["facts"].items())
        per = f"{1e3 * each:.3g}" if row["part"] in ("sets", "bootstrap") else ""
        cells = (row["part"], row["name"], f"{row['size']:,}", f"{median(row['seconds']):.3g}", per)
        first = f"{row['first']:.3g}" if "first" in row else ""
        yield f"| {' | '.join(cells)} | {first} | {facts} |"


def picture(record: dict[str, Any], path: Path) -> None:
    """Draw the seconds of a call against the number of data sets, runs and parameters, on log axes."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    parts = [part for part in ("sets", "runs", "parameters") if any(r["part"] == part for r in record["rows"])]
    if not parts:
        return
    figure, axes = plt.subplots(1, len(parts), figsize=(4 * len(parts), 3.6), layout="constrained", squeeze=False)
    words = {"sets": "data sets of 240 runs", "runs": "runs", "parameters": "parameters"}
    for axis, part in zip(axes[0], parts, strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        for row in record["rows"]:
            if row["part"] == part and "loop" not in row["name"]:
                lines.setdefault(row["name"], []).append((row["size"], median(row["seconds"])))
        for name, points in lines.items():
            axis.plot(*zip(*points, strict=True), marker="o", label=name)
        x, y = zip(*next(iter(lines.values())), strict=True)
        if part != "parameters":
            axis.plot(x, np.array(x) * y[-1] / x[-1], color="0.8", zorder=0, label="linear")
        axis.set(xscale="log", yscale="log", xlabel=words[part], ylabel="seconds, warm")
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
