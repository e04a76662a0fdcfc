"""Compares Laplace with NUTS on learning curves: `python -m benchmarks.agree.agree`.

The recommended forecaster is fitted by both. Compared are the quantiles of every parameter, and those of the forecasts
of the first and the last held-out reading. Differences are shares of the width of NUTS's 90 % interval. The curves are
the image curves with the largest k-hat, and others that are spread evenly over the rest, in the order of k-hat. See
README.md beside this file.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import add_out, commit, find_data, machine, say, versions, write_json
from benchmarks.skill import skill_sets as sets

QUANTILES = (0.05, 0.5, 0.95)
HARDEST = 15  # curves with the largest k-hat, which are always compared
WITHIN = 0.1  # share of the interval's width, up to which two quantiles agree
CHAINS = {"chains": 4, "draws": 1000}
MORE = 4  # factor on the draws and proposals of a second Laplace fit, whose random error is small
BATCH = 6  # curves that NUTS fits and keeps together; an interrupted call loses at most one such batch


def main() -> None:
    """Compare the methods, and write agree.json and agree.md."""
    from scalebayes.fitting.forecaster import METHOD

    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--curves", type=int, default=30, help="number of curves to compare; the default is %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; the default is 0")
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder that keeps finished batches of NUTS, from which an interrupted call continues; by default none",
    )
    add_out(parser, here, "agree.json and agree.md")
    options = parser.parse_args()
    if options.curves < HARDEST:
        parser.error(f"--curves is at least {HARDEST}")
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    record |= {"versions": dict(versions()), "seed": options.seed, "draws": METHOD.draws}
    curves = sets.curves(find_data().parent, "IC")
    record["curves"] = compared(curves, options.curves, options.seed, options.folder)
    write_json(options.out / "agree.json", record)
    text = "\n".join(markdown(record)) + "\n"
    (options.out / "agree.md").write_text(text, encoding="utf-8")
    print(text)


def compared(cases: dict[str, sets.Case], count: int, seed: int, kept: Path | None) -> dict[str, Any]:
    """Return curve -> how far the quantiles of its fits by Laplace and by NUTS are apart, and whether k-hat failed."""
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD, recipe
    from scalebayes.infer.laplace import KHAT
    from scalebayes.status import Status

    settings = {"law": recipe(next(iter(cases.values())).fitted), "on_fail": "ignore", "seed": seed}
    tables = {name: case.fitted for name, case in cases.items()}
    laplace = dict(zip(tables, sb.fit_many(tables, method=METHOD, fallback=False, **settings), strict=True))
    khat = {name: fit.numbers["khat"] for name, fit in laplace.items()}
    order = sorted(khat, key=lambda name: -khat[name])
    rest = order[HARDEST:]
    chosen = order[:HARDEST] + [rest[i] for i in np.linspace(0, len(rest) - 1, count - HARDEST).round().astype(int)]
    say(f"  Laplace: {len(cases)} curves, k-hat up to {khat[order[0]]:.2f}; NUTS of {len(chosen)}")
    asked = {name: tables[name] for name in chosen}
    finer = replace(METHOD, draws=MORE * METHOD.draws, proposals=MORE * METHOD.proposals)
    finer = dict(zip(asked, sb.fit_many(asked, method=finer, fallback=False, **settings), strict=True))
    nuts = sb.fit_many(asked, method=sb.NUTS(**CHAINS), batch=BATCH, folder=kept, **settings)
    found = {}
    for name, other in zip(chosen, nuts, strict=True):
        draws = {what: draws_of(fit, cases[name].held, seed) for what, fit in (("nuts", other), ("finer", finer[name]))}
        draws["laplace"] = draws_of(laplace[name], cases[name].held, seed)
        found[name] = {
            "khat": float(khat[name]),
            "said": bool(khat[name] > KHAT),
            "apart": apart(draws["laplace"], draws["nuts"]),
            "apart_finer": apart(draws["finer"], draws["nuts"]),
            "nuts_failed": [check.id for check in other.checks.of(Status.FAIL)],
        }
    return found


def draws_of(fit: Any, held: Any, seed: int) -> dict[str, np.ndarray]:
    """Return parameter or forecast -> its draws (draw,), for the parameters that vary."""
    import scalebayes as sb

    drawn = {name: x.ravel() for name, x in fit.draws.items()}
    at = np.sort(held.column("x"))[[0, -1]]
    forecast = sb.predict(fit, x=at, observed=True, seed=seed)[fit.runs.observable].values.reshape(-1, 2)
    return drawn | {f"forecast, {n}": x for n, x in zip(("first", "last"), forecast.T, strict=True)}


def apart(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> dict[str, float]:
    """Return name -> largest difference of quantiles over the second's interval width, on the log if all > 0."""
    found = {}
    for name in two:
        positive = (one[name] > 0).all() and (two[name] > 0).all()
        a, b = (np.quantile(np.log(x) if positive else x, QUANTILES) for x in (one[name], two[name]))
        found[name] = float(np.max(abs(a - b)) / (b[-1] - b[0]))
    return found


def markdown(record: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of agree.md."""
    curves, about = record["curves"], record["machine"]
    kept = {name: one for name, one in curves.items() if not one["said"]}
    packages = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    yield "# Laplace against NUTS\n"
    yield (
        f"{record['date']}, commit {record['commit']}, {about['cpu']}, seed {record['seed']}; {packages}. Made by "
        "`python -m benchmarks.agree.agree`: the recommended forecaster on image curves, those of the largest k-hat "
        "among them. Largest difference of the 5, 50 and 95 % quantiles of any parameter, and of the forecasts of the "
        "first and the last held-out reading, as a share of the width of NUTS's 90 % interval: of the method as it is "
        f"used, whose {record['draws']} draws leave errors of their own, and with {MORE} times the proposals and "
        "draws.\n"
    )
    for what, told in (("apart", "As it is used"), ("apart_finer", f"With {MORE} times the draws")):
        worst = [max(one[what].values()) for one in kept.values()]
        forecasts = [x for one in kept.values() for name, x in one[what].items() if name.startswith("forecast")]
        yield (
            f"{told}: k-hat above .7 says no to {len(curves) - len(kept)} of {len(curves)} curves; of the others "
            f"{sum(x <= WITHIN for x in worst)} agree within {100 * WITHIN:g} % in everything, the worst by "
            f"{100 * max(worst):.1f} %, and in forecasts by {100 * max(forecasts):.1f} %.\n"
        )
    yield f"| curve | k-hat | as used: worst | with {MORE} times the draws: worst | forecasts there | NUTS failed |"
    yield "|---" * 6 + "|"
    for name, one in curves.items():
        worst = [max(one[what].items(), key=lambda item: item[1]) for what in ("apart", "apart_finer")]
        cells = [f"{x:.3f}, {parameter}" for parameter, x in worst]
        cells.append(f"{max(x for n, x in one['apart_finer'].items() if n.startswith('forecast')):.3f}")
        label = name.removeprefix("IC|").replace("|", " ")
        yield f"| {label} | {one['khat']:.2f} | {' | '.join(cells)} | {', '.join(one['nuts_failed'])} |"


if __name__ == "__main__":
    main()
