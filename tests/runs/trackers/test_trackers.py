"""Where trackers keep runs: each store read back from a real one, and a bad one of each kind refused."""

import csv
import importlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import warnings
from contextlib import closing, suppress
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from scalebayes.errors import InputError
from scalebayes.runs import read_runs

# run -> parameters, tokens, held-out loss; the training loss is a tenth lower.
RUNS = {"tiny": (124e6, 2.48e9, 3.1875), "small": (350e6, 7e9, 2.875), "base": (1.3e9, 2.6e10, 2.625)}
TRAIN = 0.125


# Each writes RUNS the way its tracker does, the losses at step 100 also, where all were higher.


def api_items(folder, wrapped=False):
    return [
        {
            "name": name,
            "id": f"x{i}",
            "state": "finished",
            "tags": ["sweep"],
            "config": {"_wandb": {}, "model": {"depth": 12}, "n_params": {"value": N, "desc": None} if wrapped else N},
            "summary": {"_step": 200, "tokens": D, "val/loss": loss, "train/loss": loss - TRAIN, "_wandb": {"x": 1}},
        }
        for i, (name, (N, D, loss)) in enumerate(RUNS.items())
    ]


def api_objects(folder):
    """As the package's Run: the plain values of its summary lie in `_json_dict`."""
    return [
        SimpleNamespace(
            **{key: item[key] for key in ("name", "id", "state", "config")},
            summary=SimpleNamespace(_json_dict=item["summary"]),
        )
        for item in api_items(folder)
    ]


def api_search(folder):
    """As the package's answer to a search: a class of its own that can be iterated."""
    Runs = type(
        "Runs", (), {"__module__": "wandb.apis.public.runs", "__iter__": lambda self: iter(api_objects(folder))}
    )
    return Runs()


def wandb_csv(folder):
    """The export of a project's table: no prefixes, and 'Name' and 'State' for the run's own."""
    with (folder / "export.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["Name", "State", "Notes", "Created", "Runtime", "n_params", "tokens", "val/loss"])
        for name, (N, D, loss) in RUNS.items():
            writer.writerow([name, "finished", "", "2026-01-01T00:00:00.000Z", 7, int(N), int(D), loss])
    return folder / "export.csv"


def wandb_json(folder):
    (folder / "export.json").write_text(json.dumps(api_items(folder, wrapped=True)))
    return str(folder / "export.json")


def plain_rows(folder):
    return [{"run": name, "N": N, "D": D, "loss": loss} for name, (N, D, loss) in RUNS.items()]


def state_of(tokens, flos, loss, step=200):
    """What the Trainer writes, its log shortened."""
    return {
        "best_metric": None,
        "epoch": 1.0,
        "global_step": step,
        "is_world_process_zero": True,
        "log_history": [
            {"epoch": 0.5, "grad_norm": 1.5, "learning_rate": 1e-4, "loss": 9.0, "step": 100},
            {"epoch": 0.5, "eval_loss": 9.0, "eval_runtime": 1.0, "step": 100},
            {"epoch": 1.0, "grad_norm": 0.5, "learning_rate": 1e-5, "loss": loss - TRAIN, "step": step},
            {"epoch": 1.0, "eval_loss": loss, "eval_runtime": 1.0, "step": step},
            {"epoch": 1.0, "step": step, "total_flos": flos, "train_loss": 6.0, "train_runtime": 7.0},
        ],
        "max_steps": step,
        "num_input_tokens_seen": tokens,
        "num_train_epochs": 1,
        "stateful_callbacks": {},
        "total_flos": flos,
        "trial_params": None,
    }


def trainer_folders(folder):
    """Three runs' folders, of which one has only checkpoints, and event files such as the Trainer's."""
    for name, (N, D, loss) in RUNS.items():
        last = folder / "out" / name / ("" if name != "tiny" else "checkpoint-200")
        for place, step in ((folder / "out" / name / "checkpoint-100", 100), (last, 200)):
            place.mkdir(parents=True, exist_ok=True)
            state = state_of(int(D), 6 * N * D, loss if step == 200 else 9.0, step)
            (place / "trainer_state.json").write_text(json.dumps(state))
    events(folder / "out" / "base" / "runs", "now", 1.0, 1.0, 1.0)
    return folder / "out"


def proto(module):
    return importlib.import_module(f"tensorboard.{module}")


def events(folder, name, N, D, loss):
    """A file as PyTorch's SummaryWriter writes it: plain values, and the hyperparameters as metadata of a value."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    Event, Summary = proto("compat.proto.event_pb2").Event, proto("compat.proto.summary_pb2").Summary
    started = proto("plugins.hparams.plugin_data_pb2").HParamsPluginData()
    started.session_start_info.hparams["n_params"].number_value = N
    started.session_start_info.hparams["optimizer"].string_value = "adamw"
    session = Summary.Value(tag="_hparams_/session_start_info")
    session.metadata.plugin_data.plugin_name = "hparams"
    session.metadata.plugin_data.content = started.SerializeToString()
    writer = EventFileWriter(str(folder / name))
    writer.add_event(Event(step=0, summary=Summary(value=[session])))
    for step, higher in ((100, 6.0), (200, 0.0)):
        told = {"train/loss": loss - TRAIN + higher, "val/loss": loss + higher, "tokens": D * step / 200}
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in told.items()]
        writer.add_event(Event(step=step, summary=Summary(value=scalars)))
    writer.close()
    return next((folder / name).iterdir())


def event_folders(folder):
    for name, values in RUNS.items():
        events(folder / "logs", name, *values)
    return str(folder / "logs")


def tensor_events(folder):
    """As TensorFlow 2 and tensorboard's own Writer write scalars: tensors, with a plugin's name."""
    from tensorboard.summary import Writer

    for name, (N, D, loss) in RUNS.items():
        writer = Writer(str(folder / "logs" / "deep" / name))
        for step, higher in ((100, 6.0), (200, 0.0)):
            for tag, value in {"n_params": N, "tokens": D, "eval/loss": loss + higher}.items():
                writer.add_scalar(tag, value, step)
        writer.close()
    return folder / "logs" / "deep"


def written_store(address):
    """RUNS in a store of MLflow, with its own client; one more run is deleted, and one in a deleted experiment."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")  # MLflow's and SQLAlchemy's own deprecations
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=address)
        sweep, gone = client.create_experiment("sweep"), client.create_experiment("gone")
        for i, (name, (N, D, loss)) in enumerate({**RUNS, "deleted": (1, 1, 1), "elsewhere": (1, 1, 1)}.items()):
            run = client.create_run(gone if name == "elsewhere" else sweep, start_time=1000 + i, run_name=name)
            for key, value in {"n_params": int(N), "total_tokens": int(D), "optimizer": "adamw"}.items():
                client.log_param(run.info.run_id, key, value)
            for step, higher in ((200, 0.0), (100, 6.0)):
                client.log_metric(run.info.run_id, "train_loss", loss - TRAIN + higher, step=step)
                client.log_metric(run.info.run_id, "val/loss", loss + higher, step=step)
            client.set_tag(run.info.run_id, "kind", "main")
            client.set_terminated(run.info.run_id)
            if name == "deleted":
                client.delete_run(run.info.run_id)
        client.delete_experiment(gone)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A database and a folder of MLflow, made once: a database takes seconds."""
    folder = tmp_path_factory.mktemp("stores")
    written_store(f"sqlite:///{folder / 'mlflow.db'}")
    written_store(str(folder / "mlruns"))
    return folder


def search_frame(folder):
    """What mlflow.search_runs returns, of a server for one."""
    N, D, loss = zip(*RUNS.values(), strict=True)
    return pd.DataFrame(
        {"run_id": list(RUNS), "status": "FINISHED", "params.n_params": [str(int(n)) for n in N]}
        | {"params.tokens": [str(d) for d in D], "metrics.val_loss": loss}
    )


SOURCES = {
    "W&B items": (api_items, {}),
    "W&B objects": (api_objects, {}),
    "W&B search": (api_search, {}),
    "W&B generator": (lambda folder: iter(api_items(folder)), {}),
    "W&B table as CSV": (wandb_csv, {}),
    "W&B items as JSON": (wandb_json, {}),
    "list of dicts": (plain_rows, {}),
    "Trainer": (trainer_folders, {"N": 124e6}),
    "event files": (event_folders, {}),
    "event files with tensors": (tensor_events, {}),
    "MLflow's data frame": (search_frame, {}),
    "MLflow database": (lambda stores: stores / "mlflow.db", {}),
    "MLflow address": (lambda stores: f"sqlite:///{stores / 'mlflow.db'}", {}),
    "MLflow folder": (lambda stores: stores / "mlruns", {}),
    "MLflow folder's address": (lambda stores: (stores / "mlruns").as_uri(), {}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_runs_that_were_written(kind, tmp_path, request):
    """Fails if a tracker's store is read as other runs than those that its own client wrote."""
    write, columns = SOURCES[kind]
    in_stores = kind in ("MLflow database", "MLflow address", "MLflow folder", "MLflow folder's address")
    runs = read_runs(write(request.getfixturevalue("stores") if in_stores else tmp_path), columns=columns)
    order = [list(runs.labels["run_id"]).index(name) for name in RUNS]
    assert len(runs) == len(RUNS)
    N, D, loss = np.array(list(RUNS.values())).T
    # Event files hold float32.
    np.testing.assert_allclose(runs.inputs["N"][order], columns.get("N", N), rtol=1e-6)
    np.testing.assert_allclose(runs.inputs["D"][order], D, rtol=1e-6)
    np.testing.assert_array_equal(runs.y[order], loss)


# What is read of a tracker


def test_the_text_of_tracked_runs_says_what_was_read_and_left_out(tmp_path):
    """Fails if the text of tracked runs hides what a column was read as, or which loss was left out."""
    assert repr(read_runs(api_items(tmp_path), where="`config.n_params` < 1e9", columns={"x": 20})).splitlines() == [
        "Runs: 2 rows, loss 2.88 to 3.19 (unit not said)",
        "  inputs: config.model.depth 12, N 1.24e8 to 3.5e8, summary._step 200, D 2.48e9 to 7e9, x 20",
        "  labels: run_id (2 values), id (2 values), state ('finished'), tags ('[\"sweep\"]')",
        "  read: name as run_id, config.n_params as N, summary.tokens as D, summary.val/loss as loss",
        "  for every run: x 20",
        "  left out: summary.train/loss",
        "  where: `config.n_params` < 1e9",
    ]


def test_metadata_keeps_what_was_left_out_and_what_was_given(tmp_path):
    """Fails if the losses left out or the numbers given for every run aren't recorded, or another loss can't be asked
    for.
    """
    metadata = read_runs(api_items(tmp_path), columns={"x": 20}).metadata
    assert metadata["left_out"] == ["summary.train/loss"] and metadata["constants"] == {"x": 20.0}
    both = read_runs(api_items(tmp_path), columns={"loss": "summary.train/loss"})
    assert both.y[0] == 3.1875 - TRAIN and both.inputs["summary.val/loss"][0] == 3.1875


def run_with(**summary):
    return {"name": "a", "config": {}, "summary": summary}


LOSSES = [
    ({"train_loss": 2.0, "val_loss": 3.0}, 3.0),
    ({"loss": 2.0, "eval_loss": 3.0}, 3.0),
    ({"train/loss": 2.0, "validation/loss": 3.0}, 3.0),
    ({"train_loss": 2.0}, 2.0),
    ({"val_loss": 3.0, "eval/loss": 3.0, "loss": 2.0}, 3.0),
    ({"eval_wiki_loss": 3.0, "loss": 2.0}, 3.0),
    ({"eval_wiki_loss": 4.0, "eval_loss": 3.0}, 3.0),
    ({"val_loss": 3.0, "test_loss": 4.0}, ["'summary.val_loss', 'summary.test_loss' could each be loss"]),
    ({"eval_a_loss": 3.0, "eval_b_loss": 4.0, "loss": 2.0}, ["'summary.eval_a_loss', 'summary.eval_b_loss' could"]),
    ({"train/loss": 2.0, "training_loss": 3.0}, ["'summary.train/loss', 'summary.training_loss' could each be loss"]),
    ({"val/loss": {"min": 3.0}}, ["no column for the observable 'loss'", "(nearest: 'summary.val/loss.min')"]),
    ({"perplexity": 8.0}, ["no column for the observable 'loss'", "found: 'name', 'summary.perplexity'"]),
]


@pytest.mark.parametrize(("summary", "expected"), LOSSES, ids=[" ".join(summary) for summary, _ in LOSSES])
def test_of_several_losses_the_held_out_one_is_read(summary, expected):
    """Fails if a training loss is read where a held-out one was logged, or one of two held-out losses is guessed."""
    if isinstance(expected, float):
        assert read_runs([run_with(**summary)]).y.tolist() == [expected]
    else:
        with pytest.raises(InputError) as refused:
            read_runs([run_with(**summary)])
        assert all(part in str(refused.value) for part in expected), refused.value


TABLE_LOSSES = [
    ({"train/loss": 2.0, "val/loss": 3.0}, 3.0),
    ({"train/loss": 2.0, "loss": 3.0}, 3.0),
    ({"loss": 2.0, "val_loss": 3.0}, 3.0),
    ({"val_loss": 3.0, "val_bpb": 1.1}, 3.0),
    ({"loss": 3.0, "val_bpb": 1.1}, 3.0),
    ({"train_loss": 2.0, "val_bpb": 1.1}, 1.1),
    ({"loss": 3.0, "eval_wiki_loss": 4.0, "eval_code_loss": 2.0}, 3.0),
    ({"train_loss": 2.0, "eval_wiki_loss": 3.0}, 3.0),
    ({"loss": 3.0, "aux_loss": 0.1, "val_loss_std": 0.2}, 3.0),
    ({"val_loss": 3.0, "test_ce": 4.0, "loss": 2.0}, ["columns={'loss': 'val_loss'} or columns={'loss': 'test_ce'}"]),
    ({"eval_a_loss": 3.0, "eval_b_loss": 4.0, "train_loss": 2.0}, ["'eval_a_loss', 'eval_b_loss' could each be loss"]),
    ({"perplexity": 8.0}, ["no column for the observable 'loss'", "observable='perplexity'"]),
]


@pytest.mark.parametrize(("losses", "expected"), TABLE_LOSSES, ids=[" ".join(losses) for losses, _ in TABLE_LOSSES])
def test_of_several_losses_of_a_table_the_held_out_one_is_read(losses, expected):
    """Fails if a training loss is fitted beside a held-out one, or if one of two held-out losses is without a word."""
    table = [{"N": 1e8, **losses}]
    if isinstance(expected, float):
        runs = read_runs(table)
        assert runs.y.tolist() == [expected]
        told = " ".join(runs.metadata["left_out"]) + repr(runs)
        assert all(name in told for name in losses)
    else:
        with pytest.raises(InputError) as refused:
            read_runs(table)
        assert all(part in str(refused.value) for part in expected), refused.value


NAMES = {
    "N": [
        "config.n_params",
        "config/num_params",
        "params.N",
        "params",
        "hparams/n_params",
        "Total Params",
        "params.params",
    ],
    "D": ["summary.tokens_seen", "metrics.train_tokens", "num-tokens", "consumed_tokens", "config.D"],
    "C": ["total_flos", "summary.total/flops", "training_flops"],
    "loss": ["summary.Val/Loss", "metrics.eval_loss", "valid.loss", "lm loss validation"],
    "n": ["n"],
    "config.n": ["config.n"],
    "params.lr": ["params.lr"],
    "summary.val_loss_best": ["summary.val_loss_best"],
}


@pytest.mark.parametrize(("ours", "theirs"), [(ours, theirs) for ours in NAMES for theirs in NAMES[ours]])
def test_names_are_known_with_and_without_a_trackers_prefix(ours, theirs):
    """Fails if a name that is known alone isn't known behind a tracker's prefix, or an uncertain one is."""
    runs = read_runs({theirs: [7.0], **({} if ours == "loss" else {"loss": [3.0]})})
    assert set(runs.columns()) == {ours, "loss"}


def test_counts_with_and_without_embeddings_are_two_readings_of_N():
    """Fails if one of two counts of parameters, with and without embeddings, is guessed to be N."""
    run = {"name": "a", "config": {"n_params": 2e8, "non_embedding_params": 1e8}, "summary": {"loss": 3.0}}
    with pytest.raises(InputError, match=r"'config\.n_params', 'config\.non_embedding_params' could each be N"):
        read_runs([run])
    assert read_runs([run], columns={"N": "config.non_embedding_params"}).column("N") == [1e8]


def test_runs_of_one_name_go_by_their_ids(tmp_path):
    """Fails if runs of the same name can't be told apart by their ids."""
    items = [item | {"name": "tiny"} for item in api_items(tmp_path)]
    assert read_runs(items).labels["run_id"].tolist() == ["x0", "x1", "x2"]


def test_a_run_without_its_loss_is_named_and_the_filters_offered_cure(tmp_path):
    """Fails if a crashed run isn't named, or a filter that is offered doesn't leave it out."""
    items = api_items(tmp_path)
    items[1] |= {"state": "crashed", "summary": {"tokens": 1e9}}
    with pytest.raises(InputError) as refused:
        read_runs(items)
    cures = ["`summary.val/loss` > 0", "state == 'finished'"]
    assert "row 2 (run_id 'small'), column 'summary.val/loss' (read as loss): the cell is blank" in str(refused.value)
    for cure in cures:
        assert f'where="{cure}"' in str(refused.value)
        assert read_runs(items, where=cure).labels["run_id"].tolist() == ["tiny", "base"]
    items[1]["state"] = "finished"
    with pytest.raises(InputError) as refused:
        read_runs(items)
    assert "state ==" not in str(refused.value)  # a filter that would keep the run


def test_the_filter_of_finished_runs_can_be_typed_whatever_its_column_is_called():
    """Fails if a name with a dot is written as a filter can't read it."""
    table = {"summary.status": ["finished", "crashed"], "N": [1e8, 1e9], "D": [2e9, 2e9], "loss": [3.1, None]}
    with pytest.raises(InputError) as refused:
        read_runs(table)
    cure = "`summary.status` == 'finished'"
    assert f'where="{cure}"' in str(refused.value) and len(read_runs(table, where=cure)) == 1


def test_a_number_stands_for_every_run():
    """Fails if one number can't be given for every run's N or D, or is taken for the loss or for a name."""
    table = {"params": [1.0, 2.0], "loss": [3.0, 2.0]}
    runs = read_runs(table, columns={"N": 124_000_000, "D": 2e9})
    assert runs.column("N").tolist() == [124e6, 124e6] and runs.column("D").tolist() == [2e9, 2e9]
    assert runs.inputs["params"].tolist() == [1.0, 2.0]
    for columns, told in [
        ({"N": float("nan")}, "neither the name of a column nor a finite number"),
        ({"N": True}, "neither the name of a column nor a finite number"),
        ({"N": [1.0]}, "neither the name of a column nor a finite number"),
        ({"N": 0}, "row 1, column 'N': 0 is not above 0"),
        ({"loss": 3.0}, "no two runs share their loss"),
        ({"run_id": 3}, "no two runs share their run_id"),
        ({"params": 3.0}, "columns={'N': 3.0}"),
    ]:
        with pytest.raises(InputError) as refused:
            read_runs(table, columns=columns)
        assert told in str(refused.value), refused.value


def test_filters_take_a_stores_own_names(stores):
    """Fails if a filter can't name a store's own columns, such as `params.n_params` or status."""
    for store in (stores / "mlflow.db", stores / "mlruns"):
        runs = read_runs(store, where="`params.n_params` > 2e8 and status == 'FINISHED' and run_name != 'base'")
        assert runs.labels["run_id"].tolist() == ["small"]
        assert runs.labels["experiment"].tolist() == ["sweep"] and runs.labels["tags.kind"].tolist() == ["main"]


def test_of_a_trainers_checkpoints_the_last_counts(tmp_path):
    """Fails if an early checkpoint is read as the run, or the mean over the whole training as a loss that it
    reached.
    """
    folder = trainer_folders(tmp_path)
    one = read_runs(folder / "tiny" / "checkpoint-100" / "trainer_state.json")
    assert one.y.tolist() == [9.0] and one.labels["run_id"].tolist() == ["tiny"]
    runs = read_runs(folder)
    assert runs.inputs["global_step"].tolist() == [200, 200, 200] and runs.metadata["left_out"] == ["train_loss"]
    # The mean over the whole training is no loss that a run reached.
    assert runs.inputs["mean_train_loss"].tolist() == [6, 6, 6]
    train = read_runs(folder, columns={"loss": "train_loss"})
    np.testing.assert_array_equal(train.y, runs.y - TRAIN)


def test_states_of_several_runs_in_one_folder_are_told_apart(tmp_path):
    """Fails if states of several runs in one folder are read as one run."""
    for name in ("tiny", "base"):
        (tmp_path / f"{name}.trainer_state.json").write_text(json.dumps(state_of(1, 1, 3.0)))
    assert sorted(read_runs(tmp_path).labels["run_id"]) == ["base", "tiny"]


def test_a_trainers_N_is_given_or_derived(tmp_path):
    """Fails if a Trainer's run without N isn't told how to have it, or counts of 0 pass for tokens and compute."""
    runs = read_runs(trainer_folders(tmp_path), where="run == 'tiny'")
    with pytest.raises(
        InputError, match=r"no 'N'.*runs.derive\('N'\) adds N = C / \(6 D\).*the number that all runs share"
    ):
        runs.require("N", "D")
    np.testing.assert_allclose(runs.derive("N").column("N"), [124e6])
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(state_of(0, 0, 3.0)))  # counts that the Trainer couldn't make
    assert not {"C", "D"} & set(read_runs(path).inputs)


def test_an_event_file_that_is_cut_off_is_read_up_to_there(tmp_path):
    """Fails if an event file that a killed job cut off is refused, instead of read up to there."""
    path = events(tmp_path, "run", 1e8, 2e9, 3.0)
    path.write_bytes(path.read_bytes()[:-7])
    assert read_runs(path).y.tolist() == [9.0]


def test_runs_folders_below_one_another_keep_their_paths(tmp_path):
    """Fails if a run whose folder lies in another's is lost, or has its name alone."""
    events(tmp_path, "a", 1e8, 2e9, 3.0)
    events(tmp_path, "a/b", 1e8, 2e9, 2.0)
    assert read_runs(tmp_path).labels["run_id"].tolist() == ["a", "a/b"]
    assert read_runs(tmp_path / "a" / "b").labels["run_id"].tolist() == ["b"]


# What is refused


def text_file(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def damaged_events(folder):
    """One byte of the last value changed: its record's checksum no longer holds."""
    path = events(folder, "run", 1e8, 2e9, 3.0)
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    return folder / "run"


def other_database(folder):
    database = sqlite3.connect(folder / "other.db")
    database.execute("CREATE TABLE runs (x)")
    database.close()
    return folder / "other.db"


def broken_database(stores, folder):
    content = bytearray((stores / "mlflow.db").read_bytes())
    content[100:4096] = b"x" * 3996
    return text_file(folder, "mlflow.db", bytes(content))


def two_kinds(folder):
    events(folder, "a", 1e8, 2e9, 3.0)
    return text_file(folder, "b/trainer_state.json", json.dumps(state_of(1, 1, 3.0))).parents[1]


STATE = "trainer_state.json"
BAD = {
    "empty folder": (lambda f: f, ["is a folder without runs", "event files", STATE, "MLflow", ".csv"]),
    "folder beside a store": (
        lambda f: text_file(f, "mlflow.db", "").parent,
        ["is a folder without runs", "MLflow's runs are in", "mlflow.db, give that"],
    ),
    "two kinds": (two_kinds, ["holds a trainer_state.json", "event files of other runs", "one kind"]),
    "cut JSON": (lambda f: text_file(f, STATE, '{"epoch": 1,\n "log'), ["is not JSON", "in line 2", "cut off"]),
    "JSON in bytes": (lambda f: text_file(f, STATE, b"\xff\xfe{}"), ["is not JSON (it is not UTF-8 text)"]),
    "deep JSON": (lambda f: text_file(f, STATE, "[" * 100_000), ["is not JSON (it nests too deep)"]),
    "other JSON": (
        lambda f: text_file(f, "config.json", '{"hidden_size": 768, "global_step": 1}'),
        ["no trainer_state.json of a Trainer", "it has no 'log_history'", "its keys: 'hidden_size', 'global_step'"],
    ),
    "no log": (lambda f: text_file(f, STATE, '{"log_history": 1, "global_step": 1}'), ["'log_history' is no list"]),
    "no step": (lambda f: text_file(f, STATE, '{"log_history": [], "global_step": "x"}'), ["'global_step' is 'x'"]),
    "JSON number": (lambda f: text_file(f, STATE, "7"), ["a JSON int"]),
    "JSON list of numbers": (lambda f: text_file(f, "a.json", "[1]"), ["a.json: ", "item 1 is of type int"]),
    "bad state in a folder": (lambda f: text_file(f, f"run/{STATE}", "{").parents[1], [f"run/{STATE}: ", "not JSON"]),
    "empty event file": (
        lambda f: text_file(f, "run/a.tfevents.1", "").parent,
        ["no event can be read", "a.tfevents.1"],
    ),
    "text as an event file": (lambda f: text_file(f, "a.tfevents.1", "no events " * 9), ["a.tfevents.1", "is damaged"]),
    "damaged event file": (damaged_events, ["is damaged, at its record 4", "take it out of the folder"]),
    "wrong event": (
        lambda f: text_file(f, "a.tfevents.1", record(b"\x0a\xff\xff")),
        ["a.tfevents.1", "is damaged, at its record 1"],
    ),
    "no database": (lambda f: text_file(f, "a.db", "no database" * 9), ["a.db", "can't be read as an SQLite database"]),
    "other database": (other_database, ["no tracking store of MLflow", "lacks experiments, metrics, params"]),
    "address of nothing": (lambda f: f"sqlite:///{f}/none.db", ["there is no file", "none.db"]),
    "other yaml": (lambda f: text_file(f, "1/meta.yaml", "name: x").parents[1], ["is a folder without runs"]),
    "garbage store": (
        lambda f: text_file(f, "1/meta.yaml", "experiment_id: [[no").parents[1],
        ["MLflow can't read"],
    ),
    "damaged experiment": (
        lambda f: text_file(text_file(f, "1/meta.yaml", EXPERIMENT).parents[1], "2/meta.yaml", "").parents[1],
        ["MLflow can't read all of the store (Malformed experiment '2'"],
    ),
    "sqlite with two slashes": (lambda f: "sqlite://mlflow.db", ["has three slashes"]),
    "nobody's home": (lambda f: "~nobody-at-all/runs.csv", ["no user has a home folder of that name"]),
    "one run": (lambda f: api_items(f)[0], ["this is one run", "give a list of runs"]),
    "text as a step": (
        lambda f: text_file(f, STATE, '{"log_history": [{"step": "a"}], "global_step": 1}'),
        ["a 'step' in log_history is no number"],
    ),
    "empty store": (lambda f: text_file(f, "1/meta.yaml", EXPERIMENT).parents[1], ["has no runs"]),
    "web address": (lambda f: "https://mlflow.example.org", ["is a web address", "mlflow.search_runs(...)"]),
    "list of numbers": (lambda f: [1, 2], ["a list is not a table", "item 1 is of type int", "one dict a run"]),
    "empty list": (lambda f: [], ["the list is empty"]),
    "mixed list": (lambda f: [*api_items(f), {"N": 1}], ["item 1 of the list has a config", "item 4 has none"]),
    "bad summary": (
        lambda f: [{"name": "a", "config": {}, "summary": "{}"}],
        ["item 1 of the list, summary: it is a str, not a mapping"],
    ),
    "bad cell of a list": (
        lambda f: [{"N": "~70B", "loss": 3}],
        ["row 1, column 'N': '~70B' is not a number", "write it as 70e9"],
    ),
}
EXPERIMENT = (
    "artifact_location: ''\ncreation_time: 1\nexperiment_id: '1'\nlast_update_time: 1\n"
    "lifecycle_stage: active\nname: one\n"
)


def record(data):
    """A record of an event file whose checksums hold."""
    checksum = proto("summary.writer.record_writer").masked_crc32c
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", checksum(head)) + data + struct.pack("<I", checksum(data))


@pytest.mark.parametrize("case", BAD)
def test_a_bad_source_is_refused_in_one_line(case, tmp_path):
    """Fails if a damaged or unfit store ends in another library's error, or isn't named in one line with the cure."""
    make, told = BAD[case]
    with pytest.raises(InputError) as refused:
        read_runs(make(tmp_path))
    message = str(refused.value)
    assert all(part in message for part in told), message
    assert "\n" not in message


def test_a_password_in_an_address_is_not_told():
    """Fails if an error repeats the password of a database's address."""
    with pytest.raises(InputError) as refused:
        read_runs("mysql+pymysql://someone:secret@host.example/db")
    assert "secret" not in str(refused.value) and "mysql+pymysql://host.example/db" in str(refused.value)


@pytest.mark.parametrize("kind", ["frame", "json", "python"])
def test_the_example_of_an_export_is_read(kind, tmp_path):
    """Fails if the table of W&B's own export example, with config and summary whole in a cell each, isn't read."""
    items = [{name: item[name] for name in ("summary", "config", "name")} for item in api_items(tmp_path)]
    frame = pd.DataFrame(items)
    if kind == "json":
        frame = frame.assign(**{name: frame[name].map(json.dumps) for name in ("summary", "config")})
    table = frame
    if kind != "frame":
        table = tmp_path / "project.csv"
        frame.to_csv(table)
    runs = read_runs(table, columns={"loss": "summary.val/loss"})
    values = zip(runs.inputs["N"], runs.inputs["D"], runs.y, strict=True)
    assert dict(zip(runs.labels["run_id"], values, strict=True)) == RUNS


def test_an_empty_event_file_is_passed_over(tmp_path):
    """Fails if the empty event file of a job that was killed at its start refuses the whole folder."""
    event_folders(tmp_path)
    text_file(tmp_path / "logs", "killed/a.tfevents.1", "")
    assert len(read_runs(tmp_path)) == len(RUNS)


def test_a_folder_store_is_left_as_it_was(tmp_path):
    """Fails if reading an MLflow folder adds to it, as its client adds a folder for what is deleted."""
    text_file(tmp_path, "1/meta.yaml", EXPERIMENT)
    with pytest.raises(InputError, match="has no runs"):
        read_runs(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["1", "meta.yaml"]


def test_a_broken_database_is_refused(stores, tmp_path):
    """Fails if a damaged MLflow database is read, or ends in SQLite's error."""
    with pytest.raises(InputError, match="can't be read"):
        read_runs(broken_database(stores, tmp_path))


def test_reading_leaves_a_database_as_it_is(stores, tmp_path):
    """Fails if reading changes a database: MLflow's client makes its tables there, or moves them to its own version."""
    other, older = other_database(tmp_path), tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as database:
        for table in ("experiments", "runs", "params", "metrics"):
            database.execute(f"CREATE TABLE {table} (x)")
    before = {path: path.read_bytes() for path in (other, older, stores / "mlflow.db")}
    for path in before:
        with suppress(InputError):
            read_runs(path)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["older.db", "other.db"]


def test_reading_mlflow_changes_no_setting_and_reports_nothing(stores):
    """Fails if reading sets a variable of MLflow's, or its client reports its use to its makers."""
    program = f"""
import os, scalebayes
scalebayes.read_runs({str(stores / "mlruns")!r})
print(*[name for name in os.environ if "MLFLOW" in name])
from mlflow.telemetry import get_telemetry_client
print(get_telemetry_client())
"""
    quiet = ("CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", *[name for name in os.environ if "MLFLOW" in name])
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (ran.stdout.split(), ran.returncode) == (["None"], 0), ran.stderr


MISSING = {
    "mlflow.tracking": ("mlruns", r"pip install 'scalebayes\[mlflow\]'"),
    "sqlalchemy": ("mlflow.db", r"pip install 'scalebayes\[mlflow\]'"),
    "tensorboard.util": ("logs", r"pip install 'scalebayes\[tensorboard\]'"),
}


@pytest.mark.parametrize("package", MISSING)
def test_a_missing_package_is_named_with_its_extra(package, stores, tmp_path, monkeypatch):
    """Fails if a tracker's missing package ends in an ImportError, instead of the extra to install."""
    name, told = MISSING[package]
    path = event_folders(tmp_path) if name == "logs" else stores / name
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=told):
        read_runs(path)
