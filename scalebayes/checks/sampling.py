"""Checks of the search for the mode, the sampler and the weight of the prior."""

from collections.abc import Iterator

import numpy as np

from scalebayes.infer import diagnostics
from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import KHAT
from scalebayes.infer.nuts import DIVERGED, FAILED, RHAT, rhat_limit
from scalebayes.model.problem import Problem
from scalebayes.status import Check, Status

TAILS = 0.5  # k-hat below which 90 % intervals covered 90 % in simulations (benchmarks/sbc.py); at .5 to .7 fewer
MIN_ESS, FEW_ESS = 400, 100
CONTRACTION = 0.75
REFITS = 0.99
# What the search takes for the log density where it isn't finite.
IMPOSSIBLE = -1e29


def sampling_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """Starts and gradient of the mode; r-hat, ESS, divergences, tree depth and E-BFMI of chains; k-hat of weights;
    parameters that the prior decides."""
    yield _starts(problem, draws)
    yield _gradient(problem, draws)
    if "n_steps" in draws.stats:
        yield from _chains(problem, draws)
    if "khat" in draws.numbers:
        yield from _weights(problem, draws)
    if "resamples" in draws.numbers:
        yield _refits(draws)
    elif problem.noise.form.density:
        yield _prior_driven(problem, draws)


def agreeing(problem: Problem, draws: Draws) -> np.ndarray:
    """Which starts ended at the mode: within 1e-3 nats, or for an objective within 1e-6 of its value."""
    mode = draws.mode
    tolerance = 1e-3 if problem.noise.form.density else 1e-6 * abs(float(mode.log_density)) + 1e-14
    return mode.log_density - mode.start_log_density <= tolerance


def _starts(problem: Problem, draws: Draws) -> Check:
    name, mode, agree = "starts", draws.mode, agreeing(problem, draws)
    if not float(mode.log_density) > IMPOSSIBLE:
        return Check(
            name,
            Status.FAIL,
            "no start has a finite posterior density: the law isn't finite at the runs' inputs over the prior; check "
            "the law's formula and its priors.",
        )
    seen = f"{agree.sum()} of {agree.size} starts end at the best optimum"
    gap = mode.log_density - mode.start_log_density
    if problem.noise.form.density:
        rivals = (gap < 5) & (mode.start_distance > 3)
        if rivals.any():
            return Check(
                name,
                Status.REVIEW,
                f"{seen}, {rivals.sum()} at another one less than 5 nats below and over 3 sds away: the posterior may "
                "have two modes; compare NUTS runs with different seeds, and give the parameters narrower priors.",
            )
        # Near-flat ridges end anywhere along the ridge, at nearly the same density.
        agree = agree | ((gap < 0.1) & (mode.start_distance < 1))
    if agree.sum() > 1:
        return Check(name, Status.PASS, f"{seen}.")
    return Check(
        name,
        Status.REVIEW,
        f"{seen}: it may not be the global one; search longer, sb.MAP(search=sb.Search(screened=8192, starts=64)).",
    )


def _gradient(problem: Problem, draws: Draws) -> Check:
    norm, value = float(draws.mode.gradient_norm), abs(float(draws.mode.log_density))
    to_gain = norm**2 / 2
    unit = "nats" if problem.noise.form.density else "of the objective"
    seen = f"gradient norm {norm:.1e} in whitened coordinates, {to_gain:.1e} {unit} left to gain"
    limit = 1e-3 if problem.noise.form.density else 1e-6 * value + 1e-14
    if to_gain <= limit:
        return Check("mode reached", Status.PASS, f"{seen[0].upper()}{seen[1:]}.")
    return Check(
        "mode reached",
        Status.REVIEW if to_gain < 100 * limit else Status.FAIL,
        f"{seen}: the optimiser stopped early; let it go on, sb.MAP(search=sb.Search(newton_steps=1000)), or check the "
        "law for kinks.",
    )


def _chains(problem: Problem, draws: Draws) -> Iterator[Check]:
    names = [*problem.model.free]
    if problem.model.latent:
        names += [f"scale of run {i}" for i in range(len(problem.runs))]
    # Past the names is padding, which keeps its prior.
    z = np.moveaxis(draws.z, -1, 0)[: len(names)]
    more = "run longer chains, sb.NUTS(warmup=1000, draws=4000), or narrow the priors"
    if draws.numbers.get("runs", 1) > 1:
        thin = draws.numbers["thin"]
        kept = f", {thin:.0f} times as long and every {thin:.0f}th draw kept" if thin > 1 else ""
        yield Check(
            "whitening",
            Status.PASS,
            f"The curvature at the mode misled the sampler; these draws come from run {draws.numbers['runs']:.0f}, "
            f"whitened by the covariance of the draws before, with target_accept at least 0.95{kept}.",
        )
    if draws.z.shape[0] == 1:
        yield Check("r-hat", Status.REVIEW, "one chain can't show that it missed a part; run sb.NUTS(chains=4).")
    else:
        rhat = diagnostics.rhat(z)
        worst = int(np.argmax(np.where(np.isfinite(rhat), rhat, np.inf)))
        status = Status.PASS if rhat[worst] <= 1 + RHAT else Status.REVIEW if rhat[worst] <= FAILED else Status.FAIL
        few = rhat[worst] <= rhat_limit(draws.z.shape[0] * draws.z.shape[1])
        told = "the chains disagree, or are too short to tell" if few else "the chains disagree"
        cure = "" if status is Status.PASS else f": {told}; {more}"
        yield Check("r-hat", status, f"Largest r-hat {rhat[worst]:.4f} ({names[worst]}){cure}.")
    for name, ess in (("bulk ESS", diagnostics.ess_bulk(z)), ("tail ESS", diagnostics.ess_tail(z))):
        worst = int(np.argmin(np.where(np.isfinite(ess), ess, -np.inf)))
        fine = ess[worst] >= MIN_ESS
        status = Status.PASS if fine else Status.REVIEW if ess[worst] >= FEW_ESS else Status.FAIL
        cure = "" if fine else f": too few for intervals; {more}"
        total = draws.z.shape[0] * draws.z.shape[1]
        yield Check(name, status, f"Smallest {name} {ess[worst]:.0f} of {total} ({names[worst]}){cure}.")
    diverging = int(draws.stats["diverging"].sum())
    share = diverging / draws.stats["diverging"].size
    yield Check(
        "divergences",
        Status.PASS if not diverging else Status.REVIEW if share < DIVERGED else Status.FAIL,
        "No divergent transition."
        if not diverging
        else f"{diverging} divergent transitions: parts of the posterior were not reached; take "
        "smaller steps, sb.NUTS(target_accept=0.95), or narrow the priors.",
    )
    deep = float(np.mean(draws.stats["n_steps"] >= 2 ** draws.numbers["max_tree_depth"] - 1))
    yield Check(
        "tree depth",
        Status.REVIEW if deep > 0.01 else Status.PASS,
        f"{deep:.1%} of the draws stop at the largest tree"
        + (
            ": they hardly move; allow larger ones, sb.NUTS(max_tree_depth=12), or narrow the priors."
            if deep > 0.01
            else "."
        ),
    )
    bfmi = float(diagnostics.bfmi(draws.stats["energy"]).min())
    low = not bfmi >= 0.3
    yield Check(
        "E-BFMI",
        Status.REVIEW if low else Status.PASS,
        f"Smallest E-BFMI {bfmi:.2f}" + (": the tails are hard to reach; narrow the priors." if low else "."),
    )


def _weights(problem: Problem, draws: Draws) -> Iterator[Check]:
    khat, ess = draws.numbers["khat"], draws.numbers["importance_ess"]
    status, why = Status.PASS, "."
    if not khat < KHAT:
        status, why = Status.FAIL, ": the posterior isn't near the proposals; use method='nuts'."
    elif _unseen(problem):
        status, why = (
            Status.REVIEW,
            ", which doesn't see what the proposals miss along a bent ridge: in simulations of chinchilla with a "
            "process over N and D 90 % intervals of E held 85 %; use method='nuts', or law='end_chinchilla', which has "
            "none.",
        )
    elif khat > TAILS:
        status, why = Status.REVIEW, ": the tails may be cut short; for the ends of intervals use method='nuts'."
    yield Check("k-hat", status, f"Pareto k-hat {khat:.2f}{why}")
    enough = ess >= MIN_ESS
    yield Check(
        "importance ESS",
        Status.PASS if enough else Status.REVIEW,
        f"Importance ESS {ess:.0f} of {draws.stats['log_weight'].size} proposals"
        + ("." if enough else ": too few for intervals; use method='nuts', or sb.Laplace(proposals=100_000)."),
    )


def _unseen(problem: Problem) -> bool:
    """Whether k-hat is no witness: a process over N and D, and a law whose level and slopes trade off.

    Of a law written from the end of the runs it is one: benchmarks/results, recommended/laplace in sbc.md and
    chinchilla+gp/laplace in khat/sbc.md.
    """
    process, over = problem.model.process, {"N", "D"} <= set(problem.law.inputs)
    return process is not None and process.axis is None and over and problem.law.anchor != "end"


def _refits(draws: Draws) -> Check:
    share = float(draws.stats["converged"].mean())
    seen = f"{share:.1%} of the refits reached a mode"
    if share >= REFITS:
        return Check("refits", Status.PASS, f"{seen}.")
    cure = ": the others stay where the search ended; resamples may lack what a parameter needs, so add runs"
    return Check("refits", Status.REVIEW if share > 0.9 else Status.FAIL, f"{seen}{cure}.")


def contraction(problem: Problem, draws: Draws) -> dict[str, float]:
    """1 - posterior variance / prior variance of each free parameter with a proper prior.

    In unconstrained coordinates; from the curvature at the mode where there is but one draw.
    """
    if draws.z.shape[0] * draws.z.shape[1] > 1:
        posterior = draws.z.reshape(-1, draws.z.shape[-1]).var(axis=0)
    else:
        posterior = np.diag(np.linalg.inv(draws.mode.precision))
    params = problem.params
    return {
        name: float(1 - posterior[i] / draws.mode.start_sd[i] ** 2)
        for i, name in enumerate(problem.model.free)
        if not isinstance(params[name].prior, str)
    }


def _prior_driven(problem: Problem, draws: Draws) -> Check:
    shares = contraction(problem, draws)
    driven = {name: share for name, share in shares.items() if not share >= CONTRACTION}
    if not driven:
        least = min(shares.values(), default=1.0)
        return Check(
            "driven by the prior", Status.PASS, f"The runs take away {least:.1%} or more of every prior's variance."
        )
    told = ", ".join(f"{name} ({max(share, 0):.0%})" for name, share in driven.items())
    return Check(
        "driven by the prior",
        Status.REVIEW,
        f"the runs take away little of the prior's variance of {told}: what is said of it is mostly prior; "
        "add runs that reach further, or report the result under two priors.",
    )
