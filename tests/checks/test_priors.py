"""The check for conflict between priors and runs."""

import re

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to

import scalebayes as sb
from scalebayes.checks.priors import ID, SHARE_BELOW, share_below
from scalebayes.parameters.priors import FAMILIES, Traced
from scalebayes.parameters.two_kinds import TwoLogNormals, TwoNormals
from tests.helpers import POINT

PRIORS = (
    *(dist.Beta(2.0, 3.0), dist.Exponential(2.0), dist.Gamma(2.0, 0.1), dist.HalfCauchy(1.5), dist.HalfNormal(0.7)),
    *(dist.InverseGamma(2.0, 3.0), dist.LogNormal(-1.0, 0.5), dist.LogUniform(0.1, 10.0), dist.Normal(1.0, 2.0)),
    *(dist.StudentT(4.0, 0.0, 2.0), dist.Uniform(1.0, 3.0), dist.Laplace(0.0, 1.0)),
    *(TwoLogNormals(0.3, -2.0, 0.7, 0.5, 0.4), TwoNormals(0.3, -2.0, 0.7, 0.5, 0.4)),
)


def curve(E=1.0, alpha=0.3, rows=12):
    x = np.geomspace(1.0, 1e4, rows)
    noise = np.exp(0.003 * np.random.default_rng(0).normal(size=rows))
    return sb.Runs(x=x, loss=(E + 2 * x**-alpha) * noise)


def fitted(runs, **settings):
    return sb.fit(runs, "offset_power", method=POINT, on_fail="ignore", **settings)


def test_every_family_that_a_file_keeps_has_its_share():
    """Fails if a family of priors is added that the check doesn't look at."""
    assert set(SHARE_BELOW) == set(FAMILIES)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_the_share_below_is_that_of_draws(prior, x64):
    """Fails if a family's share is of another parametrisation than NumPyro's."""
    draws = np.asarray(biject_to(prior.support)._inverse(prior.sample(jax.random.key(0), (20_000,))), np.float64)
    for share in (0.01, 0.3, 0.9):
        error = np.sqrt(share * (1 - share) / draws.size)
        assert abs(share_below(Traced.of(prior), float(np.quantile(draws, share))) - share) < 5 * error


@pytest.mark.parametrize(("centre", "side"), [(3.0, "below"), (0.1, "above")])
def test_a_prior_that_the_runs_contradict_is_named_and_the_cure_works(centre, side):
    """Fails if a prior far off its runs goes without a word, or what is said to type doesn't help."""
    check = fitted(curve(), priors={"alpha": dist.LogNormal(np.log(centre), 0.2)}).checks[ID]
    assert check.status == "review" and "alpha (" in check.sentence and f"is {side})" in check.sentence
    typed = re.search("priors=({.*})", check.sentence)[1]
    again = fitted(curve(), priors=eval(typed, {"dist": dist, "sb": sb}))
    assert again.checks[ID].status == "pass"


def test_a_prior_with_a_dimension_is_widened_in_its_own_units():
    """Fails if the prior that the check says to type isn't one that fit takes."""
    narrow = sb.Param(dist.LogNormal(-0.2, 0.15), "loss x^alpha")
    check = fitted(curve(), priors={"A": narrow}).checks[ID]
    assert "{'A': sb.Param(dist.LogNormal(-0.2, 1.05), 'loss x^alpha')}" in check.sentence
    wide = sb.Param(dist.LogNormal(-0.2, 1.05), "loss x^alpha")
    assert fitted(curve(), priors={"A": wide}).checks[ID].status == "pass"


def test_a_floor_of_nothing_or_little_noise_is_no_conflict():
    """Fails if a pure power law, or a table without scatter, is an alarm."""
    assert fitted(curve(E=0.0)).checks[ID].status == "pass"
    x = np.geomspace(1.0, 1e4, 12)
    assert fitted(sb.Runs(x=x, loss=1 + 2 * x**-0.3)).checks[ID].status == "pass"


def test_priors_that_say_nothing_are_not_looked_at():
    """Fails if a flat prior is said to conflict."""
    assert ID not in [check.id for check in fitted(curve(), priors="flat").checks]


def test_of_the_chinchilla_runs_no_prior_is_in_conflict(chinchilla_runs):
    """Fails if the check alarms on runs that its law and priors were made for."""
    fit = sb.fit(chinchilla_runs, "chinchilla", method=POINT, on_fail="ignore")
    assert fit.checks[ID].status == "pass"
