"""Priors that a file keeps."""

import json

import numpyro.distributions as dist
import pytest

from scalebayes.parameters.param import Param
from scalebayes.parameters.priors import FAMILIES, Traced, param_from_record, param_record, prior_text
from scalebayes.parameters.two_kinds import TwoLogNormals, TwoNormals

PRIORS = (
    *(dist.Beta(2.0, 3.0), dist.Exponential(2.0), dist.Gamma(2.0, 0.1), dist.HalfCauchy(1.5), dist.HalfNormal(0.7)),
    *(dist.InverseGamma(2.0, 3.0), dist.LogNormal(-1.0, 0.5), dist.LogUniform(0.1, 10.0), dist.Normal(1.0, 2.0)),
    *(dist.StudentT(4.0, 0.0, 2.0), dist.Uniform(0.5, 3.0), TwoLogNormals(0.3, -2.0, 0.7, 0.5, 0.4)),
    TwoNormals(0.3, -2.0, 0.7, 0.5, 0.4),
)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_a_prior_is_the_same_after_a_file_and_in_a_trace(prior):
    """Fails if a family is read back with other arguments, or a trace has another density."""
    assert {type(one).__name__ for one in PRIORS} == set(FAMILIES)
    again = param_from_record(json.loads(json.dumps(param_record(Param(prior, ""))))).prior
    density = float(prior.log_prob(0.8))
    assert prior_text(again) == prior_text(prior)
    assert float(again.log_prob(0.8)) == pytest.approx(density, rel=1e-6)
    assert float(Traced.of(again).distribution.log_prob(0.8)) == pytest.approx(density, rel=1e-6)
