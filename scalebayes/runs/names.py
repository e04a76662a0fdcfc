"""This file recognises the columns N, D, C, U, x and the observable by the names that tables use for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from scalebayes.errors import listed, nearest
from scalebayes.runs.name_words import LONGEST, canonical_words, plain
from scalebayes.runs.reading.header_units import PER_CENT, headers

INPUTS = ("N", "D", "C", "U", "x")
# The names that tables use for each label. The first one that a table has is read as the label. The others stay labels
# under their own names.
LABELS = {
    "run_id": ("run_id", "run", "id", "name"),
    "group": ("group", "family", "model_family"),
    "split": ("split",),
}


@dataclass(frozen=True)
class Named:
    """The words that name a quantity: at least one word of `core`, and no other words than those of `beside`."""

    core: frozenset[str]
    beside: frozenset[str]


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _named(core: str, beside: str) -> Named:
    return Named(_word_set(core), _word_set(beside))


COUNTED = "n num number nr no of the total overall count counts amount in all "
TRAINED = "train trained training pretrain pretraining pretrained "
TOKENS = COUNTED + TRAINED + "seen consumed processed input so far throughput cumulative"
KNOWN = {
    "N": _named("params param parameters parameter", COUNTED + "model lm net network size nonemb withemb"),
    "D": _named("tokens token toks tok", TOKENS),
    "C": _named("flops flop flos", COUNTED + TRAINED + "compute model budget used spent throughput cumulative"),
}
# Words that make a name a rate or a length, such as throughput, unless one of the given words stands in the same name.
# Total tokens and input tokens seen are counts.
ALL = _word_set("total overall cumulative")
ONLY_WITH = {"throughput": ALL, "input": ALL | _word_set("seen consumed processed trained far all")}
# Numbers of parameters, tokens and FLOPs. The median of a table of language models lies between LEAST and MOST. A
# column with a median outside of them is in another unit or is another quantity. The smallest medians of the real
# tables that were looked at are 55,536 parameters and 1.05 million tokens, and the smallest run took 4.4e9 FLOPs.
LEAST = {"N": 1e3, "D": 1e4, "C": 1e8}
MOST = {"N": 1e15, "D": 1e18, "C": 1e30}
# Names that are read as N or C only if the table has no name of KNOWN.
WEAKER = {
    "N": _named("size", "model total lm nonemb withemb"),
    "C": _named("compute", COUNTED + TRAINED + "budget used spent"),
}
UNIQUE = _word_set("unique distinct unrepeated")
HELD_OUT = _word_set("val valid validation eval evaluation dev heldout test holdout")
TRAIN = _word_set("train training tr")
LOSSES = _word_set("loss ce nll xent")
BITS = {"bpb": "bits/byte", "bpc": "bits/char", "bpt": "bits/token"}
BESIDE_LOSS = _word_set("final last lm mean avg average language modeling modelling model global metrics of")
# Words that make a name another statistic of the loss, or a part of the loss, instead of the loss of a run.
NO_LOSS = _word_set(
    "se std sd sem var min max best smoothed aux z delta diff ratio gap per log ln exp weight coef scale fn function "
    "curve step steps time runtime start initial first count samples"
)
OTHER_OBSERVABLES = {"perplexity": ("ppl", "perplexity"), "accuracy": ("acc", "accuracy")}
# Names that may mean any of the given quantities. They are never read without being asked for. An error message for a
# missing column suggests them.
UNSURE = {
    "dataset_size": ("D", "U"),
    "data": ("D", "U"),
    "size": ("N",),
    "trainable_params": ("N",),
    "steps": ("D", "x"),
    "n": ("N",),
    "d": ("D",),
    "c": ("C",),
    "l": ("loss",),
}
# Ranks of the names of inputs, and ranks of the names of the observable. Among columns of the same quantity, the one
# with the lowest rank is read.
EXACT, OURS, KNOWN_WORD, WEAK_WORD, LETTER = range(5)
HELD, EXACT_LOSS, HELD_BITS, ANY, ANY_BITS, ONE_SET, TRAINED_ON, TRAINED_BITS = range(8)


@dataclass(frozen=True)
class Meaning:
    """The meaning of the name of a column.

    Attributes:
        ours: The quantity: N, D, C, U, x or the observable.

        rank: How clear the name is. A lower rank is clearer.

        factor: The number that the cells are multiplied with. The default is 1.0.

        unit: The unit of the observable; blank if the name states none.
    """

    ours: str
    rank: int
    factor: float = 1.0
    unit: str = ""


@lru_cache(maxsize=4096)
def meaning(column: str, observable: str) -> Meaning | None:
    """The meaning of the name of a table's column; None if the name means no input and no observable.

    >>> meaning("Model Size (M)", "loss")
    Meaning(ours='N', rank=3, factor=1000000.0, unit='')
    >>> meaning("val_bpb", "loss").unit, meaning("tokens_per_second", "loss")
    ('bits/byte', None)
    """
    if len(column) > LONGEST:
        return Meaning(observable, EXACT_LOSS) if column == observable else None
    one_set = None
    for header in headers(column):
        rank_and_unit = _observed(header.name, observable, header.name == column)
        if rank_and_unit is not None and header.name != column and not header.of_an_observable:
            continue  # in g_loss and loss_b the letter is no unit: no loss is in billions
        if rank_and_unit is not None and not (header.unit == PER_CENT and observable == "loss"):
            rank, unit = rank_and_unit
            observed = Meaning(observable, rank, header.factor, header.unit or unit)
            # The next reading of the header may take a word of this name for its unit.
            if observable != "loss" or rank != ONE_SET:
                return observed
            one_set = one_set or observed
        elif rank_and_unit is None and (of := _input(header.name, header.name == column)) and not header.unit:
            return Meaning(*of, header.factor)
    return one_set


def _input(name: str, whole: bool) -> tuple[str, int] | None:
    """The input that a name without a unit means, and its rank; None if it means no input."""
    if name in INPUTS:
        return name, EXACT if whole else OURS
    if plain(name) in INPUTS:
        return plain(name), OURS
    words = frozenset(canonical_words(name))
    if words & UNIQUE and _is(KNOWN["D"], words - UNIQUE):
        return "U", KNOWN_WORD
    for rank, known in ((KNOWN_WORD, KNOWN), (WEAK_WORD, WEAKER)):
        for ours, named in known.items():
            if _is(named, words) and (rank == KNOWN_WORD or len(words) > 1 or ours == "C"):
                return ours, rank
    if words == {"n", "nonemb"}:
        return "N", KNOWN_WORD
    return (name.upper(), LETTER) if name in ("n", "d", "c") else None


def _is(named: Named, words: frozenset[str]) -> bool:
    rate = any(word in words and not words & beside for word, beside in ONLY_WITH.items())
    return not rate and bool(words & named.core) and words <= named.core | named.beside


def _observed(name: str, observable: str, whole: bool) -> tuple[int, str] | None:
    """The rank of a name of the observable, and the unit in its words; None if it does not name the observable."""
    if name == observable and whole:
        return EXACT_LOSS, ""
    in_order = canonical_words(name)
    words = frozenset(in_order)
    if observable != "loss":
        names = [canonical_words(observable), *((word,) for word in OTHER_OBSERVABLES.get(observable, ()))]
        if name == observable or (len(plain(name)) > 1 and plain(name) == plain(observable)):
            return EXACT_LOSS, ""
        others = [words.difference(known) for known in names if known and words.issuperset(known)]
        if any(beside <= HELD_OUT | {"final"} for beside in others):
            return (HELD, "") if words & HELD_OUT else (ANY, "")
        return (TRAINED_ON, "") if any(beside <= TRAIN for beside in others) else None
    unit = next((BITS[word] for word in in_order if word in BITS), "")
    if not (words & LOSSES or unit) or words & NO_LOSS or (words & HELD_OUT and words & TRAIN):
        return None
    known = LOSSES | BITS.keys() | BESIDE_LOSS
    bits = bool(unit) and not words & LOSSES
    if words <= known | HELD_OUT and words & HELD_OUT:
        return HELD_BITS if bits else HELD, unit
    # mean_train_loss is what trainers call the mean over a whole run.
    if words <= (known | TRAIN | {"total"}) - {"mean", "avg", "average"} and words & TRAIN:
        return TRAINED_BITS if bits else TRAINED_ON, unit
    if words <= known:
        return ANY_BITS if bits else ANY, unit
    # What is left are names such as eval_wiki_loss, the loss on one of several held-out sets.
    return (ONE_SET, unit) if words & HELD_OUT else None


def loss_rank(means: Meaning, tracked: bool) -> int:
    """The rank of a column that means the observable among the other columns of a table.

    The order of the ranks depends on `tracked`. Trackers call the training loss 'loss', and the loss on one of several
    held-out sets 'eval_wiki_loss'. In a table that a person wrote, 'loss' is the loss, and the other names are losses
    beside it.
    """
    order = (HELD, HELD_BITS, ONE_SET, EXACT_LOSS, ANY, ANY_BITS, TRAINED_ON, TRAINED_BITS) if tracked else range(8)
    return list(order).index(means.rank)


def read_as(column: str, observable: str) -> str:
    """The name in scalebayes of a column of a table. A column that is not recognised keeps its name.

    >>> [read_as(column, "loss") for column in ("config.n_params", "eval/loss", "n", "seed")]
    ['N', 'loss', 'n', 'seed']
    """
    known = meaning(column, observable)
    return column if known is None or (known.rank == LETTER and known.ours in INPUTS) else known.ours


def look_alikes(name: str, columns: Collection[str]) -> list[str]:
    """The columns of a table that may be meant by `name`.

    These are the columns with a name that is known for it. If there are none, they are the columns with a similar name.

    >>> look_alikes("N", ["loss", "params", "config.model.n_params", "tokens_per_second"])
    ['params', 'config.model.n_params']
    """
    words = frozenset(canonical_words(name))
    core = KNOWN[name].core if name in KNOWN else LOSSES | BITS.keys() if name == "loss" else words
    core |= WEAKER[name].core if name in WEAKER else frozenset()
    unsure = {word for word, ours in UNSURE.items() if name in ours}

    def alike(column: str) -> bool:
        words = frozenset(word for header in headers(column) for word in canonical_words(header.name))
        known = meaning(column, name if name not in INPUTS else "loss")
        return (
            (known is not None and known.ours == name)
            or (bool(words & core) and "per" not in words)
            or plain(column).lower() in unsure | {name.lower()}
            or any(plain(column).endswith(f"_{word}") for word in unsure if len(word) > 1)
        )

    known = [column for column in columns if alike(column)]
    if known or len(name) == 1:
        return known
    return [column for column in columns if name.lower() in plain(column)] or nearest(name, columns)


def few(names: Iterable[str], most: int = 40) -> str:
    """Names of a table's columns in quotes. If there are more than `most`, the first ones and the number of the others.

    >>> few(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    return listed(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
