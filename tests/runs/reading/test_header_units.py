"""Units in headers: a column that says its unit is read in it, and told."""

import numpy as np
import openpyxl
import pytest

from scalebayes.errors import InputError
from scalebayes.runs import read_runs

OTHERS = {"N": {"params": [1e8, 1e9]}, "D": {"tokens": [2e9, 2e10]}, "C": {"flops": [1e18, 1e20]}}
HEADERS = {
    "N": {
        **dict.fromkeys(["Model Size (M)", "#Params (M)", "Params (millions)", "params_M", "n_params [M]"], 1e6),
        **dict.fromkeys(["Params, M", "Parameters in millions", "M params", "Mparams", "N / 1e6", "N (×10⁶)"], 1e6),
        **dict.fromkeys(["#Params (B)", "Parameters (non-embedding, B)", "N (B)", "params_bn", "Model size [b]"], 1e9),
        **dict.fromkeys(["config.n_params (K)", "total params (thousands)", "Parameters (1000s)"], 1e3),
        **dict.fromkeys(["Parameters", "N (parameters)", "# params", "parameter_count"], 1.0),
    },
    "D": {
        **dict.fromkeys(
            ["Tokens (T)", "tokens_T", "trillion tokens", "D (10^12)", "Training tokens [trillions]"], 1e12
        ),
        **dict.fromkeys(["Tokens [B]", "tokens_B", "billions of tokens", "Gtokens", "D (B tokens)", "D/1e9"], 1e9),
        **dict.fromkeys(["Tokens (B) seen", "train tokens, billions", "tokens_trained_in_billions"], 1e9),
        **dict.fromkeys(["tokens (M)", "consumed tokens (1e6)", "D (1,000,000)"], 1e6),
        **dict.fromkeys(["D (tokens)", "tokens"], 1.0),
    },
    "C": {
        **dict.fromkeys(
            ["FLOPs (1e21)", "C (10^21 FLOPs)", "Compute (ZFLOPs)", "train_flops_1e21", "ZettaFLOPs"], 1e21
        ),
        **dict.fromkeys(["Compute (EFLOPs)", "total_eflops", "Training compute (x1e18 FLOPs)", "C (×10^18)"], 1e18),
        **dict.fromkeys(["total training PFLOPs", "C [petaFLOP]"], 1e15),
        **dict.fromkeys(["total_training_Gflops", "throughput/total_gflops"], 1e9),
        **dict.fromkeys(
            ["Compute (PF-days)", "Compute (petaflop/s-days)", "compute_pf_days", "PF-days", "C (PFLOP/s-days)"],
            8.64e19,
        ),
        **dict.fromkeys(["Compute (FLOPs)", "FLOPs"], 1.0),
    },
}
CASES = [(ours, header, factor) for ours, headers in HEADERS.items() for header, factor in headers.items()]


@pytest.mark.parametrize(("ours", "header", "factor"), CASES, ids=[header for _, header, _ in CASES])
def test_a_header_that_says_its_unit_is_read_in_it(ours, header, factor):
    """Fails if a table in millions is read as one in ones, or if nobody is told of the factor."""
    others = {name: cells for one, own in OTHERS.items() if one != ours for name, cells in own.items()}
    runs = read_runs({header: [2.0, 7.5], **others, "loss": [3.0, 2.5]})
    np.testing.assert_allclose(runs.inputs[ours], np.array([2.0, 7.5]) * factor, rtol=1e-14)
    assert (f"'{header}' as {ours}, times" in repr(runs)) == (factor != 1.0)
    assert runs.name_of(header) == ours


UNITS = {
    "nats": ["loss (nats)", "Val loss [nats]", "val_loss_nats"],
    "nats/token": ["loss (nats/token)", "Loss (nats per token)", "eval/loss (nats/tok)"],
    "bits/byte": ["val_bpb", "Loss (bits/byte)", "loss (bpb)", "val/bits_per_byte", "bpb", "eval_loss (bits per byte)"],
    "bits/char": ["bpc", "loss (bits/char)", "test_bpc"],
    "bits/token": ["loss [bits/token]", "val bits per token"],
    "bits": ["loss (bits)"],
    "": ["loss", "val_loss", "test_ce", "loss_validation", "nll", "cross-entropy"],
}
LOSSES = [(unit, header) for unit, headers in UNITS.items() for header in headers]


@pytest.mark.parametrize(("unit", "header"), LOSSES, ids=[header for _, header in LOSSES])
def test_the_unit_of_a_loss_is_that_which_its_column_says(unit, header):
    """Fails if bits a byte are told as nats a token, or if a unit is made up where nobody gave one."""
    runs = read_runs({"N": [1e8], "D": [1e9], header: [1.1]})
    assert runs.unit == unit and runs.y.tolist() == [1.1]
    assert (unit or "(unit not said)") in repr(runs).splitlines()[0]
    assert read_runs({"N": [1e8], header: [1.1]}, unit="nats/byte").unit == "nats/byte"


@pytest.mark.parametrize(
    "header", ["Accuracy (%)", "accuracy [percent]", "accuracy_pct", "Accuracy, %", "val accuracy (%)"]
)
def test_a_share_in_per_cent_is_read_as_a_share(header):
    """Fails if an accuracy of 40 % is refused as one of 40."""
    table = {"flops": [1e18, 1e19], header: [40.2, "41"], f"{header}_se": [1.0, 2.0]}
    runs = read_runs(table, observable="accuracy", range=(0, 1))
    np.testing.assert_allclose(runs.y, [0.402, 0.41])
    assert "times 0.01" in repr(runs)


def test_cells_that_say_per_cent_under_per_cent_are_divided_once():
    """Fails if 40.2% under (%) is read as a share of 0.00402."""
    runs = read_runs({"flops": [1e18, 1e19], "Accuracy (%)": ["40.2%", "41%"]}, observable="accuracy", range=(0, 1))
    np.testing.assert_allclose(runs.y, [0.402, 0.41])
    assert "times" not in repr(runs)


def test_a_standard_error_has_the_unit_of_its_observable():
    """Fails if the values are divided by 100 and their errors are not."""
    runs = read_runs({"x": [1, 2], "score (%)": [40, 50], "score (%)_se": [1, 2]}, observable="score")
    np.testing.assert_allclose([runs.y, runs.se], [[0.4, 0.5], [0.01, 0.02]])


NOT_READ = [
    *(
        "tokens_per_second",
        "embedding_params",
        "active_params",
        "tflops",
        "flops_per_second",
        "GPU hours",
        "batch_tokens",
    ),
    *("dataset_size", "tokens_per_param", "compute_class", "wall_time", "Size (B)", "D_t", "consumed_samples", "Model"),
    *("perplexity", "val_loss_std", "z_loss", "best_val_loss", "L", "unique_samples"),
]


@pytest.mark.parametrize("header", NOT_READ)
def test_a_name_that_may_be_something_else_is_not_read(header):
    """Fails if a throughput is taken for tokens, or a part of the parameters for all of them."""
    assert set(read_runs({header: [7.0], "loss": [3.0]}).columns()) == {header, "loss"}


def test_a_cell_that_says_its_unit_in_a_column_that_does_is_refused_with_both_readings():
    """Fails if 60M under (M) is read as 60e12 parameters, or as 60 million, without a word."""
    table = {"Params (M)": ["60M", "70M"], "loss": [3.0, 2.5]}
    with pytest.raises(InputError, match=r"'60M' says one too; .* units=\{'N': 1\} .* units=\{'N': 1e6\}"):
        read_runs(table)
    full = {"Params (M)": [6e7, 7e9], "loss": [3.0, 2.5]}
    with pytest.raises(InputError, match=r"3.53e9 in the middle, are too large for it; .* units=\{'N': 1\}"):
        read_runs(full)
    assert read_runs(full, units={"N": 1}).inputs["N"].tolist() == [6e7, 7e9]
    assert read_runs(full, units={"N": 1e6}).inputs["N"].tolist() == [6e13, 7e15]


def test_what_the_user_says_of_units_goes_before_the_header():
    """Fails if there is no way to read a table whose header is silent, or wrong."""
    table = {"size": [60, 70], "Tokens (M)": [2, 3], "compute": [0.1, 0.2], "loss": [3.0, 2.5]}
    runs = read_runs(table, columns={"N": "size"}, units={"N": "M", "Tokens (M)": "B", "C": "PF-days"})
    np.testing.assert_allclose(runs.inputs["N"], [6e7, 7e7])
    np.testing.assert_allclose(runs.inputs["D"], [2e9, 3e9])
    np.testing.assert_allclose(runs.inputs["C"], [8.64e18, 1.728e19])
    assert runs.metadata["units"] == ["C", "D", "N"]
    assert read_runs(table, columns={"N": 60}, units={"N": 1e6}).inputs["N"].tolist() == [6e7, 6e7]


@pytest.mark.parametrize(
    ("units", "told"),
    [
        ({"Q": 1e6}, "unknown column in units 'Q'; valid: N, loss"),
        ({"N": "wide"}, "neither a positive number nor the name of a power of ten"),
        ({"N": -1}, "neither a positive number"),
        ({"N": float("nan")}, "neither a positive number"),
        (["N"], "is no mapping"),
    ],
)
def test_units_that_are_none_are_refused(units, told):
    """Fails if a misspelt unit is dropped, and the table read in ones."""
    with pytest.raises(InputError, match=told):
        read_runs({"N": [60], "loss": [3.0]}, units=units)


def test_a_column_that_is_given_by_name_is_read_in_its_unit():
    """Fails if columns={'N': 'Weights (M)'} drops what the header says."""
    table = {"Weights (M)": [60], "data (B tokens)": [2], "final (bits/byte)": [1.1], "foo_B": [5]}
    runs = read_runs(
        table, columns={"N": "Weights (M)", "D": "data (B tokens)", "loss": "final (bits/byte)", "U": "foo_B"}
    )
    assert [runs.inputs[name].tolist() for name in "NDU"] == [[6e7], [2e9], [5]]
    assert runs.unit == "bits/byte"


def test_a_column_in_full_goes_before_its_own_in_millions():
    """Fails if rounded millions are read where the count itself is there, or if the two are taken for rivals."""
    runs = read_runs({"Params (M)": [124], "params": [124_439_808], "loss": [3.0]})
    assert runs.inputs["N"].tolist() == [124_439_808] and runs.metadata["left_out"] == ["Params (M)"]


LETTERS = [
    *("g_loss", "b_loss", "loss_G", "loss in B", "t_loss", "T-loss", "loss_t", "loss, t", "Loss (t)", "m loss"),
    *("loss_k", "K loss", "loss (B)", "loss_1000", "loss tokens"),
]


@pytest.mark.parametrize("header", LETTERS)
def test_a_letter_beside_a_loss_is_no_power_of_ten(header):
    """Fails if the loss of a generator is read as one in billions, or if its column can't be named."""
    with pytest.raises(InputError, match="say which with columns=") as refused:
        read_runs({"params": [1e8], header: [2.5]})
    assert f"columns={{'loss': '{header}'}}" in str(refused.value)
    assert read_runs({"params": [1e8], header: [2.5]}, columns={"loss": header}).y.tolist() == [2.5]
    assert read_runs({"params": [1e8], "train_loss": [2.1], header: [2.5]}).y.tolist() == [2.1]


@pytest.mark.parametrize("header", ["eval_loss_b", "val_loss_m"])
def test_a_letter_behind_a_held_out_loss_is_a_set_of_its_own(header):
    """Fails if the loss on one held-out set is multiplied."""
    assert read_runs({"params": [1e8], header: [2.5]}).y.tolist() == [2.5]


def test_two_losses_told_apart_by_a_letter_are_not_chosen_between():
    """Fails if loss_b is taken for the loss in billions, beside a loss_a that isn't read."""
    with pytest.raises(InputError, match="nearest: 'loss_a', 'loss_b'"):
        read_runs({"params": [1e8], "loss_a": [2.5], "loss_b": [2.6]})
    assert read_runs({"x": [1], "score": [3], "score_k": [4]}, observable="score").y.tolist() == [3]


@pytest.mark.parametrize(
    "header", ["loss x1000", "loss*1000", "loss (x1000)", "val_loss (10^3)", "loss (×10³)", "loss (thousands)"]
)
def test_a_loss_that_says_a_power_of_ten_is_refused_with_each_reading(header):
    """Fails if a loss that was multiplied by 1000 is multiplied once more."""
    table = {"params": [1e8], header: [2500.0]}
    with pytest.raises(InputError, match=r"0.001\} divides .*'loss': 1e3\} multiplies .*'loss': 1\} takes"):
        read_runs(table)
    assert [read_runs(table, units={"loss": by}).y.tolist() for by in (1e-3, 1e3, 1)] == [[2.5], [2.5e6], [2500.0]]
    assert read_runs({**table, "loss": [2.6]}, columns={"loss": "loss"}).y.tolist() == [2.6]


def accuracies(table, **more):
    return read_runs(table, observable="accuracy", range=(0, 1), **more)


@pytest.mark.parametrize("header", ["Accuracy (%)", "accuracy_pct", "accuracy, percent"])
def test_shares_under_per_cent_are_refused_with_both_readings(header):
    """Fails if an accuracy of 0.45 under (%) is read as 0.0045."""
    table = {"flops": [1e18, 1e19], header: [0.45, "0.5"]}
    with pytest.raises(InputError, match=r"'accuracy': 1\} takes them as shares, .*'accuracy': 0.01\} divides"):
        accuracies(table)
    assert accuracies(table, units={"accuracy": 1}).y.tolist() == [0.45, 0.5]
    np.testing.assert_allclose(accuracies(table, units={"accuracy": 0.01}).y, [0.0045, 0.005])
    np.testing.assert_allclose(accuracies({**table, header: ["45%", "50 %"]}).y, [0.45, 0.5])


@pytest.mark.parametrize("header", ["accuracy", "Accuracy (%)"])
def test_errors_that_do_not_say_per_cent_beside_cells_that_do_are_refused(header):
    """Fails if the values are divided by 100 and their errors are not, or if the cure divides them twice."""
    error = f"{header}_se"
    table = {"flops": [1e18, 1e19], header: ["45%", "50%"], error: [1, 2]}
    with pytest.raises(InputError, match=r"'accuracy_se': 0.01\} divides .*'accuracy_se': 1\} takes"):
        accuracies(table)
    assert accuracies(table, units={"accuracy_se": 0.01}).se.tolist() == [0.01, 0.02]
    assert accuracies({**table, error: [0.01, 0.02]}, units={"accuracy_se": 1}).se.tolist() == [0.01, 0.02]
    assert accuracies({**table, error: ["1%", "2%"]}).se.tolist() == [0.01, 0.02]
    both = {"flops": [1e18, 1e19], "accuracy": [45, 50], "accuracy_se": [1, 2]}
    assert accuracies(both, units={"accuracy": "%", "accuracy_se": "%"}).se.tolist() == [0.01, 0.02]


@pytest.mark.parametrize("header", ["accuracy", "Accuracy (%)", "accuracy_pct"])
@pytest.mark.parametrize("shown", ["0%", "0.00%", "0.0%;[Red]-0.0%", '0"%"'])
def test_a_workbook_that_shows_shares_in_per_cent_is_read_as_shares(tmp_path, header, shown):
    """Fails if the cell that a sheet shows as 40% is a share of 0.004."""
    book = openpyxl.Workbook()
    rows = [["flops", header], [1e18, 0.4], [1e19, 0.51234], [1e20, 0.60125]]
    literal = '"' in shown
    for row in rows if not literal else [rows[0], [1e18, 40], [1e19, 51.234], [1e20, 60.125]]:
        book.active.append(row)
    for at in (2, 3, 4):
        book.active.cell(at, 2).number_format = shown
    book.save(tmp_path / "runs.xlsx")
    units = {"accuracy": 0.01} if literal else None
    np.testing.assert_allclose(accuracies(tmp_path / "runs.xlsx", units=units).y, [0.4, 0.51234, 0.60125], rtol=1e-14)
