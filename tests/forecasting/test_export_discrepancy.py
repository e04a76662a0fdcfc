"""export of a fit with a discrepancy: the program conditions the process on the runs that it holds."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import LAPLACE, departing, simulated

PRESET = sb.laws.published("besiroglu2024")
SCALES = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
N, D = np.array([1e9, 1e10, 7e10, 3e8]), np.array([2e10, 2e11, 1.4e12, 6e10])
LEVELS = [0.1, 0.5, 0.9]


def varied(values, size, seed):
    """Draws about the values of a law, amplitudes with an sd of 2 % (draw,)."""
    rng = np.random.default_rng(seed)
    moved = {name: np.exp(0.02 * rng.standard_normal(size)) for name in ("A", "B")}
    return {name: np.broadcast_to(x * moved.get(name, 1.0), (size,)).copy() for name, x in values.items()}


@pytest.fixture(scope="module")
def surface():
    """Of N and D, with groups of which one lies off."""
    runs = simulated(12, seed=4)
    group = np.array(["a", "b", "c"] * 4)
    runs = sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y * np.where(group == "b", 1.05, 1.0), group=group)
    values = SCALES | {"bend_scale": 0.02, "drift_scale": 0.004, "offset_scale": 0.03}
    parts = sb.GP("matern", "bend", "drift", "offset")
    return departing(runs, PRESET.law, varied(PRESET.values, 3000, 5), parts, values)


@pytest.fixture(scope="module")
def curve():
    """Of one input, whose process goes through its Markov form, and a new run scatters more than those seen."""
    x = np.logspace(1, 4, 10)
    loss = 5 * x**-0.3 * np.exp(0.02 * np.sin(np.log(x)))
    draws = {"A": 5 * np.exp(0.02 * np.random.default_rng(6).standard_normal(3000)), "alpha": np.full(3000, 0.3)}
    values = {"matern_scale": 0.03, "matern_length_x": 1.0}
    return departing(sb.Runs(x=x, loss=loss), sb.laws.get("power"), draws, sb.GP("matern"), values)


def program(fit, path, **options):
    sb.export(fit, path, quantiles=LEVELS, **options)
    return jax.export.deserialize(path.read_bytes())


def agrees(found, fit, at, options, seed):
    """Quantiles of a program against those of predict, each to its Monte-Carlo error from a Normal's density there."""
    draws = sb.predict(fit, **at, seed=seed, **options)["loss"].values.reshape(-1, found.shape[0])
    density = np.array([0.1755, 0.3989, 0.1755])
    error = np.sqrt(np.multiply(LEVELS, np.subtract(1, LEVELS))) / density / np.sqrt(len(draws))
    off = (found - np.quantile(draws, LEVELS, axis=0).T) / (draws.std(axis=0)[:, None] * error * np.sqrt(2))
    assert abs(off).max() < 4, f"{off.round(1)}, seed {seed}"


@pytest.mark.slow_cases("{'observed': True}", "{'observed': False, 'group': 'b'}")
@pytest.mark.parametrize(
    "options", [{"observed": False}, {"observed": True}, {"observed": False, "group": "b"}], ids=str
)
def test_the_program_gives_the_quantiles_of_predict(surface, tmp_path, options):
    """Fails if an exported forecast is that of the law alone, narrower than predict's with the discrepancy."""
    found = np.asarray(program(surface, tmp_path / "loss.jax", **options).call(np.float32(N), np.float32(D)))
    agrees(found, surface, {"N": N, "D": D}, options, seed=1)


def test_a_curve_and_a_program_of_fewer_draws(curve, tmp_path):
    """Fails if the program of a curve's Markov form has other quantiles than predict, or thinned draws are another
    posterior.
    """
    at = np.array([30.0, 1e3, 1e5])
    whole, few = tmp_path / "whole.jax", tmp_path / "few.jax"
    found = np.asarray(program(curve, whole, observed=True).call(np.float32(at)))
    agrees(found, curve, {"x": at}, {"observed": True}, seed=2)
    thinned = np.asarray(program(curve, few, draws=300, observed=True).call(np.float32(at)))
    width = found[:, 2] - found[:, 0]
    # Of 300 draws a quantile at 0.1 has an error of 0.1 sd, of which the width holds 2.6.
    assert (abs(thinned - found) < 0.15 * width[:, None]).all() and not np.array_equal(thinned, found)
    # A draw takes 8 bytes for A and 8 for its Normal; alpha and the process are the same in all of them.
    assert whole.stat().st_size - few.stat().st_size == pytest.approx(2700 * 2 * 8, rel=0.01)


@pytest.mark.slow
def test_it_needs_jax_alone_and_any_number_of_points(surface, tmp_path):
    """Fails if a program with a discrepancy needs scalebayes, or takes only as many points as it was made with."""
    sb.export(surface, tmp_path / "loss.jax", draws=50)
    script = f"""
import sys, numpy as np
from jax import export, jit
program = export.deserialize(open({str(tmp_path / "loss.jax")!r}, "rb").read())
for points in (1, 7):
    x = np.geomspace(1e9, 1e11, points).astype(np.float32)
    found = jit(program.call)(x, 20 * x)
    print(*found.shape, bool((np.diff(found, axis=1) > 0).all()), "scalebayes" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["1 5 True False", "7 5 True False"]


@pytest.mark.slow
def test_a_noise_of_new_runs_is_in_the_program(tmp_path):
    """Fails if a program leaves out noise_new, by which predict scatters a new run, so that its interval is a third as
    wide.
    """
    x = np.logspace(1, 4, 10)
    priors = {"noise_scale": 0.01, "noise_new": 3.0, "alpha": 0.3}
    fit = sb.fit(sb.Runs(x=x, loss=5 * x**-0.3), "power", noise=sb.Normal((0.1, 0.35)), priors=priors, method=LAPLACE)
    at = np.array([1e3, 1e5])
    agrees(
        np.asarray(program(fit, tmp_path / "loss.jax", observed=True).call(np.float32(at))),
        fit,
        {"x": at},
        {"observed": True},
        3,
    )


def test_what_cannot_be_exported_is_refused(surface, curve, tmp_path):
    """Fails if a program gives one draw of a process as its quantiles, or takes an unknown group or more draws than the
    fit has.
    """
    path = tmp_path / "loss.jax"
    with pytest.raises(sb.InputError, match="unknown group 'd'"):
        sb.export(surface, path, group="d")
    with pytest.raises(sb.InputError, match="draws is a number from 2 to 3000, the draws of the fit, not 5000"):
        sb.export(surface, path, draws=5000)
    one = departing(curve.runs, curve.law, {"A": 5.0, "alpha": 0.3}, sb.GP("matern"), {"matern_scale": 0.03})
    with pytest.raises(sb.InputError, match="one draw, also of its discrepancy"):
        sb.export(one, path, observed=False)
    assert not path.exists()
