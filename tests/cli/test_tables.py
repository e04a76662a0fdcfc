"""Tables of the command line with long names: they fit 100 columns, and lose no number."""

import re

import pytest

from scalebayes.cli import format as show
from scalebayes.display.figures import LONGEST_NAME

LONG = "sweep_over_learning_rates_and_batch_sizes_on_the_big_cluster_2025-11"
# What commands print at most: of a stack, of many data sets, of a backtest, of an optimum in many budgets.
SCORES = ["0.0123", "3.14", "0.00543", "50", "80", "90", "95", "0.1"]
TABLES = {
    "stack": (
        ["fit", "weight", "law", "noise", "discrepancy"],
        [[LONG, "0.731", "chinchilla", "student_t(df=4)", "GP(matern, bend, drift, offset)"]],
        1,
    ),
    "optimum": (
        ["data set", "C", "N*", "D*", "D*/N*", "loss*", "N* exponent"],
        [[LONG, "1e24", *["97.1B [89.12B, 105.1B]"] * 2, *["1.812 [1.800, 1.825]"] * 3]],
        1,
    ),
    "backtest": (
        ["law", "RMSE", "log score", "CRPS", "50%", "80%", "90%", "95%", "width"],
        [[f"broken_power:breaks=2+gp(matern, bend, drift)+{LONG}", *SCORES]],
        1,
    ),
    "headings": (
        ["C", *[f"probability that {kind} is better" for kind in "abcd"]],
        [["1e20", "0", "1", "0", "0.5"]],
        1,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_100_columns(name, monkeypatch):
    """Fails if a long name pushes the numbers out of the screen, or a number is cut to make room."""
    monkeypatch.setenv("COLUMNS", "80")
    header, rows, left = TABLES[name]
    text = show.grid(header, rows, left)
    assert max(map(len, text.splitlines())) <= 100
    for number in re.findall(r"[\d.]+[BMT]?", " ".join(rows[0][left:])):
        assert number in text
    monkeypatch.setenv("COLUMNS", "400")
    assert len(show.grid(header, rows, left).splitlines()) == 1 + len(rows)


def test_a_name_that_is_cut_keeps_both_ends():
    """Fails if names that differ at their end look the same, or a short one is cut."""
    assert show.shortened(LONG).startswith("sweep_") and show.shortened(LONG).endswith("2025-11")
    assert len(show.shortened(LONG)) == LONGEST_NAME and show.shortened("a" * LONGEST_NAME) == "a" * LONGEST_NAME
