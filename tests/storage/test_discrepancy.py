"""A fit with a discrepancy comes back from its file as it was."""

import itertools
import json

import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.discrepancy.gp import record_of
from tests import damaging
from tests.helpers import POINT, departing, simulated

PRESET = sb.laws.published("besiroglu2024")
VALUES = {
    "matern_scale": 0.02,
    "matern_length_N": 2.0,
    "matern_length_D": 2.0,
    "matern_fade": 0.3,
    "bend_scale": 0.02,
    "drift_scale": 0.004,
    "offset_scale": 0.03,
}
DRAWS = {name: value * np.exp(0.01 * np.arange(6)) for name, value in PRESET.values.items()}
COMPONENTS = {
    "matern": sb.Matern(),
    "constant": sb.Matern(inputs=("N",), fades=None),
    "bend": sb.Bend(over=("N", "D")),
    "drift": sb.Drift(),
    "offset": sb.Offset(),
}


def grouped(groups):
    runs = simulated(12, seed=4)
    return sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=runs.y, group=groups)


def there_and_back(fit, path):
    fit.save(path)
    return sb.load(path)


def same(fit, again, **options):
    """The same numbers, and the same answers inside, outside, with noise and along a budget."""
    assert repr(again) == repr(fit)
    assert record_of(again.discrepancy) == record_of(fit.discrepancy)
    for name, param in fit.discrepancy.params.items():
        assert repr(again.discrepancy.params[name].support) == repr(param.support), name
    for name, draws in {**fit.draws, **fit.discrepancy_draws}.items():
        np.testing.assert_array_equal({**again.draws, **again.discrepancy_draws}[name], draws)
    for observed in (False, True):
        one, other = (sb.predict(f, N=[1e9, 7e10], D=1e11, observed=observed, **options) for f in (fit, again))
        xr.testing.assert_identical(one, other)
    return one


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component(name, tmp_path):
    """Fails if a setting of a component isn't in the file, so that the fit comes back with another process."""
    component = COMPONENTS[name]
    of = component.of(("N", "D"))
    values = {n: VALUES[n] for n in of.params()}
    fit = departing(grouped(["a", "b", "c"] * 4), PRESET.law, DRAWS, sb.GP(component), values)
    again = there_and_back(fit, tmp_path / "fit.nc")
    same(fit, again)
    assert again.discrepancy.components == (of,)


def test_all_of_them_with_free_parameters_and_priors(tmp_path):
    """Fails if draws of the discrepancy's parameters, or the priors in force, are lost in the file."""
    runs = grouped(["a", "b", "c"] * 4)
    parts = sb.GP(
        *(COMPONENTS[name] for name in ("matern", "bend", "drift", "offset")), bend_scale=dist.HalfNormal(0.1)
    )
    held = {name: x for name, x in VALUES.items() if name not in ("bend_scale", "offset_scale")}
    own = {"bend_scale": np.linspace(0.01, 0.03, 6), "offset_scale": np.linspace(0.02, 0.05, 6)}
    fit = departing(runs, PRESET.law, DRAWS | own, parts, held)
    again = there_and_back(fit, tmp_path / "fit.nc")
    same(fit, again)
    assert sorted(set(again.draws) - set(DRAWS)) == ["bend_scale", "offset_scale"]
    prior = again.discrepancy.params["bend_scale"].prior
    assert (type(prior), float(prior.scale)) == (dist.HalfNormal, 0.1)
    assert again.discrepancy.params["drift_scale"].prior == 0.004
    xr.testing.assert_identical(sb.optimum(fit, C=1e22), sb.optimum(again, C=1e22))
    xr.testing.assert_identical(fit.log_likelihood(), again.log_likelihood())


def test_the_groups_of_an_offset(tmp_path):
    """Fails if a saved fit doesn't know its groups any more, or numbers them otherwise."""
    fit = departing(
        grouped(["small", None, "big"] * 4),
        PRESET.law,
        DRAWS,
        sb.GP("offset"),
        {"offset_scale": VALUES["offset_scale"]},
    )
    again = there_and_back(fit, tmp_path / "fit.nc")
    each = [same(fit, again, group=group)["loss"].values for group in ("small", "big", None)]
    assert not any(np.array_equal(one, other) for one, other in itertools.pairwise(each))
    for one in (fit, again):
        with pytest.raises(sb.InputError, match="unknown group 'smal'; did you mean 'small'"):
            sb.predict(one, N=1e9, D=1e11, group="smal")


@pytest.mark.slow
def test_a_fit_that_was_fitted(tmp_path):
    """Fails if a fit's method, numbers, checks, versions or seed is lost in its file."""
    x = np.logspace(1, 4, 10)
    loss = 5 * x**-0.3 * np.exp(0.02 * np.sin(np.log(x)))
    fit = sb.fit(sb.Runs(x=x, loss=loss), "power", discrepancy="gp", method=POINT, on_fail="ignore")
    again = there_and_back(fit, tmp_path / "fit.nc")
    assert repr(again) == repr(fit)
    for name in ("method", "numbers", "checks", "versions", "seed"):
        assert getattr(again, name) == getattr(fit, name), name
    xr.testing.assert_identical(sb.predict(fit, x=[1e2, 1e6]), sb.predict(again, x=[1e2, 1e6]))


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r["components"][0].update(name="os.system"),
        lambda r: r["components"][0].update(inputs=["U"]),
        lambda r: r["components"][0].update(strange=1),
        lambda r: r["params"].pop("matern_scale"),
        lambda r: r["params"].update(strange=r["params"]["matern_scale"]),
        lambda r: r.clear(),
    ],
)
def test_records_that_are_damaged(tmp_path, edit):
    """Fails if a crafted record names what is imported, ends in a traceback, or loads as another process."""
    runs = grouped(["a", "b", "c"] * 4)
    values = {name: x for name, x in VALUES.items() if name.startswith("matern")}
    departing(runs, PRESET.law, DRAWS, sb.GP("matern"), values).save(tmp_path / "fit.nc")

    def change(file):
        record = json.loads(file.attrs["scalebayes"])
        edit(record["discrepancy"])
        file.attrs["scalebayes"] = json.dumps(record)

    content = (tmp_path / "fit.nc").read_bytes()
    (tmp_path / "edited.nc").write_bytes(damaging.edited(content, change, forged=True))
    with pytest.raises(sb.InputError):
        sb.load(tmp_path / "edited.nc")
