"""examples/train_sweep.py: what its table counts, that it repeats and resumes, and the plan of the full sweep."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import train_sweep
from tiny_gpt import model, training
from tiny_gpt.corpus import SEPARATOR, standard_library, windows
from tiny_gpt.plan import FULL, SMALL, pending, wanted

import scalebayes as sb
from tests.helpers import ROOT

SCRIPT = ROOT / "examples" / "train_sweep.py"
SHAPE = model.Shape(width=32, layers=3, context=24)


def command(out: Path, workers: int = 2) -> list[str]:
    return [sys.executable, str(SCRIPT), "--out", str(out), "--small", "--workers", str(workers)]


def sweep(out: Path, workers: int = 2) -> None:
    """Run the small sweep."""
    ended = subprocess.run(command(out, workers), capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """What the script says of a folder before it trains anything; in this process, which has all imported."""
    monkeypatch.setattr(train_sweep.signal, "signal", lambda *_: None)
    monkeypatch.setattr(train_sweep, "run_all", lambda *_: pytest.fail("it trains"))

    def said(out: Path) -> str:
        monkeypatch.setattr(sys, "argv", command(out)[1:])
        with pytest.raises(SystemExit) as ended:
            train_sweep.main()
        assert isinstance(ended.value.code, str), "the exit code is that of a success"
        return ended.value.code

    return said


def lines(folder: Path) -> list[str]:
    """The finished lines of the results, none where there is no file yet."""
    file = folder / "results.jsonl"
    return [line for line in file.read_text().splitlines(keepends=True) if line[-1] == "\n"] if file.exists() else []


def results(folder: Path) -> dict[str, dict]:
    return {row["key"]: row for row in map(json.loads, lines(folder))}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small sweep, run once. A second worker would compile all that the first does."""
    out = tmp_path_factory.mktemp("sweep")
    sweep(out, workers=1)
    return out


@pytest.mark.slow
def test_a_table_that_read_runs_takes(finished):
    """Fails if the sweep's table lacks a run or has one twice, or its columns aren't those that the library reads."""
    runs = sb.read_runs(finished / "runs.csv", N_counts="non-embedding")
    assert Counter(runs.labels["kind"]) == {"grid": 6, "seed": 1, "repeat": 1, "target": 1}
    assert runs.inputs["epochs"].tolist() == (runs.inputs["D"] / runs.inputs["U"]).tolist()
    assert (runs.inputs["C"] > runs.inputs["C_6ND"]).all() and (runs.y < math.log(256)).all()
    tuning = sb.read_runs(finished / "tuning.csv")
    at = int(np.argmin(tuning.y))
    assert 0 < np.argsort(tuning.inputs["peak_lr"]).tolist().index(at) < len(tuning) - 1  # a neighbour on both sides
    assert set(runs.inputs["peak_lr"]) == {tuning.inputs["peak_lr"][at]}
    about = json.loads((finished / "about.json").read_text())
    assert about["corpus"]["sha256"] == standard_library().sha256 and about["versions"]["jax"] == jax.__version__


@pytest.mark.slow_cases("2", "9")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_goes_on_where_it_was_stopped_and_gives_the_same_losses(finished, tmp_path, sign):
    """Fails if a stopped sweep starts anew, trips over a half-written line, or gives other losses from the same
    seeds.
    """
    first, out = results(finished), tmp_path / "again"
    process = subprocess.Popen(command(out), stderr=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and len(before := lines(out)) < 4:
        time.sleep(0.05)
    assert process.poll() is None, "it ended before it could be stopped"
    if sign == signal.SIGKILL:
        os.killpg(process.pid, sign)
        process.communicate(timeout=60)
        with (out / "results.jsonl").open("a") as file:
            file.write(lines(out)[-1][:50])  # a line that was being written
    else:
        process.send_signal(sign)  # to the parent alone
        told = process.communicate(timeout=60)[1]
        assert f"stopped; the same command goes on from {out}" in told and "Traceback" not in told
    sweep(out)
    again = results(out)
    assert lines(out)[: len(before)] == before and again.keys() == first.keys()
    np.testing.assert_allclose([again[k]["loss"] for k in first], [row["loss"] for row in first.values()], rtol=1e-5)


REFUSED = {
    "another sweep's": ("settings.json", '"batch": 8', '"batch": 16', ["other settings", "another --out"]),
    "another version's": ("settings.json", '"jax": "', '"jax": "9', ["other versions", "another --out"]),
    "cut settings": ("settings.json", '"settings": {', "", ["settings.json is damaged"]),
    "a damaged line": ("results.jsonl", '{"key": "tune', "{tune", ["results.jsonl: line 1 is damaged", "delete that"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_it_cannot_go_on_with_is_refused(finished, refused, tmp_path, case):
    """Fails if runs of two settings end up in one table, or damage ends in a traceback."""
    name, old, new, told = REFUSED[case]
    out = tmp_path / "other"
    shutil.copytree(finished, out)
    content = (out / name).read_text()
    assert old in content
    (out / name).write_text(content.replace(old, new, 1))
    message = refused(out)
    assert all(part in message for part in told) and len(message.splitlines()) == 1, message


def test_a_file_for_a_folder_is_refused(refused, tmp_path):
    """Fails if --out that is a file ends in a traceback instead of a sentence."""
    (tmp_path / "out").write_text("")
    assert "give a folder that can be written to" in refused(tmp_path / "out")


def test_a_library_too_small_for_the_plan_is_told_before_training():
    """Fails if hours of tuning are spent before a plan is refused that wants more text than there is."""
    with pytest.raises(ValueError, match="the plan wants 1000000000 different bytes of text and this Python's library"):
        train_sweep.check_corpus(replace(SMALL, targets=((16, 1, 10**9),)))


def products(jaxpr: Any) -> int:
    """FLOPs of every matrix product in a jaxpr, loops counted as often as they run."""
    total = 0
    for equation in jaxpr.eqns:
        inner = [sub for value in equation.params.values() for sub in jax.tree.leaves(value, is_leaf=is_jaxpr)]
        times = equation.params["length"] if equation.primitive.name == "scan" else 1
        total += times * sum(products(getattr(sub, "jaxpr", sub)) for sub in inner if is_jaxpr(sub))
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            total += 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)
    return total


def is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def test_flops_and_parameters_are_counted_exactly():
    """Fails if C or N of the table isn't what the traced program computes and holds."""
    params = model.init(SHAPE, jax.random.key(0))
    assert sum(p.size for p in jax.tree.leaves(params)) == SHAPE.N_total
    assert SHAPE.N_total - params["embedding"].size == SHAPE.N
    batch = jnp.zeros((4, SHAPE.context + 1), jnp.uint8)
    traced = jax.make_jaxpr(jax.grad(model.loss))(params, batch)
    assert products(traced.jaxpr) == 4 * SHAPE.context * SHAPE.flops_per_token


def test_a_byte_is_predicted_from_those_before_it_alone():
    """Fails if the model sees the byte that it predicts, or doesn't see all that came before."""
    params, loss = model.init(SHAPE, jax.random.key(0)), jax.jit(model.loss)
    text = np.random.default_rng(1).integers(0, 256, (2, SHAPE.context + 1), np.uint8)
    changed = text.copy()
    changed[:, 12] ^= 1

    def total(batch: np.ndarray, count: int) -> float:
        """The loss summed over the first `count` predicted bytes."""
        return count * float(loss(params, jnp.asarray(batch[:, : count + 1])))

    assert total(changed, 11) == total(text, 11)
    last = total(text, SHAPE.context) - total(text, SHAPE.context - 1)
    assert abs(total(changed, SHAPE.context) - total(changed, SHAPE.context - 1) - last) > 1e-4


def test_an_epoch_sees_each_unique_window_once():
    """Fails if runs of one epoch repeat data, repeated runs draw on more than U bytes, or other runs see the same
    windows.
    """
    once = training.Run(SHAPE, D=24 * 8 * 10, U=24 * 8 * 10, peak_lr=0.01, seed=3)
    places = training.order(1000, once)
    assert places.shape == (10, 8) and len(set(places.flat)) == 80
    repeated = training.Run(SHAPE, D=24 * 8 * 10, U=24 * 20, peak_lr=0.01, seed=3)
    counts = Counter(training.order(1000, repeated).flat)
    assert len(counts) == 20 and set(counts.values()) == {4}
    for other in (replace(once, seed=4), replace(once, D=24 * 8 * 9, U=24 * 8 * 9)):
        shared = set(training.order(1000, other).flat) & set(places.flat)
        assert len(shared) < 30, "runs share the windows that they see"  # some 7 of 80, were they independent


def test_the_learning_rate_warms_up_and_ends_at_zero():
    """Fails if the learning rate isn't the warm-up and the cosine to zero that the table's provenance names."""
    rates = np.array([float(training.learning_rate(i, 200, 0.01)) for i in range(201)])
    np.testing.assert_allclose(rates[:20], 0.01 * np.arange(1, 21) / 20, rtol=1e-5)
    cosine = 0.005 * (1 + np.cos(np.pi * np.arange(0, 181) / 180))
    np.testing.assert_allclose(rates[20:], cosine, atol=1e-8)
    assert (np.diff(rates[20:]) < 0).all() and rates[200] == 0


def test_the_files_of_a_part_are_in_no_other():
    """Fails if the validation loss is taken on text that was trained on, or is that of a single file."""
    parts = {name: set(bytes(part).split(SEPARATOR)) - {b""} for name, part in standard_library().parts.items()}
    assert len(set.union(*parts.values())) == sum(map(len, parts.values()))
    assert min(len(part) for part in standard_library().parts.values()) > 2e5
    held_out = bytes(standard_library().parts["validation"])
    assert max(map(len, held_out.split(SEPARATOR))) < 0.1 * len(held_out), "the loss is that of one file"
    spread = windows(standard_library().parts["tune"], 24, 50)
    assert len(np.unique(spread, axis=0)) > 45


def test_the_full_sweep_has_the_spread_that_laws_need():
    """Fails if the planned runs lie along one path of N and D, or lack range, seeds, repeats or targets beyond the
    rest.
    """
    tasks = list(wanted(FULL, dict.fromkeys(FULL.tune_layers, 0.01)))
    assert len({task.key for task in tasks}) == len(tasks) >= 60
    grid = [task.run for task in tasks if task.kind in ("grid", "seed")]
    N, D, C = (np.log10([value(run) for run in grid]) for value in (lambda r: r.shape.N, lambda r: r.D, lambda r: r.C))
    assert abs(np.corrcoef(N, D)[0, 1]) <= 0.8 and np.ptp(N) >= 2 and np.ptp(C) >= 3.5
    seeds = Counter((run.shape, run.D) for run in grid)
    assert sum(count >= 3 for count in seeds.values()) >= 6
    repeats = [task.run for task in tasks if task.kind == "repeat"]
    assert len(repeats) >= 10 and all(run.U < run.D for run in repeats) and max(r.D / r.U for r in repeats) >= 30
    targets = [task.run.C for task in tasks if task.kind == "target"]
    others = [task.run.C for task in tasks if task.kind != "target"]
    assert len(targets) >= 3 and min(targets) >= 4 * max(others)


def test_learning_rates_are_settled_before_runs():
    """Fails if a width's learning rate is taken at the edge of what was tried, or runs start before it is known."""
    tasks = pending(SMALL, {})
    assert [task.run.peak_lr for task in tasks] == list(SMALL.rates) and {t.kind for t in tasks} == {"tune"}
    losses = dict(zip(SMALL.rates, (3.0, 2.9, 2.8), strict=True))
    done = {
        task.key: {"kind": "tune", "width": 16, "peak_lr": task.run.peak_lr, "loss": losses[task.run.peak_lr]}
        for task in tasks
    }
    further = pending(SMALL, done)
    assert [(task.kind, task.run.peak_lr) for task in further] == [("tune", 2 * SMALL.rates[-1])]
    done[further[0].key] = {"kind": "tune", "width": 16, "peak_lr": 2 * SMALL.rates[-1], "loss": 2.85}
    assert {task.run.peak_lr for task in pending(SMALL, done) if task.kind != "tune"} == {SMALL.rates[-1]}
