"""Laplace against NUTS on learning curves, by the recommended forecaster: `python benchmarks/agree.py`.

Quantiles of every parameter and of the forecasts of the first and the last held-out reading, as a share of the width of
NUTS's 90 % interval. The curves are the image curves with the largest k-hat, and others evenly through the rest. See
README.md beside this file.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import skill_sets as sets
from speed import commit, find_data, machine, say, versions

QUANTILES = (0.05, 0.5, 0.95)
HARDEST = 15
WITHIN = 0.1  # of the interval's width
CHAINS = {"chains": 4, "draws": 1000}
BATCH = 6  # curves that are kept together where NUTS is interrupted


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where finished batches of NUTS are kept, to go on from")
    parser.add_argument("--out", type=Path, default=here / "results", help="folder of agree.json and .md")
    options = parser.parse_args()
    if options.curves < HARDEST:
        parser.error(f"--curves is at least {HARDEST}")
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(here), "machine": machine()}
    record |= {"versions": dict(versions()), "seed": options.seed}
    curves = sets.curves(find_data(here).parent, "IC")
    record["curves"] = compared(curves, options.curves, options.seed, options.folder)
    (options.out / "agree.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(markdown(record)) + "\n"
    (options.out / "agree.md").write_text(text, encoding="utf-8")
    print(text)


def compared(cases: dict[str, sets.Case], count: int, seed: int, kept: Path | None) -> dict[str, Any]:
    import scalebayes as sb
    from scalebayes.checks.sampling import KHAT
    from scalebayes.recommended import METHOD, recipe

    settings = {**recipe(next(iter(cases.values())).fitted).settings(), "on_fail": "ignore", "seed": seed}
    tables = {name: case.fitted for name, case in cases.items()}
    laplace = dict(zip(tables, sb.fit_many(tables, method=METHOD, fallback=False, **settings), strict=True))
    khat = {name: fit.numbers["khat"] for name, fit in laplace.items()}
    order = sorted(khat, key=lambda name: -khat[name])
    rest = order[HARDEST:]
    chosen = order[:HARDEST] + [rest[i] for i in np.linspace(0, len(rest) - 1, count - HARDEST).round().astype(int)]
    say(f"  Laplace: {len(cases)} curves, k-hat up to {khat[order[0]]:.2f}; NUTS of {len(chosen)}")
    asked = {name: tables[name] for name in chosen}
    nuts = sb.fit_many(asked, method=sb.NUTS(**CHAINS), batch=BATCH, folder=kept, **settings)
    found = {}
    for name, other in zip(chosen, nuts, strict=True):
        one = quantiles(laplace[name], cases[name].held, seed)
        two = quantiles(other, cases[name].held, seed)
        apart = {n: float(np.max(abs(one[n] - two[n])) / (two[n][-1] - two[n][0])) for n in one}
        failed = [c.name for c in other.checks if c.status.value == "fail"]
        found[name] = {
            "khat": float(khat[name]),
            "said": bool(khat[name] > KHAT),
            "apart": apart,
            "nuts_failed": failed,
        }
    return found


def quantiles(fit: Any, held: Any, seed: int) -> dict[str, np.ndarray]:
    """Parameter or forecast -> its quantiles, on the log where it is positive."""
    import scalebayes as sb

    found = {}
    for name, draws in {**fit.law_draws, **fit.noise_draws, **fit.discrepancy_draws}.items():
        x = draws.ravel()
        found[name] = np.quantile(np.log(x) if (x > 0).all() else x, QUANTILES)
    at = np.sort(held.column("x"))[[0, -1]]
    forecast = sb.predict(fit, x=at, observed=True, seed=seed)[fit.runs.observable].values
    forecast = np.log(forecast).reshape(-1, 2)
    return found | {
        f"forecast, {n}": np.quantile(x, QUANTILES) for n, x in zip(("first", "last"), forecast.T, strict=True)
    }


def markdown(record: dict[str, Any]) -> Iterator[str]:
    curves, about = record["curves"], record["machine"]
    names = list(next(iter(curves.values()))["apart"])
    kept = {name: one for name, one in curves.items() if not one["said"]}
    worst = {name: max(one["apart"].values()) for name, one in kept.items()}
    yield "# Laplace against NUTS\n"
    yield (
        f"{record['date']}, commit {record['commit']}, {about['cpu']}, seed {record['seed']}; made by `python "
        "benchmarks/agree.py`. Largest difference of the 5, 50 and 95 % quantiles, as a share of the width of NUTS's "
        f"90 % interval; k-hat above .7 says not to believe Laplace. {len(curves)} curves, k-hat says no to "
        f"{len(curves) - len(kept)}; of the others {sum(x <= WITHIN for x in worst.values())} agree within "
        f"{100 * WITHIN:g} % in everything, the worst by {100 * max(worst.values()):.1f} %.\n"
    )
    yield "| curve | k-hat | " + " | ".join(names) + " | NUTS failed |"
    yield "|---" * (len(names) + 3) + "|"
    for name, one in curves.items():
        cells = [f"{one['apart'][n]:.3f}" for n in names]
        label = name.removeprefix("IC|").replace("|", " ")
        yield f"| {label} | {one['khat']:.2f} | {' | '.join(cells)} | {', '.join(one['nuts_failed'])} |"


if __name__ == "__main__":
    main()
