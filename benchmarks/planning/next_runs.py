"""Measures what the runs that `next_runs` chooses tell: `python -m benchmarks.planning.next_runs`; see README.md."""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import add_only, commit, find_data, machine, say, versions, write_json

CANDIDATES = 10_000


def main() -> None:
    """Run the parts, and write next_runs.json and next_runs.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surfaces", type=int, default=200, help="simulated surfaces; the default is %(default)s")
    parser.add_argument("--repeats", type=int, default=20, help="random orders of the pool; the default is %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; the default is 0")
    parser.add_argument("--out", type=Path, default=here, help="folder of the results; the default is this script's")
    add_only(parser, ("surfaces", "pool", "speed"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    record |= {"versions": dict(versions()), "seed": options.seed}
    if "surfaces" in options.only:
        from benchmarks.planning import surfaces

        raw = surfaces.compared(options.surfaces, options.seed)
        record |= {"count": options.surfaces, "summary": surfaces.summary(raw), "surfaces": raw}
    if "pool" in options.only:
        import scalebayes as sb
        from benchmarks.planning import pool

        runs = sb.read_runs(find_data(), "epoch_excluded == 0")
        record["pool"] = pool.compared(runs, options.repeats, options.seed)
    if "speed" in options.only:
        record["speed"] = speed()
    write_json(options.out / "next_runs.json", record)
    text = "\n".join(markdown(record)) + "\n"
    (options.out / "next_runs.md").write_text(text, encoding="utf-8")
    print(text)


def speed() -> dict[str, Any]:
    """Return the seconds, wall and processor, for ten of 10,000 candidates: the first call, and the next three."""
    import scalebayes as sb

    runs = sb.read_runs(find_data(), "epoch_excluded == 0")
    rng = np.random.default_rng(0)
    pool = {"N": 10 ** rng.uniform(8, 10.5, CANDIDATES), "D": 10 ** rng.uniform(9, 12, CANDIDATES)}
    found = {}
    for name, discrepancy in (("law", None), ("law and discrepancy", sb.GP("matern", "bend", "drift"))):
        fit = sb.fit(runs, "chinchilla", noise="normal", discrepancy=discrepancy, method="laplace", on_fail="ignore")
        taken = []
        for _ in range(4):
            wall, used = time.perf_counter(), time.process_time()
            sb.next_runs(fit, budget=1e22, target={"N": 7e10, "D": 1.4e12}, candidates=pool, n=10)
            taken.append([round(time.perf_counter() - wall, 2), round(time.process_time() - used, 2)])
        found[name] = {"first": taken[0], "then": taken[1:]}
        say(f"  speed, {name}: {found[name]}")
    return found


def markdown(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield "# What the runs that `next_runs` chooses tell"
    yield ""
    yield f"{record['date']}, commit {record['commit'][:9]}, {record['machine']['cores']} cores."
    for name, one in record.get("summary", {}).items():
        yield ""
        yield f"## {record['count']} simulated surfaces, target: {name}"
        yield ""
        yield (
            f"Rank correlation of predicted and realised variance: {one['rank_correlation']:.2f} over all designs and "
            f"surfaces, {one['rank_correlation_of_ratios']:.2f} of their ratios to the variance before, "
            f"{one['median_rank_correlation_within_a_surface']:.2f} within a surface (median). Realised over predicted "
            f"variance: {one['median_realised_over_predicted']:.2f} (median)."
        )
        yield ""
        yield "| design | share of the budget | variance left (median) |"
        yield "| --- | --- | --- |"
        for design, left in one["variance_left"].items():
            yield f"| {design} | {one['share_of_budget_spent'][design]:.2f} | {left:.3f} |"
        yield ""
        yield "| next_runs against | given | cut per FLOP | precision per FLOP | surfaces with less variance |"
        yield "| --- | --- | --- | --- | --- |"
        for other in ("grid", "path"):
            for given, of in one[f"against_{other}"].items():
                yield (
                    f"| {other} | {given.split()[-1]} of the budget | {of['cut_per_flop']:.2f} x | "
                    f"{of['precision_per_flop']:.2f} x | {of['share_with_less_variance']:.0%} |"
                )
    if "pool" in record:
        pool = record["pool"]
        yield ""
        yield f"## Chinchilla runs: {pool['pool']} in the pool, {pool['targets']} targets, budget {pool['budget']:.3g}"
        yield ""
        yield "| rule | RMSE of log loss | mean width of 90 % | runs | share of the pool's FLOPs |"
        yield "| --- | --- | --- | --- | --- |"
        for rule, of in pool["rules"].items():
            yield f"| {rule} | {of['rmse']:.4f} | {of['width']:.4f} | {of['runs']:.0f} | {of['share_of_pool']:.3f} |"
    if "speed" in record:
        yield ""
        yield f"## Seconds for ten of {CANDIDATES} candidates (wall, processor)"
        yield ""
        for name, of in record["speed"].items():
            yield f"- {name}: first {of['first']}, then {of['then']}"


if __name__ == "__main__":
    main()
