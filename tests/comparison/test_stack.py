"""stack: a mixture of fits that answers, and is kept, as one fit."""

import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.forecasting.distance import distance
from scalebayes.model.problem import build
from scalebayes.status import Check, Checks, Status
from tests import damaging
from tests.helpers import LAPLACE, departing, fit_of

RUNS = sb.Runs(
    N=[1e7, 1e8, 1e9, 1e7, 1e8, 1e9, 1e8, 1e9],
    D=[1e9, 1e9, 1e9, 1e10, 1e10, 1e10, 1e11, 1e11],
    loss=[4.48, 3.55, 3.12, 3.91, 2.97, 2.55, 2.75, 2.34],
    N_counts="non-embedding",
)
DRAWS = 500
RNG = np.random.default_rng(4)
CHINCHILLA = {"A": 400.0, "B": 2000.0, "E": 1.8, "alpha": 0.34, "beta": 0.37}
OTHER = CHINCHILLA | {"E": 1.5, "alpha": 0.3}
POWER = {"A": 70.0, "alpha": 0.07}
AT = {"N": [1e9, 7e10], "D": 1e12}


def posterior(law, values, runs=RUNS, **inputs):
    """A fit whose draws lie around given values; a stack asks nothing of how it came by them."""
    draws = {name: x * np.exp(0.01 * RNG.standard_normal((2, DRAWS // 2))) for name, x in values.items()}
    problem = build(runs, sb.laws.get(law), sb.Normal(), {"noise_scale": 0.01}, inputs)
    return sb.Fit(problem, sb.MAP(), 0, MappingProxyType(draws), {}, {}, Checks(()))


@pytest.fixture(scope="module")
def members():
    """Three laws, one of them of compute, whose forecasts are apart."""
    return {
        "chinchilla": posterior("chinchilla", CHINCHILLA),
        "other": posterior("chinchilla", OTHER),
        "power": posterior("power", POWER, x="C"),
    }


@pytest.fixture(scope="module")
def mixture(members):
    return sb.stack(members, {"chinchilla": 0.5, "other": 0.3, "power": 0.2}, draws=2000)


@pytest.mark.parametrize("observed", [False, True])
def test_a_forecast_is_the_mixture_of_the_members(mixture, members, observed):
    """Fails if weights go to other members, or forecasts are averaged where their distributions are to be mixed."""
    found = sb.predict(mixture, **AT, observed=observed)
    assert dict(found.sizes) == {"chain": 1, "draw": 2000, "point": 2, "axis": 4}
    answers = {name: sb.predict(fit, **AT, observed=observed, seed=1) for name, fit in members.items()}
    each = {name: answer["loss"].values.reshape(-1, 2) for name, answer in answers.items()}
    for i in range(2):
        draws = found["loss"].values[0, :, i]
        for q in np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95]):
            shares = {name: (x[:, i] <= q).mean() for name, x in each.items()}
            truth = sum(mixture.weights[name] * share for name, share in shares.items())
            # The errors of the members' own draws, twice: the noise here isn't that of the mixture.
            error = 2 * sum(w**2 * shares[n] * (1 - shares[n]) / DRAWS for n, w in mixture.weights.items())
            assert abs((draws <= q).mean() - truth) < 4 * np.sqrt(error) + 2 / DRAWS, f"point {i}, seed 4"
    assert found.attrs["N_counts"] == "non-embedding" and found.attrs["unit"] == RUNS.unit


def test_every_draw_is_a_members(mixture, members):
    """Fails if a draw of one answer and of another are of different members, or members' parameters are mixed up."""
    one, other = sb.predict(mixture, **AT), sb.predict(mixture, N=1e10, D=2e11)
    assert (one["model"] == other["model"]).all()
    counts = {name: int((one["model"] == name).sum()) for name in members}
    for name, weight in mixture.weights.items():
        # Stratified: one draw in each stratum, of which two may lie across the edge of a weight.
        assert abs(counts[name] - 2000 * weight) <= 2
        theirs = sb.predict(members[name], **AT)["loss"].values.reshape(-1, 2)
        mine = one["loss"].values[0][one["model"].values == name]
        where, own = mixture.picks[name]
        np.testing.assert_array_equal(mine, theirs[own])
        # As often each as the next: 1000, 600 and 400 picks of 500 draws.
        times = np.bincount(own, minlength=DRAWS)
        assert times.max() - times.min() <= 1 and len(where) == len(own)


def test_the_seed_decides_the_draws(members):
    """Fails if the same call gives other numbers, or another seed the same."""
    weights = {"chinchilla": 0.5, "other": 0.3, "power": 0.2}
    a, b, c = (sb.predict(sb.stack(members, weights, draws=300, seed=s), **AT)["loss"] for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a.values != c.values).any()


def test_members_are_asked_what_they_know(mixture, members):
    """Fails if a member is asked for inputs that it doesn't take, or answers at other points than the others."""
    both = sb.predict(mixture, **AT)
    assert {"N", "D", "C"} <= set(both.coords) and both["C"].values.tolist() == [6e21, 4.2e23]
    np.testing.assert_array_equal(both["loss"], sb.predict(mixture, N=AT["N"], C=both["C"].values)["loss"])
    assert sb.interval(both)["efolds"].tolist() == pytest.approx([np.log(10), np.log(700)])
    # A list for an input that not all members take.
    runs = sb.Runs(N=RUNS.column("N"), D=RUNS.column("D"), U=np.full(8, 1e11), loss=RUNS.y, N_counts="non-embedding")
    repeated = posterior("data_constrained", CHINCHILLA | {"R_D_star": 15.0, "R_N_star": 5.0}, runs)
    pair = sb.stack({"once": members["chinchilla"], "again": repeated}, {"once": 0.5, "again": 0.5}, draws=100)
    found = sb.predict(pair, N=1e9, D=1e12, U=[1e10, 1e12])["loss"].values[0]
    once = pair.picks["once"][0]
    np.testing.assert_array_equal(found[once, 0], found[once, 1])
    assert (np.delete(found, once, 0)[:, 0] != np.delete(found, once, 0)[:, 1]).all()
    with pytest.raises(sb.InputError, match="unknown input 'u'"):
        sb.predict(pair, N=1e9, D=1e12, u=1e10)
    with pytest.raises(sb.InputError, match="N 2, D 3"):
        sb.predict(mixture, N=[1e9, 1e10], D=[1e10, 1e11, 1e12])
    with pytest.raises(sb.InputError, match="no fit of the stack has a discrepancy"):
        sb.predict(mixture, N=1e9, D=1e12, group="a")


@pytest.mark.slow
def test_a_group_is_asked_of_the_members_that_have_it(members):
    """Fails if one member without the group makes the whole stack fail, or a group that no member knows is taken in
    silence.
    """
    law, scales = sb.laws.get("chinchilla"), {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0}
    scales |= {"matern_fade": 0.3}
    draws = {name: np.full(20, x) for name, x in CHINCHILLA.items()}

    def of(parts, groups, **more):
        runs = sb.Runs(N=RUNS.column("N"), D=RUNS.column("D"), loss=RUNS.y, N_counts="non-embedding", group=groups)
        return departing(runs, law, draws, sb.GP(*parts), scales | more)

    whole = {
        "offset": of(["matern", "offset"], ["a", "b"] * 4, offset_scale=0.1),
        "others": of(["matern", "offset"], ["b", "c"] * 4, offset_scale=0.1),
        "smooth": of(["matern"], ["a", "b"] * 4),
        "exact": members["chinchilla"],
    }
    mixture = sb.stack(whole, dict.fromkeys(whole, 0.25), draws=80)
    for ask in (
        lambda group: sb.predict(mixture, **AT, group=group),
        lambda group: sb.optimum(mixture, C=1e21, group=group),
    ):
        plain, of_a = ask(None)["loss"].values[0], ask("a")["loss"].values[0]
        for name, (where, _) in mixture.picks.items():
            same = np.array_equal(plain[where], of_a[where], equal_nan=True)
            assert same == (name != "offset"), name
        with pytest.raises(sb.InputError, match=r"unknown group 'd'.* valid: a, b, c"):
            ask("d")
    with pytest.raises(sb.InputError, match="the law alone has no offset for a group"):
        sb.optimum(mixture, C=1e21, of="law", group="a")
    none = sb.stack({name: whole[name] for name in ("smooth", "exact")}, {"smooth": 0.5, "exact": 0.5}, draws=80)
    for ask in (lambda: sb.predict(none, **AT, group="a"), lambda: sb.optimum(none, C=1e21, group="a")):
        with pytest.raises(sb.InputError, match="no fit of the stack has a discrepancy with an offset for each group"):
            ask()


def test_the_optimum_is_the_mixture_of_optima(members):
    """Fails if a budget's split is that of one member, or the distance isn't that of the mixture's median optimum."""
    pair = {name: members[name] for name in ("chinchilla", "other")}
    mixture = sb.stack(pair, {"chinchilla": 0.25, "other": 0.75}, draws=1000)
    best = sb.optimum(mixture, C=[1e21, 1e24])
    assert (best["no_minimum"] == 0).all()
    for name, (where, own) in mixture.picks.items():
        theirs = sb.optimum(pair[name], C=[1e21, 1e24])
        for quantity in ("N", "D", "D_per_N", "loss", "N_exponent"):
            np.testing.assert_array_equal(best[quantity].values[0, where], theirs[quantity].values.reshape(-1, 2)[own])
    middle = {name: np.median(best[name].values[0], axis=0) for name in ("N", "D")}
    np.testing.assert_allclose(best["distance"], np.column_stack(list(distance(pair["other"], middle).values())))
    assert len(sb.interval(best)) == 12
    with pytest.raises(sb.InputError, match="law 'power' takes x = C"):
        sb.optimum(sb.stack(members, {"chinchilla": 0.5, "other": 0.3, "power": 0.2}), C=1e21)


@pytest.mark.parametrize("order", [["gp", "exact"], ["exact", "gp"]])
def test_a_doubt_of_one_member_is_one_of_the_stack(members, order):
    """Fails if the first member decides what is to be reviewed of the others' draws, or what they are the optimum
    of.
    """
    held = {name: x.ravel()[:20] for name, x in members["chinchilla"].draws.items()}
    process = departing(RUNS, sb.laws.get("chinchilla"), held, sb.GP("drift"), {"drift_scale": 0.02})
    fits = {"gp": process, "exact": members["chinchilla"]}
    fits, weights = {name: fits[name] for name in order}, {"gp": 0.1, "exact": 0.9}
    mixture, many = sb.stack(fits, weights, draws=50), sb.Fits(tuple(fits), tuple(fits.values()))
    for one in (mixture, many):
        for answer in (sb.predict(one, **AT), sb.optimum(one, C=[1e24])):
            assert answer.attrs["review"].startswith("of 'exact': the intervals take the law as exact")
        inside = sb.predict(one, N=1e8, D=1e10), sb.predict(sb.stack(fits, {"gp": 1.0, "exact": 0.0}), **AT)
        assert [answer.attrs["review"] for answer in inside] == ["", ""]
        assert not sb.optimum(one, C=[1e24], of="law").attrs["review"].startswith("of ")
    best = sb.optimum(mixture, C=[1e24])
    assert best.attrs["of"] == "differs"
    assert dict(zip(best["model"].values, best["of"].values, strict=True)) == {"gp": "curve", "exact": "law"}
    assert "of" not in sb.optimum(mixture, C=[1e24], of="law").coords


def test_a_member_of_no_weight_is_not_asked(members):
    """Fails if a law without an optimum forbids the question, though it has no part in the answer."""
    mixture = sb.stack(members, {"chinchilla": 0.4, "other": 0.6, "power": 0.0}, draws=200)
    assert sb.optimum(mixture, C=1e21).sizes["draw"] == 200
    assert set(mixture.picks) == {"chinchilla", "other"}


def test_a_stack_comes_back_from_its_file(mixture, tmp_path):
    """Fails if a stack's weights, checks or answers are lost or changed by its file."""
    path = tmp_path / "stack.nc"
    mixture = replace(mixture, compared=Checks((Check("weights: pareto k", Status.REVIEW, "too high"),)))
    mixture.save(path)
    again = sb.load(path)
    assert isinstance(again, sb.Stack) and repr(again) == repr(mixture)
    for name in ("weights", "by", "draws", "seed", "versions", "compared"):
        assert getattr(again, name) == getattr(mixture, name), name
    for observed in (False, True):
        one, other = (sb.predict(m, **AT, observed=observed) for m in (mixture, again))
        xr.testing.assert_identical(one, other)
    assert [p.name for p in tmp_path.iterdir()] == ["stack.nc"]
    with pytest.raises(sb.InputError, match="no folder"):
        mixture.save(tmp_path / "missing" / "stack.nc")


def test_a_stack_of_laws_of_ones_own(members, tmp_path):
    """Fails if a law's function is taken from a file, or a member is bound to another's law."""
    mine = sb.Law("mine", lambda x, a, b: a * x**-b, {"a": sb.Param(1.0), "b": sb.Param(1.0)})
    mine = replace(mine, params={n: replace(sb.laws.get("power").params["A"], dimension="") for n in mine.params})
    own = posterior(mine, {"a": 70.0, "b": 0.07}, x="C")
    mixture = sb.stack({"a/b": own, "chinchilla": members["chinchilla"]}, {"a/b": 0.5, "chinchilla": 0.5}, draws=100)
    mixture.save(tmp_path / "stack.nc")
    with pytest.raises(sb.InputError, match="law 'mine', not in the registry"):
        sb.load(tmp_path / "stack.nc")
    again = sb.load(tmp_path / "stack.nc", law=mine)
    xr.testing.assert_identical(sb.predict(mixture, **AT), sb.predict(again, **AT))
    with pytest.raises(sb.InputError, match="law= is 'power'"):
        sb.load(tmp_path / "stack.nc", law=sb.laws.get("power"))


def test_files_that_are_damaged(mixture, tmp_path):
    """Fails if a damaged stack loads, or ends in another library's traceback."""
    path = tmp_path / "stack.nc"
    mixture.save(path)
    content = path.read_bytes()
    for damage in ({"names": ["a"]}, {"weights": None}, {"draws": "many"}, {"weights": [0.9, 0.9]}):

        def other_record(file, damage=damage):
            file.attrs["scalebayes"] = json.dumps(json.loads(file.attrs["scalebayes"]) | damage)

        (tmp_path / "damaged.nc").write_bytes(damaging.edited(content, other_record, forged=True))
        with pytest.raises(sb.InputError, match="damaged"):
            sb.load(tmp_path / "damaged.nc")

    def other_runs(file):
        file["member1/observed_data/loss"][0] += 0.1

    (tmp_path / "edited.nc").write_bytes(damaging.edited(content, other_runs, forged=True))
    with pytest.raises(sb.InputError, match="runs aren't those"):
        sb.load(tmp_path / "edited.nc")


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({"chinchilla": 0.5, "othr": 0.5, "power": 0.0}, "did you mean 'other'"),
        ({"chinchilla": 0.5, "other": 0.5}, "weights lack 'power'"),
        ({"chinchilla": 0.5, "other": 0.7, "power": -0.2}, "power has -0.2"),
        ({"chinchilla": 0.5, "other": 0.7, "power": 0.3}, "sum to 1.5"),
        ({"chinchilla": 0.5, "other": 0.5, "power": "0"}, "power has '0'"),
        ("lo", "did you mean 'loo'"),
        ("loo", "500 draws by map"),
    ],
)
def test_weights_that_are_none_are_refused(members, weights, match):
    """Fails if weights are made up, or normalised behind the user's back."""
    with pytest.raises(sb.InputError, match=match):
        sb.stack(members, weights)


@pytest.mark.parametrize(
    ("about", "match"),
    [
        ({"unit": "bits"}, "unit differs"),
        ({"N_counts": "total"}, "N counts differs"),
        ({"observable": "bpb"}, "observable"),
    ],
)
def test_fits_of_other_things_are_refused(members, about, match):
    """Fails if nats and bits, or parameters with and without embeddings, are mixed in a stack."""
    kept = {"observable": "loss", "unit": RUNS.unit, "N_counts": "non-embedding"} | about
    runs = sb.Runs(N=RUNS.column("N"), D=RUNS.column("D"), **kept, **{kept["observable"]: RUNS.y})
    strange = replace(members["other"], problem=replace(members["other"].problem, runs=runs))
    with pytest.raises(sb.InputError, match=f"'chinchilla' and 'strange' can't be stacked.*{match}"):
        sb.stack({"chinchilla": members["chinchilla"], "strange": strange}, {"chinchilla": 0.5, "strange": 0.5})


def test_what_is_no_fit_is_refused(members):
    """Fails if a stack of nothing, of what is no fit or of no draws is made."""
    with pytest.raises(sb.InputError, match="nothing to stack"):
        sb.stack({}, {})
    with pytest.raises(sb.InputError, match="'b' is no fit"):
        sb.stack({"a": members["other"], "b": 3}, {"a": 1.0, "b": 0.0})
    with pytest.raises(sb.InputError, match="draws is a whole number"):
        sb.stack(members, {"chinchilla": 1.0, "other": 0.0, "power": 0.0}, draws=0)


def test_a_member_of_one_draw_has_no_new_run(members):
    """Fails if a stack gives an interval for a new run that a member of one draw hasn't got."""
    single = fit_of(sb.laws.get("chinchilla"), {n: [x] for n, x in CHINCHILLA.items()}, RUNS)
    mixture = sb.stack({"one": single, "other": members["other"]}, {"one": 0.5, "other": 0.5}, draws=100)
    assert np.unique(sb.predict(mixture, **AT)["loss"].values[0, mixture.picks["one"][0], 0]).size == 1
    with pytest.raises(sb.InputError, match="one draw"):
        sb.predict(mixture, **AT, observed=True)


def test_a_member_that_failed_leads(members):
    """Fails if a stack of a fit that can't be relied on looks like any other, or one of no weight leads it."""
    failed = replace(members["other"], checks=Checks((Check("r-hat", Status.FAIL, "the chains disagree"),)))
    mixture = sb.stack({"a": members["chinchilla"], "b": failed}, {"a": 0.5, "b": 0.5})
    assert repr(mixture).startswith("fail    b: r-hat: the chains disagree")
    assert repr(replace(mixture, weights={"a": 1.0, "b": 0.0})).startswith("Stack of 2 fits")


@pytest.mark.slow
def test_weights_are_those_of_the_comparison():
    """Fails if a stack finds other weights than the comparison, or loses the doubts of the score that they rest on."""
    x = 10.0 ** np.arange(8.0)
    y = 3.2 * x**-0.1 * np.exp(0.02 * np.random.default_rng(11).standard_normal(8))
    runs, shared = sb.Runs(x=x, loss=y), {"noise": "normal", "method": LAPLACE, "on_fail": "ignore"}
    fits = {
        "free": sb.fit(runs, "power", **shared),
        "flat": sb.fit(runs, "power", priors={"alpha": 0.15}, **shared),
    }
    comparison = sb.compare(fits)
    for by in ("loo", "largest", "evidence"):
        mixture = sb.stack(fits, by)
        assert mixture.weights == pytest.approx(comparison.weights(by), abs=1e-12)
        assert mixture.by == by
        # What the comparison doubts of its scores is to be doubted of the weights.
        told = [check.name for check in mixture.checks if check.name.startswith("weights: ")]
        rests_on = {"loo": "pareto k", "largest": "refits", "evidence": "evidence"}[by]
        assert f"weights: {rests_on}" in told and set(told) <= {f"weights: {rests_on}", "weights: refits"}
    assert not sb.stack(fits, {"free": 0.5, "flat": 0.5}).compared
