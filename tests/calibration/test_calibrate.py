"""calibrate: the test of ranks against enumeration and known samplers, what is simulated, and methods put on trial."""

from dataclasses import replace
from itertools import product

import jax
import numpy as np
import pytest
from scipy import stats

import scalebayes as sb
from scalebayes.calibration import simulate as simulation
from scalebayes.calibration.ranks import chance, counts, envelope, p_value, rank_of, thinned
from scalebayes.calibration.result import judged
from scalebayes.model.model import Ends
from scalebayes.model.problem import build
from tests.helpers import LAPLACE, POINT, simulated
from tests.helpers import departing as departing_fit

ALARM = 1e-4  # a right sampler fails a test here once in so many p-values
# Proposals that move: what is simulated is held to be calibrated.
METHOD = replace(LAPLACE, rounds=4)
SIMS, DRAWS = 64, 99
EXACT = np.sqrt(0.5)  # sd of the posterior of `conjugate`


def few_runs(seed=0, rows=8):
    rng = np.random.default_rng(seed)
    x = np.logspace(0, 4, rows)
    return sb.Runs(x=x, loss=3.0 * x**-0.2 * np.exp(0.02 * rng.normal(size=rows)))


def of_power(method=None, **options):
    """All of one shape, so that one program fits them."""
    settings = {"n": SIMS, "draws": DRAWS, "seed": 5, "fallback": False, "progress": False} | options
    return sb.calibrate(few_runs(), "power", method=method or METHOD, **settings)


# The test of ranks.


@pytest.mark.parametrize("n, draws", [(1, 1), (4, 2), (3, 4), (6, 1)])
def test_the_chance_is_that_of_enumeration(n, draws):
    """Fails if the p-value of ranks differs from that of an enumeration of all ranks: the test would then have another
    level.
    """

    def tail(ranks):
        seen, place = counts(np.array(ranks), draws), np.arange(1, draws + 1) / (draws + 1)
        low, high = stats.binom.cdf(seen, n, place), stats.binom.sf(seen - 1, n, place)
        return 2 * np.minimum(low, high).min()

    tails = np.array([tail(ranks) for ranks in product(range(draws + 1), repeat=n)])
    for t in np.unique(tails.round(12)):
        assert chance(t, n, draws) == pytest.approx((tails <= t + 1e-9).mean(), abs=1e-9)


@pytest.mark.slow_cases("1000-99", "60-99")
@pytest.mark.parametrize("n, draws", [(60, 99), (1000, 99), (200, 19)])
def test_the_envelope_holds_as_a_whole(n, draws, seed=81):
    """Fails if the 95 % envelope holds only at each place alone, so that most right samplers leave it somewhere."""
    ranks = np.random.default_rng(seed).integers(0, draws + 1, (4000, n))
    seen = np.stack([counts(one, draws) for one in ranks])
    low, high = envelope(n, draws)
    inside = ((seen >= low) & (seen <= high)).all(axis=1)
    error = np.sqrt(0.05 * 0.95 / len(ranks))
    # Counts are whole numbers, so it holds a little more often than asked; how much more is known.
    exact = 1 - chance(min(p_tail(low, high, n, draws)), n, draws)
    assert 0.95 <= exact < 0.96
    assert abs(inside.mean() - exact) < 4 * error, f"seed {seed}"
    p = np.array([p_value(one, draws) for one in ranks[:400]])
    np.testing.assert_array_equal(p > 0.05, inside[:400])
    assert stats.kstest(p, "uniform").pvalue > ALARM, f"seed {seed}"


def p_tail(low, high, n, draws):
    """The tails just outside the envelope, of which the largest bounds what it rejects."""
    place = np.arange(1, draws + 1) / (draws + 1)
    below, above = 2 * stats.binom.cdf(low - 1, n, place), 2 * stats.binom.sf(high, n, place)
    return [max(below.max(), above.max())]


def conjugate(seed, centre=lambda y: y / 2, sd=EXACT, n=500):
    """theta ~ N(0, 1), y ~ N(theta, 1): the ranks of theta and of its likelihood among draws of N(centre(y), sd)."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=n)
    y = theta + rng.normal(size=n)
    draws = centre(y)[:, None] + sd * rng.normal(size=(n, DRAWS))
    likelihood, own = -((y[:, None] - draws) ** 2), -((y - theta) ** 2)
    rank = [[rank_of(*pair, rng) for pair in zip(*of, strict=True)] for of in ((theta, draws), (own, likelihood))]
    below = np.stack([(draws < theta[:, None]).mean(axis=1), np.full(n, np.nan)])
    return sb.Calibration(judged(["theta", "log_likelihood"], np.array(rank), below, [""] * n, DRAWS))


def test_the_exact_posterior_passes(seed=82):
    """Fails if draws of the exact posterior are called miscalibrated, or their intervals don't cover at their level."""
    found = conjugate(seed)
    table = found.table()
    assert (table["p_value"] > ALARM).all() and found.holds(), f"seed {seed}"
    for prob in (50, 80, 90, 95):
        off = table.loc["theta", f"covered_{prob}"] - prob / 100
        assert abs(off) < 4 * table.loc["theta", f"se_{prob}"], f"seed {seed}"
    assert "ranks inside the 95% envelope for every parameter" in repr(found)


@pytest.mark.parametrize(
    "what, wrong",
    {
        "overconfident": {"sd": EXACT / 2},
        "too wide": {"sd": EXACT * 2},
        "biased": {"centre": lambda y: y / 2 + 0.25},
    }.items(),
)
def test_wrong_posteriors_are_found(what, wrong, seed=83):
    """Fails if a posterior that is too narrow, too wide or biased passes, or isn't named."""
    found = conjugate(seed, **wrong)
    assert found.table().loc["theta", "p_value"] < ALARM and not found.holds(), f"{what}, seed {seed}"
    assert "ranks outside the 95% envelope for theta" in repr(found)


def test_a_posterior_that_ignores_the_data_is_found(seed=84):
    """Fails if draws of the prior pass: their own ranks are uniform, and only the likelihood's tell."""
    table = conjugate(seed, centre=lambda y: 0 * y, sd=1.0).table()
    assert table.loc["theta", "p_value"] > ALARM, f"seed {seed}"
    assert table.loc["log_likelihood", "p_value"] < ALARM, f"seed {seed}"


def test_figure_data_are_the_ranks(seed=85):
    """Fails if the data of the figure are other numbers than those that the verdict rests on."""
    data = conjugate(seed).data
    ranks = data["rank"].sel(param="theta").values
    shares = np.array([(ranks < k).mean() for k in range(1, DRAWS + 1)])
    difference = data["ecdf_difference"].sel(param="theta", of="all").values
    np.testing.assert_allclose(difference + data["ecdf_x"].values, shares, atol=1e-12)
    inside = (difference >= data["lower"].sel(of="all") - 1e-12) & (difference <= data["upper"].sel(of="all") + 1e-12)
    assert bool(inside.all()) == bool(data["inside"].sel(param="theta", of="all"))


def test_ties_are_broken_at_random(seed=86):
    """Fails if a truth that equals all draws is always ranked at one end, or thinning repeats a draw."""
    rng = np.random.default_rng(seed)
    ranks = [rank_of(1.0, np.ones(9), rng) for _ in range(2000)]
    assert p_value(np.array(ranks), 9) > ALARM, f"seed {seed}"
    assert len(np.unique(thinned(4000, 99))) == 99


# What is simulated.


def test_units_go_there_and_back(x64):
    """Fails if a truth turned to the runs' units and back isn't itself, and so has no rank among the draws."""
    problem = build(simulated(30, seed=1), sb.laws.get("chinchilla"), sb.StudentT())
    values = simulation.from_prior(problem, 5, jax.random.key(1)).values
    paper = {name: np.asarray(problem.model.paper(values, problem.numbers)[name]) for name in values}
    assert not np.allclose(paper["A"], values["A"])
    again = simulation.prior_units(problem, paper)
    for name, x in values.items():
        np.testing.assert_allclose(again[name], x, rtol=1e-10)


def test_simulated_runs_scatter_as_the_noise_says(x64, seed=87):
    """Fails if simulated runs don't scatter around the law as noise, count and known error say, and so aren't of the
    model fitted.
    """
    runs = sb.Runs(x=np.logspace(0, 4, 8), loss=np.full(8, 2.0), loss_se=np.linspace(0, 0.07, 8), count=np.arange(1, 9))
    fixed = {"A": 3.0, "alpha": 0.2}
    law, noise = sb.laws.get("power"), sb.Normal(new_run=(0.0, 0.3))
    problem = build(runs, law, noise, fixed | {"noise_scale": 0.05})
    y = simulation.from_prior(problem, 4000, jax.random.key(seed)).y
    curve = 3.0 * runs.column("x") ** -0.2
    off = (np.log(y) - np.log(curve)) / np.sqrt(0.05**2 / runs.count + (runs.se / curve) ** 2)
    assert np.abs(off.mean(axis=0)).max() < 4.5 / np.sqrt(4000), f"seed {seed}"
    assert np.abs(off.var(axis=0) - 1).max() < 4.5 * np.sqrt(2 / 4000), f"seed {seed}"


def departing(free="matern_fade"):
    """A problem whose every number is known but one that changes nothing."""
    runs = simulated(6, seed=3)
    known = {"A": 400.0, "B": 2000.0, "E": 1.8, "alpha": 0.34, "beta": 0.37, "noise_scale": 0.01}
    known |= {"matern_scale": 0.05, "matern_length_N": 1.5, "matern_length_D": 2.0, "matern_fade": 0.2}
    known |= {"drift_scale": 0.02}
    del known[free]
    process = sb.GP("matern", "drift")
    return build(runs, sb.laws.get("chinchilla"), sb.Normal(), known, discrepancy=process)


def test_departures_have_the_covariance_of_the_process(x64, seed=88):
    """Fails if a simulated discrepancy has another covariance than the one that the fits integrate out."""
    problem, n = departing(), 6000
    values = {"matern_fade": np.full(n, 0.2)}
    delta = simulation.departures(problem, values, jax.random.split(jax.random.key(seed), n))
    rows, model = simulation.unpadded(problem), problem.model
    places = problem.numbers.ends.places(rows.inputs, rows.group)
    scaled = model.scaled({"matern_fade": 0.2}, problem.numbers)
    expected = np.asarray(model.process.covariance(scaled, places, places))
    sizes = np.outer(np.diag(expected), np.diag(expected))
    assert delta.shape == (n, 6) and np.abs(np.triu(expected, 1) / np.sqrt(sizes)).max() > 0.1
    assert (np.abs(delta.T @ delta / n - expected) < 4.5 * np.sqrt((sizes + expected**2) / n)).all(), f"seed {seed}"


def test_runs_with_a_departure_add_up(x64, seed=89):
    """Fails if simulated runs under a discrepancy don't have the covariance of the process plus that of the noise."""
    problem, n = departing("drift_scale"), 6000
    y = simulation.from_prior(problem, n, jax.random.key(seed)).y
    scaled = problem.model.scaled({"drift_scale": 0.02}, problem.numbers)
    rows = simulation.unpadded(problem)
    off = np.log(y / problem.reference.scale) - np.log(np.asarray(problem.model.location(scaled, rows.inputs)))
    places = problem.numbers.ends.places(rows.inputs, rows.group)
    expected = np.asarray(problem.model.process.covariance(scaled, places, places)) + 0.01**2 * np.eye(6)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / n)
    assert (np.abs(off.T @ off / n - expected) < 4.5 * error).all(), f"seed {seed}"


def test_the_reference_and_the_ends_are_those_of_the_runs(x64):
    """Fails if priors follow the simulated losses, which were drawn from priors that follow the runs."""
    problem = departing()
    y = 3 * problem.runs.y
    other = simulation.observed(problem, y)
    assert other.reference == problem.reference and other.numbers is problem.numbers
    assert isinstance(other.numbers.ends, Ends)
    np.testing.assert_allclose(other.rows.y[:6] * problem.reference.scale, y, rtol=1e-12)
    np.testing.assert_array_equal(other.runs.y, y)
    afresh = build(problem.runs.observed_as(y), sb.laws.get("chinchilla"), sb.Normal())
    assert afresh.reference.scale == pytest.approx(3 * problem.reference.scale)


def test_runs_done_twice_count_twice(x64):
    """Fails if a fit of observed and simulated runs loses one half of them."""
    problem = build(few_runs(rows=13), sb.laws.get("power"), sb.StudentT())
    values = simulation.from_prior(problem, 4, jax.random.key(2)).values
    once = simulation.log_likelihoods(problem, values)
    twice = simulation.doubled(problem)
    np.testing.assert_allclose(simulation.log_likelihoods(twice, values), 2 * once, rtol=1e-9)
    np.testing.assert_array_equal(twice.runs.y, np.tile(problem.runs.y, 2))


@pytest.mark.slow
def test_runs_done_again_share_the_departure(seed=90):
    """Fails if a run simulated at the same place as an observed one departs from the law in another way."""
    rng = np.random.default_rng(seed)
    x = np.logspace(0, 4, 12)
    loss = 3.0 * x**-0.2 * np.exp(0.1 * np.sin(1.5 * np.log(x)) + 1e-3 * rng.normal(size=12))
    priors = {"noise_scale": 1e-3, "matern_scale": 0.1, "matern_length_x": 1.0}
    gp = sb.GP("matern")
    fit = sb.fit(sb.Runs(x=x, loss=loss), "power", discrepancy=gp, priors=priors, method=POINT, on_fail="ignore")
    law = np.asarray(fit.law(x=x, **{name: value.item() for name, value in fit.law_draws.items()}))
    with jax.enable_x64():
        again = simulation.from_posterior(fit, 1, jax.random.key(seed)).y[0]
    assert np.abs(np.log(loss / law)).max() > 0.05
    # The noise of both runs, and what the first one leaves open.
    assert np.abs(np.log(again / loss)).max() < 6e-3, f"seed {seed}"


# Methods on trial.


@pytest.fixture(scope="module")
def plain():
    return of_power()


@pytest.mark.slow
def test_laplace_is_calibrated_on_few_runs(plain):
    """Fails if Laplace on eight runs and three parameters isn't calibrated, where a method's own error would show."""
    table = plain.table("all")
    assert list(table.index) == ["A", "alpha", "noise_scale", "log_likelihood"]
    assert (table["p_value"] > ALARM).all() and plain.holds(), plain
    covered = table.loc["alpha", "covered_90"]
    assert abs(covered - 0.9) < 4 * np.sqrt(0.09 / SIMS), plain
    assert plain.data.attrs["drawn_from"] == "prior" and plain.data.attrs["law"] == "power"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ranks(plain):
    """Fails if a calibration can't be repeated by its seed, or another seed changes nothing."""
    np.testing.assert_array_equal(of_power().data["rank"], plain.data["rank"])
    assert (of_power(seed=6).data["rank"] != plain.data["rank"]).any()


@pytest.mark.slow
def test_a_killed_calibration_goes_on_from_its_folder(plain, tmp_path, monkeypatch):
    """Fails if a killed calibration does finished simulations again, or takes batches that another call left in its
    folder.
    """
    done = []
    run_many = sb.Laplace.run_many
    monkeypatch.setattr(sb.Laplace, "run_many", lambda *args: done.append(len(args[1])) or run_many(*args))
    for _ in range(2):
        np.testing.assert_array_equal(of_power(folder=tmp_path).data["rank"], plain.data["rank"])
        assert sum(done) == SIMS
    next(tmp_path.glob("*.npz")).unlink()
    assert of_power(folder=tmp_path).data["rank"].equals(plain.data["rank"]) and len(done) == 2
    with pytest.raises(sb.InputError, match="another call: runs, seed differ"):
        of_power(folder=tmp_path, seed=6)
    runs = [few_runs()]
    with pytest.raises(sb.InputError, match="holds batches of another call"):
        sb.fit_many(runs, "power", method=METHOD, seed=5, folder=tmp_path)


class Halved(sb.Laplace):
    """Draws of half the sd."""

    def run_many(self, batch, keys):
        centred = [(one, one.z.mean(axis=1, keepdims=True)) for one in super().run_many(batch, keys)]
        return [replace(one, z=centre + 0.5 * (one.z - centre)) for one, centre in centred]


class Confessing(Halved):
    """Draws of half the sd in every second data set, of which k-hat tells."""

    def run_many(self, batch, keys):
        wrong, right = super().run_many(batch, keys), sb.Laplace.run_many(self, batch, keys)
        chosen = [(wrong[i], 2.0) if i % 2 else (right[i], 0.1) for i in range(len(right))]
        return [replace(one, numbers={**one.numbers, "khat": khat}) for one, khat in chosen]


class Watched(sb.Laplace):
    """Keeps what it was given."""

    seen: list = []  # noqa: RUF012

    def run_many(self, batch, keys):
        self.seen.append(batch)
        return super().run_many(batch, keys)


@pytest.mark.slow
def test_an_overconfident_method_fails():
    """Fails if a method whose draws have half the sd passes its calibration."""
    found = of_power(Halved(**vars(METHOD)))
    assert not found.holds() and found.table()["p_value"].min() < ALARM, found
    assert found.table().loc["alpha", "covered_90"] < 0.9 - 4 * np.sqrt(0.09 / SIMS)


def test_failed_fits_are_counted_named_and_left_out():
    """Fails if fits that fail their own checks aren't counted and named, or spoil the verdict on those that pass."""
    found = of_power(Confessing(**vars(METHOD)))
    assert found.data["failed"].values.sum() == SIMS // 2
    assert set(found.data["failed_checks"].values[found.data["failed"].values]) == {"k-hat"}
    assert found.holds("passed") and not found.holds("all"), found
    assert f"{SIMS // 2} fits failed their own checks (k-hat {SIMS // 2})" in repr(found)


def test_every_fit_has_the_reference_of_the_runs():
    """Fails if a simulated data set takes its reference from its own losses, and so a prior of its own."""
    Watched.seen.clear()
    of_power(Watched(**vars(METHOD)))
    runs = few_runs()
    expected = build(runs, sb.laws.get("power"), sb.StudentT()).reference.logs
    (batch,) = Watched.seen
    for name, value in expected.items():
        np.testing.assert_allclose(batch.numbers.log_reference[name], value, rtol=1e-12)
    simulated_scale = np.log(batch.rows.y[:, : len(runs)]).mean(axis=1)
    assert np.abs(simulated_scale).max() > 0.1, "the simulated losses have scales of their own"


@pytest.mark.slow
def test_draws_from_a_fit(seed=91):
    """Fails if simulations from a fit's posterior aren't named so, or Laplace isn't calibrated near the runs."""
    fit = sb.fit(few_runs(), "power", method=METHOD)
    found = of_power(draw_from=fit, seed=seed)
    assert (found.table("all")["p_value"] > ALARM).all(), f"seed {seed}: {found}"
    assert found.data.attrs["drawn_from"] == "posterior" and "simulations from the posterior" in repr(found)


FIT_OF_OTHERS = "draw_from is a fit of other runs than these"
BAD = {
    "map": ({"method": "map"}, "map gives none; use 'laplace' or 'nuts'"),
    "few draws": ({"method": sb.Laplace(draws=50)}, "ranked among 99 draws, and laplace has 50; ask for fewer"),
    "flat": ({"priors": {"alpha": "flat"}}, "the prior of 'alpha' is 'flat' and has no draws"),
    "n": ({"n": 0}, "n is a whole number from 2 on, not 0"),
    "from": ({"draw_from": "posterior"}, "draw_from is 'prior' or a fit made by sb.fit, not 'posterior'"),
    "setting": ({"sims": 10}, "unknown setting of calibrate 'sims'"),
}


@pytest.mark.parametrize("what", BAD)
def test_refused_in_words(what):
    """Fails if settings that answer no question start hours of fits, instead of an error that says what to use."""
    options, sentence = BAD[what]
    with pytest.raises(sb.InputError, match=sentence):
        sb.calibrate(few_runs(), "power", **options)


def test_latent_scales_are_refused_before_anything_is_simulated(monkeypatch):
    """Fails if a noise with latent scales, which have no truth to rank, ends after hours in an error of shapes."""
    monkeypatch.setattr(simulation, "_observed", lambda *_: pytest.fail("runs were simulated"))
    told = "noise='student_t' with a discrepancy: .* latent scale .* can't rank those; use noise='normal'"
    for method in (METHOD, sb.NUTS()):
        with pytest.raises(sb.InputError, match=told):
            sb.calibrate(few_runs(), "power", noise=sb.StudentT(), discrepancy="gp", method=method)
    # A fit that holds its draws and was never sampled: what it is of decides.
    law, gp, known = sb.laws.get("power"), sb.GP("matern"), {"matern_scale": 0.02, "matern_length_x": 1.0}
    fit = departing_fit(few_runs(), law, {"A": np.full(8, 3.0), "alpha": np.full(8, 0.2)}, gp, known)
    with jax.enable_x64():
        problem = build(few_runs(), law, sb.StudentT(), discrepancy=gp)
    with pytest.raises(sb.InputError, match=told):
        sb.calibrate(few_runs(), "power", draw_from=replace(fit, problem=problem), n=4)


def test_a_fit_of_something_else_is_refused():
    """Fails if truths are drawn from a fit of other runs, another law, another noise or too few draws."""
    fit = sb.fit(few_runs(), "power", method=POINT, on_fail="ignore")
    with pytest.raises(sb.InputError, match=FIT_OF_OTHERS):
        sb.calibrate(few_runs(seed=1), "power", draw_from=fit)
    with pytest.raises(sb.InputError, match="a fit of law 'power', and law is 'offset_power'"):
        sb.calibrate(few_runs(), "offset_power", draw_from=fit)
    with pytest.raises(sb.InputError, match="has the fit's own noise"):
        sb.calibrate(few_runs(), "power", draw_from=fit, noise="normal")
    with pytest.raises(sb.InputError, match="the fit has 1 draws, and 1000 simulations take one each"):
        sb.calibrate(few_runs(), "power", draw_from=fit)
