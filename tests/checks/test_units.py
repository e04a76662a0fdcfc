"""Units: tokens in billions, parameters in millions and bits for nats change no answer but its units."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.infer.diagnostics import ess_bulk
from scalebayes.model.problem import build
from tests.cases import LAWS, METHODS, NOISES, ids
from tests.helpers import prior_draws

# input or loss -> one new unit in the old
UNITS = {
    "tokens in billions": {"D": 1e9},
    "parameters in millions": {"N": 1e6},
    "bits": {"loss": math.log(2)},
    "all three": {"N": 1e6, "D": 1e9, "loss": math.log(2)},
}
NEW = {"N": 70e9, "D": 1.4e12}
BUDGET = 5.76e23
each_unit = pytest.mark.parametrize("units", UNITS)


def in_units(runs, units):
    """The same runs in other units."""
    unit = "bits/token" if "loss" in units else None
    columns = {name: runs.column(name) / units.get(name, 1.0) for name in runs.inputs}
    return sb.Runs(**columns, loss=runs.y / units.get("loss", 1.0), unit=unit)


def answers(fit, units):
    """Exponents, a forecast and an optimum in the old units: name -> (chain, draw)."""
    N, D, loss = (units.get(name, 1.0) for name in ("N", "D", "loss"))
    forecast = sb.predict(fit, N=NEW["N"] / N, D=NEW["D"] / D)["loss"].values[..., 0]
    best = sb.optimum(fit, C=BUDGET / (N * D))
    return {
        "alpha": fit.draws["alpha"],
        "beta": fit.draws["beta"],
        "E": fit.draws["E"] * loss,
        "noise_scale": fit.draws["noise_scale"],
        "forecast": forecast * loss,
        "log N*": np.log(best["N"].values[..., 0] * N),
        "log D*": np.log(best["D"].values[..., 0] * D),
        "loss*": best["loss"].values[..., 0] * loss,
        "N_exponent": best["N_exponent"].values[..., 0],
    }


@pytest.fixture(scope="module")
def fits(request):
    """(runs, method) -> the fit in the old units, each done once."""
    made = {}

    def fit(runs, method):
        if (runs, method) not in made:
            table = request.getfixturevalue(runs)
            made[runs, method] = sb.fit(table, method=method, on_fail="ignore")
        return made[runs, method]

    return fit


@pytest.mark.parametrize("runs", ["simulated_runs", pytest.param("chinchilla_runs", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", METHODS, ids=ids(METHODS))
@each_unit
def test_answers_keep_their_value(fits, units, case, runs):
    """Fails if tokens in billions, parameters in millions or bits for nats move an exponent, a forecast or optimum."""
    old, units = fits(runs, case.method), UNITS[units]
    new = sb.fit(in_units(old.runs, units), method=case.method, on_fail="ignore")
    spread = {name: x.std() for name, x in answers(fits(runs, sb.Laplace()), {}).items()}
    before, after = answers(old, {}), answers(new, units)
    for name, x in before.items():
        if case.same_draws:
            moved, allowed = abs(after[name] - x).max(), 1e-3
        else:
            # Two chains that rounding parted: their means agree to both their Monte-Carlo errors.
            moved = abs(after[name].mean() - x.mean())
            ess = [float(ess_bulk(draws[None])[0]) for draws in (x, after[name])]
            allowed = 4 * math.sqrt(sum(1 / one for one in ess))
        assert moved < allowed * spread[name], f"{name} moved by {moved / spread[name]:.2g} posterior sd, seed 0"


def defined(noise, law):
    """Whether the noise is one on the whole range of the law's observable."""
    low, high = noise.noise.form.range
    return low <= law.range[0] and law.range[1] <= high


def drawn(law, rng, rows):
    """Runs of a law in units that have a size, and the observable: name -> (run,)."""
    low, high = max(law.range[0], -2.0), min(law.range[1], 4.0)
    columns = {"y": rng.uniform(0.9 * low + 0.1 * high, 0.1 * low + 0.9 * high, rows)}
    for name, base in law.bases.items():
        if base == "":
            least, most = law.domains.get(name, (0.0, math.inf))
            columns[name] = rng.uniform(max(least, -3.0), min(most, 4.0), rows)
        else:
            columns[name] = rng.uniform(2, 4, rows) if base == "loss" else 10 ** rng.uniform(8, 11, rows)
    return columns


def pairs():
    """Each law with each noise that suits it. Units reach law and noise apart: each law with two noises would do."""
    found = []
    for i, case in enumerate(LAWS):
        suited = [noise for noise in NOISES if defined(noise, case.law)]
        for j, noise in enumerate(suited):
            marks = [] if j in (0, i % len(suited)) else [pytest.mark.slow]
            found.append(pytest.param(case, noise, id="-".join(ids([case]) + ids([noise])), marks=marks))
    return found


@pytest.mark.parametrize(("law", "noise"), pairs())
def test_the_model_sees_the_same_numbers(law, noise, seed=41):
    """Fails if the likelihood of a law and a noise is another function of the same coordinates in other units."""
    law, rng = law.law, np.random.default_rng(seed)
    factors = {"": 1.0, "loss": math.log(2) if law.has_scale else 1.0}
    factors |= {base: math.exp(rng.uniform(-20, 20)) for base in law.bases.values() if base not in factors}
    bases, columns, se = {**law.bases, "y": "loss"}, drawn(law, rng, 20), rng.uniform(0, 0.1, 20)
    one, other = (
        sb.Runs(
            **{name: x / f.get(bases[name], 1.0) for name, x in columns.items()},
            y_se=se / f.get("loss", 1.0),
            observable="y",
            range=law.range,
        )
        for f in ({}, factors)
    )
    with jax.enable_x64():
        one, other = (build(table, law, noise.noise) for table in (one, other))
        assert one.model == other.model
        draws, (low, high) = prior_draws(law, 200, seed), law.range
        curves = np.asarray(law.fn(**one.rows.inputs, **{name: x[:, None] for name, x in draws.items()}))
        # A share outside (0, 1) has no logit, nor a density in any units.
        held = np.flatnonzero(((curves > low) & (curves < high)).all(axis=1))[:20]
        assert held.size >= 5, f"{law.name}: hardly a density to compare, seed {seed}"
        values = {name: x[held, None] for name, x in draws.items()} | dict(noise.values)
        there = [np.asarray(p.model.log_likelihood(values, jax.tree.map(jnp.asarray, p.rows))) for p in (one, other)]
    np.testing.assert_allclose(there[1], there[0], rtol=1e-9, atol=1e-9, err_msg=f"{law.name}, seed {seed}")
