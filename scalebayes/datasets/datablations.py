"""This file has the runs with repeated data of Muennighoff et al. 2023, from the notebook in which they fit them."""

from __future__ import annotations

import ast
import json
import re
from types import MappingProxyType
from typing import Any

from scalebayes.datasets.base import Dataset, csv_text, raw

COLUMNS = (
    "run_id",
    "params",
    "tokens",
    "unique_tokens",
    "epochs",
    "flops",
    "loss",
    "in_published_fit",
    "kind",
    "seed",
)
# The name of a run holds its parameters, tokens and unique tokens: 2b84b81b5 has 2.8e9, 4.8e9 and 1.5e9 of them.
AMOUNT = r"([1-9]\d{0,2}m|\db\d{1,2}|[1-9]\d{0,2}b)"
SUFFIX = r"(?:c4)?(?:v2)?(?:seed(?P<seed>\d)|(?P<shape_opt>opt\d?)|(?P<dedup>dedup))?"
LOSSES, SIZES = "NAMES_TO_VAL_LOSSES", "PARAMS_MAP"
UNLISTED = "8b7178b4b"  # a finished run that is commented out in the tables of the notebook


def tidy(notebook: bytes) -> str:
    """The data set's table of the runs in the first two tables of losses of the notebook.

    The second table of losses has the fitted runs.

    A loss of 0 stands for a run that is not finished. Such a run is left out.
    """
    sources = ["".join(cell["source"]) for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    first, second = [source for source in sources if f"{LOSSES} = {{" in source][:2]
    tables = literals(first)
    sizes, losses, fitted = tables[SIZES], tables[LOSSES], literals(second)[LOSSES]
    fitted = {name: loss for name, loss in fitted.items() if loss and not name.endswith("dedup")}
    others = {name: loss for name, loss in losses.items() if loss and name not in fitted}
    others[UNLISTED] = commented(first, UNLISTED)
    rows = [run(name, loss, sizes, True) for name, loss in fitted.items()]
    return csv_text(COLUMNS, rows + [run(name, loss, sizes, False) for name, loss in others.items()])


def literals(source: str) -> dict[str, Any]:
    """The dicts that the code of a cell in the data set's notebook assigns, by name. The code is parsed and never run.

    >>> literals("SIZES = {'7m': 7.1E+06}\\nprint(SIZES)")
    {'SIZES': {'7m': 7100000.0}}
    """
    dicts = {}
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value):
                dicts[name] = ast.literal_eval(value)
    return dicts


def commented(source: str, name: str) -> float:
    """The loss of a run that is commented out in the data set's notebook."""
    return float(re.findall(rf'#\s*"{name}": *([\d.E+-]+)', source)[0])


def amount(words: str) -> float:
    """A number of tokens, from its short form in the name of one of the data set's runs.

    >>> amount("1b25"), amount("178b"), amount("400m")
    (1250000000.0, 178000000000.0, 400000000.0)
    """
    return float(words.replace("m", "e6") if words.endswith("m") else words.replace("b", ".") + "e9")


def run(name: str, loss: float, sizes: dict[str, float], fitted: bool) -> tuple[Any, ...]:
    """One row of the data set's table, from the name of the run.

    Raises:
        ValueError: The name has another form.

    >>> run("2b84b81b5", 3.24, {"2b8": 2.81e9}, True)[:5]
    ('2b84b81b5', 2810000000.0, 4800000000.0, 1500000000.0, 3.2)
    """
    parts = re.fullmatch(f"({'|'.join(sizes)}){AMOUNT}{AMOUNT}{SUFFIX}", name)
    if parts is None:
        raise ValueError(f"the run {name} isn't named for its size and its tokens")
    N, D, U = sizes[parts[1]], amount(parts[2]), amount(parts[3])
    kinds = [kind for kind in ("seed", "shape_opt", "dedup") if parts[kind]]
    kind = kinds[0] if kinds else "main" if fitted else "outlier"
    return name, N, D, U, D / U, 6 * N * D, loss, int(fitted), kind, parts["seed"]


REPOSITORY = "huggingface/datablations"
COMMIT = "13701315b163f1c54642b94ad237b2699187c3ee"

DATABLATIONS = Dataset(
    "datablations",
    '309 runs of language models on 1 to 9000 epochs of C4; U counts unique tokens; where="in_published_fit == 1" '
    "selects the 182 runs of the published fit, and where=\"kind == 'seed'\" repeats that differ only in their seed",
    rows=309,
    source=f"https://github.com/{REPOSITORY}/tree/{COMMIT}",
    licence="Apache-2.0",
    reference="Muennighoff et al. 2023, arXiv 2305.16264",
    sha256="af446fd788dc17a9b824b3e15907c2cd2bc8b58ec82b9d28ccfa11e58b6e1f3b",
    files=(raw(REPOSITORY, COMMIT, "utils/parametric_fit.ipynb"),),
    tidy=tidy,
    reading=MappingProxyType({"unit": "nats/token"}),
)
