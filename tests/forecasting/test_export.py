"""export: the forecast as a program that runs without scalebayes, and a forecast inside someone else's jit."""

import subprocess
import sys

import jax
import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from tests.helpers import LAPLACE, ROOT, fit_of, simulated

EXAMPLES = ROOT / "examples"
N, D = np.array([1e9, 1e10, 7e10]), np.array([2e11, 2e11, 1.4e12])


@pytest.fixture(scope="module")
def fit():
    return sb.fit(simulated(60, seed=4), method=LAPLACE)


@pytest.mark.parametrize("observed", [False, True])
def test_the_program_gives_the_quantiles_of_predict(fit, tmp_path, observed):
    """Fails if an exported forecast has other quantiles than predict, or isn't in float32."""
    levels = [0.1, 0.5, 0.9]
    sb.export(fit, tmp_path / "loss.jax", quantiles=levels, observed=observed)
    program = jax.export.deserialize((tmp_path / "loss.jax").read_bytes())
    found = np.asarray(program.call(N.astype(np.float32), D.astype(np.float32)))
    assert found.shape == (3, 3) and found.dtype == np.float32
    draws = sb.predict(fit, N=N, D=D, observed=observed)["loss"].values.reshape(-1, 3)
    expected = np.quantile(draws, levels, axis=0).T
    if not observed:
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        return
    # Two sets of noise: each quantile to its Monte-Carlo error, from a Normal's density there.
    error = np.sqrt(0.1 * 0.9 / len(draws)) / 0.17 * draws.std(axis=0)
    assert (abs(found - expected) < 4 * np.sqrt(2) * error[:, None]).all(), "seed 0"


def test_the_program_of_a_widened_fit_gives_its_widened_quantiles(fit, tmp_path):
    """Fails if what is shipped of a recalibrated fit is the forecast of before."""
    wide = sb.recalibrate(
        fit, xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.001, 0.999]]])}, {"law": [fit.label]})
    )
    sb.export(wide, tmp_path / "loss.jax", quantiles=[0.1, 0.9])
    found = jax.export.deserialize((tmp_path / "loss.jax").read_bytes()).call(np.float32(N), np.float32(D))
    draws = sb.predict(wide, N=N, D=D)["loss"].values.reshape(-1, len(N))
    assert wide.factor > 1.2
    np.testing.assert_allclose(np.asarray(found), np.quantile(draws, [0.1, 0.9], axis=0).T, rtol=1e-6)


def test_it_needs_jax_alone_and_any_number_of_points(fit, tmp_path):
    """Fails if an exported program needs scalebayes, or takes only as many points as it was made with."""
    sb.export(fit, tmp_path / "loss.jax")
    program = f"""
import sys, numpy as np
from jax import export, jit
program = export.deserialize(open({str(tmp_path / "loss.jax")!r}, "rb").read())
for points in (1, 7):
    x = np.full(points, 1e10, np.float32)
    found = jit(program.call)(x, 20 * x)
    print(*found.shape, bool((np.diff(found, axis=1) > 0).all()), "scalebayes" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["1 5 True False", "7 5 True False"]


def test_what_cannot_be_exported_is_refused(fit, tmp_path):
    """Fails if a program is written that would fail where it is used, far from who made it."""
    path = tmp_path / "loss.jax"
    with pytest.raises(sb.InputError, match=r"quantiles are probabilities between 0 and 1"):
        sb.export(fit, path, quantiles=[5, 50, 95])
    with pytest.raises(sb.InputError, match="there is no folder"):
        sb.export(fit, tmp_path / "no" / "loss.jax")
    with pytest.raises(sb.InputError, match="unknown platform 'abacus'"):
        sb.export(fit, path, platforms=["abacus"])
    with pytest.raises(sb.InputError, match="platforms is a list of"):
        sb.export(fit, path, platforms=[])
    with pytest.raises(sb.InputError, match="export takes one fit, not Fits"):
        sb.export(sb.Fits(("a",), (fit,)), path)
    preset = sb.laws.published("besiroglu2024")
    with pytest.raises(sb.InputError, match="one draw and no interval"):
        sb.export(fit_of(preset.law, preset.values, simulated(60, seed=4)), path, observed=True)
    with pytest.raises(sb.InputError, match=r"would all be one number: ask for quantiles=\[0.5\]"):
        sb.export(fit_of(preset.law, preset.values, simulated(60, seed=4)), path)
    assert not path.exists()


@pytest.mark.slow
def test_the_example_runs():
    """Fails if the example of a forecast inside a training loop doesn't run, or stops while the next bytes still save
    enough.
    """
    command = [sys.executable, str(EXAMPLES / "embed_in_training.py")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    told = ran.stdout.splitlines()
    stopped = next(line for line in told if line.startswith("stopped at D ="))
    saved, asked = float(stopped.split("save ")[1].split()[0]), float(stopped.split("less than ")[1])
    assert 0 < saved <= asked
