"""The runs that scalebayes ships: that the table is the whole sweep, its counts right, and what its fit says."""

import json
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from tiny_gpt.model import Shape
from tiny_gpt.plan import FULL, wanted

import scalebayes as sb
from scalebayes.status import Status
from tests.helpers import ROOT

HOME = files("scalebayes.datasets")
EXAMPLES = ROOT / "examples"
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
SINGLE = "split == 'fit' and epochs <= 1"


@pytest.fixture(scope="module")
def runs() -> sb.Runs:
    return sb.datasets.load("tiny_gpt")


def test_every_planned_run_is_there_and_no_other(runs):
    """Fails if the shipped table lacks a planned run, or its unit or the counts in its README aren't those of the
    sweep.
    """
    peak = dict(zip(runs.inputs["width"].astype(int), runs.inputs["peak_lr"], strict=True))
    planned = {task.run.name: task.kind for task in wanted(FULL, {int(w): float(lr) for w, lr in peak.items()})}
    assert dict(zip(runs.labels["run_id"], runs.labels["kind"], strict=True)) == planned
    assert [k == "target" for k in runs.labels["kind"]] == [s == "target" for s in runs.labels["split"]]
    assert runs.unit == "nats/byte" and runs.N_counts == "non-embedding"
    for name in ("tiny_gpt", "tiny_gpt_tuning"):
        assert len(sb.datasets.load(name)) == sb.datasets.describe(name).rows
    counts = {f"`{kind}` ({n}" for kind, n in Counter(planned.values()).items()}
    assert not [told for told in counts if told not in (HOME / "tiny_gpt.md").read_text()]


def test_counts_are_those_of_the_model(runs):
    """Fails if N, C or the epochs of a shipped row aren't those of the model that was trained."""
    for i in range(len(runs)):
        width, layers, N, N_total, D, U, epochs, C, C_6ND = (
            runs.inputs[n][i] for n in ("width", "layers", "N", "N_total", "D", "U", "epochs", "C", "C_6ND")
        )
        shape = Shape(int(width), int(layers), FULL.context)
        assert (shape.N, shape.N_total, D * shape.flops_per_token, D / U) == (N, N_total, C, epochs)
        assert C_6ND == 6 * N * D


def test_learning_rates_were_the_best_that_were_tried(runs):
    """Fails if a width was trained with another learning rate than its tuning runs found best, or with one at the
    edge.
    """
    tuning = sb.datasets.load("tiny_gpt_tuning")
    for width, rate in {(w, r) for w, r in zip(runs.inputs["width"], runs.inputs["peak_lr"], strict=True)}:
        of = tuning.where(f"width == {width}")
        rates, losses = of.inputs["peak_lr"], of.y
        assert rates[np.argmin(losses)] == rate and rates.min() < rate < rates.max()


def test_provenance_and_size(runs):
    """Fails if the shipped runs don't say how they were made and at what cost, or the tables pass 50 kB."""
    about = json.loads((HOME / "tiny_gpt.json").read_text())
    assert {"settings", "corpus", "versions", "machine", "finished", "script"} <= set(about)
    tuning = sb.datasets.load("tiny_gpt_tuning")
    assert about["FLOPs"] == runs.inputs["C"].sum() + tuning.inputs["C"].sum()
    assert sum(len((HOME / name).read_bytes()) for name in ("tiny_gpt.csv", "tiny_gpt_tuning.csv")) < 50_000


@pytest.mark.slow
def test_the_fit_of_one_epoch_by_laplace_passes_its_own_checks():
    """Fails if the table that new users see first fails a check of table, priors, law or weights."""
    fit = sb.fit(sb.datasets.load("tiny_gpt", where=SINGLE), method="laplace", fallback=False, on_fail="ignore")
    assert not fit.checks.of(Status.FAIL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_fit_of_one_epoch_passes_its_own_checks(seed):
    """Fails if the fit of the table that new users see first fails a check of its own, for any of four seeds."""
    fit = sb.fit(sb.datasets.load("tiny_gpt", where=SINGLE), on_fail="ignore", seed=seed)
    assert fit.summary()["r_hat"].max() <= 1.01
    assert not fit.checks.of(Status.FAIL)


@pytest.mark.slow
def test_the_readme_says_what_the_example_prints():
    """Fails if the README of the shipped runs quotes figures that its own commands no longer print."""
    page = [line.strip() for line in (HOME / "tiny_gpt.md").read_text().splitlines() if line.startswith("    ")]
    starts = [i for i, line in enumerate(page) if line.startswith("python examples/forecast_sweep.py")]
    assert len(starts) == 2
    for start, end in zip(starts, [*starts[1:], len(page)], strict=True):
        quoted, arguments = page[start + 1 : end], page[start].split()[2:]
        assert len(quoted) > 4, "figures are missing"
        if arguments:  # of the table of all laws two rows: all of them take minutes
            of_N_and_D = [name for name in sb.laws.GROUPS["N and D"] if set(sb.laws.get(name).inputs) == {"N", "D"}]
            assert [line.split()[0] for line in quoted[1:]] == of_N_and_D
            arguments += ["chinchilla", "kaplan"]
            quoted = [quoted[0], *(line for line in quoted[1:] if line.split()[0] in arguments)]
        command = [sys.executable, str(EXAMPLES / "forecast_sweep.py"), *arguments]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
        found: dict[str, list[list[float]]] = {}
        for line in printed.splitlines():
            found.setdefault(words(line), []).append(numbers(line))
        for line in quoted:
            assert found.get(words(line)), f"the example prints no such line: {line}"
            # Draws differ from machine to machine, by far less than this.
            np.testing.assert_allclose(numbers(line), found[words(line)].pop(0), rtol=0.02, atol=1e-3, err_msg=line)


def words(line: str) -> str:
    """A line with # for its numbers."""
    return " ".join(re.sub(NUMBER, "#", line).split())


def numbers(line: str) -> list[float]:
    return [float(one) for one in re.findall(NUMBER, line)]
