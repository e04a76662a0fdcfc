"""Learns the priors of the recommended forecaster from held-out points: `python -m benchmarks.priors.learn`.

Each step fits half A of the image curves (bird and Caltech) in windows of several widths, or two sweeps below several
computes. It then moves the means and sds of the priors to where the mean log score of the held-out points is largest. A
fit under other priors is the same draws with other weights, so this move needs no further fits. It goes only as far as
the weights allow, and is pulled towards the hand-set priors of the start. What skill.py scores elsewhere is never used.
See README.md beside this file.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.shared import add_only, add_out, commit, find_data, machine, say, versions, write_json
from benchmarks.skill import skill_sets as sets

# Parameter -> mean and sd of its log, or of itself if it is in NORMAL. They were set by hand, for a prototype.
CURVES = {
    "alpha": (-0.35, 0.5),
    "logit_phi": (0.0, 1.5),
    "noise_scale": (-4.6, 1.0),
    "matern_scale": (-3.5, 0.7),
    "matern_length_x": (0.0, 0.7),
    "matern_fade": (0.3, 0.3),
    "noise_new": (0.1, 0.35),
}
SWEEPS = {
    "alpha": (-1.05, 0.4),
    "beta": (-1.05, 0.4),
    "logit_phi": (-0.3, 1.0),
    "logit_r": (0.0, 1.0),
    "noise_scale": (-5.1, 1.0),
    "matern_scale": (-3.9, 0.7),
    "matern_length_N": (0.7, 0.5),
    "matern_length_D": (0.7, 0.5),
    "matern_fade": (0.3, 0.3),
    "bend_scale": (-3.9, 0.7),
    "drift_scale": (-5.5, 0.5),
}
NORMAL = ("logit_phi", "logit_r", "matern_fade")  # parameters whose prior is normal; all others are log-normal
WIDTHS = (1.5, 2.0, 3.0)  # e-folds of the windows
POINTS = 20  # held-out points of a case; if it has more, as many are chosen evenly
SETTLED = 2  # steps that are left out of the mean over steps
EFFECTIVE = 0.4  # share of draws that must stay effective; a step that goes further is penalised

Priors = dict[str, tuple[float, float]]


class Look(NamedTuple):
    """A fitted case: its free values (param, draw), and the log densities of its held-out points (draw, point)."""

    values: np.ndarray
    log_density: np.ndarray


class Part(NamedTuple):
    """What the priors of one recipe are learnt from.

    Attributes:
        start: The priors at the start.

        looked: A function of the data's folder, priors and a seed that returns the fitted cases.

        pull: The strength of the pull towards `start`. It is twice the nats of mean log score that a step must gain if
            it moves a mean by the sd in `start`, or the log of an sd by a half.
    """

    start: Priors
    looked: Callable[[Path, Priors, int], list[Look]]
    pull: float


def main() -> None:
    """Learn the priors, and write learn.json and learn.md."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="number of steps; the default is %(default)s")
    add_only(parser, PARTS)
    add_out(parser, here, "learn.json and learn.md")
    options = parser.parse_args()
    chosen = options.only
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "learn.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in chosen:
        part = PARTS[name]
        about = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
        steps, priors = [], part.start
        for step in range(options.steps + 1):
            looks = part.looked(find_data().parent, priors, step)
            score = float(np.mean([mean_score(look) for look in looks]))
            steps.append({"priors": priors, "log_score": score})
            say(f"{name}, step {step}: log score {score:.4f}, {priors}")
            if step < options.steps:
                priors = moved(part, priors, looks)
        record[name] = {**about, "versions": dict(versions()), "cases": len(looks), "steps": steps}
        write_json(path, record)
        (options.out / "learn.md").write_text("\n".join(markdown(record)) + "\n", encoding="utf-8")


def distributions(priors: Priors, names: Sequence[str]) -> dict[str, Any]:
    """Return name -> distribution, for some of the priors."""
    import numpyro.distributions as dist

    return {name: (dist.Normal if name in NORMAL else dist.LogNormal)(*priors[name]) for name in names}


def of_law(priors: Priors) -> list[str]:
    """Return the names of the priors of the law and of the noise's scale."""
    return [n for n in priors if n != "noise_new" and not n.startswith(("matern", "bend", "drift"))]


def of_process(priors: Priors) -> list[str]:
    """Return the names of the priors of the discrepancy."""
    return [n for n in priors if n.startswith(("matern", "bend", "drift"))]


def curves(folder: Path, priors: Priors, seed: int) -> list[Look]:
    """Fit half A of the image curves in windows of several widths."""
    import scalebayes as sb
    from scalebayes.discrepancy.kernels import Matern
    from scalebayes.fitting.forecaster import METHOD

    cases = {name: case for name, case in sets.curves(folder, "IC").items() if sets.half(name) == "A"}
    found = []
    for width in WIDTHS:
        fits = sb.fit_many(
            {name: case.fitted for name, case in cases.items()},
            "end_power",
            noise=sb.Normal(new_run=priors["noise_new"]),
            discrepancy=sb.GP(Matern(fades="x"), **distributions(priors, of_process(priors))),
            priors=distributions(priors, of_law(priors)),
            window=sb.Window(width),
            method=METHOD,
            seed=seed,
            on_fail="ignore",
            fallback=False,
        )
        found += [look_of(fit, case.held, tuple(priors)) for fit, case in zip(fits, cases.values(), strict=True)]
    return found


def sweeps(folder: Path, priors: Priors, seed: int) -> list[Look]:
    """Fit the single-epoch runs of datablations and of the package's sweep without its targets, below some computes."""
    import scalebayes as sb
    from scalebayes.fitting.forecaster import METHOD

    cases = sets.below(folder)
    fits = sb.fit_many(
        {name: case.fitted for name, case in cases.items()},
        "end_chinchilla",
        noise="normal",
        discrepancy=sb.GP("matern", "bend", "drift", **distributions(priors, of_process(priors))),
        priors=distributions(priors, of_law(priors)),
        method=METHOD,
        seed=seed,
        on_fail="ignore",
        fallback=False,
    )
    return [look_of(fit, case.held, tuple(priors)) for fit, case in zip(fits, cases.values(), strict=True)]


def look_of(fit: Any, held: Any, names: tuple[str, ...]) -> Look:
    """Return the free values of a fit, by the names of the priors, and the log densities of its held-out points."""
    import jax

    from scalebayes.fitting.at_points import conditional

    chosen = np.unique(np.linspace(0, len(held) - 1, POINTS).round().astype(int))
    chosen = np.resize(chosen, POINTS)  # if there are fewer points, some are repeated, so that every case has one shape
    at, log_y = {name: held.column(name)[chosen] for name in fit.law.inputs}, np.log(held.y[chosen])
    draws = {**fit.law_draws, **fit.noise_draws, **fit.discrepancy_draws}
    with jax.enable_x64():
        there = conditional(fit, at, np.full(POINTS, -1))
        law = np.log(np.asarray(fit.law(**at, **{name: x.reshape(-1, 1) for name, x in fit.law_draws.items()})))
    noise = (draws["noise_scale"] * draws.get("noise_new", 1.0)).reshape(-1, 1)
    variance = np.asarray(there.sd) ** 2 + noise**2
    log_density = -((log_y - law - np.asarray(there.mean)) ** 2) / variance / 2 - np.log(2 * np.pi * variance) / 2
    values = [draws[n].ravel() if n in NORMAL else np.log(draws[n].ravel()) for n in names]
    return Look(np.array(values), log_density - log_y)


def mean_score(look: Look) -> float:
    """Return the mean log score of the held-out points of a case."""
    from scipy.special import logsumexp

    return float((logsumexp(look.log_density, axis=0) - np.log(len(look.log_density))).mean())


def moved(part: Part, priors: Priors, looks: list[Look]) -> Priors:
    """Return priors under which the held-out points score best, as far as the weights of the draws allow."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp
    from scipy.optimize import minimize

    size = len(priors)
    flat = lambda of: np.concatenate([[m for m, _ in of.values()], [np.log(s) for _, s in of.values()]])  # noqa: E731
    begin, home = flat(priors), flat(part.start)
    unit = np.concatenate([np.exp(home[size:]), np.full(size, 0.5)])
    with jax.enable_x64():
        values = jnp.asarray(np.stack([look.values for look in looks]))
        log_density = jnp.asarray(np.stack([look.log_density for look in looks]))

        def log_prior(at):
            mean, log_sd = at[:size, None], at[size:, None]
            return (-(((values - mean) / jnp.exp(log_sd)) ** 2) / 2 - log_sd).sum(axis=1)

        before = log_prior(jnp.asarray(begin))

        def loss(at):
            log_weight = jax.nn.log_softmax(log_prior(at) - before, axis=1)
            score = logsumexp(log_density + log_weight[:, :, None], axis=1).mean()
            effective = 1 / jnp.exp(2 * log_weight).sum(axis=1) / values.shape[2]
            pull = part.pull * (((at - home) / unit) ** 2).sum() / 2
            return pull - score + 2 * jnp.maximum(EFFECTIVE - effective, 0).mean()

        both = jax.jit(jax.value_and_grad(loss))
        value_and_grad = lambda at: tuple(np.asarray(x, float) for x in both(jnp.asarray(at)))  # noqa: E731
        found = minimize(value_and_grad, begin, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
    return {n: (float(found[i]), float(np.exp(found[size + i]))) for i, n in enumerate(priors)}


def markdown(record: dict[str, Any]) -> list[str]:
    """Return the lines of learn.md."""
    lines = ["# Priors of the recommended forecaster, learnt from held-out points", ""]
    lines += [
        "Made by `python -m benchmarks.priors.learn`. Mean and sd of the log, of logits and matern_fade of themselves; "
        "a column a step, and the mean of the last four. The last row is the mean log score of held-out points.",
        "",
    ]
    for name, part in record.items():
        about, steps = part["machine"], part["steps"]
        lines += [
            f"## {name}",
            "",
            f"{part['date']}, commit {part['commit']}, {about['cpu']}, {part['cases']} cases.",
            "",
        ]
        lines += ["| prior | " + " | ".join(map(str, range(len(steps)))) + " | mean |", "|---" * (len(steps) + 2) + "|"]
        for one in steps[0]["priors"]:
            cells = ["{:.2f}, {:.2f}".format(*step["priors"][one]) for step in steps]
            mean = np.mean([step["priors"][one] for step in steps[SETTLED:] or steps[-1:]], axis=0)
            cells.append("{:.2f}, {:.2f}".format(*mean))
            lines.append(f"| {one} | {' | '.join(cells)} |")
        lines += ["| log score | " + " | ".join(f"{step['log_score']:.3f}" for step in steps) + " | |", ""]
    return lines[:-1]


# The pull of the sweeps is stronger, since cases of two sweeps tell less than as many curves.
PARTS = {"curves": Part(CURVES, curves, 0.02), "sweeps": Part(SWEEPS, sweeps, 0.1)}


if __name__ == "__main__":
    main()
