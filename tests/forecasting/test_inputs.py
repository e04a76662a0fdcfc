"""What predict and optimum are asked at: tables of points, misspelt keywords, traced arguments."""

import jax
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import scalebayes as sb
from tests.helpers import fit_of

POINTS = {"N": [7e10, 1e9], "D": [1.4e12, 1e12], "name": ["large", "small"]}
NUMBERS = {name: POINTS[name] for name in "ND"}
FRAMES = {
    "pandas": pd.DataFrame(POINTS, index=[4, 2]),
    "polars": pl.DataFrame(POINTS),
    "polars lazy": pl.LazyFrame(POINTS),
    "pyarrow": pa.table(POINTS),
    "mapping": NUMBERS,
    "mapping of series": pd.DataFrame(NUMBERS).to_dict("series"),
    "by C": pd.DataFrame({"N": POINTS["N"], "C": 6 * np.prod(list(NUMBERS.values()), axis=0)}),
    "with a C of its own": pd.DataFrame({**NUMBERS, "C": [1e20, 1e21]}),
    "runs": sb.Runs(loss=[1.0, 2.0], **NUMBERS),
}


@pytest.fixture(scope="module")
def fit():
    preset = sb.laws.published("besiroglu2024")
    runs = sb.read_runs({"params": [1e8, 1e9, 1e10], "D": [2e10, 4e10, 2e11], "loss": [3.0, 2.6, 2.2]})
    return fit_of(preset.law, {name: np.array([1.0, 1.01]) * x for name, x in preset.values.items()}, runs)


@pytest.mark.parametrize("form", FRAMES)
def test_points_are_a_table(form, fit):
    """Fails if a table of points gives another answer than its columns by name, or asks to be taken apart first."""
    np.testing.assert_allclose(sb.predict(fit, FRAMES[form])["loss"], sb.predict(fit, **NUMBERS)["loss"], rtol=1e-12)


def test_points_of_many_fits_and_of_other_names(fit):
    """Fails if only a single fit takes a table, or a column under the name that the runs were read with is lost."""
    table = FRAMES["pandas"].rename(columns={"N": "params"})
    expected = sb.predict(fit, **NUMBERS)["loss"].values
    np.testing.assert_array_equal(sb.predict(fit, table)["loss"], expected)
    np.testing.assert_array_equal(sb.predict(fit, table[["params"]], D=NUMBERS["D"])["loss"], expected)
    for fits in (sb.Fits(("a",), (fit,)), sb.stack({"a": fit}, {"a": 1.0}, draws=2)):
        assert sb.predict(fits, table)["loss"].sizes["point"] == 2


@pytest.mark.parametrize(
    ("points", "inputs", "told"),
    [
        (7e10, {}, "sb.predict(fit, N=7e10, D=1.4e12)"),
        ("points.csv", {}, "a data frame"),
        (pd.DataFrame({"n_params": [1e9], "D": [1e10]}), {}, "N may be 'n_params'"),
        (pd.DataFrame(NUMBERS), {"N": 1e9}, "'N' is in the points and given by name too"),
        ({"N": 1e9, "D": 1e10, "lr": 3.0}, {}, "unknown input 'lr'"),
        (None, {**NUMBERS, "observd": True}, "did you mean 'observed'?"),
        (None, {**NUMBERS, "gruop": "a"}, "did you mean 'group'?"),
        (None, {"N": 1e9, "d": 1e10}, "did you mean 'D'?"),
    ],
)
def test_what_cannot_be_asked_at(points, inputs, told, fit):
    """Fails if a misspelt setting is taken for an input, or a table without an input isn't told which it lacks."""
    with pytest.raises(sb.InputError) as error:
        sb.predict(fit, points, **inputs)
    assert told in str(error.value)


def test_a_misspelt_keyword_of_optimum(fit):
    """Fails if Python's own message is all there is, which names no keyword that is known."""
    with pytest.raises(TypeError, match="did you mean 'group'"):
        sb.optimum(fit, C=1e21, gruop="a")
    with pytest.raises(sb.InputError, match="did you mean 'prob'"):
        sb.interval(sb.optimum(fit, C=1e21), porb=0.5)


@pytest.mark.parametrize(
    "asked",
    [
        lambda fit, x: sb.predict(fit, N=x, D=1e12),
        lambda fit, x: sb.predict(fit, {"N": [x, 1e9], "D": 1e12}),
        lambda fit, x: sb.predict(fit, x),
        lambda fit, x: sb.optimum(fit, C=x),
        lambda fit, x: sb.score(fit, sb.Runs(N=[x], D=[x], loss=[x])),
    ],
)
def test_a_traced_argument_is_told_of_the_law(asked, fit):
    """Fails if JAX's own error is all that somebody reads who differentiates a forecast."""
    with pytest.raises(sb.InputError, match=r"sb\.export"):
        jax.jit(lambda x: asked(fit, x))(1e10)
    loss = jax.jit(lambda N: fit.law(N=N, D=1e12, **fit.law_draws).mean())
    assert np.isfinite(float(jax.grad(loss)(1e10)))


def test_a_traced_seed():
    """Fails if a key inside jit ends in an error about an array conversion."""
    with pytest.raises(sb.InputError, match="seed is traced"):
        jax.vmap(lambda key: sb.fit(sb.Runs(x=[1.0, 2.0, 3.0], loss=[3.0, 2.0, 1.0]), "power", seed=key))(
            jax.random.split(jax.random.key(0), 2)
        )
