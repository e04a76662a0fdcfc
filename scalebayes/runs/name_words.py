"""This file splits the name of a column into words, and gives each word one spelling."""

from __future__ import annotations

import re

# The prefixes that trackers put before a name. 'params.' is a prefix of MLflow, but 'params' alone is a count of
# parameters.
TRACKERS = re.compile(r"^(config|summary|params|metrics|hparams)[./](?=.)", re.IGNORECASE)
# Characters of a name. The words after them are not read, and a longer name is no quantity: to try every end of a long
# name as a unit takes time.
LONGEST = 200
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
# Patterns for phrases and for other spellings, with the one word that each of them becomes.
PHRASES = {
    r"bits? (per|a) byte|bits byte": "bpb",
    r"bits? (per|a) char(acter)?|bits char(acter)?": "bpc",
    r"bits? (per|a) tok(en)?|bits token": "bpt",
    r"(cross|x) ?ent(ropy)?|crossentropyloss|ce loss": "ce",
    r"neg(ative)? log(| )likelihood|neglogloss": "nll",
    r"held out|hold out|out of sample": "heldout",
    r"(non|no|without|wo|w o|excl|excluding|exc|ex) ?(the )?emb(ed|eds|edding|eddings|d)?s?": "nonemb",
    r"(with|w|incl|including|inc) ?(the )?emb(ed|eds|edding|eddings|d)?s?": "withemb",
}
PHRASE = [(re.compile(rf"\b({pattern})\b"), word) for pattern, word in PHRASES.items()]
# Two words that may be written as one, as in numparams, valloss and paramcount.
FRONT = r"(n|num|number|total|train|training|val|valid|validation|eval|test|dev|model|final|unique)"
BACK = r"(params?|parameters?|tokens?|toks?|flops?|flos|loss|size|compute|ce|nll|bpb|bpc|ppl)"
JOINED = re.compile(rf"{FRONT}{BACK}")
COUNTED = re.compile(r"(param|parameter|token|flop)(count|counts)")


def plain(column: str) -> str:
    """The name of a table's column without the prefix of a tracker, in lower case, with _ between words.

    A name of one letter keeps its case. N and D are names in scalebayes, but n and d are read as them only if no other
    column is.

    >>> [plain(column) for column in ("config.n_params", "summary.val/loss", "Num-Tokens", "params.N", "params")]
    ['n_params', 'val_loss', 'num_tokens', 'N', 'params']
    """
    name = re.sub(r"[/.\s-]+", "_", TRACKERS.sub("", column.strip(), count=1))
    return name if len(name) == 1 else name.lower()


def canonical_words(column: str) -> tuple[str, ...]:
    """The words in the name of a table's column, in one spelling each, without the prefix of a tracker.

    They are in lower case. A phrase such as 'cross entropy' becomes one word, and 'valloss' becomes two.

    >>> [canonical_words(column) for column in ("config.num_params", "#Params", "valLoss", "Non-Embedding Parameters")]
    [('num', 'params'), ('n', 'params'), ('val', 'loss'), ('nonemb', 'parameters')]
    >>> [canonical_words(column) for column in ("Bits per byte (val)", "test_CrossEntropy", "nparams")]
    [('bpb', 'val'), ('test', 'ce'), ('n', 'params')]
    """
    name = CAMEL.sub(" ", TRACKERS.sub("", column.strip()[:LONGEST], count=1)).lower()
    text = " ".join(re.findall(r"[^\W_]+", name.replace("#", " n ").replace("%", " pct ")))
    for pattern, word in PHRASE:
        text = pattern.sub(word, text)
    return tuple(part for word in text.split() for part in _parted(word))


def _parted(word: str) -> tuple[str, ...]:
    matched = JOINED.fullmatch(word) or COUNTED.fullmatch(word)
    return matched.groups() if matched else (word,)
