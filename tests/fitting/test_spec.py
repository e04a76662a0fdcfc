"""A spec resolves once, and says what it is."""

import pytest

import scalebayes as sb
from scalebayes.fitting.recipes import recipe
from tests.helpers import POINT

RUNS = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4, 1e5], loss=[3.0, 2.4, 1.9, 1.5, 1.2, 1.0])


def test_a_setting_beside_a_spec_is_as_beside_a_law():
    """Fails if the noise that a law has by default stays where a discrepancy asks for another."""
    assert sb.Spec.of(sb.Spec.of("power"), discrepancy="gp").noise.name == "normal"
    assert sb.Spec.of(sb.Spec.of("power", noise="student_t"), noise="normal").noise.name == "normal"
    asked = sb.Spec.of("power", noise=sb.StudentT(df=7.0))
    assert sb.Spec.of(asked, discrepancy="gp").noise is asked.noise, "a noise that was asked for is kept"


@pytest.mark.slow
def test_a_fit_of_a_spec_with_a_setting_beside_it_has_the_name_of_both():
    """Fails if the setting beside a spec is lost on the way to the fit."""
    fit = sb.fit(RUNS, sb.Spec.of("power"), discrepancy="gp", method=POINT, on_fail="ignore")
    assert fit.label == "power+gp" and fit.noise.name == "normal"


def test_a_changed_recipe_is_no_longer_the_recommended_one():
    """Fails if a forecaster with other priors is scored, or widened, under the name of the recommended one."""
    spec = recipe(RUNS)
    assert spec.name == sb.Spec.of(spec).name == sb.Spec.of(spec, inputs={"x": "x"}).name == "recommended"
    for changed in ({"window": sb.Window(2.0)}, {"priors": {"alpha": 0.3}}, {"noise": "normal"}):
        assert sb.Spec.of(spec, **changed).name == "end_power+gp(matern)", changed


def test_a_discrepancy_that_no_law_takes_is_refused():
    """Fails if backtest accepts a discrepancy beside specs alone, which have their own, and drops it."""
    with pytest.raises(sb.InputError, match=r"each Spec has its own; .* sb.Spec.of\(law, discrepancy=...\)"):
        sb.backtest(RUNS, [sb.Spec.of("power")], discrepancy=["gp"])
