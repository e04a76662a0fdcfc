"""Recipes that are fitted together: one joint posterior, a fit of each recipe, and what they borrow."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to

import scalebayes as sb
from scalebayes.fitting.first_answer import settle
from scalebayes.fitting.pooled.named_tables import tables_of
from scalebayes.fitting.pooled.together import joint_of, of_draws
from scalebayes.fitting.spec import Spec
from scalebayes.infer import Draws
from scalebayes.infer.double import double
from scalebayes.infer.mode import Mode
from scalebayes.model.joint_problem import pooled_names
from tests.helpers import LAPLACE

NAMES = ("a", "b", "c")
CHAINS, COUNT = 2, 40  # sizes of draws that are made up, and not sampled


def table(noise: float = 0.003, seed: int = 0) -> sb.Runs:
    """Three recipes of 5, 5 and 2 sizes, each with two seeds, that differ in level, exponent and floor."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, name in enumerate(NAMES):
        for size in (1e7, 3e7, 1e8, 3e8, 1e9)[: 2 if name == "c" else 5]:
            for _ in range(2):
                loss = (3 + 0.2 * i) * (0.5 + 0.05 * i + (0.5 - 0.05 * i) * (size / 1e8) ** -(0.25 + 0.03 * i))
                rows.append((name, size, loss * np.exp(noise * rng.standard_normal())))
    recipe, size, loss = zip(*rows, strict=True)
    return sb.Runs(N=size, loss=loss, recipe=recipe)


def joint(law="offset_power", discrepancy=None, **settings):
    spec = Spec.of(law, "normal", discrepancy, inputs={"x": "N"}, **settings)
    with double():
        return joint_of(tables_of(table(), "recipe", ["N"]), spec), spec


def made_up(of, seed=0):
    """Draws near where recipes are alike, with the statistics of chains."""
    rng = np.random.default_rng(seed)
    with double():
        middle = of.numbers._replace(width=0 * of.numbers.width)
        start = np.asarray(of.model.starts(middle, jax.random.key(0), 1))[0]
    z = start + 0.05 * rng.standard_normal((CHAINS, COUNT, len(start)))
    stats = {name: np.ones((CHAINS, COUNT)) for name in ("lp", "energy", "n_steps", "acceptance_rate", "step_size")}
    stats |= {"energy": rng.standard_normal((CHAINS, COUNT)), "diverging": np.zeros((CHAINS, COUNT), bool)}
    free = len(start)
    none = np.zeros(0)
    mode = Mode(start, np.float64(0), np.eye(free), np.float64(0), np.zeros(2), np.zeros(2), np.ones(free), none, none)
    return Draws(z, stats, {"runs": 1.0, "thin": 1.0, "max_tree_depth": 10.0, "target_accept": 0.8}, mode)


def pooled_of(of, spec):
    with double():
        found = of_draws(of, "recipe", spec, sb.NUTS(), 0, made_up(of), jax.random.key(1), 0.0)
    settle(*found)  # draws that are made up fail the checks of chains
    return found


@pytest.fixture(scope="module")
def alone():
    return joint()


@pytest.fixture(scope="module")
def pooled(alone):
    return pooled_of(*alone)


@pytest.fixture(scope="module")
def departing():
    return joint("end_power", "gp")


@pytest.fixture(scope="module")
def together(departing):
    return pooled_of(*departing)


def test_one_recipe_is_the_fit_without_pool():
    """Fails if a table of one recipe is fitted otherwise with `pool=` than without."""
    runs = table().where("recipe == 'a'")
    settings = {"inputs": {"x": "N"}, "method": LAPLACE, "on_fail": "ignore"}
    one, same = sb.fit(runs, "offset_power", pool="recipe", **settings), sb.fit(runs, "offset_power", **settings)
    assert one.names == ("a",)
    for name, x in same.draws.items():
        np.testing.assert_array_equal(one["a"].draws[name], x)


@pytest.mark.slow_cases("chinchilla-ND", "end_power-x")
@pytest.mark.parametrize(("law", "inputs"), [("offset_power", "x"), ("end_power", "x"), ("chinchilla", "ND")])
def test_log_density_is_that_of_the_hierarchy(law, inputs):
    """Fails if the density over the sampler's coordinates isn't prior times likelihood times the volume of the change
    of coordinates, wherever recipes are whitened.
    """
    runs = table()
    if inputs == "ND":
        runs = sb.Runs(D=runs["N"] ** 0.8 * 100 * np.exp(np.sin(np.arange(len(runs)))), **runs.columns())
    spec = Spec.of(law, "normal", inputs={"x": "N"} if inputs == "x" else None)
    with double():
        of = joint_of(tables_of(runs, "recipe", []), spec)
        model = of.model
        assert model.amplitudes and model.slopes
        z = model.starts(of.numbers, jax.random.key(3), 1)[0]
        z = z + 0.1 * jax.random.normal(jax.random.key(4), (len(model.free),))

        @jax.jit
        def both(z, numbers):
            """The coordinate of each parameter, and the volume of deviates, middles and spreads over that of z."""

            def plain(z):
                parts, _ = model.unwhitened(z, numbers, of.rows)
                found = model.placed(parts, numbers)
                deviates = model.deviates(found, parts)
                own = [found[name] for name in model.own]
                return jnp.concatenate([*own, *deviates, parts.mean, parts.log_tau, parts.common]), (found, deviates)

            jacobian, kept = jax.jacfwd(plain, has_aux=True)(z)
            return kept, jnp.linalg.slogdet(jacobian)[1]

        places = of.numbers.near, of.numbers.near + 0.3 * np.random.default_rng(5).standard_normal((len(NAMES), 1))
        for numbers in (of.numbers._replace(near=near) for near in places):
            (found, deviates), volume = both(z, numbers)
            parts = model.apart(z)
            prior = float(np.sum(dist.Normal().log_prob(deviates) + np.log(2 * np.pi) / 2))
            tau = np.exp(np.asarray(parts.log_tau))
            prior += float(np.sum(-((tau / np.asarray(numbers.spread)) ** 2) / 2 + np.log(tau)))
            params = {**of.problems[0].law.params, **of.problems[0].noise.params}

            def of_prior(name, x, params=params):
                bijection = biject_to(params[name].prior.support)
                value = bijection(x)
                return float(np.sum(params[name].prior.log_prob(value) + bijection.log_abs_det_jacobian(x, value)))

            prior += sum(of_prior(name, found[name]) for name in model.own)
            prior += sum(of_prior(name, parts.mean[i]) for i, name in enumerate(model.pooled))
            prior += of_prior("noise_scale", parts.common[0])
            likelihood = 0.0
            for i, problem in enumerate(of.problems):
                values = {n: biject_to(params[n].prior.support)(found[n][i]) for n in problem.model.free}
                scaled = problem.model.scaled(values, problem.numbers)
                each = problem.model.log_likelihood(scaled, problem.rows)
                likelihood += float(np.sum(np.asarray(each) * problem.rows.mask))
            want = prior + likelihood + float(volume)
            assert float(model.log_density(z, numbers, of.rows)) == pytest.approx(want, rel=1e-9)


def test_recipes_are_as_wide_at_any_spread(alone):
    """Fails if the width of a recipe's coordinates follows the spread between recipes, in which chains get stuck."""
    of, _ = alone
    model, step = of.model, 0.1
    with double():
        parts = model.apart(model.starts(of.numbers._replace(width=0 * of.numbers.width), jax.random.key(0), 1)[0])
        own, pooled = len(model.own), len(model.pooled)
        for log_tau in (np.log(of.numbers.spread), np.full(pooled, np.log(0.01))):
            shared = parts._replace(log_tau=jnp.asarray(log_tau), common=jnp.log(jnp.array([0.003])))
            z = model.together(shared)
            numbers = of.numbers._replace(near=model.likeliest(z, of.numbers, of.rows, 30))
            density = lambda z, numbers=numbers: float(model.log_density(z, numbers, of.rows))  # noqa: E731
            moves = step * np.eye(len(model.free))[: (own + pooled) * model.recipes]
            curved = np.array([2 * density(z) - density(z + one) - density(z - one) for one in moves]) / step**2
            # 1 for a standard Normal; a coordinate with 2 or 1/2 is wider or narrower by a factor of 1.4.
            assert (curved > 0.5).all() and (curved < 2).all(), curved.round(2)


def dense(of, z):
    """The joint covariance and the residuals of all runs, by the whole matrix, and the places of all rows."""
    model, numbers = of.model, of.numbers
    parts, _ = model.unwhitened(z, numbers, of.rows)
    values = model.values(model.placed(parts, numbers), numbers)
    share, process = float(jax.nn.sigmoid(parts.logit_share[0])), model.model.process
    off, noise, logs, recipe, amount = [], [], [], [], None
    for i, problem in enumerate(of.problems):
        scaled = problem.model.scaled({n: x[i] for n, x in values.items()}, problem.numbers)
        seen, n = problem.model.residuals(scaled, problem.numbers, problem.rows), len(problem.runs)
        off.append(np.asarray(seen.off)[:n])
        noise.append(np.broadcast_to(seen.scale, len(problem.rows.mask))[:n])
        logs.append(np.asarray(seen.places.logs["x"])[:n])
        recipe.append(np.full(n, i))
        amount = problem.model.process_values(scaled)
    off, noise, logs, recipe = (np.concatenate(x) for x in (off, noise, logs, recipe))
    places = seen.places._replace(logs={"x": jnp.array(logs)}, beyond=jnp.zeros(len(logs)))
    whole = np.asarray(process.covariance(amount, places, places))
    same = recipe[:, None] == recipe
    covariance = share * whole + (1 - share) * whole * same
    return off, covariance, noise, places, recipe, share, amount


def test_common_departure_is_integrated_out_exactly(departing):
    """Fails if the density of recipes that share a departure isn't that of the whole covariance of all runs."""
    of, _ = departing
    with double():
        z = jnp.asarray(made_up(of).z[0, 0])
        parts, _ = of.model.unwhitened(z, of.numbers, of.rows)
        values = of.model.values(of.model.placed(parts, of.numbers), of.numbers)
        found = of.model.solved(jax.nn.sigmoid(parts.logit_share[0]), values, of.numbers, of.rows)
        off, covariance, noise, *_ = dense(of, z)
        matrix = covariance + np.diag(noise**2)
        want = -off @ np.linalg.solve(matrix, off) / 2 - np.linalg.slogdet(matrix)[1] / 2
        assert float(found.log_density) == pytest.approx(want, rel=1e-4)


def test_forecast_of_a_recipe_knows_the_runs_of_the_others(departing, together):
    """Fails if the discrepancy of a recipe at a size that others alone have isn't that given all runs."""
    of, _ = departing
    fit = together["c"]
    with double():
        z = jnp.asarray(made_up(of).z[0, 0])
        off, covariance, noise, places, recipe, share, amount = dense(of, z)
        parts, _ = of.model.unwhitened(z, of.numbers, of.rows)
        values = of.model.values(of.model.placed(parts, of.numbers), of.numbers)
        found = of.model.solved(share, values, of.numbers, of.rows)
        # The mean is a straight line in the common part, so that of the common part's mean is the mean given all runs.
        here = {name: x[:1, :1] for name, x in fit.draws.items()}
        common = fit.common._replace(share=np.full((1, 1), share), departure=np.asarray(found.mean)[None, None])
        one = replace(fit, draws=here, common=common, sample_stats={})
        from scalebayes.fitting.at_points import conditional

        at = 1e9
        got = conditional(one, {"x": np.array([at])}, np.zeros(1, int)).mean[0, 0]
        there = np.log(at / fit.reference.inputs["x"]) - float(of.problems[0].numbers.ends.anchor["x"])
        point = places._replace(logs={"x": jnp.array([there])}, beyond=jnp.zeros(1))
        across = np.asarray(of.model.model.process.covariance(amount, places, point))[:, 0]
        across = across * np.where(recipe == NAMES.index("c"), 1.0, share)
        want = across @ np.linalg.solve(covariance + np.diag(noise**2), off)
        assert got == pytest.approx(want, rel=1e-3)


def test_recipes_of_one_answer_share_their_draws(pooled, together):
    """Fails if `group=` answers for another recipe, or if a point's draws aren't those of its recipe."""
    for fits in (pooled, together):
        every, some = sb.predict(fits, N=2e9), sb.predict(fits, N=2e9, group=["c", "a"])
        assert every["loss"].sizes["dataset"] == 3
        assert some["group"].values.tolist() == ["c", "a"]
        for i, name in enumerate(["c", "a"]):
            np.testing.assert_allclose(some["loss"][..., i], every["loss"].sel(dataset=name)[..., 0], rtol=1e-6)
        assert sb.predict(fits, N=[1e9, 2e9], group="b").sizes == {"chain": 2, "draw": COUNT, "point": 2, "axis": 1}
    with pytest.raises(sb.InputError, match="recipe of 'recipe'"):
        sb.predict(pooled, N=1e9, group="d")


def test_common_part_has_one_draw_for_all_recipes(together):
    """Fails if the part of the discrepancy that recipes share is drawn apart for each, so that their difference is too
    uncertain.
    """
    alike = {name: together["a"].draws[name] for name in together["a"].draws}
    same = [
        replace(together[name], problem=together["a"].problem, draws=alike, common=replace_share(together[name]))
        for name in ("a", "b")
    ]
    first, second = (np.log(sb.predict(one, N=1e11, seed=i)["loss"].values) for i, one in enumerate(same))
    assert np.abs(first - second).max() < 1e-3 * np.abs(first).max()


def replace_share(fit):
    """The common part of a fit as if all of the discrepancy were common."""
    return fit.common._replace(share=np.full_like(fit.common.share, 1 - 1e-9))


def test_borrowed_and_summary(pooled):
    """Fails if the figure of what a recipe borrows isn't the variance of its deviate, or the table lacks it."""
    assert pooled_names(sb.laws.get("offset_power")) == ("alpha", "E")
    for name, z in pooled.apart.items():
        np.testing.assert_allclose(pooled.borrowed[name], np.minimum(z.var(axis=(0, 1)), 1))
    frame = pooled.summary()
    assert frame.loc[("all recipes", "spread of alpha"), "median"] > 0
    assert frame.loc[("c", "alpha"), "borrowed"] == pytest.approx(pooled.borrowed.loc["c", "alpha"])
    assert "Pooled fit of 3 recipes by 'recipe'" in repr(pooled)
    assert pooled["a"].checks["borrowed"].sentence


def test_saved_and_read_back(pooled, together, tmp_path):
    """Fails if pooled recipes come back from their file without what they share, or a file loses a part silently."""
    pooled.save(tmp_path / "pooled.nc")
    again = sb.load(tmp_path / "pooled.nc")
    assert isinstance(again, sb.Pooled) and again.column == "recipe" and again["a"].pool == "recipe"
    for of in ("draws", "apart"):
        for name, x in getattr(pooled, of).items():
            np.testing.assert_array_equal(getattr(again, of)[name], x)
    for kept in (together, together["a"]):
        with pytest.raises(sb.InputError, match="a file can't keep"):
            kept.save(tmp_path / "not.nc")


def test_questions_that_fit_again_are_refused(pooled, together):
    """Fails if an answer that forgets the other recipes, or their common part, is given without a word."""
    with pytest.raises(sb.InputError, match="pooled with others"):
        sb.update(pooled["a"], table(seed=1))
    with pytest.raises(sb.InputError, match="pooled with others"):
        sb.savage_dickey(pooled["a"], alpha=0.3)
    with pytest.raises(sb.InputError, match="share a part of their discrepancy"):
        sb.export(together["a"], "nowhere.jax")


def test_what_cannot_be_pooled_is_refused():
    """Fails if a column, a law or a method that can't be pooled is found out late, or without a cure."""
    runs = table()
    ask = {"inputs": {"x": "N"}, "pool": "recipe"}
    for settings, match in (
        ({**ask, "pool": "recipes"}, "did you mean 'recipe'"),
        ({**ask, "pool": "N"}, "is an input of the law"),
        ({**ask, "method": "laplace"}, "method='nuts'"),
        ({**ask, "noise": "student_t", "discrepancy": "gp"}, "noise='normal'"),
        ({**ask, "noise": sb.Huber(scale=1e-3), "method": "map"}, "an objective"),
        ({**ask, "priors": {"alpha": "flat"}}, "proper prior"),
    ):
        with pytest.raises(sb.InputError, match=match):
            sb.fit(runs, "offset_power", **settings)
    numbers = sb.Runs(
        **{k: np.tile(v, 60) for k, v in runs.columns().items()}, lr=np.repeat(np.arange(200.0), 8)[: 60 * 24]
    )
    with pytest.raises(sb.InputError, match="different numbers"):
        sb.fit(numbers, "offset_power", inputs={"x": "N"}, pool="lr")
    blank = sb.Runs(N=runs["N"], loss=runs.y, recipe=[None, *runs.labels["recipe"][1:]])
    with pytest.raises(sb.InputError, match="pool='recipe': column 'recipe' is blank in 1 of 24 rows"):
        sb.fit(blank, "offset_power", **ask)
    mine = sb.Law("mine", lambda x, a, E: E + x**-a, {"a": dist.LogNormal(-1.0, 0.5), "E": dist.HalfNormal(1.0)})
    with pytest.raises(sb.InputError, match="its dimension"):
        sb.fit(runs, mine, **ask)
