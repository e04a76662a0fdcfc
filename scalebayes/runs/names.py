"""The names that a table's columns go by, and which of ours each means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scalebayes.errors import listed, nearest

# Our name -> what a column is called once `plain` has its name.
INPUTS = {
    "N": (
        *("params", "n_params", "num_params", "total_params", "model_params", "params_count"),
        *("parameters", "n_parameters", "num_parameters", "total_parameters", "model_parameters", "parameters_count"),
        *("model_size", "non_embedding_params", "non_embedding_parameters", "num_non_embedding_params"),
        *("n_params_non_embedding", "num_params_non_embedding", "params_non_embedding", "n_non_embedding_params"),
    ),
    "D": (
        *("tokens", "n_tokens", "num_tokens", "total_tokens", "train_tokens", "training_tokens", "consumed_tokens"),
        *("tokens_seen", "n_tokens_seen", "num_tokens_seen", "total_tokens_seen", "num_input_tokens_seen"),
    ),
    "C": ("flops", "total_flops", "train_flops", "training_flops", "total_flos", "compute"),
    "U": ("unique_tokens",),
    "x": (),
}
HELD_OUT = (
    *("val_loss", "valid_loss", "validation_loss", "eval_loss", "dev_loss", "heldout_loss", "test_loss"),
    *("loss_val", "lm_loss_validation"),
)
LOSS = ("loss", "train_loss", "training_loss", "final_loss", "loss_train", "lm_loss", *HELD_OUT)
# The first of these that a table has is taken; the others stay labels under their own names.
LABELS = {
    "run_id": ("run_id", "run", "id", "name"),
    "group": ("group", "family", "model_family"),
    "split": ("split",),
}
# Names that fit more than one of ours: never read by themselves, offered where one of ours is missing.
UNSURE = {
    "dataset_size": ("D", "U"),
    "data": ("D", "U"),
    "size": ("N",),
    "param_count": ("N",),
    "trainable_params": ("N",),
    "steps": ("D", "x"),
}
# What trackers write before a name. MLflow's is 'params.', and 'params' alone is a count of parameters.
TRACKERS = re.compile(r"^(config|summary|params|metrics|hparams)[./](?=.)", re.IGNORECASE)
# Such as eval_wiki_loss, the loss on one of several held-out sets.
ONE_OF_HELD_OUT = re.compile(r"(val|valid|validation|eval|dev|heldout|test)_\w+_loss")


def plain(column: str) -> str:
    """A column's name without a tracker's prefix and in one spelling: lower case, with _ between words.

    A name of one letter keeps its case: N and D are ours, n and d may be anything.

    >>> [plain(column) for column in ("config.n_params", "summary.val/loss", "Num-Tokens", "params.N", "params")]
    ['n_params', 'val_loss', 'num_tokens', 'N', 'params']
    """
    name = re.sub(r"[/.\s-]+", "_", TRACKERS.sub("", column.strip(), count=1))
    return name if len(name) == 1 else name.lower()


def read_as(column: str, observable: str) -> str:
    """Our name for a table's column, or the column's own name.

    >>> [read_as(column, "loss") for column in ("config.n_params", "eval/loss", "n", "seed")]
    ['N', 'loss', 'n', 'seed']
    """
    if column in (observable, *INPUTS):
        return column
    word = plain(column)
    if word in INPUTS:
        return word
    if word == plain(observable) and len(word) > 1:
        return observable
    if observable == "loss" and word in LOSS:
        return "loss"
    return next((ours for ours, theirs in INPUTS.items() if word in theirs), column)


def held_out(columns: Iterable[str]) -> list[str]:
    """The columns that are a loss on held-out data: those named just so, else those of one held-out set each.

    >>> held_out(["train_loss", "eval_wiki_loss", "eval_code_loss"])
    ['eval_wiki_loss', 'eval_code_loss']
    >>> held_out(["eval_loss", "eval_wiki_loss"])
    ['eval_loss']
    """
    columns = list(columns)
    named = [column for column in columns if plain(column) in HELD_OUT]
    return named or [column for column in columns if ONE_OF_HELD_OUT.fullmatch(plain(column))]


def look_alikes(name: str, found: Iterable[str]) -> list[str]:
    """The columns found that could be meant by `name`, by their known names first and by spelling after.

    >>> look_alikes("N", ["loss", "params", "config.model.n_params"])
    ['params', 'config.model.n_params']
    """
    found = list(found)
    words = {name, *INPUTS.get(name, ()), *(LOSS if name == "loss" else ())}
    words |= {name.lower()} | {word for word, ours in UNSURE.items() if name in ours}
    ends = tuple(f"_{word}" for word in words if len(word) > 1)
    known = [word for word in found if plain(word) in words or word.lower() in words or plain(word).endswith(ends)]
    if known or len(name) == 1:
        return known
    return [word for word in found if name.lower() in plain(word)] or nearest(name, found)


def few(names: Iterable[str], most: int = 40) -> str:
    """Names in quotes; of very many, as trackers have, the first and the count of the others.

    >>> few(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    return listed(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
