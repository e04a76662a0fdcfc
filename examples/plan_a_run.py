"""From a sweep to a decision: which model for a budget, what a loss costs, what a cap on its size costs.

python examples/plan_a_run.py                          # the runs that come with scalebayes
python examples/plan_a_run.py --runs runs.csv --C 1e21 # your own, and your budget
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import scalebayes as sb


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", help="a table with columns N, D and loss; the default is the package's own sweep")
    parser.add_argument("--C", type=float, default=1e15, help="the budget in FLOPs; the default is 1e15")
    options = parser.parse_args(args)
    own = "split == 'fit' and epochs <= 1"
    runs = sb.read_runs(options.runs) if options.runs else sb.datasets.load("tiny_gpt", where=own)
    fit = sb.fit(runs, "chinchilla", method="laplace", on_fail="ignore")
    print(f"{len(runs)} runs of up to {runs.column('C').max():.3g} FLOPs; law {fit.law.name}")

    best = sb.optimum(fit, C=options.C)
    say("best", best, runs.observable)

    cap = float(best["N_best"].item() / 4)
    capped = sb.optimum(fit, C=options.C, subject_to={"max_N": cap})
    say(f"at most {cap:.3g} parameters", capped, runs.observable)
    paid = sb.interval(capped[["paid"]]).iloc[0]
    print(f"  the cap costs {paid['median']:.4f} [{paid['lower']:.4f}, {paid['upper']:.4f}]")

    tokens = 20 * best["D_best"].item()
    served = sb.optimum(fit, C=3 * options.C, cost=sb.costs.with_inference(tokens))
    say(f"serving {tokens:.3g} tokens, in three times the budget", served, runs.observable)

    target = float(np.round(best[runs.observable].median(), 2))
    needed = sb.budget_for(fit, loss=target)
    row = sb.interval(needed[["C"]]).iloc[0]
    print(f"{runs.observable} {target:g} costs {row['median']:.3g} [{row['lower']:.3g}, {row['upper']:.3g}] FLOPs")
    print(
        f"  {needed['enough'].item():.3g} FLOPs are enough in nine cases of ten; "
        f"out of reach in {needed['out_of_reach'].item():.1%} of the draws"
    )
    chance = sb.probability(fit, loss=target, C=options.C)
    print(f"  {options.C:.3g} FLOPs reach it with probability {chance.item():.2f}")


def say(what: str, best, observable: str) -> None:
    N, D, loss = (float(best[name].item()) for name in ("N_best", "D_best", "regret"))
    row = sb.interval(best[["N"]]).iloc[0]
    print(f"{what}: N = {N:.3g} on D = {D:.3g}; {observable} {float(best[observable].median()):.4f}, regret {loss:.2g}")
    print(f"  the optimum may lie between N = {row['lower']:.3g} and {row['upper']:.3g}")


if __name__ == "__main__":
    main()
