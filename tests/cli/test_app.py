"""The command line: what it prints, what it refuses, what it writes and what it leaves alone."""

import csv
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import scalebayes
from scalebayes.cli import format as show
from scalebayes.cli import main
from scalebayes.cli.parse import numbers
from scalebayes.errors import InputError
from scalebayes.fitting.forecaster import METHOD
from tests.helpers import LAPLACE, TYPED_LAPLACE, TYPED_POINT, departing, fit_of, simulated

SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)
TRUE = {"A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366, "E": 1.817}


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of 128 runs, the cache of compiled programs, and saved fits."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["params", "params_other", "tokens", "flops", "loss", "kept"])
        for i, N in enumerate(np.geomspace(5e7, 1e10, 8)):
            for D in np.geomspace(2e9, 2e11, 16):
                loss = TRUE["E"] + TRUE["A"] / N ** TRUE["alpha"] + TRUE["B"] / D ** TRUE["beta"]
                writer.writerow([N, N / 2, D, 6 * N * D, loss * math.exp(0.004 * rng.standard_normal()), int(i < 7)])
    return folder


@pytest.fixture(scope="module", autouse=True)
def own_folder(folder):
    """The user's cache folder by the environment. Programs are kept in the suite's, where others read them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEBAYES_CACHE", str(folder / "cache"))
        yield folder / "cache"


@pytest.fixture
def cache(own_folder):
    """The cache folder of a command, where JAX was given none; JAX's settings are put back afterwards."""
    import jax

    before = {name: getattr(jax.config, name) for name in SETTINGS}
    jax.config.update("jax_compilation_cache_dir", None)
    reset_cache()  # the tests' own, which JAX holds open
    yield own_folder
    for name, value in before.items():
        jax.config.update(name, value)
    reset_cache()


def reset_cache():
    from jax.experimental.compilation_cache import compilation_cache

    compilation_cache.reset_cache()


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command as typed: its exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args):
        code = main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


def made(folder, name, *args):
    """A saved fit, made once."""
    path = folder / name
    if not path.exists():
        assert main(["fit", str(folder / "runs.csv"), *args, "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def laplace(folder):
    return made(folder, "laplace.nc", "--method", TYPED_LAPLACE, "--no-fallback")


@pytest.fixture(scope="module")
def power(folder):
    return made(folder, "power.nc", "--method", TYPED_POINT, "--law", "offset_power", "--input", "x=C")


@pytest.fixture(scope="module")
def mode(folder):
    return made(folder, "map.nc", "--method", "map")


# What is typed as a number


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("70e9", [70e9]),
        ("70B", [70e9]),
        ("70G", [70e9]),
        ("1.4T", [1.4e12]),
        ("512k", [512e3]),
        ("512K", [512e3]),
        ("7M", [7e6]),
        ("1_000_000", [1e6]),
        (".5", [0.5]),
        (" 1e9 , 2e9 ", [1e9, 2e9]),
        ("-2", [-2.0]),
        ("1e20:1e23:4", [1e20, 1e21, 1e22, 1e23]),
        ("1B:4B:3", [1e9, 2e9, 4e9]),
        ("4:1:3", [4.0, 2.0, 1.0]),
        ("5,1:3:2", [5.0, 1.0, 3.0]),
    ],
)
def test_numbers_are_read_to_the_last_bit(text, values):
    """Fails if a number, a list or a geometric grid as typed is read as another value, by even one bit."""
    assert numbers(text) == values


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("70b", "write 70B"),
        ("7m", "write 7M"),
        ("70Q", "'70Q' is not a number"),
        ("", "'' is not a number"),
        ("1e9,", "'' is not a number"),
        ("nan", "'nan' is not a number"),
        ("inf", "'inf' is not a number"),
        ("1e999", "is not a number"),
        ("1e3k", "is not a number"),
        ("1__0", "is not a number"),
        ("0x10", "is not a number"),
        ("B", "is not a number"),
        ("1:2", "lo:hi:n"),
        ("1:2:3:4", "lo:hi:n"),
        ("0:2:3", "must be positive"),
        ("1:2:1", "whole number from 2"),
        ("1:2:2.5", "whole number from 2"),
        ("1:2:1e9", "whole number from 2"),
    ],
)
def test_what_is_no_number_is_refused_with_the_option(text, fragment):
    """Fails if what is no number is taken, or the error doesn't begin with the option and say what to write."""
    with pytest.raises(InputError, match=r"^--N: ") as caught:
        numbers(text, "--N")
    assert fragment in str(caught.value)


@pytest.mark.parametrize("prob", ["0", "1", "-0.1", "1.5", "nan"])
def test_a_probability_lies_between_0_and_1(run, folder, prob):
    """Fails if --prob takes 0, 1, nan or what lies outside, instead of exit code 2."""
    ended = run("fit", folder / "runs.csv", "--prob", prob)
    assert (ended.code, ended.out) == (2, "") and "--prob" in ended.err


def test_a_table_is_never_cut_and_its_numbers_never_wrap(monkeypatch):
    """Fails if a table wider than the terminal cuts a number or breaks it over two lines."""
    monkeypatch.setenv("COLUMNS", "40")
    text = show.grid(["a" * 30, "b" * 30], [["1" * 30, "2" * 30]])
    assert text.splitlines()[1] == f"{'1' * 30}  {'2' * 30}"


# Help, version, imports


def test_help_and_version_need_no_heavy_import():
    """Fails if --help or --version waits for JAX, NumPy or pandas to load, or leaves out a command."""
    code = """
import sys
from scalebayes.cli import main
assert main(["--help"]) == 0 and main(["--version"]) == 0
heavy = {"jax", "numpyro", "numpy", "pandas", "xarray", "arviz", "matplotlib", "rich"}
print("loaded:", sorted(heavy & set(sys.modules)))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "loaded: []"
    assert f"scalebayes {scalebayes.__version__}" in out
    assert all(name in out for name in ("fit", "predict", "optimum", "summary", "laws", "demo"))


def test_no_command_says_what_to_type_first(run):
    """Fails if `scalebayes` alone hides the first step among all commands, or names a command that there isn't."""
    ended = run()
    typed = re.findall(r"scalebayes ([a-z-]+)", ended.out)
    assert ended.code == 0 and len(ended.out.splitlines()) < 10
    assert {"demo", "forecast", "--help"} <= set(typed)
    for command in {"demo", "forecast", "plan"} & set(typed):
        assert run(command, "--help").code == 0


def test_the_help_says_what_each_command_does(run):
    """Fails if the list of commands cuts a sentence off."""
    told = run("--help").out
    assert "..." not in told.partition("Commands:")[2] and max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("command", ["fit", "predict", "optimum", "summary", "laws", "demo"])
def test_each_command_has_help(run, command):
    """Fails if a command's --help doesn't show how that command is used."""
    ended = run(command, "--help")
    assert ended.code == 0 and ended.out.startswith(f"Usage: scalebayes {command}")


# fit and summary


def test_fit_prints_runs_parameters_checks_and_that_it_is_not_saved(run, folder):
    """Fails if fit leaves out rows, filter, a parameter or the checks, or writes a file or doesn't say that it saved
    none.
    """
    before = sorted(folder.iterdir())
    ended = run("fit", folder / "runs.csv", "--method", TYPED_LAPLACE, "--where", "kept == 1")
    assert ended.code == 0
    assert "Runs: 112 rows" in ended.out and "where: kept == 1" in ended.out
    for name in (*TRUE, "noise_scale"):
        assert re.search(rf"^{name} +\d", ended.out, re.M)
    assert re.search(r"(All \d+|\d+ of \d+) checks pass\.", ended.out)
    assert ended.out.endswith("not saved; --out fit.nc keeps it\n")
    assert sorted({*folder.iterdir()} - {folder / "cache"}) == [path for path in before if path.name != "cache"]


def test_the_departure_and_the_window_reach_the_fit(run, folder, monkeypatch):
    """Fails if --discrepancy or --window is lost on the way to the fit, or a wrong one isn't refused in one line."""
    words = ("--law", "end_power", "--input", "x=C", "--method", TYPED_POINT)
    asked = {}

    def told(runs, *_, **settings):
        asked.update(settings, runs=runs)
        raise InputError("seen")

    with monkeypatch.context() as patch:
        patch.setattr(scalebayes, "fit", told)
        assert run("fit", folder / "runs.csv", *words, "--window", "3", "--discrepancy", "matern").code == 2
    assert scalebayes.GP("matern") == asked["discrepancy"] and asked["window"] == scalebayes.Window(3.0)
    assert run("fit", folder / "runs.csv", *words, "--window", "wide").code == 2
    refused = run("fit", folder / "runs.csv", *words, "--discrepancy", "matern,bent")
    assert refused.code == 2 and "did you mean 'bend'" in refused.err and refused.err.count("\n") == 1


@pytest.mark.slow
def test_fit_departs_from_the_law_and_looks_at_a_window_where_asked(run, folder):
    """Fails if --discrepancy or --window has no effect on the fit, or a misspelt component isn't refused in one
    line.
    """
    words = ("--law", "end_power", "--input", "x=C", "--method", TYPED_POINT, "--window", "3")
    ended = run("fit", folder / "runs.csv", *words, "--discrepancy", "matern")
    assert ended.code == 0, ended.err
    assert "GP(matern)" in ended.out and "the last 3 e-folds of C" in ended.out and "normal()" in ended.out
    assert run("fit", folder / "runs.csv", *words[:-1], "wide").code == 2
    refused = run("fit", folder / "runs.csv", *words, "--discrepancy", "matern,bent")
    assert refused.code == 2 and "did you mean 'bend'" in refused.err and refused.err.count("\n") == 1


def test_lines_fit_80_columns(run, laplace):
    """Fails if summary, optimum or laws prints a line that wraps in a terminal of 80 columns."""
    for ended in (run("summary", laplace), run("optimum", laplace, "--C", "1e20:1e26:7"), run("laws", "chinchilla")):
        assert max(map(len, ended.out.splitlines())) <= 80


def test_fit_as_json_is_one_document_with_the_same_numbers_as_its_file(run, folder):
    """Fails if fit --json prints more than one document, or other numbers than the file that it saves."""
    path = folder / "json.nc"
    ended = run("fit", folder / "runs.csv", "--method", TYPED_LAPLACE, "--json", "--out", path)
    again = run("summary", path, "--json")
    assert (ended.json.pop("saved"), ended.err) == (str(path), "")
    assert {**ended.json, "saved": 0} == {**again.json, "saved": 0}
    fit = scalebayes.load(path)
    assert again.json["parameters"]["alpha"]["median"] == float(np.median(fit.draws["alpha"]))
    assert again.json["runs"]["hash"] == fit.runs.hash


def test_nuts_with_settings_and_a_failed_check_first(run, folder):
    """Fails if settings of --method are lost, or a failed check isn't the first thing that fit and summary print."""
    path = folder / "nuts.nc"
    settings = "nuts:draws=20,warmup=50,chains=2"
    ended = run("fit", folder / "runs.csv", "--method", settings, "--seed", "3", "--out", path)
    assert ended.code == 0 and ended.out.startswith("fail    ")
    assert "review" not in ended.out.partition("Runs: ")[0] and "fail " not in ended.out.partition("Runs: ")[2]
    assert ended.err == ""  # no FitWarning: the checks are printed
    assert "2 chains of 20 draws" in ended.out and "r_hat" in ended.out
    assert ended.out.endswith(f"saved to {path}\n")
    assert scalebayes.load(path).seed == 3
    assert run("summary", path).out.startswith("fail    ")


@pytest.mark.slow
def test_noise_settings_fixed_parameters_and_flat_priors(run, folder):
    """Fails if --noise settings, --fix, --priors flat or --columns is dropped on the way to the fit."""
    ended = run(
        *("fit", folder / "runs.csv", "--method", "map", "--noise", "huber:delta=1e-3,scale=1", "--json"),
        *("--priors", "flat", "--fix", "alpha=0.35", "--columns", "N=params_other", "--columns", "C="),
    )
    assert ended.json["noise"] == {"name": "huber", "delta": 0.001, "scale": 1}
    assert ended.json["priors"]["alpha"] == "fixed at 0.35" and ended.json["priors"]["beta"] == "flat"
    assert set(ended.json["parameters"]) == {"A", "B", "beta", "E"}
    assert ended.json["saved"] is None and "C" not in ended.json["runs"]["inputs"]
    assert ended.json["reference"]["inputs"]["N"] == pytest.approx(math.sqrt(5e7 * 1e10) / 2)


def test_a_trackers_folder_is_fitted_with_a_number_for_every_run(run, tmp_path):
    """Fails if a tracker's folder can't be fitted from the command line, or `--columns N=124M` isn't every run's N."""
    for i, D in enumerate(np.geomspace(1e9, 1e11, 8)):
        log = [{"eval_loss": 2 + 400 / D**0.3, "step": 10}, {"loss": 2.0, "step": 10}]
        state = {"global_step": 10, "num_input_tokens_seen": int(D), "total_flos": 0, "log_history": log}
        (tmp_path / f"run{i}").mkdir()
        (tmp_path / f"run{i}" / "trainer_state.json").write_text(json.dumps(state))
    args = ("--columns", "N=124M", "--law", "offset_power", "--input", "x=D", "--method", TYPED_POINT, "--json")
    ended = run("fit", tmp_path, "--where", "run != 'run0'", *args)
    assert ended.json["runs"]["source"] == str(tmp_path) and ended.json["runs"]["rows"] == 7
    assert {"N", "D"} <= set(ended.json["runs"]["inputs"])
    assert ended.json["parameters"]["E"]["median"] == pytest.approx(2, abs=0.1)


def test_map_has_a_mode_and_no_blank_intervals(run, mode):
    """Fails if a summary of MAP shows intervals that a mode hasn't got, in text or in JSON."""
    out = run("summary", mode).out
    assert "mode alone" in out and "lower" not in out and not re.search(r"^alpha .* -", out, re.M)
    assert run("summary", mode, "--json").json["parameters"]["alpha"]["lower"] is None


def test_summary_has_every_check_and_how_it_was_made(run, laplace):
    """Fails if summary leaves out a check, the noise, the method, the seed, the versions or the units."""
    out = run("summary", laplace).out
    fit = scalebayes.load(laplace)
    assert all(f" {check.name}: " in out for check in fit.checks)
    assert all(name in out for name in ("student_t(df=4.0)", "laplace, seed 0", "versions", "jax ", "units"))


def test_prob_moves_the_interval(run, laplace):
    """Fails if an interval at 99 % isn't wider than that at 50 %."""
    half, most = (run("summary", laplace, "--prob", p, "--json").json["parameters"]["E"] for p in ("0.5", "0.99"))
    assert most["lower"] < half["lower"] < half["upper"] < most["upper"]


# predict and optimum


def test_predict_pairs_lists_and_warns_outside_the_runs(run, laplace):
    """Fails if lists of inputs aren't taken pairwise, or a point beyond the runs isn't told with its distance."""
    ended = run("predict", laplace, "--N", "1e9,70B", "--D", "20B,1.4T")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["N", "D", "median", "mean", "sd", "lower", "upper", "e-folds"]
    assert lines[1].split()[:2] == ["1B", "20B"] and lines[1].split()[-1] == "0.0"
    assert lines[2].split()[:2] == ["70B", "1.4T"]
    assert "90 % interval of the law's curve" in " ".join(lines) and "warning: outside the runs are 1 of 2" in ended.out


def test_predict_as_json_equals_the_library(run, laplace):
    """Fails if predict --json gives other numbers than `sb.predict` and `sb.interval`, or another probability than
    asked.
    """
    ended = run("predict", laplace, "--N", "1e9,2e9", "--D", "20B", "--json", "--prob", "0.5")
    told = scalebayes.interval(scalebayes.predict(scalebayes.load(laplace), N=[1e9, 2e9], D=20e9), 0.5)
    assert ended.json["points"] == show.records(told)
    assert (ended.err, ended.json["prob"]) == ("", 0.5)


def test_predict_as_json_warns_on_standard_error(run, laplace):
    """Fails if the warning of points outside the runs is lost with --json, or spoils the document."""
    ended = run("predict", laplace, "--N", "70B", "--D", "1.4T", "--json")
    assert ended.json["points"][0]["efolds"] > 1 and ended.err.startswith("warning: outside the runs")


def test_a_new_run_is_wider_than_the_curve_and_has_no_mean(run, laplace):
    """Fails if --observed leaves out a new run's noise, gives a mean, or doesn't say what its interval is of."""
    inside = ("predict", laplace, "--N", "1B", "--D", "20B", "--json")
    curve, new = (run(*inside, *more).json["points"][0] for more in ((), ("--observed",)))
    assert new["upper"] - new["lower"] > curve["upper"] - curve["lower"]
    assert "mean" not in new
    assert "a new run, its noise included" in run(*inside[:-1], "--observed").out.replace("\n", " ")


def test_predict_of_a_law_of_one_scale(run, power):
    """Fails if a law of x fitted to C can't be asked by --C and by --input x=, or the two answers differ."""
    by_column = run("predict", power, "--C", "1e20,1e21", "--json").json
    assert [point["C"] for point in by_column["points"]] == [1e20, 1e21]
    assert run("predict", power, "--input", "x=1e20,1e21", "--json").json == by_column


@pytest.mark.slow
def test_observables_that_are_shares_or_negative_and_inputs_that_are_0_or_negative(run, tmp_path):
    """Fails if an observable or an input that the law allows to be a share, 0 or negative is refused, or forecast out
    of place.
    """
    rng = np.random.default_rng(8)

    def table(name, **columns):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])

    d, k = np.linspace(0.5, 12, 30), np.geomspace(1, 1e4, 30)
    table("reward_overoptimisation", d=d, reward=d * (1.1 - 0.5 * np.log(d)) + 0.05 * rng.standard_normal(30))
    table("repeated_sampling", k=k, coverage=np.exp(-1.8 * k**-0.3 * np.exp(0.05 * rng.standard_normal(30))))
    train, score = np.repeat([1.0, 10, 100], 10), np.tile(np.linspace(-2, 2, 10), 3)
    test = np.exp(1 + 0.7 * score - 0.8 * np.log(train) + 0.05 * rng.standard_normal(30))
    table("train_test_compute", train=train, score=score, test=test)
    for law, observable, at, low, high in (
        ("reward_overoptimisation", "reward", ["--input", "d=15"], -5, -3),
        ("repeated_sampling", "coverage", ["--input", "k=1e6"], 0.95, 0.98),
        ("train_test_compute", "test", ["--input", "train=10", "--input", "score=-4"], 0.02, 0.04),
    ):
        path = tmp_path / f"{law}.nc"
        fitted = run("fit", tmp_path / f"{law}.csv", "--law", law, "--method", "laplace", "--out", path, "--json")
        assert (fitted.code, fitted.json["runs"]["observable"]) == (0, observable), fitted.err
        for more in ([], ["--observed"]):
            point = run("predict", path, *at, *more, "--json").json["points"][0]
            assert low < point["lower"] < point["upper"] < high, (law, more, "seed 8")
    out = " ".join(run("predict", path, *at).out.split())
    assert "by up to 2.0 in score" in out and "along score in its own unit" in out
    table, options = tmp_path / "reward_overoptimisation.csv", ["--law", "repeated_sampling", "--observable", "reward"]
    refused = run("fit", table, *options)
    assert refused.code == 2 and "no column 'k' (they have d)" in refused.err
    refused = run("fit", table, *options, "--input", "k=d")
    assert refused.code == 2 and "gives coverage from 0 to 1, and reward is " in refused.err


def test_predict_at_the_mode(run, mode):
    """Fails if a forecast of MAP isn't said to be at the mode, or has an interval."""
    out = run("predict", mode, "--N", "1B", "--D", "20B").out
    assert "at the mode" in out and "lower to upper" not in out
    assert run("predict", mode, "--N", "1B", "--D", "20B", "--json").json["points"][0]["sd"] is None


@pytest.mark.slow
def test_a_mode_with_a_discrepancy_says_what_it_takes_of_it(run, folder):
    """Fails if a forecast that the discrepancy has moved passes for the law's own curve."""
    preset = scalebayes.laws.published("besiroglu2024")
    values = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    path = folder / "mode_departs.nc"
    departing(simulated(12, seed=4), preset.law, preset.values, scalebayes.GP("matern"), values).save(path)
    of = "with its discrepancy{} at the mean of the discrepancy given the runs"
    for words, told in (
        (["predict", path, "--N", "1B", "--D", "20B"], " at the mode, and"),
        (["optimum", path, "--C", "1e20"], ","),
    ):
        assert of.format(told) in " ".join(run(*words).out.split())


def test_optimum_has_a_row_a_budget_in_the_order_given(run, laplace):
    """Fails if budgets are reordered, or optima and exponents aren't those of `sb.optimum`."""
    ended = run("optimum", laplace, "--C", "1e22,1e20:1e21:2")
    assert [line.split()[0] for line in ended.out.splitlines() if re.match(r" *1e2", line)] == ["1e22", "1e20", "1e21"]
    assert "a = 0.5" in ended.out
    best = scalebayes.optimum(scalebayes.load(laplace), C=[1e22, 1e20, 1e21])
    rows = run("optimum", laplace, "--C", "1e22,1e20,1e21", "--json").json["budgets"]
    assert [row["N"]["median"] for row in rows] == np.median(best["N"], axis=(0, 1)).tolist()
    assert rows[1]["N_exponent"]["lower"] < rows[1]["N_exponent"]["upper"]


def test_the_optimum_says_what_it_is_of(run, folder):
    """Fails if the optima of law and of curve aren't told apart, or a missing exponent is printed as nan."""
    values = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
    preset = scalebayes.laws.published("besiroglu2024")
    draws = {name: x * np.exp(0.01 * np.arange(6)) for name, x in preset.values.items()}
    path = folder / "departs.nc"
    departing(simulated(12, seed=4), preset.law, draws, scalebayes.GP("matern"), values).save(path)
    curve, law = run("optimum", path, "--C", "1e20"), run("optimum", path, "--C", "1e20", "--of", "law")
    assert "the law with its discrepancy" in curve.out and "exponent:" not in curve.out and "nan" not in curve.out
    assert "a = 0.5" in law.out and "discrepancy" not in law.out
    told = run("optimum", path, "--C", "1e20", "--json").json
    assert told["of"] == "curve" and told["budgets"][0]["N_exponent"]["median"] is None
    assert told["budgets"][0]["N"]["median"] == scalebayes.optimum(scalebayes.load(path), C=1e20)["N"].median().item()
    ended = run("optimum", path, "--C", "1e20", "--of", "both")
    assert ended.code == 2 and "unknown of 'both'" in ended.err


def test_the_optimum_fits_the_terminal(run, laplace, monkeypatch):
    """Fails if a terminal of 120 columns doesn't show a budget and its four intervals in one row."""
    monkeypatch.setenv("COLUMNS", "120")
    row = run("optimum", laplace, "--C", "1e21").out.splitlines()[1]
    assert re.fullmatch(r"1e21( +[\d.]+[BT]? \[[\d.]+[BT]?, [\d.]+[BT]?\]){4}", row)


# laws and demo


@pytest.mark.parametrize("columns", [80, 120])
def test_laws_lists_all_under_their_groups(run, monkeypatch, columns):
    """Fails if a law isn't listed under its group, or a line wraps."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("laws").out.splitlines()
    assert max(map(len, lines)) <= columns
    found, group = {}, None
    for text in lines[:-2]:
        if re.match(r"\S", text):
            group = text
        elif matched := re.match(r"  (\w+) +\S", text):
            found.setdefault(group, []).append(matched[1])
    assert {group: tuple(names) for group, names in found.items()} == scalebayes.laws.GROUPS
    listed = run("laws", "--json").json["laws"]
    assert [law["name"] for law in listed] == list(scalebayes.laws.names())
    assert {law["group"] for law in listed} == set(scalebayes.laws.GROUPS)


@pytest.mark.parametrize(
    "name", [*scalebayes.laws.names(), "broken_power:breaks=2", "reward_overoptimisation:form=bon"]
)
def test_laws_shows_all_there_is_of_one(run, name):
    """Fails if `scalebayes laws NAME` leaves out a parameter, a prior, the noise, the reference, a preset or a
    setting.
    """
    key, _, setting = name.partition(":")
    told, out = run("laws", name, "--json").json, run("laws", name).out
    assert max(map(len, out.splitlines())) <= 80 and out.startswith(f"{key}\n")
    words = " ".join(out.split())
    assert told["name"] == key and told["reference"] in words and told["noise"] in words
    assert setting in ",".join(f"{k}={v}" for k, v in told["settings"].items())
    for param in told["parameters"]:
        assert re.search(rf"^{param['name']} +{re.escape(param['prior'])} +\S", out, re.M)
    for which in ("literature", "presets"):
        assert all(one in words for one in told[which])


def test_laws_tells_units_ranges_literature_and_presets(run):
    """Fails if the page of a law doesn't say an input's unit or range, a published prior or a preset's values."""
    one = run("laws", "chinchilla").out
    assert all(word in one for word in ("LogNormal(-1.2, 1)", "loss N^alpha", "besiroglu2024", "2085.4342"))
    assert "alpha LogNormal(-1.064, 0.2)" in one and "hoffmann2022 .339" in one
    assert run("laws", "kaplan", "--json").json["presets"]["kaplan2020"]["values"]["N_c"] == 6.4e13
    assert "U (in the unit of D)" in run("laws", "data_constrained").out
    assert "S (0 <= S < 1, as it is)" in run("laws", "sparse_moe").out
    share = run("laws", "repeated_sampling")
    assert "coverage between 0 and 1" in share.out and "the observable as it is" in share.out
    assert run("laws", "repeated_sampling", "--json").json["range"] == [0, 1]
    assert run("laws", "vocabulary", "--json").json["range"] == [None, None]
    assert len(run("laws", "broken_power:breaks=2", "--json").json["parameters"]) == 9


def once(fitted, method):
    """A function of runs and settings that answers the same question with the same fit, by a quick method."""
    made = {}

    def answer(runs, **settings):
        question = (runs.hash, *sorted(settings.items()))
        if question not in made:
            made[question] = fitted(runs, **settings | {"method": method or settings.get("method", METHOD)})
        return made[question]

    return answer


def test_demo_counts_the_losses_that_its_intervals_hold(run, tmp_path, monkeypatch):
    """Fails if the demo fits the runs that it forecasts, miscounts the losses held, or mixes up the two forecasts."""
    monkeypatch.chdir(tmp_path)
    law, fitted = scalebayes.laws.get("chinchilla"), []
    draws = {"E": 0.8, "A": 60.0, "alpha": 0.4, "B": 500.0, "beta": 0.4}

    def held(moved):
        """A fit of the demo's runs that holds made-up draws, so that nothing is fitted."""

        def fit(runs, *_, **__):
            fitted.append(runs.metadata["filters"])
            rng = np.random.default_rng(1)
            values = draws | {"E": moved * draws["E"]}
            return fit_of(law, {n: x * np.exp(0.02 * rng.standard_normal(200)) for n, x in values.items()}, runs)

        return fit

    monkeypatch.setattr(scalebayes, "forecaster", held(1.0))
    monkeypatch.setattr(scalebayes, "fit", held(1.5))
    out, told = run("demo").out, run("demo", "--json").json
    targets = scalebayes.datasets.load("tiny_gpt", where="split == 'target'")
    assert [row["truth"] for row in told["forecasts"]] == targets.y.tolist()
    assert {str(one) for one in fitted} == {str(["split == 'fit' and epochs <= 1"])}
    for name, named in (("recommended", "what scalebayes forecast"), ("exact_law", "the law that scalebayes fit has")):
        rows = [row[name] | {"truth": row["truth"]} for row in told["forecasts"]]
        assert [row["inside"] for row in rows] == [row["lower"] <= row["truth"] <= row["upper"] for row in rows]
        held_here = sum(row["inside"] for row in rows)
        assert f"{held_here} of 3 intervals hold the loss. It is {named}" in " ".join(out.split())
    assert told["forecasts"][0]["recommended"]["median"] < told["forecasts"][0]["exact_law"]["median"]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("method", [LAPLACE, None], ids=["quick", "as it is"])
def test_demo_forecasts_runs_that_the_fits_have_not_seen(run, tmp_path, monkeypatch, method):
    """Fails if the demo forecasts runs of its fits, miscounts the losses held, mixes up the two forecasts, or leaves a
    file behind.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("fit", "forecaster"):  # the text and the document are of the same fits, which are made once
        monkeypatch.setattr(scalebayes, name, once(getattr(scalebayes, name), method))
    out = run("demo").out
    told = run("demo", "--json").json
    targets = scalebayes.datasets.load("tiny_gpt", where="split == 'target'")
    rows = told["forecasts"]
    assert [row["run_id"] for row in rows] == targets.labels["run_id"].tolist()
    assert [row["truth"] for row in rows] == targets.y.tolist()
    assert told["runs"]["where"] == ["split == 'fit' and epochs <= 1"] and told["law"] == "end_chinchilla"
    for row in rows:
        assert row["efolds"] > 1
        marks = []
        for name in ("recommended", "exact_law"):
            one = row[name]
            assert one["lower"] < one["median"] < one["upper"]
            assert one["inside"] == (one["lower"] <= row["truth"] <= one["upper"])
            marks.append("hit" if one["inside"] else "miss")
        assert re.search(rf"^ *{show.count(row['N'])} .*\] +{marks[0]} .*\] +{marks[1]}$", out, re.M)
    for name, named in (("recommended", "what scalebayes forecast"), ("exact_law", "the law that scalebayes fit has")):
        held = sum(row[name]["inside"] for row in rows)
        assert f"{held} of 3 intervals hold the loss. It is {named}" in " ".join(out.split())
    assert len(out.splitlines()) <= 40 and max(map(len, out.splitlines())) <= 100
    assert "scalebayes demo --plot demo.png" in out and "scalebayes forecast RUNS.csv --N 70B" in out
    # What the demo is for: the law alone errs by more than the recommended forecast does.
    errors = {name: sum(abs(r[name]["median"] - r["truth"]) for r in rows) for name in ("recommended", "exact_law")}
    assert errors["recommended"] < errors["exact_law"]
    assert not list(tmp_path.iterdir())


# Bad input


@pytest.mark.parametrize(
    ("args", "fragments"),
    [
        (["fit", "nothere.csv"], ["nothere.csv", "no such file"]),
        (["fit", "runs.csv", "--law", "chinchila"], ["unknown law", "did you mean 'chinchilla'?"]),
        (["fit", "runs.csv", "--noise", "studentt"], ["unknown noise", "student_t"]),
        (["fit", "runs.csv", "--noise", "huber:dleta=1"], ["'dleta'", "delta"]),
        (["fit", "runs.csv", "--noise", "huber:delta"], ["--noise", "huber:delta=1e-3"]),
        (["fit", "runs.csv", "--method", "nutz"], ["unknown method", "nuts"]),
        (["fit", "runs.csv", "--method", "nuts:drws=5"], ["'drws'", "did you mean 'draws'?"]),
        (["fit", "runs.csv", "--method", "nuts:draws=0.5"], ["draws", "whole number"]),
        (["fit", "runs.csv", "--method", "map:screened=4"], ["screened"]),
        (["fit", "runs.csv", "--where", "flops <"], ["--where ", "can't be read"]),
        (["fit", "runs.csv", "--where", "nope == 1"], ["nope", "params"]),
        (["fit", "runs.csv", "--fix", "alpha"], ["--fix", "alpha=0.35"]),
        (["fit", "runs.csv", "--fix", "alpha=x"], ["--fix alpha", "not a number"]),
        (["fit", "runs.csv", "--fix", "alpha=1", "--fix", "alpha=2"], ["--fix", "twice"]),
        (["fit", "runs.csv", "--fix", "gamma=1"], ["gamma", "alpha"]),
        (["fit", "runs.csv", "--priors", "wide"], ["--priors", "flat"]),
        (["fit", "runs.csv", "--seed", "-1"], ["--seed"]),
        (["fit", "runs.csv", "--columns", "N=foo"], ["'foo'", "params"]),
        (["fit", "runs.csv", "--columns", "N=0"], ["column 'N'", "0 is not above 0"]),
        (["fit", "."], ["is a folder without runs", "trainer_state.json"]),
        (["fit", "runs.csv", "--law", "power"], ["needs 'x'", "--input x="]),
        (["fit", "runs.csv", "--foo"], ["--foo", "scalebayes fit --help"]),
        (["fit", "runs.csv", "--out", "nofolder/fit.nc"], ["--out", "no folder nofolder"]),
        (["fit", "runs.csv", "--out", "."], ["--out", "is a folder"]),
        (["fit", "runs.csv", "--out", ""], ["--out", "empty"]),
        (["fit", "runs.csv", "--out", "runs.csv"], ["--out", "is no saved fit"]),
        (["predict", "nothere.nc", "--N", "1", "--D", "1"], ["nothere.nc", "no such file"]),
        (["predict", "runs.csv", "--N", "1", "--D", "1"], ["no saved fit", "scalebayes fit runs.csv --out runs.nc"]),
        (["predict", "cut.nc", "--N", "1", "--D", "1"], ["cut.nc", "damaged"]),
        (["predict", "laplace.nc"], ["needs N"]),
        (["predict", "laplace.nc", "--N", "70b", "--D", "1"], ["--N", "write 70B"]),
        (["predict", "laplace.nc", "--N", "1,2,3", "--D", "1,2"], ["different lengths"]),
        (["predict", "laplace.nc", "--N", "0", "--D", "1"], ["N", "positive"]),
        (["predict", "laplace.nc", "--N", "1", "--input", "N=2"], ["N is given twice"]),
        (["predict", "laplace.nc", "--N", "1", "--input", "seed=2"], ["unknown input 'seed'"]),
        (["optimum", "laplace.nc", "--C", "1:2"], ["--C", "lo:hi:n"]),
        (["optimum", "laplace.nc"], ["--C"]),
        (["optimum", "power.nc", "--C", "1e20"], ["fit runs that have N and D"]),
        (["summary", "cut.nc"], ["cut.nc", "damaged"]),
        (["laws", "chinch"], ["unknown law", "chinchilla"]),
        (["lows"], ["lows"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, folder, laplace, power, monkeypatch, args, fragments):
    """Fails if bad input ends in a traceback, prints on standard output, changes a file, or isn't named with its
    cure.
    """
    monkeypatch.chdir(folder)
    Path("cut.nc").write_bytes(laplace.read_bytes()[:20_000])
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ended = run(*args)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert all(fragment in ended.err for fragment in fragments), ended.err
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_out_is_refused_before_the_runs_are_read(run, folder):
    """Fails if an --out whose folder is missing is refused only after the runs were read and fitted."""
    ended = run("fit", "nothere.csv", "--out", folder / "nofolder" / "fit.nc")
    assert "--out" in ended.err and "nothere.csv" not in ended.err


def test_ctrl_c_is_one_line_and_130(run, folder, monkeypatch):
    """Fails if Ctrl-C ends in a traceback, or in another exit code than 130."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(scalebayes, "read_runs", interrupt)
    assert run("fit", folder / "runs.csv") == (130, "", "interrupted\n")


# The cache of compiled programs


def test_compiled_programs_are_kept_where_the_environment_says(run, mode, cache):
    """Fails if compiled programs aren't kept in the folder that SCALEBAYES_CACHE names, so that each command compiles
    again.
    """
    import jax

    jax.clear_caches()
    assert run("predict", mode, "--N", "1B", "--D", "20B").code == 0
    assert list((cache / "jit").glob("scalebayes-*/*-cache"))


def test_a_cache_that_cannot_be_written_is_done_without(run, folder, mode, cache):
    """Fails if a command fails, or warns, where its cache can't be written."""
    import jax

    question = ("predict", mode, "--N", "1B", "--D", "20B")
    assert run(*question).code == 0
    kept = jax.config.jax_compilation_cache_dir
    assert Path(kept).parent == folder / "cache" / "jit"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.config, "update", lambda *_: pytest.fail("the cache was set"))
        patch.setenv("SCALEBAYES_CACHE", str(folder / "runs.csv"))
        patch.setattr(type(jax.config), "jax_compilation_cache_dir", None, raising=False)
        ended = run(*question)
    assert (ended.code, ended.err) == (0, "")


def test_the_chinchilla_runs(run, data_path, tmp_path):
    """Fails if the command line's compute-optimal N of the Chinchilla runs is over 10 % from Besiroglu et al.'s
    72.4e9.
    """
    path = tmp_path / "fit.nc"
    ended = run(
        "fit",
        data_path / "chinchilla.csv",
        "--where",
        "epoch_excluded == 0",
        "--method",
        "map",
        "--out",
        path,
        "--json",
    )
    assert ended.json["runs"]["rows"] == 240
    best = run("optimum", path, "--C", "5.76e23", "--json").json["budgets"][0]
    # Besiroglu et al.'s estimate gives 72.4e9 with a standard error of about a tenth; Hoffmann et al.'s 40.4e9.
    assert best["N"]["median"] == pytest.approx(72.4e9, rel=0.1)
