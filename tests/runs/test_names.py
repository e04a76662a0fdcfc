"""Names: what people call their columns, which of two is read, and that a column's own name keeps working."""

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.backtesting.cutoffs import sized
from scalebayes.cli import main
from scalebayes.errors import InputError
from scalebayes.runs import read_runs
from tests.helpers import POINT, TYPED_POINT

ALIASES = {
    "N": [
        *(
            "parameter_count",
            "params_total",
            "num_params",
            "#params",
            "Params",
            "model params",
            "n_parameters",
            "nparams",
        ),
        *(
            "numParams",
            "total_parameters",
            "Number of parameters",
            "No. of params",
            "model.num_params",
            "params (total)",
        ),
        *(
            "non_embedding_params",
            "Params (non-embedding)",
            "n_params_wo_emb",
            "N_nonemb",
            "Model Size",
            "config/n_params",
        ),
        *("hparams/param_count", "summary.parameter_count", "network parameters", "trunk.N"),
    ],
    "D": [
        *("tokens_trained", "train_tokens_total", "n_train_tokens", "trainTokens", "consumed-train-tokens", "tokens"),
        *("num_input_tokens_seen", "throughput/total_tokens", "Training Tokens", "# tokens", "tokens so far", "Tok"),
        *("pretraining tokens", "tokens_processed", "ntokens", "metrics.total_tokens", "tokens_seen"),
    ],
    "C": [
        *("training_flops", "train_compute", "compute_flops", "total_flos", "Training FLOP", "FLOPs", "compute"),
        *("trainflops", "estimated_flops_used", "pretraining FLOPs", "Compute budget", "total training flops"),
    ],
    "U": ["unique_tokens", "Unique Tokens", "num_unique_tokens", "tokens (unique)", "distinct tokens"],
    "loss": [
        *("loss_validation", "val_bpb", "test_ce", "val_ce", "cross_entropy", "validation_loss", "eval/loss", "nll"),
        *("valLoss", "final_val_loss", "heldout loss", "held-out loss", "lm loss validation", "validation/lm_loss"),
        *("train/CrossEntropyLoss", "metrics/eval/LanguageCrossEntropy", "loss/train/total", "dev_nll", "Loss (val)"),
        *("negative log-likelihood", "mean_loss", "eval_wiki_loss", "eval/c4_en-validation/CrossEntropyLoss"),
    ],
}
KNOWN = [(ours, theirs) for ours, names in ALIASES.items() for theirs in names]
UNKNOWN = {"trunk.N", "estimated_flops_used"}  # another part of the model's, another word than those of a count


@pytest.mark.parametrize(("ours", "theirs"), KNOWN, ids=[theirs for _, theirs in KNOWN])
def test_a_column_is_read_by_the_words_of_its_name(ours, theirs):
    """Fails if a forecaster has to rename columns whose names say what they are."""
    runs = read_runs({theirs: [7.0], **({} if ours == "loss" else {"loss": [3.0]})})
    assert set(runs.columns()) == {theirs if theirs in UNKNOWN else ours, "loss"}


def test_words_in_any_order_are_one_name():
    """Fails if a name is known in one order of its words alone."""
    rng = np.random.default_rng(16)
    for words, ours in ((["total", "train", "tokens", "seen"], "D"), (["n", "model", "params", "total"], "N")):
        for _ in range(12):
            name = "_- "[rng.integers(3)].join(rng.permutation(words))
            assert ours in read_runs({name: [7.0], "loss": [3.0]}).inputs, name


def test_the_case_of_two_losses_and_two_counts(cases_path):
    """Fails if an exact name or a held-out loss doesn't win, or if the other is dropped without a word."""
    runs = read_runs(cases_path / "two_losses.csv")
    assert runs.y[0] == 3.5783 and runs.inputs["D"][0] == 2e9 and runs.inputs["train_tokens"][0] == 2000006000.0
    told = repr(runs)
    assert "eval/loss as loss" in told and "left out: train/loss" in told
    assert "'train_tokens' stays a column of its own" in told


def test_the_case_of_names(cases_path):
    """Fails if the names that people write aren't known, or if bits a byte are told as nats a token."""
    runs = read_runs(cases_path / "names.csv")
    assert {"N", "D"} <= set(runs.inputs) and runs.unit == "bits/byte"
    assert "'val_bpb' as loss, in bits/byte" in repr(runs)


def test_each_way_out_of_two_readings_works():
    """Fails if what an error says to type is refused."""
    table = {"params": [1.0], "n_params": [2.0], "val_loss": [3.0], "test_loss": [4.0]}
    with pytest.raises(InputError) as refused:
        read_runs(table)
    for ours, theirs in (("N", "params"), ("N", "n_params"), ("loss", "val_loss"), ("loss", "test_loss")):
        assert f"columns={{'{ours}': '{theirs}'}}" in str(refused.value)
        other = {"N": "params", "loss": "test_loss"} | {ours: theirs}
        assert read_runs(table, columns=other).columns()[ours].tolist() == table[theirs]


@pytest.fixture(scope="module")
def read():
    """Runs whose columns were all read under other names."""
    N, D = np.repeat([1e7, 1e8, 1e9], 4), np.tile([1e9, 3e9, 1e10, 3e10], 3)
    loss = 1.8 + 400 / N**0.34 + 2000 / D**0.37
    return read_runs({"Model Size (M)": N / 1e6, "n_tokens": D, "val loss": loss, "family": ["a", "b"] * 6})


def test_a_columns_own_name_keeps_working(read, tmp_path):
    """Fails if the file has a column that 'isn't there', because it was read under another name."""
    assert read.name_of("n_tokens") == "D" and read.name_of("lr") == "lr" and read.name_of("N") == "N"
    assert read.column("Model Size (M)").tolist() == read.column("N").tolist()
    assert len(read.where("n_tokens > 5e9 and family == 'a'")) == len(read.where("D > 5e9 and group == 'a'"))
    fit = sb.fit(read, "power", inputs={"x": "n_tokens"}, method=POINT, on_fail="ignore")
    assert dict(fit.problem.columns) == {"x": "D"}
    assert len(sb.Window(1.5, on="n_tokens", least=1).of(read, ["N", "D"])) == 6
    found = [sb.predict(fit, **{name: 1e11})["loss"].item() for name in ("x", "D", "n_tokens")]
    assert found[0] == found[1] == found[2]
    fit.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    assert again.runs.name_of("n_tokens") == "D"
    assert len(again.runs.where("n_tokens > 5e9")) == len(read.where("D > 5e9"))
    with pytest.warns(sb.FitWarning, match="other columns"):  # a law of D alone, and N varies
        assert sb.predict(again, n_tokens=1e11)["loss"].item() == found[0]
    with pytest.raises(InputError, match=r"n_tokens is the column .D. here, and D is given too"):
        sb.predict(fit, D=1e11, n_tokens=1e11)


def test_a_backtest_is_cut_by_a_columns_own_name(read):
    """Fails if by= knows our names alone."""
    assert sized(read, "n_tokens")[1] == "D"


def test_our_names_always_mean_ours():
    """Fails if a law of N is fitted to D, because the file calls its tokens N."""
    runs = read_runs({"N": [1e9, 2e9], "loss": [3.0, 2.5]}, columns={"D": "N"})
    assert runs.name_of("N") == "N"
    with pytest.raises(InputError, match="needs 'N', and the runs have no column 'N'"):
        sb.fit(runs, "chinchilla")


def test_all_inputs_that_are_missing_are_named_at_once_and_the_cure_works():
    """Fails if a forecaster is told of one missing column a try."""
    table = {"size": [1e8, 1e9, 1e10], "steps": [1e9, 1e10, 1e11], "loss": [3.0, 2.5, 2.2]}
    with pytest.raises(InputError) as refused:
        sb.fit(read_runs(table), "chinchilla", method=POINT)
    message = str(refused.value)
    assert "needs 'N' and 'D', and the runs have no column 'N' and no column 'D' (they have size, steps)" in message
    assert "N may be 'size'" in message and "D may be 'steps'" in message
    assert "read_runs(..., columns={'N': 'size', 'D': 'steps'})" in message
    runs = read_runs(table, columns={"N": "size", "D": "steps"})
    assert sb.fit(runs, "chinchilla", method=POINT, on_fail="ignore").draws


def test_a_perplexity_is_offered_and_not_read():
    """Fails if a perplexity is fitted as a loss, or if nobody says how to fit it as itself."""
    table = {"params": [1e8, 1e9], "val_ppl": [30.0, 20.0]}
    with pytest.raises(InputError, match="observable='perplexity'"):
        read_runs(table)
    assert read_runs(table, observable="perplexity").y.tolist() == [30.0, 20.0]


# On the command line


def run(capsys, *args):
    code = main([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_columns_own_name_works_on_the_command_line(capsys, cases_path, tmp_path):
    """Fails if `--input x=num_params` says that there is no such column in a file that has it."""
    four, kept = cases_path / "four_rows.csv", tmp_path / "fit.nc"
    options = ("--law", "power", "--observable", "perplexity", "--method", "map")
    code, out, _ = run(capsys, "fit", four, "--input", "x=num_params", *options, "--out", kept)
    assert code == 0 and "num_params as N" in out and "x = N" in out
    code, out, _ = run(capsys, "predict", kept, "--input", "num_params=1e10")
    assert code == 0 and "10B" in out


ASKED = {
    "text": ("size,tokens,loss\nsmall,1e9,3.5\nbig,1e10,3\nbig,2e10,2.9\n", "N may be 'size'"),
    "no N": ("tokens,loss\n1e9,3.5\n1e10,3\n2e10,2.9\n", "N was asked for, and the runs have no N (they have D)"),
    "neither": ("lr,steps,loss\n1,1e9,3.5\n2,1e10,3\n3,2e10,2.9\n", "N and D were asked for"),
    "one other": ("lr,loss\n1,3.5\n2,3\n3,2.9\n", "N and D were asked for, and the runs have no N and no D"),
}


@pytest.mark.parametrize("case", ASKED)
def test_an_input_that_was_asked_for_is_never_dropped(case, capsys, tmp_path):
    """Fails if a forecast at N and D goes by D alone, with exit code 0."""
    table, told = ASKED[case]
    (tmp_path / "mine.csv").write_text(table)
    code, out, err = run(capsys, "forecast", tmp_path / "mine.csv", "--N", "70B", "--D", "1B")
    assert code == 2 and not out and told in err and "N" in err


def test_predict_refuses_an_input_that_would_change_nothing(read):
    """Fails if an answer at N and D is that at D alone."""
    fit = sb.fit(read, "power", inputs={"x": "D"}, method=POINT, on_fail="ignore")
    with pytest.raises(InputError, match="law 'power' takes D alone, and N would change nothing"):
        sb.predict(fit, N=7e10, D=1e11)
    by_both = sb.predict(fit, N=7e10, C=6 * 7e10 * 1e11)["loss"].item()
    assert np.isclose(by_both, sb.predict(fit, D=1e11)["loss"].item(), rtol=1e-12)
    assert sb.predict(fit, N=7e10, D=1e11, C=6 * 7e10 * 1e11)["loss"].item() == sb.predict(fit, D=1e11)["loss"].item()
    with pytest.raises(InputError, match="C isn't 6 N D"):
        sb.predict(fit, N=7e10, D=1e11, C=1e20)


def test_every_command_with_runs_takes_what_reading_takes(capsys, tmp_path):
    """Fails if a table can be read by one command and not by another."""
    rows = [
        f"{n},{d},{1.8 + 4e2 / (n * 1e6) ** 0.34 + 2e3 / (d * 1e9) ** 0.37:.6f}"
        for n in (10, 100, 999)
        for d in (1, 5, 25)
    ]
    (tmp_path / "mine.csv").write_text("sz,tk,L\n" + "\n".join(rows) + "\n")
    reading = ["--columns", "N=sz", "--columns", "D=tk", "--columns", "loss=L", "--units", "N=M", "--units", "D=1e9"]
    reading += ["--unit", "bits/byte", "--N-counts", "total"]
    code, out, err = run(capsys, "fit", tmp_path / "mine.csv", *reading, "--method", TYPED_POINT)
    assert code == 0, err
    assert "bits/byte" in out and "N counts: total" in out and "'sz' as N, times 1e6" in out
    commands = {
        "fit": [],
        "backtest": [],
        "compare": ["--law", "chinchilla", "--law", "kaplan"],
        "forecast": ["--N", "1B", "--D", "1B"],
    }
    for command, options in commands.items():
        code, _, err = run(capsys, command, tmp_path / "mine.csv", *reading, "--units", "Q=M", *options)
        assert code == 2 and "unknown column in units 'Q'; valid: N, D, loss" in err


BASE = {"params": [1e8, 1e9], "tokens": [2e9, 2e10], "flops": [1e18, 1e20]}
SHAPES = [
    ("params", {"d": [768, 1024]}),
    ("params", {"d": ["2024-01-02", "2024-01-03"]}),
    ("params", {"d": [2e9, 0]}),
    ("params", {"d": [2e9, None]}),
    ("flops params", {"d": [64, 128]}),
    ("flops params", {"d": [2e9, 2e10]}),
    ("flops", {"n": [64, 128], "d": [1, 2]}),
    ("tokens", {"n": [10, 10]}),
    ("tokens flops", {"n": [1e8, 1e9]}),
    ("params tokens", {"c": [1, 4]}),
    ("params tokens", {"c": [0, 4]}),
    ("params tokens", {"c": [1e18, 1e20]}),
]


@pytest.mark.parametrize(("firm", "letters"), SHAPES)
def test_a_letter_that_can_be_no_count_is_a_column_of_its_own(firm, letters):
    """Fails if the width of a model is taken for its tokens, or a c beside N and D for their compute."""
    runs = read_runs({**{name: BASE[name] for name in firm.split()}, **letters, "loss": [3.0, 2.5]})
    ours = {"params": "N", "tokens": "D", "flops": "C"}
    assert set(runs.columns()) == {*(ours[name] for name in firm.split()), *letters, "loss"}


def test_letters_of_counts_are_read_in_the_unit_that_is_said():
    """Fails if n and d in millions aren't read though the header, the cells or the caller says so."""
    loss = {"loss": [3.0, 2.5]}
    said = [
        read_runs({"n (M)": [60, 70], "d (B)": [2, 20], **loss}),
        read_runs({"n": ["60M", "70M"], "d": ["2B", "20B"], **loss}),
        read_runs({"n": [60, 70], "d": [2, 20], **loss}, units={"N": "M", "D": "B"}),
        read_runs({"n": [60e6, 70e6], "d": [2e9, 20e9], **loss}),
    ]
    assert [[runs.inputs[name].tolist() for name in "ND"] for runs in said] == [[[6e7, 7e7], [2e9, 2e10]]] * 4


RATES = ["flops throughput", "throughput flops", "throughput tokens", "throughput/flops"]
LENGTHS = ["input tokens", "num_input_tokens", "n_input_tokens"]


@pytest.mark.parametrize("header", [*RATES, *LENGTHS])
def test_a_rate_or_a_length_is_no_count_of_a_run(header):
    """Fails if a throughput is read as C or D, or the length of a context as D."""
    assert set(read_runs({header: [7.0], "loss": [3.0]}).columns()) == {header, "loss"}
