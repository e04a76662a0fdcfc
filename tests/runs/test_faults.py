"""All that is wrong with a table in one message, and the filter in it leaves out just those rows."""

import re

import pytest

from scalebayes.errors import InputError
from scalebayes.runs import Runs, read_runs

TABLE = {
    "name": ["a", "b", "c", "d", "e", "f"],
    "params": ["1e8", "", "3e8", "4e8", "5e8", "6e8"],
    "tokens": ["1e9", "2e9", "oops", "4e9", "5e9", "6e9"],
    "flops": ["1", "2", "3", "-4", "5", "6"],
    "loss": ["3.5", "3.4", "3.3", "3.2", "inf", "3"],
}


def refusal(table, **how):
    with pytest.raises(InputError) as refused:
        read_runs(table, **how)
    message = str(refused.value)
    assert "\n" not in message
    return message


def cure(message):
    """The filter that a message says to type."""
    found = re.search(r'where="([^"]+)"|where=\'(.+)\'', message)
    return found[1] or found[2]


def test_the_faults_of_all_columns_come_at_once():
    """Fails if a fault is left for the next try, or is told without its row, its column or its cure."""
    message = refusal(TABLE)
    assert message.startswith("4 faults: (1) row 5 (run_id 'e'), column 'loss': inf is not finite; correct it; (2) ")
    assert "row 2 (run_id 'b'), column 'params' (read as N): the cell is blank; fill in the number; (3) " in message
    assert "row 3 (run_id 'c'), column 'tokens' (read as D): 'oops' is not a number; correct the cell; (4) " in message
    assert "row 4 (run_id 'd'), column 'flops' (read as C): -4 is not above 0; correct it; or " in message


@pytest.mark.parametrize(
    ("table", "how", "kept"),
    [
        (TABLE, {}, [3.5, 3.0]),
        ({name: TABLE[name] for name in ("params", "tokens", "loss")}, {}, [3.5, 3.2, 3.0]),
        (TABLE, {"where": "name == 'a' or name == 'b' or params > 3e8"}, [3.5, 3.0]),
        ({"params": ["1e8", "", "0"], "tokens": ["", "1", "2"], "c": [1, 2, 3], "loss": [3, 2, "-"]}, {}, None),
        ({"my N": ["1e8", "", "0"], "loss": [3, 2, "1"]}, {"columns": {"N": "my N"}}, [3.0]),
        ({"params": ["x", *["1e8"] * 30], "loss": [1, *["nan"] * 29, 2]}, {}, [2.0]),
        ({"name": ["1", "2"], "params": ["1e8", "x"], "loss": [3, 2]}, {}, [3.0]),
        ({"name": ['it\'s "it"', "b"], "params": ["x", "1e8"], "loss": [3, 2]}, {}, [2.0]),
        ({"row": ["r", "s"], "name": ["60M", "70M"], "params": ["x", "1e8"], "loss": [3, 2]}, {}, None),
    ],
)
def test_the_filter_that_is_offered_leaves_a_table_without_faults(table, how, kept):
    """Fails if the one filter for all faults can't be typed as it stands, or leaves a fault."""
    message = refusal(table, **how)
    if kept is None:
        assert "where=" not in message
    else:
        assert read_runs(table, **{**how, "where": cure(message)}).y.tolist() == kept


def test_of_many_faults_the_first_are_told():
    """Fails if a table with many bad columns fills the screen, or if their number isn't told."""
    names = ("N", "D", "C", "U", "x", "loss_se", "count")
    message = refusal({**{name: ["1", "a", "", "-1", "inf"] for name in names}, "loss": [3, 2, 1, 2, 3]})
    assert message.startswith("28 faults: (1) ") and "(8) " in message and "(9) " not in message
    assert "; and 20 more; or leave those rows out with" in message


def test_missing_columns_and_faults_come_together():
    """Fails if a missing column hides the faults of the others, which are then found at the next try."""
    message = refusal({"params": ["1e8", ""], "tokens": ["1", "2"], "los": [3, 2]})
    assert "no column for the observable 'loss'" in message
    assert "besides, row 2, column 'params': the cell is blank; fill in the number or leave such rows out" in message
    with pytest.raises(InputError, match=r"no column for the observable 'loss'.* besides, row 2, column 'N': 0 is not"):
        Runs(N=[1, 0], los=[3, 2])
    with pytest.raises(InputError, match=r"the runs have no 'D'.* besides, row 2, column 'epochs': 0 is not above 0"):
        Runs(N=[1, 2], epochs=[1, 0], loss=[3, 2]).require("N", "D", "epochs")


def test_faults_on_both_sides_of_a_range_are_two():
    """Fails if the filter offered for a value above the range leaves the values below it."""
    table = {"x": [1, 2, 3], "y": [0.5, 1.5, -1]}
    message = refusal(table, observable="y", range=(0, 1))
    assert "row 3, column 'y': -1 is not above 0" in message and "row 2, column 'y': 1.5 is not below 1" in message
    assert read_runs(table, where=cure(message), observable="y", range=(0, 1)).y.tolist() == [0.5]
