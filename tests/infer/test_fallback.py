"""What follows Laplace where its k-hat fails, for one fit as for many; and when NUTS runs its chains again."""

from types import SimpleNamespace

import jax
import numpy as np
import pandas as pd
import pytest

import scalebayes as sb
from scalebayes.infer import NUTS, Laplace
from scalebayes.infer.fallback import kept, run_on
from scalebayes.infer.nuts import _poor
from scalebayes.model.problem import build

RUNS = sb.Runs(x=[1.0, 10.0, 100.0, 1e3, 1e4], loss=[3.0, 2.4, 1.9, 1.5, 1.2])


@pytest.fixture
def told(monkeypatch):
    """k-hat by proposals, to be filled in; methods that say what they were asked to run, and draw nothing."""
    khats, asked = {}, []

    def weigh(self, problem, key):
        asked.append(self.proposals)
        return SimpleNamespace(numbers={"khat": khats[self.proposals]})

    def sample(self, problem, key):
        asked.append(f"nuts, {self.draws * self.chains} draws")
        return SimpleNamespace(numbers={})

    monkeypatch.setattr(Laplace, "run", weigh)
    monkeypatch.setattr(NUTS, "run", sample)
    return khats, asked


def problem_of(discrepancy):
    with jax.enable_x64():
        return build(RUNS, sb.laws.get("power"), sb.Normal(), None, discrepancy=discrepancy and sb.GP(discrepancy))


@pytest.mark.parametrize("discrepancy", ["matern", None])
@pytest.mark.parametrize(
    ("khats", "asked"),
    [
        ({500: 0.69}, [500]),
        ({500: 0.7, 1000: 0.2}, [500, 1000]),
        ({500: 0.9, 1000: float("nan"), 2000: 0.8}, [500, 1000, 2000, "nuts, 400 draws"]),
    ],
    ids=["it passes", "more proposals pass", "none does"],
)
def test_a_fit_goes_on_to_what_passes(told, khats, asked, discrepancy):
    """Fails if draws whose weights say nothing are an answer, or NUTS is run where twice the proposals would do."""
    told[0].update(khats)
    method, draws = run_on(Laplace(draws=400, proposals=500), problem_of(discrepancy), None)
    assert told[1] == asked
    assert (method.name, draws.numbers.get("khat")) == (
        ("nuts", None) if "nuts, 400 draws" in asked else ("laplace", khats[asked[-1]])
    )


def test_laplace_is_kept_where_that_is_asked_for(told):
    """Fails if a count of how often Laplace fails, such as that of a calibration, is of another method."""
    told[0][500] = 0.9
    method, _ = run_on(kept(Laplace(draws=400, proposals=500)), problem_of(None), None)
    assert (method.name, told[1]) == ("laplace", [500])
    assert kept(NUTS()) == NUTS()


@pytest.mark.slow
def test_no_curve_of_fine_tuning_stays_with_weights_that_fail(data_path):
    """Fails if a third of 42 curves under a law with a floor are told by weights that say nothing of the posterior."""
    table = pd.read_csv(data_path / "forms" / "sft_train.csv")
    curves = {name: sb.Runs(x=of["D"].to_numpy(), loss=of["loss"].to_numpy()) for name, of in table.groupby("group")}
    laplace = sb.fit_many(curves, "offset_power", fallback=False, on_fail="ignore")
    poor = [name for name in curves if laplace[name].checks["k-hat"].status == "fail"]
    assert len(poor) >= 10, "seed 0"
    fits = sb.fit_many(curves, "offset_power", on_fail="ignore")
    one = {name: sb.fit(curves[name], "offset_power", method="laplace", on_fail="ignore") for name in poor[:3]}
    for name, fit in [*zip(fits.names, fits, strict=True), *one.items()]:
        assert "k-hat" not in fit.checks or fit.checks["k-hat"].status != "fail", name


def chains(apart=0.0, kept=1.0, draws=500, divergences=0, seed=3):
    """Two chains of independent draws of two parameters: `apart` sds apart, of which a share is no copy of another."""
    z = np.random.default_rng(seed).standard_normal((2, draws, 2))
    z = z[:, (np.arange(draws) * kept).astype(int)]
    z[1] += apart
    diverging = np.arange(2 * draws).reshape(2, draws) < divergences
    return z, {"diverging": diverging}


@pytest.mark.parametrize(
    ("given", "poor"),
    [
        ({}, (False, False)),
        ({"apart": 1.0}, (True, True)),
        ({"kept": 0.03}, (True, True)),
        ({"divergences": 1}, (True, False)),
        ({"divergences": 10}, (True, True)),
    ],
    ids=["sound", "apart", "few effective draws", "one divergence", "one divergence in a hundred"],
)
def test_chains_are_run_again_where_they_are_poor(given, poor):
    """Fails if a posterior is taken from chains that disagree, or minutes go into running fine ones again."""
    found = chains(**given)
    assert tuple(_poor(*found, some) for some in (False, True)) == poor, "seed 3"


def test_r_hat_of_few_draws_is_above_its_limit_for_many_by_chance():
    """Fails if two hundred draws of sound chains are run again by chance, or four thousand that disagree pass."""
    few = [_poor(*chains(draws=100, seed=seed), True) for seed in range(40)]
    assert np.mean(few) < 0.2, "seeds 0 to 39"
    assert all(_poor(*chains(apart=0.3, draws=2000, seed=seed), True) for seed in range(5)), "seeds 0 to 4"


@pytest.mark.parametrize("tries", [0, 4, 2.5])
def test_tries_are_refused_that_there_are_none_of(tries):
    """Fails if a number of tries other than 1, 2 or 3 is taken."""
    with pytest.raises(sb.InputError, match=f"tries is 1, 2 or 3, not {tries}"):
        NUTS(tries=tries)
