"""This file lists every check by its identifier, with the name that people read and the question that it answers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from scalebayes.status import Check, Checks, Status, snake_case


class Kind(NamedTuple):
    """A check, apart from its result.

    Attributes:
        name: The name that people read.

        looks_at: The question that the check answers.
    """

    name: str
    looks_at: str


# An identifier never changes, because programs, saved files and benchmarks find checks by it. A name may change.
REGISTRY: Mapping[str, Kind] = {
    "number_of_runs": Kind("number of runs", "whether there are more runs than free parameters"),
    "inputs_vary": Kind("inputs vary", "whether every input of the law differs between runs"),
    "collinear_inputs": Kind("collinear inputs", "whether two inputs move together, so that neither's effect is known"),
    "settings": Kind("settings", "how many rows share one setting of the inputs"),
    "best_of_settings": Kind("best of settings", "how far luck moves the best run of each setting"),
    "duplicates": Kind("duplicates", "whether a row is written twice"),
    "groups": Kind("groups", "what the column 'group' is, and whether its groups are pooled"),
    "compute": Kind("compute", "the runs' own C against its cost, 6 N D or another"),
    "units": Kind("units", "whether N, D and C lie where those of a language model do"),
    "flat_priors": Kind("flat priors", "whether a prior is flat, so that the posterior may be improper"),
    "mixture_shares": Kind("mixture shares", "whether the shares of a mixture add up to one"),
    "repetition": Kind("repetition", "how often runs see their corpus, where the law takes every token for new"),
    "one_row_of_a_log": Kind("one row of a log", "whether the table is one row of a log that has many"),
    "checkpoints": Kind("checkpoints", "whether rows are checkpoints in the middle of runs"),
    "starts": Kind("starts", "how many starts of the search end at the mode"),
    "mode_reached": Kind("mode reached", "how much the search for the mode left to gain"),
    "whitening": Kind("whitening", "whether NUTS had to start again with another metric"),
    "r_hat": Kind("r-hat", "whether the chains agree"),
    "bulk_ess": Kind("bulk ESS", "the smallest effective number of draws in the middle of the posterior"),
    "tail_ess": Kind("tail ESS", "the smallest effective number of draws in its tails"),
    "divergences": Kind("divergences", "how many transitions of NUTS diverged"),
    "tree_depth": Kind("tree depth", "how many draws stop at the largest tree"),
    "e_bfmi": Kind("E-BFMI", "whether the energy mixes, so that the tails are reached"),
    "k_hat": Kind("k-hat", "whether the weights of Laplace's proposals have a mean and a variance"),
    "importance_ess": Kind("importance ESS", "the effective number of Laplace's weighted proposals"),
    "refits": Kind("refits", "whether refits, of a bootstrap or of a comparison, went well"),
    "driven_by_the_prior": Kind("driven by the prior", "which parameters the runs say little of"),
    "prior_data_conflict": Kind("prior-data conflict", "whether the mode lies far out in the tail of a prior"),
    "explains_the_runs": Kind("explains the runs", "the law against a constant, and against the direction of the runs"),
    "scatter": Kind("scatter", "how far the runs typically lie from the law"),
    "outliers": Kind("outliers", "which runs lie far beyond the others"),
    "residuals": Kind("residuals", "whether the residuals of all runs depend on an input"),
    "residuals_largest": Kind("residuals of the largest runs", "the same, of the largest runs"),
    "other_columns": Kind("other columns", "whether residuals depend on a column that the law doesn't take"),
    "other_columns_largest": Kind("other columns of the largest runs", "the same, of the largest runs"),
    "kind": Kind("kind", "whether runs of one input were read as a ladder or as a curve"),
    "averaged_cells": Kind("averaged cells", "how runs were averaged, and which cells scatter more than their noise"),
    "mostly_prior": Kind("mostly prior", "whether so few runs leave a forecast's width to the priors"),
    "borrowed": Kind("borrowed", "how much of its exponents and floor a pooled recipe has from the others"),
    "fits": Kind("fits", "whether the fits that are compared passed their own checks"),
    "pareto_k": Kind("pareto k", "which runs leave-one-out can't weigh, and whether they were fitted without"),
    "rankings": Kind("rankings", "whether the best among the runs is the best beyond them"),
    "largest": Kind("largest", "why there is no score of the largest runs"),
    "evidence": Kind("evidence", "whether every fit has an evidence that is exact enough to weigh by"),
    "design_path": Kind("design path", "whether the runs so far with the next ones lie on one path"),
    "design_sizes": Kind("design sizes", "whether they have sizes enough for an exponent"),
    "design_far": Kind("design far", "whether the target lies too far beyond them"),
}
_IDS = {kind.name: id for id, kind in REGISTRY.items()}


def make_check(
    id: str, status: Status, sentence: str, *, about: tuple[str, ...] = (), conclusive: bool = True
) -> Check:
    """Make a check of the registry.

    Args:
        id: The identifier of the check.

        status: The status: pass, review or fail.

        sentence: What the check saw and, unless it passes, what to do about it.

        about: The parameters or columns that the sentence names as the cause. The default is none.

        conclusive: False where the data are too few to answer the question of the check. The default is True.

    Returns:
        The check, with its name in the registry.

    >>> make_check("k_hat", Status.PASS, "Pareto k-hat 0.12.").name
    'k-hat'
    """
    return Check(REGISTRY[id].name, status, sentence, id, about=about, conclusive=conclusive)


def read_checks(record: Iterable[Any]) -> Checks:
    """The checks of the registry in a saved record, which is as `status.checks_record` writes it, or older.

    An older record has [name, status, sentence].

    >>> read_checks([["residuals of the largest runs", "pass", "Fine."]])["residuals_largest"].sentence
    'Fine.'
    """
    return Checks(tuple(_check(check) if isinstance(check, Mapping) else _without_id(*check) for check in record))


def _check(record: Mapping[str, Any]) -> Check:
    fields = {**record, "status": Status(record["status"]), "about": tuple(record["about"])}
    texts = (fields["name"], fields["sentence"], fields["id"], fields.get("of", ""), *fields["about"])
    if not all(isinstance(text, str) for text in texts) or not isinstance(fields["conclusive"], bool):
        raise TypeError("a check that is none")
    return Check(**fields)


def _without_id(name: str, status: str, sentence: str) -> Check:
    """A check of an older file without identifiers, whose other fields are read out of the sentence."""
    of, _, alone = name.rpartition(": ")
    id = _IDS.get(alone, snake_case(alone))
    about = tuple(re.findall(r"(\w+) \(\d+%\)", sentence)) if id == "driven_by_the_prior" else ()
    conclusive = "can't show" not in sentence and "too few to tell" not in sentence
    return Check(name, Status(status), sentence, id, of, about, conclusive)
