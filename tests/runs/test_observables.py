"""Several observables of one table: in long form, with what is blank left out, and never taken as one."""

import pickle

import numpy as np
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.runs.stored import arrays_of, record_of, restored
from tests.helpers import DATA, POINT

TABLE = {
    "name": ["a", "b", "c", "d", "e"],
    "params": [1e8, 2e8, 4e8, 8e8, 1e9],
    "tokens": [2e9] * 5,
    "val/web": [3.0, 2.8, None, 2.4, None],
    "loss_code": [2.0, 1.9, 1.8, "NA", ""],
    "loss_code_se": [0.01, 0.02, 0.03, None, None],
    "loss_math": [1.5, 1.4, 1.3, 1.2, 1.1],
    "test_loss": [2.5, 2.4, 2.3, 2.2, 2.1],
    "r2": [0.1, 0.2, 0.3, 0.4, 0.5],
}
WEB = {"loss_web": "val/web"}
BOTH = ["loss_web", "loss_code"]


def read(**settings):
    return sb.read_runs(TABLE, **{"observable": BOTH, "columns": WEB, **settings})


def test_each_observable_has_a_row_for_each_run_that_has_it():
    """Fails if an observable gets the values, the inputs, the errors or the rows of another."""
    runs = read()
    assert runs["observable"].tolist() == ["loss_web"] * 3 + ["loss_code"] * 3
    assert runs.y.tolist() == [3.0, 2.8, 2.4, 2.0, 1.9, 1.8]
    assert runs["N"].tolist() == [1e8, 2e8, 8e8, 1e8, 2e8, 4e8]
    assert runs["run_id"].tolist() == ["a", "b", "d", "a", "b", "c"] and runs.rows.tolist() == [1, 2, 4, 1, 2, 3]
    assert runs.se.tolist() == [0, 0, 0, 0.01, 0.02, 0.03]
    alone = sb.read_runs(TABLE, observable="loss_code", where="row <= 3")
    part = runs.where("observable == 'loss_code'")
    assert np.array_equal(part.y, alone.y) and np.array_equal(part.se, alone.se)


def test_other_losses_are_no_inputs_and_what_is_left_out_is_printed():
    """Fails if a loss could be an input of a law, if a share is taken for one, or nothing is said."""
    runs = read()
    assert list(runs.inputs) == ["N", "D", "r2"]
    text = repr(runs)
    for told in (
        "observables: loss_web in 3 rows, loss_code in 3",
        "val/web as loss_web",
        "loss_web: 2 of 4 rows blank",
        "1 row without any observable left out",
        "left out: loss_math, test_loss",
    ):
        assert told in text or told.replace("2 of 4", "1 of 4") in text, (told, text)
    kept = read(columns={**WEB, "L0": "loss_math"})
    assert kept["L0"].tolist() == [1.5, 1.4, 1.2, 1.5, 1.4, 1.3]


def test_a_table_in_python_is_put_in_the_same_form():
    """Fails if `Runs` of several observables is another table than the one that is read from a file."""
    columns = {"N": [1e8, 2e8, 4e8], "web": [3.0, None, 2.4], "code": [2.0, 1.9, 1.8], "code_se": [0.1, 0.2, 0.3]}
    made, read = sb.Runs(observable=["web", "code"], **columns), sb.read_runs(columns, observable=["web", "code"])
    assert made.hash == read.hash and len(made) == 5 and made.observable == "value"
    assert "web: 1 of 3 rows blank, left out" in repr(made)
    again = sb.read_runs(made.to_pandas(), observable="value")
    assert again["observable"].tolist() == made["observable"].tolist() and again.hash == made.hash
    for kept in (pickle.loads(pickle.dumps(made)), restored(arrays_of(made), record_of(made))):
        assert kept.hash == made.hash and kept["observable"].tolist() == made["observable"].tolist()
    with pytest.raises(sb.InputError, match="no column for the observable 'math'"):
        sb.Runs(observable=["web", "math"], **columns)


def test_units_are_those_of_the_headers_and_differing_ones_are_refused():
    """Fails if a loss in bits stands beside one in nats without a word, or a header's factor is lost."""
    size = {"N": [1e8, 2e8]}
    table = {**size, "wiki (nats)": [3.0, 2.9], "code (nats)": [2.0, 1.9]}
    runs = sb.read_runs(table, observable=["wiki", "code"], columns={"wiki": "wiki (nats)", "code": "code (nats)"})
    assert runs.unit == "nats"
    bits = {**size, "wiki_bpb": [1.0, 0.9], "code_loss": [2.0, 1.9]}
    cure = "unit='bits/byte'"
    with pytest.raises(sb.InputError, match=cure) as told:
        sb.read_runs(bits, observable=["wiki_bpb", "code_loss"])
    assert "\n" not in str(told.value) and "observable=['wiki_bpb'] and observable=['code_loss']" in str(told.value)
    assert sb.read_runs(bits, observable=["wiki_bpb", "code_loss"], unit="nats").unit == "nats"
    shares = {**size, "arc acc (%)": [10.0, 20.0], "mmlu acc": [0.3, 0.4]}
    named = {"arc_acc": "arc acc (%)", "mmlu_acc": "mmlu acc"}
    found = sb.read_runs(shares, observable=list(named), columns=named, range=(0, 1))
    assert found.y == pytest.approx([0.1, 0.2, 0.3, 0.4]) and found.observable == "acc"
    units = {"loss_web": 0.5, "N": 1e3}
    assert read(units=units).y.tolist()[:4] == [1.5, 1.4, 1.2, 2.0] and read(units=units)["N"][0] == 1e11


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"observable": []}, "neither a name nor a list of names"),
        ({"observable": {"loss_web"}}, "neither a name nor a list of names"),
        ({"observable": ["loss_web", "loss_web"]}, "'loss_web' twice"),
        ({"observable": ["loss_web", "N"]}, "the name of an input or label"),
        ({"observable": ["loss_web", "loss_cod"]}, "no column for the observable 'loss_cod'"),
        ({"columns": {**WEB, "loss_code": "val/web"}}, "'val/web' is read as each of 'loss_web' and 'loss_code'"),
        ({"columns": {**WEB, "observable": "name"}}, "the table has a column 'observable'"),
        ({"where": "row == 5"}, "all cells of 'loss_web', 'loss_code' are blank"),
        ({"where": "row == 4"}, "column 'loss_code' is blank in all rows; leave it out of the list"),
    ],
)
def test_what_cannot_be_read_together_is_told_in_one_line(settings, said):
    """Fails if a list of observables that makes no sense is read as something, or the error has no cure."""
    with pytest.raises(sb.InputError, match=said):
        read(**settings)


def test_a_cell_that_is_no_number_is_told_with_its_row_and_column():
    """Fails if a damaged cell counts as a blank, so that its run is dropped without a word."""
    table = {**TABLE, "loss_code": [2.0, "oops", 1.8, None, None]}
    with pytest.raises(sb.InputError, match=r"row 2 .*'loss_code'.*oops"):
        sb.read_runs(table, observable=BOTH, columns=WEB)


CALLS = {
    "fit": lambda runs: sb.fit(runs, "power", method=POINT),
    "forecaster": sb.forecaster,
    "fit_many": lambda runs: sb.fit_many(runs, laws=["power", "offset_power"]),
    "many tables": lambda runs: sb.fit_many({"a": runs}, "power"),
    "calibrate": lambda runs: sb.calibrate(runs, "power", n=2),
    "prior_predictive": lambda runs: sb.prior_predictive(runs, "chinchilla"),
    "backtest": lambda runs: sb.backtest(runs, ["power"]),
    "best_of": sb.best_of,
    "last_of": sb.last_of,
}


@pytest.mark.parametrize("name", CALLS)
def test_several_observables_are_never_taken_as_one(name):
    """Fails if losses of several domains are fitted, averaged or ranked as if they were of one."""
    with pytest.raises(sb.InputError, match="these runs have 2 observables") as told:
        CALLS[name](read())
    assert "\n" not in str(told.value) and "observable == 'loss_web'" in str(told.value)
    # A table that came in long form is no different.
    long = pd.DataFrame({"N": [1e8, 2e8] * 2, "D": 2e9, "loss": [3, 2, 4, 3.0], "observable": list("aabb")})
    with pytest.raises(sb.InputError, match="these runs have 2 observables"):
        CALLS[name](sb.read_runs(long))


def test_a_file_is_read_again_for_one_observable(tmp_path):
    """Fails if the error about a file names a filter of what it doesn't have, as a command line takes it."""
    pd.DataFrame(TABLE).to_csv(tmp_path / "runs.csv", index=False)
    runs = sb.read_runs(tmp_path / "runs.csv", observable=BOTH, columns=WEB)
    with pytest.raises(sb.InputError, match=r"sb\.read_runs\(\.\.\., observable='loss_web'\)"):
        sb.fit(runs, "power")


def test_the_best_run_of_each_observable():
    """Fails if the best run of a setting is taken over several observables where they are told apart."""
    best = sb.best_of(read(where="row <= 2", columns={**WEB, "N": 1e8}), by=("N", "observable"))
    assert best.y.tolist() == [2.8, 1.9]


@pytest.fixture(scope="module")
def fits():
    x = np.geomspace(1.0, 1e4, 8)
    columns = {"loss_web": 2 + x**-0.4, "loss_code": 1 + 0.5 * x**-0.3}
    runs = sb.Runs(observable=list(columns), x=x, **columns)
    return runs, sb.fit_many(runs, "offset_power", by="observable", method=POINT, on_fail="ignore")


def test_fits_by_observable_answer_by_its_name(fits):
    """Fails if a fit by observable is another than that of its column alone, or answers can't be asked together."""
    runs, each = fits
    assert list(each.names) == ["loss_web", "loss_code"]
    answer = sb.predict(each, x=[1e5])["loss"].sel(dataset="loss_code").values.ravel()
    alone = sb.Runs(x=runs["x"][:8], loss=runs.where("observable == 'loss_code'").y)
    fit = sb.fit(alone, "offset_power", method=POINT, on_fail="ignore")
    assert answer == pytest.approx(sb.predict(fit, x=[1e5])["loss"].values.ravel(), rel=1e-6)
    table = sb.interval(sb.predict(each, x=[1e5, 1e6]))
    assert table["dataset"].tolist() == ["loss_web", "loss_web", "loss_code", "loss_code"]


def test_runs_of_another_observable_are_not_scored(fits):
    """Fails if the loss on code is held against a forecast of the loss on the web."""
    runs, each = fits
    held = runs.where("observable == 'loss_web'").where("x > 100")
    with pytest.raises(sb.InputError, match="the fit is of the observable 'loss_code', and the runs have 'loss_web'"):
        sb.update(each["loss_code"], held, on_fail="ignore")
    with pytest.raises(sb.InputError, match=r"the fit is of .* and the runs have 'loss_web', 'loss_code'"):
        sb.score(each["loss_code"], runs)


@pytest.mark.skipif(not (DATA / "forms" / "domain_train.csv").exists(), reason="the public mixtures aren't there")
def test_the_losses_of_five_domains():
    """Fails if a share is taken for a loss, or a domain's losses for another's."""
    names = [f"loss{i}" for i in range(1, 6)]
    runs = sb.read_runs(DATA / "forms" / "domain_train.csv", observable=names)
    table = pd.read_csv(DATA / "forms" / "domain_train.csv")
    assert list(runs.inputs) == [f"r{i}" for i in range(1, 6)] and len(runs) == 5 * len(table)
    assert np.array_equal(runs.y, table[names].to_numpy().T.ravel()) and runs.observable == "loss"
    held = sb.read_runs(DATA / "forms" / "domain_test.csv", observable=names)
    small, held = (of.where("group == '70M'") for of in (runs, held))
    law = sb.laws.get("mixture_exp", domains=5)
    fits = sb.fit_many(small, law, by="observable", method=POINT, on_fail="ignore")
    for name, fit in zip(fits.names, fits, strict=True):
        theirs = held.where(f"observable == '{name}'")
        found = sb.predict(fit, **{share: theirs[share] for share in law.inputs})["loss"].values.ravel()
        assert np.sqrt(np.mean(np.log(theirs.y / found) ** 2)) < 0.025, name  # docs/several_losses.md: 0.6 to 1.9 %
