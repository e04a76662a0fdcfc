"""The forecaster of any law: a process over its inputs, also over shares, which may be 0 and have no log."""

import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.fitting.recipes import DRIFT, OF_SWEEPS, recipe
from tests.helpers import POINT

RNG = np.random.default_rng(3)
SHARE = np.append([0.0, 0.5, 1.0], RNG.uniform(0, 1, 9))
MIXED = sb.Runs(r1=SHARE, r2=1 - SHARE, loss=2 + np.exp(-2 * SHARE) + 0.003 * RNG.standard_normal(12))
LAW = sb.laws.get("mixture_exp")


def test_shares_are_places_by_their_value_over_their_sd(x64):
    """Fails if a share of 0 has no place, or if distances between shares depend on their unit."""
    problem = recipe(MIXED, law=LAW).problem(MIXED)
    at = problem.numbers.ends.places(problem.rows.inputs)
    assert np.asarray(at.logs["r1"])[:12] == pytest.approx((SHARE - SHARE.mean()) / SHARE.std())
    assert np.asarray(at.beyond).tolist() == [0.0] * len(at.beyond)
    there = problem.numbers.ends.at_anchor()
    assert float(there["r1"]) == pytest.approx(SHARE.mean())


def test_a_law_of_sizes_and_shares_has_its_largest_runs_by_sizes_alone(x64):
    """Fails if a share counts towards how large a run is, so that a sweep ends where its shares do."""
    law = sb.Law(
        "mixed",
        lambda N, r, A, alpha, b: A * N**-alpha * (1 + b * r),
        {name: sb.Param(dist.LogNormal(0.0, 1.0), "") for name in ("A", "alpha", "b")},
        bases={"r": ""},
        domains={"r": (0.0, np.inf)},
    )
    N = np.geomspace(1e7, 1e9, 12)
    runs = sb.Runs(N=N, r=SHARE, loss=3 * (N / 1e7) ** -0.1)
    problem = recipe(runs, law=law).problem(runs)
    ends = problem.numbers.ends
    assert set(ends.most) == {"N"} and set(ends.plain) == {"r"}
    beyond = ends.places({"N": np.array([1e9, 1e10]) / problem.reference.inputs["N"], "r": np.array([0.0, 5.0])}).beyond
    assert np.asarray(beyond) == pytest.approx([0.0, np.log(10)], abs=1e-9)


def test_the_fit_of_a_mixture_answers_at_shares_of_zero_and_is_saved(tmp_path):
    """Fails if a discrepancy over shares can't be asked where one is 0, or is another after a file."""
    fit = sb.forecaster(MIXED, law=LAW, method=POINT, on_fail="ignore")
    asked = {"r1": [0.0, 0.3, 1.0], "r2": [1.0, 0.7, 0.0]}
    said = sb.predict(fit, **asked)["loss"].values.ravel()
    assert said == pytest.approx(2 + np.exp(-2 * np.array(asked["r1"])), abs=0.05)
    fit.save(tmp_path / "mixed.nc")
    assert sb.predict(sb.load(tmp_path / "mixed.nc"), **asked)["loss"].values.ravel() == pytest.approx(said)


def test_the_spec_of_a_law_has_the_process_that_suits_it():
    """Fails if a law of N and D loses its drift, a law of other sizes has one, or it is called the recommended one."""
    N, D = np.geomspace(1e7, 1e9, 12), np.geomspace(1e9, 1e10, 12)[::-1]
    runs = sb.Runs(N=N, D=D, U=D, n=np.arange(1.0, 13.0), loss=3 * (N / 1e7) ** -0.1)
    data = recipe(runs, law="data_constrained")
    assert [one.name for one in data.discrepancy.components] == ["matern", "bend", "drift"]
    assert {*OF_SWEEPS, *DRIFT} <= set(data.discrepancy.params) and data.name != "recommended"
    routed = recipe(runs, law="routed")
    assert [one.name for one in routed.discrepancy.components] == ["matern"]
    assert set(routed.discrepancy.params) == {"matern_length_N"}
    with pytest.raises(sb.InputError, match="kind='curve' chooses among the recommended laws; leave it out"):
        recipe(runs, law="routed", kind="curve")
    with pytest.raises(sb.InputError, match="law 'routed'"):
        sb.forecaster(sb.Runs(x=[1.0, 2.0], loss=[3.0, 2.0]), law="routed")
