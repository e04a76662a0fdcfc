"""fit: what it refuses, what priors mean, and simulated truth."""

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.simulate import chinchilla_like

RUNS = sb.Runs(
    N=[1e7, 1e8, 1e9] * 3,
    D=[1e9] * 3 + [1e10] * 3 + [1e11] * 3,
    loss=[4.48, 3.55, 3.12, 3.91, 2.97, 2.55, 3.62, 2.75, 2.34],
)

REFUSED = {
    "law": ({"law": "chinchila"}, "did you mean 'chinchilla'"),
    "law type": ({"law": 3}, "a law is a name or"),
    "noise": ({"noise": "studentt"}, "did you mean 'student_t'"),
    "method": ({"method": "nut"}, "did you mean 'nuts'"),
    "setting": ({"metod": "nuts"}, "did you mean 'method'"),
    "prior name": ({"priors": {"alfa": 0.3}}, "did you mean 'alpha'"),
    "prior support": ({"priors": {"alpha": dist.Normal(0.3, 0.1)}}, "'alpha': a Normal, over all real numbers"),
    "prior number": ({"priors": {"alpha": -1.0}}, "'alpha': -1.0 reaches beyond"),
    "prior word": ({"priors": {"alpha": "falt"}}, "unknown prior 'falt'"),
    "prior shape": ({"priors": {"alpha": dist.LogNormal(np.zeros(2), 1.0)}}, "over one number"),
    "priors word": ({"priors": "falt"}, "did you mean 'flat'"),
    "seed": ({"seed": "a"}, "seed is an int"),
    "input": ({"law": "power"}, "needs 'x'"),
    "input name": ({"law": "power", "inputs": {"y": "C"}}, "unknown input"),
    "input column": ({"law": "power", "inputs": {"x": "steps"}}, "no column 'steps'"),
    "later": ({"discrepancy": "gp"}, "not there yet"),
    "on_fail": ({"on_fail": "shout"}, "unknown on_fail"),
    "objective": ({"noise": sb.Huber(scale=1.0)}, "objective and not a density"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    """Bad input is fitted, or refused without the cure."""
    settings, match = REFUSED[case]
    with pytest.raises(sb.InputError, match=match):
        sb.fit(RUNS, **settings)


def test_runs_that_are_no_runs():
    """A dict is fitted unchecked."""
    with pytest.raises(sb.InputError, match="read_runs"):
        sb.fit({"N": [1.0]})


def test_method_settings():
    """A misspelt setting is dropped."""
    with pytest.raises(TypeError, match="did you mean 'chains'"):
        sb.NUTS(chain=2)
    with pytest.raises(sb.InputError, match="at least 1"):
        sb.NUTS(chains=0)


def test_a_prior_is_in_the_runs_own_units():
    """A prior on E in nats is taken for one in units of the reference loss."""
    tight = {"E": dist.LogNormal(np.log(1.5), 0.01), "A": dist.LogNormal(np.log(300.0), 0.01)}
    fit = sb.fit(RUNS, method="laplace", priors=tight, on_fail="ignore")
    assert np.median(fit.draws["E"]) == pytest.approx(1.5, rel=0.03)
    assert np.median(fit.draws["A"]) == pytest.approx(300, rel=0.03)


def test_the_prior_is_what_a_second_way_says():
    """The rescaled prior has the wrong density: a paper-unit prior against importance weights by hand."""
    own = sb.fit(RUNS, method="laplace", on_fail="ignore", seed=1)
    centre, width = float(np.median(own.draws["alpha"])), float(own.draws["alpha"].std())
    before = sb.laws.get("chinchilla").params["alpha"].prior
    new = dist.LogNormal(np.log(centre), width / centre / 2)
    with jax.enable_x64():
        weight = np.exp(np.asarray(new.log_prob(own.draws["alpha"]) - before.log_prob(own.draws["alpha"])))
    weight = weight / weight.sum()
    ess = 1 / np.sum(weight**2)
    expected = {name: np.sum(weight * np.log(x)) for name, x in own.draws.items()}
    again = sb.fit(RUNS, method="laplace", priors={"alpha": new}, on_fail="ignore", seed=2)
    for name, x in again.draws.items():
        error = np.log(x).std() * np.sqrt(1 / ess + 1 / again.numbers["importance_ess"])
        assert abs(np.log(x).mean() - expected[name]) < 5 * error, f"{name}, seeds 1 and 2"


def test_a_key_is_a_seed():
    """A JAX key gives other numbers than the int it was made of."""
    one, other = (sb.fit(RUNS, method="laplace", seed=s, on_fail="ignore") for s in (5, jax.random.key(5)))
    np.testing.assert_array_equal(one.draws["E"], other.draws["E"])


def test_intervals_cover_simulated_truth():
    """Posteriors are too narrow or shifted: ranks of the truth over 60 simulated tables aren't uniform."""
    truth = sb.laws.published("besiroglu2024").values
    inside = dict.fromkeys(("alpha", "beta", "E"), 0)
    for seed in range(60):
        fit = sb.fit(chinchilla_like(seed=seed), method="laplace", on_fail="ignore", seed=seed)
        for name in inside:
            low, high = np.quantile(fit.draws[name], [0.1, 0.9])
            inside[name] += low < truth[name] < high
    # 48 of 60 expected of 80 % intervals, binomial sd 3.1.
    for name, count in inside.items():
        assert abs(count - 48) <= 4 * 3.1, f"{name}: {count} of 60, seeds 0 to 59"
