"""What is given in place of a table of runs: every function says the call that makes one."""

from pathlib import Path

import pandas as pd
import pytest

import scalebayes as sb

FRAME = pd.DataFrame({"N": [7e10, 1e9], "D": [1.4e12, 1e12], "loss": [1.0, 2.0]})
ASKED = {
    "fit": sb.fit,
    "forecaster": sb.forecaster,
    "fit_many": lambda runs: sb.fit_many([runs]),
    "fit_many of one": sb.fit_many,
    "backtest": lambda runs: sb.backtest(runs, ["power"]),
    "best_of": lambda runs: sb.best_of(runs, by="N"),
    "averaged": lambda runs: sb.averaged(runs, ["N"]),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_data_frame_or_a_path_is_told_of_read_runs(name):
    """Fails if what everybody tries first ends in an error that doesn't say what to type."""
    for given, call in ((FRAME, "sb.read_runs(...)"), ("runs.csv", "sb.read_runs("), (Path("a.csv"), "sb.read_runs(")):
        with pytest.raises(sb.InputError) as error:
            ASKED[name](given)
        assert call in str(error.value) and type(given).__name__ in str(error.value)
    if name == "fit":
        with pytest.raises(sb.InputError, match=r"give sb\.read_runs\('runs.csv'\)"):
            sb.fit("runs.csv")
