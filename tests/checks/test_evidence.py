"""Figures that sentences quote are those of the committed benchmarks."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.checks.evidence import FIGURES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PACKAGE = Path(sb.__file__).parent


def found(figure, at, path):
    """All numbers that a path leads to."""
    if not path:
        yield from at if isinstance(at, list) else [at]
        return
    key, *rest = path
    for name in at if key == "*" else [key]:
        one = at[name]
        if key != "*" or all(one[field] in values for field, values in figure.where.items()):
            yield from found(figure, one, rest)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.source}:{figure.path[-1]}")
def test_figures_are_those_of_the_benchmarks(figure):
    """Fails if a benchmark was run again and a sentence still quotes the run before."""
    record = json.loads((BENCHMARKS / figure.source).read_text(encoding="utf-8"))
    numbers = list(found(figure, record, figure.path))
    assert round(len(numbers) if figure.count else float(np.mean(numbers)), figure.digits) == figure.value


def test_no_other_sentence_quotes_a_figure():
    """Fails if a figure is written into a sentence, where no test holds it to its benchmark."""
    quote = re.compile(r"intervals[^.;]*? (?:held|covered) \d+ %")
    for path in PACKAGE.rglob("*.py"):
        written = re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        code = [line for line in written.splitlines() if not line.lstrip().startswith(("#", "'"))]
        assert quote.findall("\n".join(code)) == [], path.name
