"""Two tables of runs become one: which rows are the same, and which columns."""

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.runs.joined import joined

OLD = sb.Runs(N=[1e8, 2e8], D=[2e9, 4e9], loss=[3.1, 2.9], run_id=["a", "b"], lr=[1e-3, 2e-3], unit="nats/token")


def test_the_joined_table_is_the_table_that_was_given_whole():
    """Fails if a row, a cell or the order is another than in one table of all rows."""
    new = sb.Runs(N=[4e8], D=[8e9], loss=[2.7], run_id=["c"], lr=[3e-3])
    whole = sb.Runs(
        N=[1e8, 2e8, 4e8],
        D=[2e9, 4e9, 8e9],
        loss=[3.1, 2.9, 2.7],
        run_id=["a", "b", "c"],
        lr=[1e-3, 2e-3, 3e-3],
        unit="nats/token",
    )
    both, dropped = joined(OLD, new)
    assert both.hash == whole.hash and dropped == 0 and both.rows.tolist() == [1, 2, 3]
    again, dropped = joined(OLD, whole)
    assert again.hash == whole.hash and dropped == 2


def test_a_repeated_run_is_no_duplicate():
    """Fails if a second run of one setting, with another loss or another name, is dropped as if it were the first."""
    new = sb.Runs(N=[1e8, 1e8], D=[2e9, 2e9], loss=[3.1, 3.12], run_id=["c", "d"], lr=[1e-3, 1e-3])
    both, dropped = joined(OLD, new)
    assert dropped == 0 and both["run_id"].tolist() == ["a", "b", "c", "d"]


def test_columns_that_one_table_has_are_blank_in_the_other():
    """Fails if a column is lost, compute isn't turned into tokens, or a missing error or count isn't none or one."""
    new = sb.Runs(N=[4e8], C=[6 * 4e8 * 8e9], loss=[2.7], loss_se=[0.01], count=[3], note=["x"])
    both, _ = joined(OLD, new)
    np.testing.assert_allclose(both["D"], [2e9, 4e9, 8e9])
    assert "C" not in both.inputs and both.se is not None and both.count is not None
    assert (both.se.tolist(), both.count.tolist()) == ([0, 0, 0.01], [1, 1, 3])
    assert both["note"].tolist() == [None, None, "x"] and both["run_id"].tolist() == ["a", "b", None]
    assert np.isnan(both["lr"]).tolist() == [False, False, True]


def test_a_run_that_changed_is_refused():
    """Fails if a run is in the table twice, with its loss of before and of now."""
    new = sb.Runs(N=[1e8, 4e8], D=[2e9, 8e9], loss=[3.0, 2.7], run_id=["a", "c"])
    with pytest.raises(sb.InputError, match="run_id 'a': the fit has such a run with other values"):
        joined(OLD, new)


def test_nothing_new_is_told():
    """Fails if a table without a new row is joined in silence."""
    with pytest.raises(sb.InputError, match="nothing is new: the fit has all 2 runs already"):
        joined(OLD, OLD)
