"""This file checks the search for the mode, the sampler, and how much the prior decides."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scalebayes.checks import evidence, limits
from scalebayes.checks.registry import make_check
from scalebayes.infer import diagnostics
from scalebayes.infer.draws import Draws
from scalebayes.infer.laplace import KHAT
from scalebayes.infer.nuts import CAREFUL, DIVERGED, FAILED, RHAT, rhat_limit
from scalebayes.model.problem import Problem
from scalebayes.status import Check, Status

# Log density in nats: up to it no start found a finite density, because the search takes -1e30 for one that isn't
# finite.
IMPOSSIBLE = -1e29


def sampling_checks(problem: Problem, draws: Draws) -> Iterator[Check]:
    """The checks of the mode, of the draws, and of parameters that the prior drives.

    Every fit has checks of the starts of its search and of the gradient at its mode. Chains also have r-hat, ESS,
    divergences, tree depth and E-BFMI; weighted proposals also have k-hat and their ESS; a bootstrap also has its
    refits. All but a bootstrap and a noise without a density have a check of the parameters that the prior drives.
    """
    yield from draws_checks(problem, draws)
    if "khat" in draws.numbers:
        yield from _weights(problem, draws)
    if "resamples" in draws.numbers:
        yield _refits(draws)
    elif problem.noise.form.density:
        yield _prior_driven(problem, draws)


def draws_checks(problem: Any, draws: Draws) -> Iterator[Check]:
    """The checks of the search for the mode, and of chains, which a joint posterior of several recipes has too."""
    yield _starts(problem, draws)
    yield _gradient(problem, draws)
    if "n_steps" in draws.stats:
        yield from _chains(problem, draws)


def agreeing(problem: Problem, draws: Draws) -> np.ndarray:
    """Which starts the check of the mode counts as ended there: within 1e-3 nats, or 1e-6 of an objective's value."""
    mode = draws.mode
    return mode.log_density - mode.start_log_density <= _tolerance(problem, draws, limits.STARTS_AGREE)


def _tolerance(problem: Problem, draws: Draws, nats: float) -> float:
    """The tolerance in nats, or for an objective, which has no nats, a share of its value."""
    value = abs(float(draws.mode.log_density))
    return nats if problem.noise.form.density else limits.STARTS_AGREE_OF_OBJECTIVE * value + limits.STARTS_FLOOR


def _starts(problem: Problem, draws: Draws) -> Check:
    id, mode, agree = "starts", draws.mode, agreeing(problem, draws)
    if not float(mode.log_density) > IMPOSSIBLE:
        return make_check(
            id,
            Status.FAIL,
            "no start has a finite posterior density: the law isn't finite at the runs' inputs over the prior; check "
            "the law's formula and its priors.",
        )
    seen = f"{agree.sum()} of {agree.size} starts end at the best optimum"
    gap = mode.log_density - mode.start_log_density
    if problem.noise.form.density:
        rivals = (gap < limits.STARTS_RIVAL_NATS) & (mode.start_distance > limits.STARTS_RIVAL_SDS)
        if rivals.any():
            return make_check(
                id,
                Status.REVIEW,
                f"{seen}, {rivals.sum()} at another one less than 5 nats below and over 3 sds away: the posterior may "
                "have two modes; compare NUTS runs with different seeds, and give the parameters narrower priors.",
            )
        # On a ridge that is nearly flat, starts end anywhere along it, at nearly the same density.
        agree = agree | ((gap < limits.STARTS_RIDGE_NATS) & (mode.start_distance < limits.STARTS_RIDGE_SDS))
    if agree.sum() > 1:
        return make_check(id, Status.PASS, f"{seen}.")
    return make_check(
        id,
        Status.REVIEW,
        f"{seen}: it may not be the global one; search longer, sb.MAP(search=sb.Search(screened=8192, starts=64)).",
    )


def _gradient(problem: Problem, draws: Draws) -> Check:
    norm = float(draws.mode.gradient_norm)
    to_gain = norm**2 / 2
    unit = "nats" if problem.noise.form.density else "of the objective"
    seen = f"gradient norm {norm:.1e} in whitened coordinates, {to_gain:.1e} {unit} left to gain"
    limit = _tolerance(problem, draws, limits.MODE_GAIN)
    if to_gain <= limit:
        return make_check("mode_reached", Status.PASS, f"{seen[0].upper()}{seen[1:]}.")
    return make_check(
        "mode_reached",
        Status.REVIEW if to_gain < limits.MODE_GAIN_FAILS * limit else Status.FAIL,
        f"{seen}: the optimiser stopped early; let it go on, sb.MAP(search=sb.Search(newton_steps=1000)), or check the "
        "law for kinks.",
    )


def _chains(problem: Problem, draws: Draws) -> Iterator[Check]:
    names = [*problem.model.free]
    if problem.model.latent:
        names += [f"scale of run {i}" for i in range(len(problem.runs))]
    # The coordinates after the named ones are padding, which keeps its prior.
    z = np.moveaxis(draws.z, -1, 0)[: len(names)]
    more = "run longer chains, sb.NUTS(warmup=1000, draws=4000), or narrow the priors"
    if draws.numbers.get("runs", 1) > 1:
        thin = draws.numbers["thin"]
        thinned = f", {thin:.0f} times as long and every {thin:.0f}th draw kept" if thin > 1 else ""
        yield make_check(
            "whitening",
            Status.PASS,
            f"The curvature at the mode misled the sampler; these draws come from run {draws.numbers['runs']:.0f}, "
            f"whitened by the covariance of the draws before, with target_accept at least {CAREFUL}{thinned}.",
        )
    if draws.z.shape[0] == 1:
        sentence = "one chain can't show that it missed a part; run sb.NUTS(chains=4)."
        yield make_check("r_hat", Status.REVIEW, sentence, conclusive=False)
    else:
        rhat = diagnostics.rhat(z)
        worst = int(np.argmax(np.where(np.isfinite(rhat), rhat, np.inf)))
        status = Status.PASS if rhat[worst] <= 1 + RHAT else Status.REVIEW if rhat[worst] <= FAILED else Status.FAIL
        few = rhat[worst] <= rhat_limit(draws.z.shape[0] * draws.z.shape[1])
        cause = "the chains disagree, or are too short to tell" if few else "the chains disagree"
        cure = "" if status is Status.PASS else f": {cause}; {more}"
        yield make_check("r_hat", status, f"Largest r-hat {rhat[worst]:.4f} ({names[worst]}){cure}.")
    for name, ess in (("bulk", diagnostics.ess_bulk(z)), ("tail", diagnostics.ess_tail(z))):
        worst = int(np.argmin(np.where(np.isfinite(ess), ess, -np.inf)))
        fine = ess[worst] >= limits.ESS
        status = Status.PASS if fine else Status.REVIEW if ess[worst] >= limits.ESS_FAILS else Status.FAIL
        cure = "" if fine else f": too few for intervals; {more}"
        total = draws.z.shape[0] * draws.z.shape[1]
        yield make_check(
            f"{name}_ess", status, f"Smallest {name} ESS {ess[worst]:.0f} of {total} ({names[worst]}){cure}."
        )
    aimed = draws.numbers.get("target_accept", 0.0)
    smaller = next((f"take smaller steps, sb.NUTS(target_accept={x}), or " for x in (CAREFUL, 0.99) if aimed < x), "")
    diverging = int(draws.stats["diverging"].sum())
    share = diverging / draws.stats["diverging"].size
    yield make_check(
        "divergences",
        Status.PASS if not diverging else Status.REVIEW if share < DIVERGED else Status.FAIL,
        "No divergent transition."
        if not diverging
        else f"{diverging} divergent transitions: parts of the posterior were not reached; {smaller}narrow the priors.",
    )
    deep = float(np.mean(draws.stats["n_steps"] >= 2 ** draws.numbers["max_tree_depth"] - 1))
    yield make_check(
        "tree_depth",
        Status.REVIEW if deep > limits.DEEP else Status.PASS,
        f"{deep:.1%} of the draws stop at the largest tree"
        + (
            ": they hardly move; allow larger ones, sb.NUTS(max_tree_depth=12), or narrow the priors."
            if deep > limits.DEEP
            else "."
        ),
    )
    bfmi = float(diagnostics.bfmi(draws.stats["energy"]).min())
    low = not bfmi >= limits.BFMI
    yield make_check(
        "e_bfmi",
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
            f"process over N and D 90 % intervals of E held {evidence.RIDGE_HELD}; use method='nuts', or "
            "law='end_chinchilla', which has no such ridge.",
        )
    elif khat > limits.KHAT_TAILS:
        status, why = Status.REVIEW, ": the tails may be cut short; for the ends of intervals use method='nuts'."
    yield make_check("k_hat", status, f"Pareto k-hat {khat:.2f}{why}")
    enough = ess >= limits.ESS
    yield make_check(
        "importance_ess",
        Status.PASS if enough else Status.REVIEW,
        f"Importance ESS {ess:.0f} of {draws.stats['log_weight'].size} proposals"
        + ("." if enough else ": too few for intervals; use method='nuts', or sb.Laplace(proposals=100_000)."),
    )


def _unseen(problem: Problem) -> bool:
    """Whether k-hat can't be relied on: a process over N and D, and a law whose level and slopes trade off.

    For a law that is written from the end of the runs, k-hat can be relied on. The evidence is in benchmarks/sbc:
    recommended/laplace in sbc.md, and chinchilla+gp/laplace in khat/sbc.md.
    """
    process, over = problem.model.process, {"N", "D"} <= set(problem.law.inputs)
    return process is not None and process.axis is None and over and problem.law.anchor != "end"


def _refits(draws: Draws) -> Check:
    share = float(draws.stats["converged"].mean())
    seen = f"{share:.1%} of the refits reached a mode"
    if share >= limits.REFITS:
        return make_check("refits", Status.PASS, f"{seen}.")
    cure = ": the others stay where the search ended; resamples may lack what a parameter needs, so add runs"
    return make_check("refits", Status.REVIEW if share > limits.REFITS_FAIL else Status.FAIL, f"{seen}{cure}.")


def contraction(problem: Problem, draws: Draws) -> dict[str, float]:
    """How far the runs narrow each prior, which a check looks at: 1 - posterior variance / prior variance.

    The value is that of each free parameter with a proper prior.

    Variances are in unconstrained coordinates. With a single draw, the posterior variance is from the curvature at
    the mode.
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
    driven = {name: share for name, share in shares.items() if not share >= limits.CONTRACTION}
    if not driven:
        least = min(shares.values(), default=1.0)
        return make_check(
            "driven_by_the_prior", Status.PASS, f"The runs take away at least {least:.1%} of each prior's variance."
        )
    parameters = ", ".join(f"{name} ({max(share, 0):.0%})" for name, share in driven.items())
    return make_check(
        "driven_by_the_prior",
        Status.REVIEW,
        f"the runs take away little of the prior's variance of {parameters}: such a posterior is mostly prior; "
        "add runs that reach further, or report the result under two priors.",
        about=tuple(driven),
    )
