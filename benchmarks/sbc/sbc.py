"""Does simulation-based calibration of Laplace and NUTS: `python -m benchmarks.sbc.sbc`.

The cases are laws with and without a discrepancy. Each case is written when it ends, beside the cases of earlier calls.
See README.md beside this file.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions, write_json

LAWS = ("chinchilla", "offset_power")
LADDERS = {"ladder along C": "C", "ladder along N": "N"}  # case of the recommended forecaster -> its column
ROWS = {"chinchilla": 60, "offset_power": 40, "recommended": 24} | dict.fromkeys(LADDERS, 10)  # runs of a data set
FEWER = 24  # runs of a data set with a discrepancy over N and D, whose covariance is dense and slow
CHAINS = {"chains": 2, "draws": 300}  # settings of NUTS: enough for ranks among 99 draws, for many data sets
# Settings of NUTS for a discrepancy over N and D, whose draws are more correlated. A third try for poor chains, and
# trees of a thousand steps, would take hours. Fits that stay poor fail their checks, and are left out of "passed".
LONGER = {"chains": 2, "draws": 400, "tries": 2, "max_tree_depth": 7}
CASES = (
    *(f"{law}{part}/{method}" for method in ("laplace", "nuts") for part in ("", "+gp") for law in LAWS),
    "recommended/laplace",  # what `forecaster` fits to runs of N and D
    *(f"{ladder}/laplace" for ladder in LADDERS),  # what it fits to finished runs of one column
)
DIGITS = 5  # digits to which the numbers of the record are rounded


def main() -> None:
    """Calibrate the cases, and write sbc.json, sbc.md and sbc.png."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--n", type=int, default=1000, help="number of simulations for each case; the default is %(default)s"
    )
    add_only(parser, CASES, "cases to run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; the default is 0")
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder that keeps finished batches, from which an interrupted case continues; by default none",
    )
    add_out(parser, here, "sbc.json, sbc.md and sbc.png")
    options = parser.parse_args()
    if options.n < 2 or options.seed < 0:
        parser.error("--n is at least 2, --seed at least 0")
    chosen = options.only
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "sbc.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"cases": {}}
    for case in chosen:
        say(f"{case}: {options.n} simulations")
        about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "seed": options.seed}
        about |= {"machine": machine(), "versions": dict(versions())}
        kept = options.folder and options.folder / case.replace("/", " by ")
        found = about | result_of(case, RUNS[law_of(case)](rows_of(case)), options.n, options.seed, kept)
        record["cases"] = {name: found if name == case else record["cases"].get(name) for name in CASES}
        record["cases"] = {name: one for name, one in record["cases"].items() if one}
        write_json(path, record)
        text = "\n".join(markdown(record["cases"])) + "\n"
        (options.out / "sbc.md").write_text(text, encoding="utf-8")
    picture(record["cases"], options.out / "sbc.png")
    print(text)


def law_of(case: str) -> str:
    """Return the name of a case's law."""
    return case.partition("/")[0].removesuffix("+gp")


def rows_of(case: str) -> int:
    """Return the number of runs in a data set of a case."""
    return FEWER if case.startswith("chinchilla+gp") else ROWS[law_of(case)]


def chinchilla_runs(rows: int) -> Any:
    """Return Chinchilla runs, evenly from the table: data are simulated at their N and D, losses set the reference."""
    import scalebayes as sb

    runs = sb.read_runs(find_data()).where("epoch_excluded == 0")
    runs = runs.take(np.linspace(0, len(runs) - 1, rows).round().astype(int))
    return sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y)


def curve_runs(rows: int) -> Any:
    """Return a learning curve over four decades, .3 + 2 x^-.3, with Student-t(4) noise of scale 1 %."""
    import scalebayes as sb

    x = np.logspace(0, 4, rows)
    noise = np.random.default_rng(0).standard_t(4, len(x))
    return sb.Runs(x=x, loss=(0.3 + 2 * x**-0.3) * np.exp(0.01 * noise))


def ladder_runs(rows: int, column: str) -> Any:
    """Return a ladder of finished runs over three decades, by a slow power law with a floor."""
    import scalebayes as sb

    size = np.logspace(0, 3, rows)
    return sb.Runs(**{column: 1e18 * size, "loss": 1.5 + 1.5 * size**-0.1})


RUNS: dict[str, Callable[[int], Any]] = {
    "chinchilla": chinchilla_runs,
    "offset_power": curve_runs,
    "recommended": chinchilla_runs,
    **{ladder: partial(ladder_runs, column=column) for ladder, column in LADDERS.items()},
}


def result_of(case: str, runs: Any, n: int, seed: int, kept: Path | None = None) -> dict[str, Any]:
    """Return the results of a case as plain numbers; seconds are None if a part comes from an earlier call."""
    import scalebayes as sb

    there = bool(kept and kept.is_dir() and any(kept.glob("*.npz")))
    settings = {"fallback": False, "progress": False, "folder": kept}
    data = sb.calibrate(runs=runs, n=n, seed=seed, **model_of(case, runs), **settings).data
    checks = Counter(name for one in data["failed_checks"].values if one for name in str(one).split(", "))
    names = [str(name) for name in data["param"].values]
    figure = {name: data[name].values.round(DIGITS).tolist() for name in ("ecdf_x", "lower", "upper")}
    return {
        "simulations": data.sizes["sim"],
        "left_out": data.attrs["left_out"],
        "runs": len(runs),
        "draws": data.attrs["draws"],
        "seconds": None if there else data.attrs["seconds"],
        "failed": int(data["failed"].sum()),
        "failed_checks": dict(checks),
        "parameters": {
            name: {
                of: {
                    "p_value": blank(data["p_value"].sel(param=name, of=of)),
                    "inside": bool(data["inside"].sel(param=name, of=of)),
                    "covered": {f"{p:g}": blank(data["coverage"].sel(param=name, of=of, prob=p)) for p in PROBS},
                    "se": {f"{p:g}": blank(data["coverage_se"].sel(param=name, of=of, prob=p)) for p in PROBS},
                    "ecdf_difference": [blank(x) for x in data["ecdf_difference"].sel(param=name, of=of).values],
                }
                for of in ("all", "passed")
            }
            for name in names
        },
        "figure": figure,
    }


def model_of(case: str, runs: Any) -> dict[str, Any]:
    """Return the arguments of `calibrate` that say what is fitted, and by which method."""
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD, recipe

    if law_of(case) in ("recommended", *LADDERS):
        return {"law": recipe(runs), "method": METHOD}
    chains = LONGER if case.startswith("chinchilla+gp") else CHAINS
    method = sb.NUTS(**chains) if case.endswith("/nuts") else sb.Laplace()
    return {"law": law_of(case), "discrepancy": "gp" if "+gp" in case else None, "method": method}


PROBS = (0.5, 0.8, 0.9, 0.95)


def blank(value: Any) -> float | None:
    """Return a rounded number for JSON; None for NaN, which JSON can't hold."""
    return None if np.isnan(value) else float(f"{float(value):.{DIGITS}g}")


def markdown(cases: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of sbc.md."""
    yield "# Simulation-based calibration\n"
    yield (
        "Parameters from the priors, runs simulated from them, fits of those; the rank of each parameter and of the "
        "joint log likelihood among 99 draws, in the 95 % simultaneous envelope of uniform ranks. `passed` leaves out "
        "the fits that failed their own checks, have fewer than 99 effective draws, or a k-hat that their checks "
        "review: above .5, and any of chinchilla with a discrepancy, of which it is no witness. One right sampler in "
        "twenty leaves the envelope, for each parameter.\n"
    )
    yield "| case | simulations | failed checks | outside, all | outside, passed | least p, passed | seconds |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for case, one in cases.items():
        parameters = one["parameters"]
        outside = {of: [n for n, x in parameters.items() if not x[of]["inside"]] for of in ("all", "passed")}
        p = {n: x["passed"]["p_value"] for n, x in parameters.items() if x["passed"]["p_value"] is not None}
        least = min(p, key=p.__getitem__) if p else ""
        why = ", ".join(f"{name} {count}" for name, count in one["failed_checks"].items())
        cells = [case, f"{one['simulations']}", f"{one['failed']}{f' ({why})' if why else ''}"]
        cells += [
            ", ".join(outside["all"]) or "none",
            (", ".join(outside["passed"]) or "none") if p else "no fit passes",
        ]
        cells += [f"{p[least]:.2g}, {least}" if p else "", "-" if one["seconds"] is None else f"{one['seconds']:.0f}"]
        yield f"| {' | '.join(cells)} |"
    for case, one in cases.items():
        about = one["machine"]
        yield f"\n## {case}\n"
        yield (
            f"{one['date']}, commit {one['commit']}, seed {one['seed']}, {one['runs']} runs. {about['cpu']}, "
            f"{about['cores']} cores, Python {about['python']}, load at the start {about['load_at_start']}. Packages: "
            + ", ".join(f"{name} {version}" for name, version in one["versions"].items() if version != "missing")
            + ".\n"
        )
        yield "| parameter | p, all | p, passed | " + " | ".join(f"{100 * p:g} % covers" for p in PROBS) + " |"
        yield "| --- " * (3 + len(PROBS)) + "|"
        for name, both in one["parameters"].items():
            cells = [name, *("-" if x["p_value"] is None else f"{x['p_value']:.2g}" for x in both.values())]
            passed = both["passed"]
            for p in (f"{p:g}" for p in PROBS):
                share = passed["covered"][p]
                cells.append("-" if share is None else f"{share:.3f} ± {passed['se'][p]:.3f}")
            yield f"| {' | '.join(cells)} |"


def picture(cases: dict[str, Any], path: Path) -> None:
    """Draw a panel for each case: the ECDF of the ranks minus the uniform one, and its envelope.

    The ranks are those of the fits that passed their checks, or of all fits if none passed.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    columns = min(len(cases), 4)
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 3 * rows), layout="constrained", squeeze=False)
    for axis in axes.ravel()[len(cases) :]:
        axis.set_visible(False)
    for axis, (case, one) in zip(axes.ravel(), cases.items(), strict=False):
        x, low, high = (np.array(one["figure"][name], float) for name in ("ecdf_x", "lower", "upper"))
        of = "passed" if one["failed"] < one["simulations"] else "all"
        row = int(of == "passed")
        axis.fill_between(x, low[row], high[row], color="0.88", lw=0)
        for name, both in one["parameters"].items():
            axis.step(x, np.array(both[of]["ecdf_difference"], float), where="post", lw=1, label=name)
        axis.set(
            title=case if of == "passed" else f"{case}, all: none passes", xlabel="rank / 100", ylabel="ECDF difference"
        )
        axis.legend(frameon=False, fontsize=6, ncols=2)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
