"""fit.data: ArviZ reads it as it is, before a file and after one."""

import copy
import pickle
import warnings

import arviz_stats
import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from tests.helpers import LAPLACE, POINT

X = [1e0, 1e1, 1e2, 1e3, 1e4]
LAZY = ("prior", "posterior_predictive", "log_likelihood")


@pytest.fixture(scope="module")
def fit():
    runs = sb.Runs(x=X, loss=[3.0, 2.4, 1.9, 1.5, 1.2], loss_se=[0.0, 0.0, 0.0, 0.0, 0.5])
    return sb.fit(runs, "power", method=LAPLACE, on_fail="ignore")


@pytest.fixture(scope="module")
def loaded(fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    fit.save(path)
    return sb.load(path)


def test_groups_are_those_that_plots_look_for(fit):
    """Fails if a group, its variables or its dims aren't ArviZ's: a plot of prior or replicates finds none."""
    tree, shape = fit.data, next(iter(fit.draws.values())).shape
    assert {*LAZY, "posterior", "sample_stats", "observed_data", "constant_data"} == set(tree.children)
    assert set(tree["prior"].data_vars) == set(tree["posterior"].data_vars) == set(fit.draws)
    for name in ("posterior_predictive", "log_likelihood"):
        values = tree[name]["loss"]
        assert values.dims == ("chain", "draw", "run") and values.shape == (*shape, 5)
        assert {"chain", "draw", "run"} == set(values.coords) and np.isfinite(values.values).all()
        np.testing.assert_array_equal(values["run"], tree["observed_data"]["run"])
    assert tree["prior"]["A"].dims == ("chain", "draw") and "chain" in tree["prior"].coords
    assert tree["posterior_predictive"]["loss"].sel(run=[4, 0]).isel(draw=slice(2, 5)).shape == (shape[0], 3, 2)


def test_loo_as_it_stands_and_after_a_load(fit, loaded):
    """Fails if ArviZ's leave-one-out needs a call of ours before it, or a file brings back another tree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of five runs, some have a high Pareto k
        first, again = (arviz_stats.loo(one.data).elpd for one in (fit, loaded))
    assert first == again and np.isfinite(first)
    for name in LAZY:
        assert fit.data[name].to_dataset().equals(loaded.data[name].to_dataset()), name
    np.testing.assert_array_equal(fit.log_likelihood()["loss"], fit.data["log_likelihood"]["loss"])


def test_draws_are_of_the_prior_and_of_the_runs(fit):
    """Fails if the prior is in other units than the posterior, or replicates leave out the noise or a run's own se."""
    prior = fit.data["prior"].to_dataset()
    curves = sb.prior_predictive(fit.runs, "power")
    assert np.log(prior["A"] / curves["A"].median()).median() == pytest.approx(0.0, abs=0.2)
    assert prior["alpha"].median() == pytest.approx(float(curves["alpha"].median()), rel=0.1)
    anew = np.log(fit.data["posterior_predictive"]["loss"])
    curve = np.log(sb.predict(fit, x=X)["loss"]).rename(point="run").drop_vars("x")
    spread = (anew.drop_vars("run") - curve).std(("chain", "draw"))
    assert (spread[:4] > 0.005).all() and spread[4] > 3 * spread[:4].max()


def test_a_tree_is_copied_kept_and_sent(fit, tmp_path):
    """Fails if values that are computed late stop a copy, another process or a file of ArviZ's own."""
    whole = {name: fit.data[name].to_dataset() for name in LAZY}
    fit.data.to_netcdf(tmp_path / "tree.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "tree.nc", engine="h5netcdf") as kept:
        for other in (kept, fit.data.copy(deep=True), copy.deepcopy(fit.data), pickle.loads(pickle.dumps(fit.data))):
            for name, dataset in whole.items():
                assert other[name].to_dataset().equals(dataset), name


def test_what_has_no_prior_or_no_density_has_no_such_group():
    """Fails if a flat prior is drawn from, or an objective is given as a density."""
    runs = sb.Runs(x=X, loss=[3.0, 2.4, 1.9, 1.5, 1.2])
    fit = sb.fit(runs, "power", noise=sb.Huber(scale=1.0), priors="flat", method=POINT, on_fail="ignore")
    assert not set(LAZY) & set(fit.data.children)
    with pytest.raises(sb.InputError, match="no log likelihood"):
        fit.log_likelihood()
