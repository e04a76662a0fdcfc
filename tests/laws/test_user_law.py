"""A user's own law: a function and plain priors, and every question still has an answer."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from tests.helpers import LAPLACE, simulated

MINE = sb.Law(
    "mine",
    lambda N, D, a, b, E: E + a * N**-0.3 + b * D**-0.3,
    params={"a": dist.LogNormal(5.0, 1.0), "b": dist.LogNormal(6.0, 1.0), "E": dist.HalfNormal(3.0)},
)


@pytest.fixture(scope="module")
def fit():
    """One fit of the user's law by Laplace."""
    return sb.fit(simulated(40, seed=4), MINE, method=LAPLACE)


def test_fit(fit):
    """Fails if a law with plain priors can't be fitted, or the fit doesn't say that they were taken as they stand."""
    assert MINE.inputs == ("N", "D")
    assert sorted(fit.draws) == ["E", "a", "b", "noise_scale"]
    units = fit.checks["units"]
    assert units.status == "review" and "priors of a, b, E are taken literally" in units.sentence
    assert fit.reference.inputs == {"N": 1.0, "D": 1.0} and fit.reference.scale == 1.0
    assert fit.checks.status == "review"


@pytest.mark.slow
def test_the_posterior_is_the_curve_of_least_squares(fit):
    """Fails if a law that is linear in a, b and E is fitted elsewhere than where linear regression says."""
    runs = fit.runs
    normal = sb.fit(runs, MINE, noise="normal", method=LAPLACE, on_fail="ignore")
    design = np.column_stack([runs.column("N") ** -0.3, runs.column("D") ** -0.3, np.ones(len(runs))]) / runs.y[:, None]
    estimate, *_ = np.linalg.lstsq(design, np.ones(len(runs)), rcond=None)
    for name, value in zip(("a", "b", "E"), estimate, strict=True):
        draws = normal.draws[name]
        assert abs(draws.mean() - value) < 0.3 * draws.std(), f"{name}: {draws.mean():.4g} against {value:.4g}"


def test_predict_and_optimum(fit):
    """Fails if a law without terms has no forecast, or its optimum by search isn't the one worked out by hand."""
    forecast = sb.predict(fit, N=[1e10, 1e11], D=1e12, observed=True)
    assert dict(forecast["loss"].sizes) == {"chain": 1, "draw": LAPLACE.draws, "point": 2}
    curve = sb.predict(fit, N=[1e10, 1e11], D=1e12)["loss"].values
    expected = fit.draws["E"] + fit.draws["a"] * 1e10**-0.3 + fit.draws["b"] * 1e12**-0.3
    np.testing.assert_allclose(curve[..., 0], expected, rtol=1e-12)
    best = sb.optimum(fit, C=[1e22, 1e24])
    expected = (fit.draws["a"] / fit.draws["b"])[..., None] ** (1 / 0.6) * np.sqrt(np.array([1e22, 1e24]) / 6)
    np.testing.assert_allclose(best["N"].values, expected, rtol=1e-6)
    np.testing.assert_allclose(best["N_exponent"].values, 0.5, atol=1e-6)


def test_save_and_load(fit, tmp_path):
    """Fails if a function comes out of a file, or a law that doesn't fit the file is bound to it."""
    path = tmp_path / "fit.nc"
    fit.save(path)
    with pytest.raises(
        sb.InputError, match=r"holds a fit of law 'mine', not in the registry: load\(path, law=my_law\)"
    ):
        sb.load(path)
    other = sb.Law("other", MINE.fn, MINE.params)
    with pytest.raises(sb.InputError, match="holds a fit of law 'mine', and law= is 'other'"):
        sb.load(path, law=other)
    changed = sb.Law("mine", lambda N, D, a, b: a / N + b / D, {"a": 1.0, "b": dist.LogNormal(0, 1)})
    with pytest.raises(sb.InputError, match="law 'mine' has parameters 'a', 'b', and"):
        sb.load(path, law=changed)
    again = sb.load(path, law=MINE)
    for name, draws in fit.draws.items():
        assert np.array_equal(again.draws[name], draws), name
    for what in (fit, again):
        assert sb.predict(what, N=1e10, D=1e12)["loss"].values.dtype == np.float64
    np.testing.assert_array_equal(
        sb.predict(again, N=1e10, D=1e12)["loss"].values, sb.predict(fit, N=1e10, D=1e12)["loss"].values
    )
    np.testing.assert_array_equal(sb.optimum(again, C=1e22)["N"].values, sb.optimum(fit, C=1e22)["N"].values)


@pytest.mark.parametrize("law", [MINE, sb.laws.get("chinchilla")], ids=lambda law: law.name)
@pytest.mark.usefixtures("fit")
def test_inside_a_caller_s_float32_program(law):
    """Fails if a law can't be used in other people's float32 programs, also after a fit, or changes their dtype."""
    assert not jax.config.jax_enable_x64 and jnp.ones(1).dtype == jnp.float32
    values = {name: jnp.float32(x) for name, x in {"a": 400.0, "b": 2000.0, "A": 400.0, "B": 2000.0, "E": 1.8}.items()}
    values = {name: values.get(name, jnp.float32(0.3)) for name in law.params}
    N, D = jnp.logspace(8, 10, 5), jnp.logspace(9, 12, 5)
    expected = 1.8 + 400 * np.asarray(N, float) ** -0.3 + 2000 * np.asarray(D, float) ** -0.3
    plain = law(N=N, D=D, **values)
    forms = {
        "plain": plain,
        "jit": jax.jit(lambda N, D: law(N=N, D=D, **values))(N, D),
        "vmap": jax.vmap(lambda N, D: law(N=N, D=D, **values))(N, D),
    }
    for name, loss in forms.items():
        assert loss.dtype == jnp.float32, name
        np.testing.assert_allclose(loss, expected, rtol=1e-5, err_msg=name)
    slope = jax.vmap(jax.grad(lambda N, D: law(N=N, D=D, **values)))(N, D)
    assert slope.dtype == jnp.float32
    np.testing.assert_allclose(slope, -0.3 * 400 * np.asarray(N, float) ** -1.3, rtol=1e-4)
    inside = jax.jit(jax.grad(lambda values: jnp.mean((law(N=N, D=D, **values) - 2.0) ** 2)))(values)
    assert {x.dtype for x in jax.tree.leaves(inside)} == {jnp.dtype("float32")}


def test_inputs_by_position():
    """Fails if a law isn't called as the function that it is, or a value that is given twice is dropped."""
    law = sb.laws.get("chinchilla")
    values = {"A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37, "E": 1.8}
    by_name = law(N=1e9, D=1e10, **values)
    assert law(1e9, 1e10, **values) == law(1e9, D=1e10, **values) == by_name
    with pytest.raises(sb.InputError, match=r"takes 2 by position, N, D, and 3 are given; give parameters by name"):
        law(1e9, 1e10, 400.0)
    with pytest.raises(sb.InputError, match="is given N by position and by name; its positions are N, D"):
        law(1e9, N=1e9, **values)
    with pytest.raises(sb.InputError, match="needs D"):
        law(1e9, **values)
