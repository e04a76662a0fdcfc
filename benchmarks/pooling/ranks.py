"""Tests by simulation that what pooled recipes share has the right posterior: `python -m benchmarks.pooling.ranks`.

See README.md beside this file.
"""

import argparse
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pooling.recipe_sets import SIZES
from benchmarks.shared import commit, machine, say, versions, write_json

RECIPES, SEEDS = 6, 3  # of each simulated table, beside the first four sizes
RANKED = 99  # draws that a truth is ranked among
EVERY = 10  # simulations after which the results are written
LAW = "offset_power"


def main() -> None:
    """Simulate and fit tables, and write ranks.json and ranks.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=1000, help="number of simulated tables; the default is 1000")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after this many minutes")
    parser.add_argument("--out", type=Path, default=here, help="folder of the results; the default is this folder")
    options = parser.parse_args()
    path, started = options.out / "ranks.json", time.perf_counter()
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"sims": {}}
    record |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    record |= {"versions": dict(versions())}
    one = simulation()
    for sim in range(options.sims):
        if str(sim) not in record["sims"]:
            record["sims"][str(sim)] = one(sim)
        last = sim + 1 == options.sims or time.perf_counter() - started > 60 * options.minutes
        if last or sim % EVERY == EVERY - 1:
            write_json(path, record)
            (options.out / "ranks.md").write_text(markdown(record), encoding="utf-8")
            say(f"{len(record['sims'])} simulations, {time.perf_counter() - started:.0f} s")
        if last:
            break
    print(markdown(record))


def simulation() -> Any:
    """Return a function from the number of a simulation to the ranks of its truths, and whether its chains failed."""
    import jax

    import scalebayes as sb
    from scalebayes.calibration.ranks import rank_of, thinned
    from scalebayes.fitting.pooled.named_tables import tables_of
    from scalebayes.fitting.pooled.together import joint_of, taken_apart
    from scalebayes.infer import diagnostics
    from scalebayes.infer.compile import compiled_once
    from scalebayes.infer.double import double
    from scalebayes.infer.joint_mode import joint_mode

    size = np.tile(np.repeat(SIZES[:-1], SEEDS), RECIPES)
    names = np.repeat([f"recipe {i + 1}" for i in range(RECIPES)], len(size) // RECIPES)
    runs = sb.Runs(N=size, loss=np.ones(len(size)), recipe=names)
    spec = sb.Spec.of(LAW, "normal", inputs={"x": "N"})
    method = sb.NUTS(draws=250, tries=1, search=sb.Search(screened=64, starts=2))
    with double():
        joint = joint_of(tables_of(runs, "recipe", ["N"]), spec)
    model, numbers = joint.model, joint.numbers
    params = {**joint.problems[0].law.params, **joint.problems[0].noise.params}
    x = joint.rows.each.inputs["x"]

    def one(sim: int) -> dict[str, Any]:
        rng, key = np.random.default_rng(sim), jax.random.key(sim)
        with double():
            drawn = {n: np.asarray(params[n].prior.sample(jax.random.fold_in(key, i), (RECIPES,)))
                     for i, n in enumerate((*model.own, *model.pooled, *model.common))}  # fmt: skip
            truth = {name: float(drawn[name][0]) for name in (*model.pooled, *model.common)}
            values = {name: drawn[name] for name in model.own}
            for i, name in enumerate(model.pooled):
                tau = abs(float(numbers.spread[i]) * rng.standard_normal())
                truth[f"spread of {name}"] = tau
                values[name] = truth[name] * np.exp(tau * rng.standard_normal(RECIPES))
            truth |= {f"{name} of recipe 1": float(values[name][0]) for name in (*model.pooled, *model.own)}
            law = np.asarray(joint.problems[0].law.fn(x=x, **{n: v[:, None] for n, v in values.items()}))
            y = law * np.exp(truth["noise_scale"] * rng.standard_normal(law.shape))
            table = joint.rows._replace(each=joint.rows.each._replace(y=y))
            problem = replace_rows(joint, table)
            problem, mode = joint_mode(problem, jax.random.fold_in(key, 100), method.search)
            each = (model, problem.numbers, table)
            draws = method.from_mode(*each, mode, jax.random.fold_in(key, 101), careful=True)
            found, _, shared = jax.device_get(compiled_once(taken_apart, *each, draws.z))
        of = {**shared, "noise_scale": np.exp(found["noise_scale"][..., 0])}
        of |= {f"{name} of recipe 1": np.exp(found[name][..., 0]) for name in (*model.pooled, *model.own)}
        kept = thinned(draws.z[..., 0].size, RANKED)
        z = np.moveaxis(draws.z, -1, 0)
        return {
            "ranks": {name: rank_of(truth[name], of[name].reshape(-1)[kept], rng) for name in truth},
            "rhat": float(diagnostics.rhat(z).max()),
            "ess": float(diagnostics.ess_bulk(z).min()),
            "diverged": float(draws.stats["diverging"].mean()),
        }

    return one


def replace_rows(joint: Any, rows: Any) -> Any:
    """Return the joint problem with other rows."""
    from dataclasses import replace

    return replace(joint, rows=rows)


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of ranks.md."""
    from scalebayes.calibration.ranks import coverage, p_value
    from scalebayes.infer.nuts import DIVERGED, FAILED

    sims = list(record["sims"].values())
    fine = [one for one in sims if one["rhat"] <= FAILED and one["diverged"] < DIVERGED]
    lines = [
        *("# What pooled recipes share, by simulation-based calibration", ""),
        "Made by `python -m benchmarks.pooling.ranks`.",
        f"{len(sims)} tables of {RECIPES} recipes, each of four sizes with {SEEDS} seeds, drawn from the priors of",
        f"`{LAW}` and of the hierarchy. In {len(sims) - len(fine)} the chains fail a check (r-hat, divergences).",
        "The p-value is that of uniform ranks (arXiv 2103.10522), over all tables and over those whose chains pass.",
        *("", "| | p, all | p, chains pass | 90 % hold | 50 % hold |", "|---|---|---|---|---|"),
    ]
    for name in sims[0]["ranks"] if fine else ():
        ranks, kept = (np.array([one["ranks"][name] for one in of]) for of in (sims, fine))
        below = (kept + 0.5) / (RANKED + 1)
        held = {prob: coverage(below, prob) for prob in (0.9, 0.5)}
        cells = " | ".join(f"{held[prob][0]:.3f} ± {held[prob][1]:.3f}" for prob in held)
        lines.append(f"| {name} | {p_value(ranks, RANKED):.2f} | {p_value(kept, RANKED):.2f} | {cells} |")
    return "\n".join([*lines, "", f"{record['date']}, commit {record['commit']}.", ""])


if __name__ == "__main__":
    main()
