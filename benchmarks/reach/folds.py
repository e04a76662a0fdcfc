"""Chooses priors of ladders without a data set, and scores them on it: `python -m benchmarks.reach.folds`.

Every ladder is fitted once under broad priors. Its draws, weighted, give its forecast under any narrower priors, so
that many candidates are compared without fitting again. See README.md beside this file.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist

from benchmarks.reach import ladder_sets
from benchmarks.reach.reach_report import HEAD, line
from benchmarks.reach.sweep_sets import Case
from benchmarks.shared import add_out, commit, find_data, machine, say, versions, write_json
from scalebayes.fitting.recipes import OF_LADDERS, OF_ONE_SCALE
from scalebayes.parameters.two_kinds import TwoLogNormals, TwoNormals

COUNT, SEED = 200, 3  # number and seed of the simulated ladders by which priors are chosen beside the public ones
DRAWS, KEPT = 4000, 1000  # draws of a fit under broad priors, and draws of a forecast under a candidate
BROAD: dict[str, Any] = {
    "alpha": dist.LogNormal(-1.3, 1.0),
    "logit_phi": dist.Normal(0.0, 2.0),
    "noise_scale": dist.LogNormal(-5.2, 1.1),
    "matern_scale": dist.LogNormal(-4.5, 1.1),
    "matern_length_x": dist.LogNormal(0.5, 0.8),
}
# The candidates for each kind of ladder: all combinations of these priors, with those shipped for the rest. The middle
# 95 % of each prior of the floor hold the floors of the published laws of N and D at the size of Chinchilla.
FLOORS = (
    *(dist.Normal(*one) for one in ((0.0, 1.5), (0.3, 1.2), (0.5, 1.4), (0.7, 1.2))),
    *(TwoNormals(share, -2.5, 1.0, *one) for share in (0.1, 0.2) for one in ((0.3, 1.2), (0.7, 1.2))),
)
CANDIDATES: dict[str, dict[str, tuple[Any, ...]]] = {
    "C": {
        "alpha": tuple(dist.LogNormal(*one) for one in ((-1.8, 0.9), (-2.0, 0.9), (-2.0, 0.7), (-1.3, 0.9))),
        "logit_phi": FLOORS,
        "matern_scale": tuple(dist.LogNormal(*one) for one in ((-4.7, 0.5), (-4.9, 0.5), (-5.2, 0.6))),
    },
    "one scale": {
        "alpha": (
            *(dist.LogNormal(*one) for one in ((-1.8, 0.9), (-1.3, 0.9), (-0.7, 0.5))),
            *(TwoLogNormals(share, -2.2, 0.7, -0.6, 0.45) for share in (0.1, 0.2, 0.3, 0.5)),
        ),
        "logit_phi": FLOORS,
        "matern_scale": tuple(dist.LogNormal(*one) for one in ((-3.3, 0.6), (-3.5, 0.7))),
    },
}
SHIPPED = {"C": OF_LADDERS, "one scale": OF_ONE_SCALE}
QUOTED = ("priors of curves", "offset_power exact", "power exact", "trivial", "mixture of the last three")


class Drawn(NamedTuple):
    """A ladder's forecasts under the broad priors: its parameters (draw,), and log y of held-out runs (draw, run)."""

    parameters: dict[str, np.ndarray]
    log_y: np.ndarray


def main() -> None:
    """Fit the ladders, choose and score the priors, and write folds.json and folds.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_out(parser, here, "folds.json and folds.md")
    options = parser.parse_args()
    record: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    record |= {"machine": machine(), "versions": dict(versions()), "kinds": {}}
    public, made = ladder_sets.ladders(find_data().parent), ladder_sets.simulated(COUNT, SEED)
    drawn = {name: found for cases in (public, made) for name, found in drawn_of(cases).items()}
    reach = json.loads((here / "reach.json").read_text(encoding="utf-8"))["ladders"]
    for kind, priors in SHIPPED.items():
        cases = {name: case for name, case in public.items() if ("C" in case.fitted.inputs) == (kind == "C")}
        say(f"{kind}: {len(cases)} ladders, fitted once")
        record["kinds"][kind] = folds(kind, priors, cases, made, drawn)
        for method in QUOTED:
            record["kinds"][kind]["scores"][method] = {name: reach[method]["cases"][name] for name in cases}
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "folds.json", record)
    text = markdown(record)
    (options.out / "folds.md").write_text(text, encoding="utf-8")
    print(text)


def drawn_of(cases: Mapping[str, Case]) -> dict[str, Drawn]:
    """Return the forecasts of ladders under the broad priors; those along one column are one batch of fits."""
    from dataclasses import replace

    import scalebayes as sb
    from scalebayes.discrepancy.gp import GP
    from scalebayes.discrepancy.kernels import Matern
    from scalebayes.fitting.at_points import conditional
    from scalebayes.fitting.forecaster import METHOD, recipe
    from scalebayes.infer.double import double

    process = GP(Matern(fades="x"), **{n: x for n, x in BROAD.items() if n.startswith("matern")}, matern_fade=0.25)
    priors = {name: prior for name, prior in BROAD.items() if not name.startswith("matern")}
    method, found = replace(METHOD, draws=DRAWS, proposals=4 * DRAWS), {}
    for column in "CND":
        some = {name: case for name, case in cases.items() if column in case.fitted.inputs}
        if not some:
            continue
        spec = recipe(next(iter(some.values())).fitted, {"x": column}, "ladder")
        spec = replace(spec, discrepancy=process, priors=priors)
        tables = {name: case.fitted for name, case in some.items()}
        fits = sb.fit_many(tables, spec, method=method, seed=1, on_fail="ignore", progress=False, fallback=False)
        for (name, case), fit in zip(some.items(), fits, strict=True):
            there = {"x": case.held.column(column)}
            with double():
                one = conditional(fit, there, np.zeros(len(case.held)))
            rng = np.random.default_rng(SEED)
            normal, noise = rng.standard_normal((2, *one.mean.shape))
            parameters = {n: np.asarray(fit.draws[n]).ravel() for n in BROAD}
            sd = one.sd * normal + parameters["noise_scale"][:, None] * noise
            found[name] = Drawn(parameters, np.log(one.law) + one.mean + sd)
    return found


def folds(
    kind: str,
    shipped: Mapping[str, Any],
    cases: Mapping[str, Case],
    made: Mapping[str, Case],
    drawn: Mapping[str, Drawn],
) -> dict[str, Any]:
    """Return what was chosen without each source, and the scores of the ladders by it and by the shipped priors."""
    axes = CANDIDATES[kind]
    candidates = [dict(shipped) | dict(zip(axes, one, strict=True)) for one in itertools.product(*axes.values())]
    scores = [scored(one, cases | made, drawn) for one in [dict(shipped), *candidates]]
    crps = np.array([[np.mean(row["crps"]) for row in one.values()] for one in scores])
    source = np.array([case.source for case in (*cases.values(), *made.values())])
    simulated = source == "simulated"
    base = crps[0]

    def best(without: str | None) -> int:
        public = ~simulated & (source != without)
        loss = (
            crps[1:, public].mean(axis=1) / base[public].mean()
            + crps[1:, simulated].mean(axis=1) / base[simulated].mean()
        )
        return 1 + int(np.argmin(loss))

    chosen = {name: best(name) for name in dict.fromkeys(source[~simulated].tolist())}
    text = lambda i: "; ".join(prior_text_of(candidates[i - 1], axes))  # noqa: E731
    return {
        "chosen": {name: text(i) for name, i in chosen.items()} | {"all sets": text(best(None))},
        "candidates": len(candidates),
        "scores": {
            "shipped": {name: scores[0][name] for name in cases},
            "chosen without the set": {name: scores[chosen[case.source]][name] for name, case in cases.items()},
        },
        "simulated": {
            "shipped": {name: scores[0][name] for name in made},
            "chosen on all sets": {name: scores[best(None)][name] for name in made},
        },
    }


def prior_text_of(priors: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the priors of some parameters as text."""
    from scalebayes.parameters.priors import prior_text

    return [f"{name} {prior_text(priors[name])}" for name in names]


def scored(
    priors: Mapping[str, Any], cases: Mapping[str, Case], drawn: Mapping[str, Drawn]
) -> dict[str, dict[str, Any]]:
    """Return the figures of each case under other priors, by weighting its draws under the broad ones."""
    from benchmarks.reach.reach import Said, figures
    from scalebayes.infer.laplace import stratified

    found = {}
    for name, case in cases.items():
        one = drawn[name]
        log_weight = sum(
            log_prob(priors[n], one.parameters[n]) - log_prob(prior, one.parameters[n]) for n, prior in BROAD.items()
        )
        weight = np.exp(log_weight - log_weight.max())
        log_y = one.log_y[stratified(weight, KEPT, np.random.default_rng(SEED))]
        center, sd = log_y.mean(axis=0), log_y.std(axis=0)
        y = np.log(case.held.y)
        density = -(((y - center) / sd) ** 2) / 2 - np.log(sd * np.sqrt(2 * np.pi))
        found[name] = figures(Said(log_y, density), case) | {"effective": round(weight.sum() ** 2 / (weight**2).sum())}
    return found


def log_prob(prior: Any, x: np.ndarray) -> np.ndarray:
    """Return the log density of a prior at draws (draw,), up to a constant and the draws' own terms.

    In NumPy, since JAX's call costs more than the sum, and there are a million of them.
    """
    at = np.log(x) if isinstance(prior, (dist.LogNormal, TwoLogNormals)) else x

    def normal(loc: Any, scale: Any) -> np.ndarray:
        return -(((at - float(loc)) / float(scale)) ** 2) / 2 - np.log(float(scale))

    if isinstance(prior, TwoNormals):
        first = np.log(prior.share) + normal(prior.loc_1, prior.scale_1)
        return np.logaddexp(first, np.log1p(-prior.share) + normal(prior.loc_2, prior.scale_2))
    return normal(prior.loc, prior.scale)


def markdown(record: Mapping[str, Any]) -> str:
    """Return the text of folds.md."""
    lines = ["# Priors of ladders, chosen without the set on which they are scored", ""]
    lines += [
        "Made by `python -m benchmarks.reach.folds`. The columns are those of reach.md; the log score is that of a"
    ]
    lines += ["Normal with the mean and the sd of the forecast. Rows below the second are those of reach.md."]
    for kind, one in record["kinds"].items():
        lines += ["", f"## Along {'C' if kind == 'C' else 'N or D'}", "", HEAD, "|---" * 11 + "|"]
        lines += [line(name, list(rows.values())) for name, rows in one["scores"].items()]
        by = {row["along"] for row in one["scores"]["shipped"].values()}
        for along in sorted(by) if len(by) > 1 else ():
            lines += ["", f"### Along {along}", "", HEAD, "|---" * 11 + "|"]
            for name, rows in one["scores"].items():
                lines.append(line(name, [row for row in rows.values() if row["along"] == along]))
        lines += ["", "### Simulated", "", HEAD, "|---" * 11 + "|"]
        lines += [line(name, list(rows.values())) for name, rows in one["simulated"].items()]
        least = [row["effective"] for rows in one["scores"].values() for row in rows.values() if "effective" in row]
        lines += ["", f"{one['candidates']} candidates; effective draws at the least {min(least)}, in the median"]
        lines += [f"{np.median(least):.0f} of {DRAWS}. Chosen without each set:", ""]
        lines += [f"- {name}: {text}" for name, text in one["chosen"].items()]
    return "\n".join([*lines, "", f"{record['date']}, commit {record['commit']}.", ""])


if __name__ == "__main__":
    main()
