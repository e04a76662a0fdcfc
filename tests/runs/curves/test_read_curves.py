"""Histories of runs: charts, logs and stores read as curves, and tables of checkpoints told from tables of runs."""

import csv
import json
import random

import numpy as np
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.runs.checkpoints import checkpoints_of
from scalebayes.runs.ladder_or_curve import kind_of
from tests.helpers import POINT, TYPED_LAPLACE
from tests.runs.trackers.test_trackers import proto, trainer_folders

STEPS = list(range(0, 2001, 100))
SIZES = {"run-60M": 6e7, "run-150M": 1.5e8, "run-400M": 4e8, "run-1000M": 1e9}


def surface(N, D):
    """The truth of the cases' tables."""
    return 1.82 + 480.0 * N**-0.348 + 2100.0 * D**-0.366


def loss(step, amount=5.0):
    return round(2 + amount * (step + 50) ** -0.3, 4)


def written(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return str(path)


def chart(path, names, axis="Step", metric="val/loss"):
    """As W&B exports it: for each run its metric, and the bounds of what a point stands for."""
    header = [axis, *(f"{name} - {metric}{end}" for name in names for end in ("", "__MIN", "__MAX"))]
    rows = [[s, *(v for i, _ in enumerate(names) for v in (loss(s, 4 + i), 0.1, 9.9))] for s in STEPS]
    return written(path, header, rows)


def holds(curves, amounts):
    """Whether each curve is what was logged, from the first step after 0 on."""
    assert list(curves) == list(amounts)
    for name, amount in amounts.items():
        np.testing.assert_allclose(curves[name].y, [loss(s, amount) for s in STEPS[1:]])


# charts


def test_the_chart_of_the_cases(cases_path):
    """Fails if a chart's bounds are read as runs, or its curves aren't those that were logged."""
    curves = sb.read_curves(cases_path / "chart.csv")
    assert list(curves) == list(SIZES)
    for name, N in SIZES.items():
        steps = curves[name].column("x")
        np.testing.assert_array_equal(steps, np.arange(1000, 41000, 1000))
        np.testing.assert_allclose(curves[name].y, surface(N, 5e5 * steps), rtol=0.02)
    assert "read: val/loss as loss, Step as x" in repr(curves)


def test_fit_many_takes_curves(cases_path):
    """Fails if curves are no mapping for fit_many, or lose their names."""
    curves = sb.read_curves(cases_path / "chart.csv", tokens_per_step=5e5)
    fits = sb.fit_many(curves, "offset_power", inputs={"x": "D"}, method=POINT, on_fail="ignore")
    assert fits.names == tuple(SIZES)
    found = sb.predict(fits["run-60M"], x=4e10)["loss"].item()
    assert found == pytest.approx(surface(6e7, 4e10), rel=0.02)


@pytest.mark.slow
def test_forecast_of_a_chart(cases_path, capsys):
    """Fails if a curve can't be forecast on the command line, or its truth lies outside the interval."""
    asked = ["forecast", str(cases_path / "chart.csv"), "--run", "run-60M", "--x", "80000", "--no-backtest", "--json"]
    asked += ["--method", TYPED_LAPLACE]
    assert main(asked) == 0
    (point,) = json.loads(capsys.readouterr().out)["points"]
    truth = surface(6e7, 80000 * 5e5)
    assert point["lower"] < truth < point["upper"]
    assert point["median"] == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize(
    "typed",
    [["fit"], ["forecast", "--x", "1e6"], ["forecast", "--x", "1e6", "--run", "run-61M"], ["forecast", "--N", "1B"]],
)
def test_a_chart_without_a_run(cases_path, capsys, typed):
    """Fails if a chart of several runs ends in anything but one line, whose advice works when it is typed."""
    path = str(cases_path / "chart.csv")
    assert main([typed[0], path, *typed[1:]]) == 2
    message = capsys.readouterr().err
    assert "run-60M" in message and "--run" in message
    advised = message.split("--run ")[-1].split()[0] if "61M" not in message else "run-60M"
    assert advised in sb.read_curves(path)


@pytest.mark.parametrize(("flag", "text"), [("--N-counts", "total"), ("--unique-tokens", "118M")])
@pytest.mark.parametrize("run", [["--run", "run-60M"], []])
def test_an_option_that_a_curve_has_no_use_for_is_refused(cases_path, capsys, flag, text, run):
    """Fails if an option is dropped without a word, or the refusal names one that wasn't typed."""
    assert main(["forecast", str(cases_path / "chart.csv"), *run, "--x", "1000", flag, text]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {flag} {text}: ") and message.rstrip().endswith(f"leave {flag} out")


def test_read_runs_of_a_chart(cases_path):
    """Fails if a chart is refused without a word of read_curves, or a table of runs is taken for one."""
    assert len(sb.read_runs({"loss": [3.0, 2.0], "N - total": [1e8, 1e9], "D - seen": [2e9, 2e10]})) == 2
    assert len(sb.read_runs({"name": ["a", "b"], "eval - loss": [3.0, 2.0]})) == 2
    with pytest.raises(
        sb.InputError, match=r"history of 4 runs .*a run a column.*as curves: sb\.read_curves\('.*chart\.csv'\)"
    ):
        sb.read_runs(cases_path / "chart.csv")
    with pytest.raises(sb.InputError, match=r"sb\.read_curves\(table\)"):
        sb.read_runs({"step": [1, 2], "tiny": [3.0, 2.0], "base": [2.9, 1.9]})


@pytest.mark.parametrize(
    "name",
    [
        "a/b.c",
        "lr 1e-3 - long",
        "café 'x' \"y\"",
        "Group: depth",
        "x\u202ey",
        "loss",
        "Step",
        "run__MIN",
        "70B",
        "a - b - c",
    ],
)
def test_names_of_runs(tmp_path, name):
    """Fails if a run's name is taken apart or changed."""
    holds(sb.read_curves(chart(tmp_path / "c.csv", [name, "other"])), {name: 4, "other": 5})


def test_random_charts(tmp_path):
    """Fails if a run's name, a metric, an axis or blanks change what is read of a chart."""
    rng = random.Random(0)
    letters = "abXZ019 -_/.'\"éß漢,;:()[]{}%#@!$&*+=~|<>?^\\`\u202e"
    for _ in range(100):
        drawn = {"".join(rng.choices(letters, k=rng.randint(1, 25))).strip() for _ in range(rng.randint(2, 6))}
        names = sorted(drawn - {""})
        metric = rng.choice(["val/loss", "loss", "eval_loss", "train/loss", "validation loss"])
        axis = rng.choice(["Step", "_step", "trainer/global_step", "iteration", "tokens", "Relative Time (Process)"])
        ends = rng.choice([("",), ("", "__MIN", "__MAX")])
        rows = [[s, *("" if rng.random() < 0.2 else loss(s, 3 + i) for i, _ in enumerate(names))] for s in STEPS]
        header = [axis, *(f"{name} - {metric}{end}" for name in names for end in ends)]
        cells = [[step, *(cell for cell in own for _ in ends)] for step, *own in rows]
        curves = sb.read_curves(written(tmp_path / "c.csv", header, cells))
        for i, name in enumerate(names, 1):
            logged = [(float(row[0]), row[i]) for row in rows if row[0] and row[i] != ""]
            (steps,) = curves[name].inputs.values()
            assert list(zip(steps.tolist(), curves[name].y.tolist(), strict=True)) == logged, (name, metric, axis)


@pytest.mark.parametrize(
    "axis", ["Step", "trainer/global_step", "_step", "Relative Time (Process)", "iteration", "epoch", "PF-days"]
)
def test_axes(tmp_path, axis):
    """Fails if a chart that isn't drawn against 'Step' isn't one."""
    curves = sb.read_curves(chart(tmp_path / "c.csv", ["a", "b"], axis))
    holds(curves, {"a": 4, "b": 5})
    assert list(curves["a"].inputs) == ["x"]


def test_a_chart_against_tokens(tmp_path):
    """Fails if tokens are read as steps, or are multiplied once more."""
    path = chart(tmp_path / "c.csv", ["a", "b"], "train_tokens")
    assert sb.read_curves(path)["a"].column("D").tolist() == STEPS[1:]
    billions = sb.read_curves(chart(tmp_path / "b.csv", ["a", "b"], "Tokens (B)"))
    assert billions["a"].column("D").tolist() == [1e9 * s for s in STEPS[1:]]
    assert "'Tokens (B)' as D, times 1e9" in repr(billions)
    assert sb.read_curves(path, units={"D": "M"})["a"].column("D").tolist() == [1e6 * s for s in STEPS[1:]]
    with pytest.raises(sb.InputError, match="'train_tokens', which is tokens; leave tokens_per_step out"):
        sb.read_curves(path, tokens_per_step=5e5)


def test_tokens_per_step_needs_steps(tmp_path):
    """Fails if seconds are taken for steps, or a batch of no size is."""
    path = chart(tmp_path / "c.csv", ["a", "b"], "Relative Time (Process)")
    with pytest.raises(sb.InputError, match="is no count of steps"):
        sb.read_curves(path, tokens_per_step=5e5)
    for wrong in (0, -1, float("nan"), True, "1M"):
        with pytest.raises(sb.InputError, match=r"tokens_per_step=.* is no positive number"):
            sb.read_curves(chart(tmp_path / "c.csv", ["a", "b"]), tokens_per_step=wrong)


def test_two_runs_of_one_name(tmp_path):
    """Fails if the runs of one name are refused, mixed or lost, in a file or in a data frame of it."""
    path = chart(tmp_path / "c.csv", ["a", "a"])
    for given in (path, pd.read_csv(path)):
        holds(sb.read_curves(given), {"a": 4, "a (2)": 5})


def test_several_metrics(tmp_path):
    """Fails if training losses are read beside held-out ones, or a run without the metric is dropped unsaid."""
    header = ["Step", "a - train/loss", "a - val/loss", "a - _step", "b - train/loss"]
    path = written(tmp_path / "c.csv", header, [[s, loss(s, 3), loss(s, 4), 2 * s, loss(s, 5)] for s in STEPS])
    curves = sb.read_curves(path)
    holds(curves, {"a": 4})
    assert "left out: train/loss" in repr(curves) and "'b' (no reading of val/loss)" in repr(curves)
    holds(sb.read_curves(path, columns={"loss": "train/loss"}), {"a": 3, "b": 5})
    holds(sb.read_curves(path, observable="train/loss", where="run == 'b'"), {"b": 5})


def test_a_metric_that_is_no_loss(tmp_path):
    """Fails if an accuracy is read as a loss."""
    path = chart(tmp_path / "c.csv", ["a", "b"], metric="accuracy")
    with pytest.raises(sb.InputError, match=r"no column for the observable 'loss'; found: .*'accuracy'"):
        sb.read_curves(path)
    curves = sb.read_curves(path, observable="accuracy", unit="")
    assert curves["a"].observable == "accuracy"
    with pytest.raises(sb.InputError, match="no column for the observable 'loss'"):
        sb.read_curves(written(tmp_path / "d.csv", ["step", "lr", "grad_norm"], [[s, 1, 2] for s in STEPS]))


def test_blanks_and_what_is_not_finite(tmp_path):
    """Fails if a blank ends a curve, if nan is read, or if what was left out isn't told."""
    rows = [
        [
            s,
            loss(s, 4) if s % 200 == 0 else "",
            loss(s, 5) if s < 1500 else "NaN",
            loss(s, 6) if s < 300 else "Infinity",
        ]
        for s in STEPS
    ]
    curves = sb.read_curves(written(tmp_path / "c.csv", ["Step", "a - loss", "b - loss", "c - loss"], rows))
    assert [len(runs) for runs in curves.values()] == [10, 14, 2]
    assert curves["a"].column("x").tolist() == STEPS[2::2]
    told = repr(curves)
    assert "24 readings that are not finite" in told and "3 readings at Step 0" in told
    assert "c: 2 readings, x 100 to 200" in told and told.count("(few: a forecast is mostly prior)") == 1


def test_a_bad_cell_is_placed(tmp_path):
    """Fails if the error doesn't say which run and row, or the filter that it gives doesn't work."""
    rows = [[s, -1.0 if s == 300 else loss(s), loss(s)] for s in STEPS]
    path = written(tmp_path / "c.csv", ["Step", "a - val/loss", "b - val/loss"], rows)
    with pytest.raises(sb.InputError, match=r"row 4 \(run_id 'a'\), column 'val/loss' \(read as loss\): -1 is not"):
        sb.read_curves(path)
    assert len(sb.read_curves(path, where="`val/loss` > 0")["a"]) == 19


def test_columns_named_by_runs_alone(tmp_path):
    """Fails if a column a run is not read where the header has the runs' names and no metric."""
    path = written(tmp_path / "c.csv", ["step", "tiny", "lr-1e-3"], [[s, loss(s, 4), loss(s, 5)] for s in STEPS])
    holds(sb.read_curves(path), {"tiny": 4, "lr-1e-3": 5})


# TensorBoard's downloads, MLflow's, logs


def test_downloads_of_tensorboard(tmp_path):
    """Fails if a file isn't its run's, or a file of training losses is read beside that of held-out ones."""
    for name, amount in (("base", 4), ("tiny", 5)):
        for tag, off in (("loss_val", 0), ("loss_train", 1), ("acc", 2)):
            rows = [[1e9 + s, s, loss(s, amount + off)] for s in STEPS]
            written(tmp_path / "tb" / f"run-{name}-tag-{tag}.csv", ["Wall time", "Step", "Value"], rows)
            written(tmp_path / "each" / name / f"{tag}.csv", ["Wall time", "Step", "Value"], rows)
        written(
            tmp_path / "plain" / f"{name}.csv", ["Wall time", "Step", "Value"], [[0, s, loss(s, amount)] for s in STEPS]
        )
    for folder in ("tb", "each", "plain"):
        holds(sb.read_curves(tmp_path / folder), {"base": 4, "tiny": 5})
    with pytest.raises(sb.InputError, match=r"as TensorBoard writes.*sb.read_curves"):
        sb.read_runs(tmp_path / "plain" / "base.csv")
    with pytest.raises(sb.InputError, match=r"read as curves: sb\.read_curves\('.*plain'\)"):
        sb.read_runs(tmp_path / "plain")


def test_a_value_a_row(tmp_path):
    """Fails if MLflow's download, with a row a value of a metric, isn't read."""
    rows = [
        [run, key, loss(s, amount), s, 1]
        for run, amount in (("a", 4), ("b", 5))
        for key in ("val_loss", "train_loss")
        for s in STEPS
    ]
    holds(
        sb.read_curves(written(tmp_path / "m.csv", ["Run", "key", "value", "step", "timestamp"], rows)),
        {"a": 4, "b": 5},
    )


def test_a_folder_of_logs(tmp_path):
    """Fails if the logs of a folder aren't named by the folders that they lie in."""
    for name, amount in (("a", 4), ("b", 5)):
        rows = [[s, loss(s, amount + 1), "", 1e-3] for s in STEPS] + [[s, "", loss(s, amount), ""] for s in STEPS]
        written(tmp_path / name / "metrics.csv", ["step", "train_loss", "val_loss", "lr"], rows)
    holds(sb.read_curves(tmp_path), {"a": 4, "b": 5})


def test_the_log_of_a_trainer(tmp_path, capsys):
    """Fails if the history in a trainer's state is lost, or its tokens are, or nothing says that it is there."""
    history = [{"epoch": 0.1, "loss": loss(s, 3), "step": s} for s in STEPS]
    history += [{"epoch": 0.1, "eval_loss": loss(s, 4), "step": s} for s in STEPS]
    state = {"global_step": 2000, "log_history": history, "epoch": 1.0}
    path = tmp_path / "out" / "trainer_state.json"
    path.parent.mkdir()
    path.write_text(json.dumps(state))
    holds(sb.read_curves(path), {"out": 4})
    assert sb.read_runs(path).y.tolist() == [loss(2000, 4)]  # the last of its log, as before
    with pytest.raises(sb.InputError, match=r"read the whole log as a curve: sb\.read_curves\('.*'\)"):
        sb.forecaster(sb.read_runs(path))
    assert main(["fit", str(path)]) == 2
    assert f"scalebayes forecast {path} --x 4000" in capsys.readouterr().err
    state["log_history"] = [entry | {"num_input_tokens_seen": entry["step"] * 4096} for entry in history]
    path.write_text(json.dumps(state))
    assert sb.read_curves(path)["out"].column("D").tolist() == [4096.0 * s for s in STEPS[1:]]
    few = {
        **state,
        "log_history": [*history[: len(STEPS)], {"eval_loss": 2.5, "step": 1000}, {"eval_loss": 2.4, "step": 2000}],
    }
    path.write_text(json.dumps(few))
    assert "train_loss (21 readings: columns={'loss': 'train_loss'})" in repr(sb.read_curves(path))


def test_folders_of_trackers(tmp_path):
    """Fails if what a tracker's store keeps of each step isn't read."""
    curves = sb.read_curves(trainer_folders(tmp_path))
    assert {name: runs.y.tolist() for name, runs in curves.items()} == {
        "base": [9.0, 2.625],
        "small": [9.0, 2.875],
        "tiny": [9.0, 3.1875],
    }


def test_event_files(tmp_path):
    """Fails if event files are read as their last values, or their tokens aren't the axis."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    Event, Summary = proto("compat.proto.event_pb2").Event, proto("compat.proto.summary_pb2").Summary
    for name, amount in (("a", 4), ("b", 5)):
        writer = EventFileWriter(str(tmp_path / "runs" / name))
        for step in STEPS:
            logged = {"val/loss": loss(step, amount), "tokens": 1e5 * step}
            values = [Summary.Value(tag=tag, simple_value=value) for tag, value in logged.items()]
            writer.add_event(Event(step=step, summary=Summary(value=values)))
        writer.close()
    curves = sb.read_curves(tmp_path / "runs")
    np.testing.assert_allclose(curves["b"].y, [loss(s, 5) for s in STEPS[1:]], rtol=1e-6)
    assert curves["a"].column("D").tolist() == [1e5 * s for s in STEPS[1:]]
    assert sb.read_curves(tmp_path / "runs", columns={"D": None})["a"].column("x").tolist() == STEPS[1:]


# long tables


def table(runs=("a", "b"), N=(1e8, 1e9)):
    rows = [
        (run, n, s, s * 5e5, loss(s, 4 + i)) for i, (run, n) in enumerate(zip(runs, N, strict=True)) for s in STEPS[1:]
    ]
    names = ("run", "params", "step", "tokens", "loss")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def test_a_row_a_reading(tmp_path):
    """Fails if a table of readings isn't split into its runs, against tokens where it has them."""
    frame = pd.DataFrame(table())
    holds(sb.read_curves(frame), {"a": 4, "b": 5})
    assert sb.read_curves(frame)["a"].column("D").tolist() == [5e5 * s for s in STEPS[1:]]
    assert list(sb.read_curves(frame, columns={"x": "step"})["a"].inputs) == ["x"]
    assert kind_of(sb.read_curves(frame)["a"], "D").name == "curve"  # though it has as few tokens as a ladder
    unnamed = frame.drop(columns="run")
    with pytest.raises(sb.InputError, match=r"two readings at tokens .* \(rows 1 and 21\).*by='params'"):
        sb.read_curves(unnamed)
    holds(sb.read_curves(unnamed, by="params"), {"100000000": 4, "1000000000": 5})
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    holds(sb.read_curves(path), {"a": 4, "b": 5})


def test_frames_by_the_names_of_runs():
    """Fails if the histories that a tracker's API returns, a data frame a run, aren't read."""
    frames = {
        name: pd.DataFrame({"_step": STEPS, "_timestamp": STEPS, "val/loss": [loss(s, amount) for s in STEPS]})
        for name, amount in (("a", 4), ("b", 5))
    }
    holds(sb.read_curves(frames), {"a": 4, "b": 5})


def test_seeds_under_one_name():
    """Fails if two runs of one name are mixed, or the columns that the error names don't tell them apart."""
    frame = pd.concat([pd.DataFrame(table()).assign(seed=seed) for seed in (0, 1)])
    frame["loss"] += 0.01 * frame["seed"]
    with pytest.raises(sb.InputError, match=r"run 'a' has two readings .*by=\['run', 'seed'\]"):
        sb.read_curves(frame)
    assert list(sb.read_curves(frame, by=["run", "seed"])) == ["a, 0", "b, 0", "a, 1", "b, 1"]


def test_a_run_that_was_resumed():
    """Fails if steps that a resumed run logged twice are refused, counted twice, or those of the run that died."""
    steps = [*STEPS[1:12], *STEPS[8:]]
    curves = sb.read_curves(
        {"step": steps, "loss": [loss(s, 9) for s in STEPS[1:12]] + [loss(s, 4) for s in STEPS[8:]]}
    )
    runs = curves["run"]
    assert runs.column("x").tolist() == STEPS[1:]
    assert runs.y[7:].tolist() == [loss(s, 4) for s in STEPS[8:]]
    assert "4 readings of a step that was logged again later" in repr(curves)


def test_finished_runs_are_no_curves():
    """Fails if runs that are finished are read as curves of one point each."""
    grid = {"run_id": ["a", "b", "c"], "N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "loss": [3.0, 2.5, 2.2]}
    with pytest.raises(sb.InputError, match=r"a curve needs several; finished runs are read with sb\.read_runs"):
        sb.read_curves(grid)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"columns": {"N": "params"}}, "unknown name in columns of a curve 'N'"),
        ({"columns": {"loss": "los"}}, "did you mean 'loss'"),
        ({"columns": ["loss"]}, "is no mapping"),
        ({"columns": {"x": 3}}, "is no column"),
        ({"columns": {"x": "run"}}, "holds 'a', which is no number"),
        ({"by": "rum"}, "did you mean 'run'"),
        ({"where": "step > 1e9"}, "no rows left of 40"),
        ({"observable": "score"}, "no column for the observable 'score'"),
    ],
)
def test_what_is_asked_wrong(asked, told):
    """Fails if a wrong argument is dropped, or ends in anything but a sentence."""
    with pytest.raises(sb.InputError, match=told):
        sb.read_curves(table(), **asked)


# checkpoints


@pytest.mark.parametrize("step", ["step", "global_step", "trainer/global_step", "iteration", "epoch"])
@pytest.mark.parametrize("label", ["run_id", "run", "model", None])
def test_checkpoints_are_found(label, step):
    """Fails if a table of checkpoints passes as one of runs."""
    given = {"N": table()["params"], "D": table()["tokens"], step: table()["step"], "loss": table()["loss"]}
    names = {} if label is None else {label: table()["run"]}
    found = checkpoints_of(sb.read_runs(given | names))
    assert found is not None and (found.along, found.runs, found.last) == (step, 2, 2000)


def test_checkpoints_of_one_run_id_need_no_steps():
    """Fails if one run_id with its tokens rising passes as runs, or one name of a size does not."""
    given = {"N": table()["params"], "D": table()["tokens"], "loss": table()["loss"]}
    assert checkpoints_of(sb.Runs(**given, run_id=table()["run"])) is not None
    assert checkpoints_of(sb.Runs(**given, family=table()["run"])) is None
    assert checkpoints_of(sb.read_runs(given | {"name": table()["run"]})) is None


def test_grids_are_no_checkpoints(cases_path):
    """Fails if a grid of runs of their own is taken for checkpoints."""
    sizes, tokens = [6e7, 1.5e8, 4e8, 1e9], [2e9, 6e9, 2e10, 6e10, 2e11]
    N, D = (list(x) for x in zip(*((n, d) for n in sizes for d in tokens), strict=True))
    y = [surface(n, d) for n, d in zip(N, D, strict=True)]
    ids = {"run_id": [f"r{i}" for i in range(20)]}
    model = {"model": [f"{n / 1e6:g}M" for n in N]}
    length = [d / 5e5 for d in D]
    for extra in ({}, model, ids | {"_step": length}, {"steps": length, **model}, {"step": length}, {"epoch": length}):
        assert checkpoints_of(sb.read_runs({"N": N, "D": D, "loss": y, **extra})) is None
    for extra in ({"max_steps": length}, {"total_steps": length}):
        assert checkpoints_of(sb.read_runs({"N": N, "D": D, "loss": y, "step": length, **model, **extra})) is None
    for name in ("three_experiments.csv", "lr_sweep.csv", "slashes.csv", "one_path_repeated.csv"):
        assert checkpoints_of(sb.read_runs(cases_path / name)) is None


@pytest.mark.parametrize(
    "name", ["tiny_gpt", "tiny_gpt_tuning", "chinchilla", "datablations", "porian_isoflop", "learning_curves"]
)
def test_no_alarm_on_public_runs(data_path, monkeypatch, name):
    """Fails if the runs of a public data set are taken for checkpoints."""
    monkeypatch.setenv("SCALEBAYES_DATA", str(data_path))
    assert checkpoints_of(sb.datasets.load(name)) is None


def test_the_check_and_its_cures(tmp_path):
    """Fails if checkpoints are fitted without a word, or what the check says to type doesn't work."""
    path = tmp_path / "runs.csv"
    pd.DataFrame(table()).to_csv(path, index=False)
    runs = sb.read_runs(path)
    check = sb.fit(runs, method=POINT, on_fail="ignore").checks["checkpoints"]
    assert (
        check.status == "review"
        and "40 rows are checkpoints of 2 runs: 'step' rises within one 'run'" in check.sentence
    )
    for cure in ("sb.last_of(runs, by='run_id', along='step')", f"sb.read_curves({str(path)!r}, by='run')"):
        assert cure in check.sentence
        assert eval(cure, {"sb": sb, "runs": runs})
    assert 'where="step == 2000"' in check.sentence
    kept = sb.read_runs(path, where="step == 2000")
    assert kept.y.tolist() == sb.last_of(runs).y.tolist() == [loss(2000, 4), loss(2000, 5)]
    assert "checkpoints" not in sb.fit(kept, method=POINT, on_fail="ignore").checks
    one = sb.read_curves(path)["a"]
    assert "checkpoints" not in sb.fit(one, "power", inputs={"x": "D"}, method=POINT, on_fail="ignore").checks


def test_last_of_runs_that_ended_apart():
    """Fails if the last row is taken by its place, or the error for a wrong column doesn't name it."""
    runs = sb.Runs(run_id=["a", "b", "a", "b"], N=[1e8] * 4, D=[4e9, 1e9, 2e9, 3e9], loss=[2.0, 4.0, 3.0, 2.5])
    assert sb.last_of(runs).y.tolist() == [2.0, 2.5]
    assert checkpoints_of(runs).last is None
    for wrong in ({"by": "runid"}, {"along": "step"}):
        with pytest.raises(sb.InputError, match=r"unknown column in (by|along)="):
            sb.last_of(runs, **wrong)


def test_averaged_checkpoints_are_told():
    """Fails if the forecaster, which averages many rows, loses sight of whose they are."""
    from scalebayes.runs.averaging import averaged

    given = table([f"r{i}" for i in range(5)], [1e8 * (i + 1) for i in range(5)])
    runs = sb.Runs(N=given["params"], D=given["tokens"], loss=given["loss"], run_id=given["run"])
    cells, _ = averaged(runs, ("N", "D"), 64)
    assert len(cells) <= 64 < len(runs) and "100 rows are checkpoints of 5 runs" in cells.metadata["checkpoints"]


# other files and calls


def test_results_of_an_evaluation_harness(tmp_path):
    """Fails if the scores of one model are called a bad trainer's state."""
    scores = {"hellaswag": {"alias": "hellaswag", "acc,none": 0.4, "acc_stderr,none": 0.01}}
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"results": scores, "versions": {"hellaswag": 1}, "config": {"model": "hf"}}))
    with pytest.raises(sb.InputError, match=r"evaluation harness.*a row a model.*observable='hellaswag_acc'") as error:
        sb.read_runs(path)
    assert "trainer" not in str(error.value)


@pytest.mark.parametrize(
    "held",
    [
        {"N": [1e8, 1e9], "D": [2e9, 2e10], "loss": [3.1, 2.7]},
        {"N": {"0": 1e8, "1": 1e9}, "D": {"0": 2e9, "1": 2e10}, "loss": {"0": 3.1, "1": 2.7}},
        {"tiny": {"N": 1e8, "D": 2e9, "loss": 3.1}, "base": {"N": 1e9, "D": 2e10, "loss": 2.7}},
    ],
)
def test_objects_that_are_tables(tmp_path, held):
    """Fails if columns, or runs by name, in a JSON object are refused."""
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(held))
    runs = sb.read_runs(path)
    assert runs.y.tolist() == [3.1, 2.7] and runs.column("N").tolist() == [1e8, 1e9]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"N": [1e8, 1e9], "loss": [3.1]}, r"unequal lengths \('N' 2, 'loss' 1\)"),
        ({"n_layers": 2, "lr": 0.1}, "one JSON object with the keys 'n_layers', 'lr'"),
        ({}, "one JSON object with the keys nothing"),
        ("text", "a JSON str"),
    ],
)
def test_objects_that_are_none(tmp_path, held, told):
    """Fails if a JSON file that holds no runs isn't told by what it holds."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(held))
    with pytest.raises(sb.InputError, match=told):
        sb.read_runs(path)


@pytest.mark.parametrize("along", ["step", "stp"])
def test_along_a_column(tmp_path, capsys, along):
    """Fails if an error on one table speaks of a window that nobody asked for, or of data set '0'."""
    path = written(tmp_path / "log.csv", ["step", "loss", "lr"], [[s, loss(s), 1e-3] for s in STEPS])
    assert main(["forecast", path, "--along", along, "--x", "4000", "--no-backtest"]) == 2
    message = capsys.readouterr().err
    assert "data set" not in message and "window" not in message and along in message
