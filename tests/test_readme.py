"""The README's first example: it runs as pasted, and prints what stands below it."""

import re
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


@pytest.mark.slow
def test_the_first_example_prints_what_is_shown(capsys):
    """Fails if the first code that a newcomer pastes raises, or its output isn't the one shown, or the truth is not."""
    code, shown = re.findall(r"```(?:python|text)\n(.*?)```", README, re.S)[:2]
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == [line.split()[0] for line in shown.splitlines()]
    # Draws are weighted, so another processor's rounding moves the third digit of an interval.
    np.testing.assert_allclose(numbers(printed), numbers(shown), rtol=5e-3, atol=1e-3)
    truth = float(re.search(r"The run's loss was (\d\.\d+) nats a byte", " ".join(README.split())).group(1))
    runs = sb.datasets.load("tiny_gpt", where="split == 'target'")
    assert round(runs.y[np.argmin(abs(runs.column("N") / 788e3 - 1))], 3) == truth
    _, _, _, _, _, lower, upper, _ = numbers(printed.splitlines()[1])
    assert lower < truth < upper
