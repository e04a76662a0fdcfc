"""The Gaussian process of a discrepancy against closed forms, SciPy and its two computations against each other."""

import jax
import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal

from scalebayes import GP, Bend, Drift, InputError, Matern, Offset
from scalebayes.discrepancy.gp import from_record, get, record_of
from scalebayes.discrepancy.kernels import Places
from scalebayes.discrepancy.process import JITTER, Process, Residuals
from tests.helpers import PROCESS_VALUES

VALUES = {**PROCESS_VALUES, "matern_length_x": 0.7}
NO_OFFSET = {**VALUES, "offset_scale": 0.0}


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64():
        yield


def curve(n=23, padding=4, seed=0):
    """Residuals along one input, two of them at one place, the last rows padding."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2.0, 0.0, n)
    t[5] = t[6]
    mask = np.arange(n) < n - padding
    t[~mask] = t[0]
    scale = 0.01 / np.sqrt(rng.integers(1, 5, n))
    return Residuals(Places({"x": t}, 0 * t, None), 0.02 * rng.normal(size=n), scale, mask * 1.0)


def surface(n=9, seed=1):
    rng = np.random.default_rng(seed)
    logs = {"N": rng.uniform(-3, 1, n), "D": rng.uniform(-3, 1, n)}
    return Places(logs, np.maximum(logs["N"] + logs["D"], 0.0), rng.integers(0, 3, n).astype(float))


@pytest.mark.parametrize("fades", [None, "x"])
def test_the_markov_form_is_the_process_of_the_covariance(fades):
    """Fails if the Markov form gives another density, prediction, gradient or left-out run than the dense
    covariance.
    """
    matern, seen = Matern(fades=fades).of(["x"]), curve()
    markov, dense = Process((matern,)), Process((matern, Offset()))
    assert markov.axis == "x" and dense.axis is None
    assert markov.log_density(VALUES, seen) == pytest.approx(float(dense.log_density(NO_OFFSET, seen)), rel=1e-11)
    real = seen.mask > 0
    for ours, theirs in zip(markov.left_out(VALUES, seen), dense.left_out(NO_OFFSET, seen), strict=True):
        np.testing.assert_allclose(np.asarray(ours)[real], np.asarray(theirs)[real], rtol=1e-9, atol=1e-14)
    t = np.array([-0.5, 0.3, 1.0, -0.5, seen.places.logs["x"][0], 2.0])
    there = Places({"x": t}, 0 * t, None)
    ours, theirs = markov.conditional(VALUES, seen, there), dense.conditional(NO_OFFSET, seen, there)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-7)

    def slope(process, values):
        return jax.grad(lambda length: process.log_density({**values, "matern_length_x": length}, seen))(0.7)

    assert slope(markov, VALUES) == pytest.approx(float(slope(dense, NO_OFFSET)), rel=1e-9)


@pytest.mark.parametrize("fades", ["auto", "N", None])
def test_along_one_input_of_two_it_is_the_process_of_its_covariance(fades):
    """Fails if a process along N that fades with D isn't the one of its covariance, or ends in a KeyError for 'D'."""
    process = Process((Matern(inputs=("N",), fades=fades).of(["N", "D"]),))
    assert process.axis == "N"
    places, there, rng = surface(), surface(4, seed=6), np.random.default_rng(7)
    places.logs["N"][3] = there.logs["N"][1] = places.logs["N"][4]  # of one size, and of other tokens
    seen = Residuals(places, 0.03 * rng.normal(size=9), np.full(9, 0.01), np.ones(9))

    def by_hand(a, b):
        apart = np.sqrt(3) * np.abs(a.logs["N"][:, None] - b.logs["N"][None, :]) / 2.0
        early = {"auto": "D", "N": "N"}.get(fades)
        scales = [0.03 * np.exp(-0.4 * np.minimum(one.logs[early], 0.0)) if early else 0.03 for one in (a, b)]
        return np.reshape(scales[0], (-1, 1)) * scales[1] * (1 + apart) * np.exp(-apart)

    covariance = by_hand(places, places) + np.diag(0.01**2 + JITTER * np.diagonal(by_hand(places, places)))
    expected = multivariate_normal(np.zeros(9), covariance).logpdf(seen.off) + 9 * np.log(2 * np.pi) / 2
    assert process.log_density(VALUES, seen) == pytest.approx(expected, rel=1e-9)
    inverse = np.linalg.inv(covariance)
    off, variance = process.left_out(VALUES, seen)
    np.testing.assert_allclose(variance, 1 / np.diagonal(inverse), rtol=1e-6)
    np.testing.assert_allclose(off, inverse @ seen.off / np.diagonal(inverse), rtol=1e-6)
    pull = np.linalg.solve(covariance, by_hand(places, there))
    mean, sd, _ = process.conditional(VALUES, seen, there)
    np.testing.assert_allclose(mean, pull.T @ seen.off, rtol=1e-7)
    left = np.diagonal(by_hand(there, there)) - (pull * by_hand(places, there)).sum(axis=0)
    np.testing.assert_allclose(sd, np.sqrt(left), rtol=1e-6)


@pytest.mark.slow_cases("components1")
@pytest.mark.parametrize("components", [(Matern(),), (Matern(), Offset())])
def test_joint_draws_have_the_conditional_mean_and_covariance(components):
    """Fails if joint draws of the process at new points don't have its conditional mean and covariance."""
    process, seen = Process(tuple(one.of(["x"]) for one in components)), curve()
    t = np.array([-0.5, 0.4, 1.5])
    there = Places({"x": t}, 0 * t, None)
    n = 20_000
    keys = jax.random.split(jax.random.key(3), n)
    drawn = np.asarray(jax.vmap(lambda key: process.conditional(NO_OFFSET, seen, there, key)[2])(keys))
    mean, sd, _ = process.conditional(NO_OFFSET, seen, there)
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * sd / np.sqrt(n)).all(), "seed 3"
    # By the covariances themselves, in NumPy: prior - across' inverse across.
    matern = Process((Matern().of(["x"]),))
    kept = np.flatnonzero(seen.mask)
    places = Places({"x": seen.places.logs["x"][kept]}, 0 * kept, None)
    joint = np.asarray(matern.covariance(VALUES, places, places))
    joint = joint + np.diag(seen.scale[kept] ** 2 + JITTER * np.diagonal(joint))
    across = np.asarray(matern.covariance(VALUES, places, there))
    exact = np.asarray(matern.covariance(VALUES, there, there)) - across.T @ np.linalg.solve(joint, across)
    sds = np.sqrt(np.diagonal(exact))
    np.testing.assert_allclose(sd, sds, rtol=1e-6)
    # A sample correlation is off by at most 1 / sqrt(n); a sample variance by sqrt(2 / n) of itself.
    assert (np.abs(np.cov(drawn.T) - exact) < 5 * np.sqrt(2 / n) * np.outer(sds, sds)).all(), "seed 3"


def test_density_and_leave_one_out_are_those_of_the_joint_normal():
    """Fails if the density of the residuals, or of one given the others, isn't that of SciPy's joint Normal."""
    process = Process((Matern().of(["N", "D"]), Bend().of(["N", "D"]), Drift(), Offset()))
    places, rng = surface(), np.random.default_rng(2)
    seen = Residuals(places, 0.03 * rng.normal(size=9), np.full(9, 0.01), np.ones(9))
    covariance = np.asarray(process.covariance(VALUES, places, places))
    covariance = covariance + np.diag(0.01**2 + JITTER * np.diagonal(covariance))
    expected = multivariate_normal(np.zeros(9), covariance).logpdf(seen.off) + 9 * np.log(2 * np.pi) / 2
    assert process.log_density(VALUES, seen) == pytest.approx(expected, rel=1e-10)
    off, variance = process.left_out(VALUES, seen)
    for i in range(9):
        others = np.delete(np.arange(9), i)
        pull = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
        assert float(off[i]) == pytest.approx(seen.off[i] - pull @ seen.off[others], rel=1e-8)
        assert float(variance[i]) == pytest.approx(covariance[i, i] - pull @ covariance[others, i], rel=1e-8)


@pytest.mark.parametrize("one", [Matern(), Matern(fades=None), Bend(), Drift(), Offset()])
def test_a_component_is_a_covariance(one):
    """Fails if a component's covariance isn't symmetric and positive semidefinite."""
    places = surface(30, seed=5)
    found = np.asarray(one.of(["N", "D"]).covariance(VALUES, places, places))
    np.testing.assert_allclose(found, found.T, atol=1e-16)
    assert np.linalg.eigvalsh(found).min() > -1e-12


def test_bend_is_an_integrated_wiener_process():
    """Fails if Bend's covariance isn't scale^2 int int min(s, t) ds dt on each side of the anchor, and 0 across it."""
    # cov(u, v) = scale^2 int_0^u int_0^v min(s, t) ds dt, away from the anchor in one direction.
    u, v = 1.3, 0.8
    exact = 0.05**2 * dblquad(lambda s, t: min(s, t), 0, u, 0, v, epsabs=1e-10)[0]
    at = lambda x: Places({"N": np.zeros(1), "D": np.array([x])}, np.zeros(1), None)  # noqa: E731
    bend = Bend().of(["N", "D"])
    assert float(bend.covariance(VALUES, at(u), at(v))[0, 0]) == pytest.approx(exact, rel=1e-6)
    assert float(bend.covariance(VALUES, at(-u), at(-v))[0, 0]) == pytest.approx(exact, rel=1e-6)
    assert float(bend.covariance(VALUES, at(u), at(-v))[0, 0]) == 0


def test_the_misfit_fades_with_tokens_up_to_the_largest_runs():
    """Fails if the Matern scale doesn't fall with tokens up to the largest runs, or goes on falling beyond them."""
    matern = Matern().of(["N", "D"])
    D = np.array([-2.0, -1.0, 0.0, 1.0])
    places = Places({"N": np.zeros(4), "D": D}, np.zeros(4), None)
    sd = np.sqrt(np.diagonal(np.asarray(matern.covariance(VALUES, places, places))))
    np.testing.assert_allclose(sd, 0.03 * np.exp([0.8, 0.4, 0.0, 0.0]), rtol=1e-9)


def test_drift_and_offset_are_where_they_say():
    """Fails if Drift acts inside the runs or doesn't grow beyond them, or Offset isn't shared by one group alone."""
    places = Places({"x": np.zeros(3)}, np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, -1.0]))
    drift = np.asarray(Drift().covariance(VALUES, places, places))
    np.testing.assert_allclose(drift, 1e-4 * np.outer([0, 1, 2], [0, 1, 2]), atol=1e-18)
    offset = np.asarray(Offset().covariance(VALUES, places, places))
    np.testing.assert_allclose(offset, 4e-4 * np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]), atol=1e-18)


def test_what_a_gp_takes():
    """Fails if 'gp' isn't the components that the runs allow, or a wrong component, input or parameter isn't named."""
    assert get("gp").of(["x"], False).components == (Matern().of(["x"]),)
    names = [one.name for one in get("gp").of(["N", "D"], True).components]
    assert names == ["matern", "bend", "drift", "offset"]
    for wrong, told in (
        (lambda: GP("wiener"), "unknown component 'wiener'"),
        (lambda: GP(Matern), "takes components"),
        (lambda: GP("drift", Drift()), "drift' is there twice"),
        (lambda: GP("drift", drift=1.0).of(["x"], False), "unknown parameter of the discrepancy 'drift'"),
        (lambda: GP("bend").of(["x"], False), "unknown input of the component bend 'D'"),
        (lambda: GP(Matern(inputs=("D",))).of(["x"], False), "unknown input of the component matern 'D'"),
        (lambda: get("process"), "'gp', sb.GP"),
    ):
        with pytest.raises(InputError, match=told):
            wrong()


def test_a_discrepancy_survives_its_record():
    """Fails if a discrepancy read back from its record has other components, parameters or priors."""
    one = GP(Matern(inputs=("D",)), Bend(), "drift", drift_scale=0.003).of(["N", "D"], False)
    again = from_record(record_of(one))
    assert again is not None and again.components == one.components and list(again.params) == list(one.params)
    assert again.params["drift_scale"].prior == 0.003
    assert from_record(None) is None
