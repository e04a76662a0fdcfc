"""fit_many: the same answers as one at a time, whatever the batch, the machine and the accidents."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.fitting.many import plan
from scalebayes.fitting.many.plan import planned, sizes
from scalebayes.fitting.spec import Spec
from scalebayes.infer.diagnostics import ess_bulk
from tests.helpers import POINT, SEARCH, simulated

# Without rounds rounding stays rounding, and the shortest table is too hard.
SMALL = sb.Laplace(draws=500, proposals=1000, df=15.0, rounds=0, search=SEARCH)


@pytest.fixture(scope="module")
def tables():
    """Data sets of several lengths, that one by one make programs of two sizes; one of them with hardly any runs."""
    return {f"d{rows}": simulated(rows, seed=rows) for rows in (60, 50, 61, 12, 9)}


@pytest.fixture(scope="module")
def fits(tables):
    return sb.fit_many(tables, method=SMALL, seed=5, on_fail="ignore", fallback=False)


@pytest.fixture(scope="module")
def followed(tables):
    """Where the weights of a data set are too poor, chains have followed."""
    return sb.fit_many(tables, method=SMALL, seed=5, on_fail="ignore")


def key_of(i, seed=5):
    return jax.random.fold_in(jax.random.key(seed), i)


def test_laplace_is_the_fit_of_each(tables, fits):
    """Fails if a batch mixes up its data sets or lets padding count, so that its draws aren't those of each fit
    alone.
    """
    for i, (name, runs) in enumerate(tables.items()):
        one = sb.fit(runs, method=SMALL, seed=key_of(i), on_fail="ignore", fallback=False)
        for parameter, x in one.draws.items():
            off = np.abs(fits[name].draws[parameter] - x).max() / x.std()
            assert off < 1e-6, f"{name}: {parameter} is off by {off:.1e} sd"
        assert [(c.name, c.status) for c in fits[name].checks] == [(c.name, c.status) for c in one.checks]
        assert fits[name].seed == one.seed


@pytest.mark.slow
def test_proposals_move_in_a_batch_as_alone(tables):
    """Fails if rounds of a batch go on for its slowest data set or stop with its first, beyond Monte-Carlo error."""
    method = replace(SMALL, rounds=4)
    fits = sb.fit_many(tables, method=method, seed=5, on_fail="ignore", fallback=False)
    for i, (name, runs) in enumerate(tables.items()):
        one = sb.fit(runs, method=method, seed=key_of(i), on_fail="ignore", fallback=False)
        shares = [fit.numbers["importance_ess"] / method.proposals for fit in (one, fits[name])]
        assert shares[0] == pytest.approx(shares[1], rel=0.1), f"{name}: effective share"
        for parameter, x in one.draws.items():
            x, other = np.log(x), np.log(fits[name].draws[parameter])
            error = x.std() * np.sqrt(2 / min(shares) / method.proposals)
            assert abs(x.mean() - other.mean()) < 4 * error, f"{name}: {parameter}"


@pytest.mark.slow  # test_fallback.py holds what follows poor weights
def test_poor_weights_are_kept_where_that_is_asked_for(tables, fits, followed):
    """Fails if fallback=False runs another method than Laplace for a data set of a batch."""
    assert fits.resampled == 0 and {fit.method.name for fit in fits.items} == {"laplace"}
    poor = [name for name in tables if fits[name].checks["k-hat"].status == "fail"]
    assert poor == [name for name in tables if followed[name].method != SMALL]


def sampled_again(tables, followed):
    again = [name for name in tables if followed[name].method.name == "nuts"]
    assert again, "no data set of the fixture is hard enough to show it"
    return again


@pytest.mark.slow
def test_poor_weights_are_sampled_again_and_counted(tables, followed):
    """Fails if a data set whose k-hat fails isn't sampled again, or the summary doesn't count it."""
    again = sampled_again(tables, followed)
    assert followed.resampled == len(again) and f"{len(again)} were sampled with NUTS" in repr(followed)
    assert all(np.isfinite(x).all() for name in again for x in followed[name].draws.values())


@pytest.mark.slow
def test_what_is_sampled_again_is_the_fit_alone(tables, followed):
    """Fails if a data set whose k-hat fails is sampled from another posterior than alone."""
    for name in sampled_again(tables, followed):
        i = followed.names.index(name)
        one = sb.fit(tables[name], method=followed[name].method, seed=key_of(i), on_fail="ignore")
        for parameter, draws in one.draws.items():
            # Logs: B itself has no variance after so few runs.
            x, other = np.log(draws), np.log(followed[name].draws[parameter])
            error = np.sqrt(sum(1 / ess_bulk(each[None])[0] for each in (x, other))) * x.std()
            assert abs(x.mean() - other.mean()) < 4 * error, f"{name}: {parameter}"


@pytest.mark.slow
def test_nuts_is_the_fit_of_each(tables):
    """Fails if chains of a batch, parted by rounding, disagree with those of each fit alone beyond their Monte-Carlo
    error.
    """
    method = sb.NUTS(draws=300, chains=2)
    some = {name: tables[name] for name in ("d60", "d61")}
    fits = sb.fit_many(some, method=method, seed=5, on_fail="ignore")
    for i, (name, runs) in enumerate(some.items()):
        one = sb.fit(runs, method=method, seed=key_of(i), on_fail="ignore")
        for parameter, draws in one.draws.items():
            x, other = np.log(draws), np.log(fits[name].draws[parameter])
            error = np.sqrt(sum(1 / ess_bulk(each[None])[0] for each in (x, other))) * x.std()
            assert abs(x.mean() - other.mean()) < 4 * error, f"{name}: {parameter}, seed 5"


@pytest.mark.slow  # test_laplace_is_the_fit_of_each holds a batch to batches of one
def test_the_batch_size_changes_nothing(tables, fits):
    """Fails if answers depend on the batch size, and so can't be repeated on another machine."""
    some = dict(list(tables.items())[:3])
    other = sb.fit_many(some, method=SMALL, seed=5, on_fail="ignore", batch=2, fallback=False)
    for name, fit in zip(some, other, strict=True):
        assert fit.method == fits[name].method == replace(SMALL, fallback=False)
        for parameter, x in fit.draws.items():
            off = np.abs(fits[name].draws[parameter] - x).max() / x.std()
            assert off < 1e-6, f"{name}: {parameter} is off by {off:.1e} sd"


def test_a_batch_compiles_once(tables, compilations):
    """Fails if data sets of other lengths compile a program each, which takes minutes for hundreds."""
    easy = [simulated(rows, seed=100 + rows) for rows in (61, 34, 59)]
    sb.fit_many(list(tables.values())[:3], method=POINT, on_fail="ignore", batch=1)
    with compilations.counted() as seen:
        sb.fit_many(easy, method=POINT, on_fail="ignore", batch=1, seed=9)
    assert not seen, seen


def test_chains_of_many_data_sets_go_to_all_cores():
    """Fails if data sets whose k-hat failed, which a CPU samples one after another, leave all cores but one idle."""
    problems = [Spec.of("chinchilla").problem(simulated(rows, seed=rows)) for rows in (20, 21, 22, 23, 24)]
    (chains,), (whole,) = planned(problems, chains=True), planned(problems)
    assert chains.batches == [(0,), (1,), (2,), (3,), (4,)] and whole.batches == [(0, 1, 2, 3, 4)]
    assert chains.size == whole.size, "a size of its own compiles once more"
    assert [group.batches for group in planned(problems, 3, chains=True)] == [[(0, 1, 2), (3, 4)]]


def test_sizes_are_few():
    """Fails if data sets are padded to many sizes, or far beyond their rows where another program would pay."""
    rows = {i: n for i, n in enumerate([20] * 3000 + [200] * 400 + [1500])}
    found = sizes(rows)
    assert sorted(found) == [32, 256, 2048]
    assert sorted(i for members in found.values() for i in members) == list(rows)
    assert all(rows[i] <= size for size, members in found.items() for i in members)
    assert sizes({0: 240}) == {256: [0]} and sizes({0: 20, 1: 900}) == {1024: [0, 1]}
    assert sizes({**dict.fromkeys(range(900), 20), 900: 20_000})[32] == list(range(900)), "padded a thousandfold"


@pytest.mark.parametrize(
    "backend, devices, count, size", [("gpu", 8, 1000, 256), ("gpu", 2, 7, 256), ("cpu", 8, 64, 16), ("cpu", 2, 8, 64)]
)
def test_every_device_has_its_part(monkeypatch, backend, devices, count, size):
    """Fails if a batch leaves some device with nothing but copies of other data sets."""
    monkeypatch.setattr(plan.jax, "default_backend", lambda: backend)
    monkeypatch.setattr(plan.jax, "local_devices", lambda: [None] * devices)
    monkeypatch.setattr(plan, "_memory", lambda: 16e9)
    batch, width = plan._room(count, size, None, 1024)
    assert batch % (width * devices) == 0 and batch < count + width * devices
    assert batch / devices <= -(-count // devices) + width - 1, "a device is left to copies"


@pytest.mark.slow
def test_laws_and_data_sets_are_crossed(tables):
    """Fails if a law or a data set is left out of the cross, or a fit has the name of another."""
    some = {name: tables[name] for name in ("d60", "d50")}
    options = {"method": POINT, "on_fail": "ignore", "inputs": {"x": "N"}}
    fits = sb.fit_many(some, laws=["power", "offset_power"], **options)
    assert fits.names == ("d60/power", "d60/offset_power", "d50/power", "d50/offset_power")
    assert [fit.law.name for fit in fits] == ["power", "offset_power"] * 2
    one = sb.fit_many(tables["d60"], laws=["power", sb.laws.get("offset_power").fix(E=1.0)], **options)
    assert one.names == ("power", "offset_power")
    assert set(one["offset_power"].draws) == {"A", "alpha", "noise_scale"}


def test_fits_are_a_sequence_and_tables(tables, fits):
    """Fails if results by position, by name, by status and as tables aren't the same results."""
    assert len(fits) == 5 and fits[1] is fits["d50"] and list(fits[1:3]) == [fits[1], fits[2]]
    summary = fits.summary()
    assert summary.loc[("d60", "alpha"), "median"] == np.median(fits["d60"].draws["alpha"])
    assert list(fits.status.index) == list(tables) and fits.status.loc["d60", "runs"] == 60
    kept = fits.where("pass", "review")
    assert set(kept.names) == {name for name in tables if fits[name].checks.status != "fail"}
    with pytest.raises(sb.InputError, match="unknown data set 'd6'; did you mean"):
        fits["d6"]
    with pytest.raises(sb.InputError, match="unknown status 'failed'; did you mean 'fail'"):
        fits.where("failed")
    none = fits[:0]
    assert none.status.empty and none.summary().empty and "status" in none.status.columns
    with pytest.raises(sb.InputError, match="these Fits are empty: there is no fit to ask"):
        sb.predict(none, N=1e9, D=1e10)


def test_answers_have_a_dim_dataset(fits):
    """Fails if a forecast or an optimum of many data sets is paired with the wrong one."""
    answer = sb.predict(fits, N=[1e10, 1e11], D=2e12)
    assert answer["loss"].dims == ("dataset", "chain", "draw", "point")
    table = sb.interval(answer)
    assert len(table) == 10 and table["dataset"].tolist()[:2] == ["d60", "d60"]
    one = sb.interval(sb.predict(fits["d61"], N=[1e10, 1e11], D=2e12))
    same = table[table["dataset"] == "d61"].reset_index(drop=True)
    np.testing.assert_allclose(
        same[["median", "lower", "upper", "efolds"]], one[["median", "lower", "upper", "efolds"]]
    )
    best = sb.interval(sb.optimum(fits, C=[1e22, 1e24]))
    own = sb.interval(sb.optimum(fits["d50"], C=[1e22, 1e24]))
    of = best[best["dataset"] == "d50"].reset_index(drop=True)
    np.testing.assert_allclose(of[["C", "median", "lower", "upper"]], own[["C", "median", "lower", "upper"]])


def test_saved_and_loaded(fits, tmp_path):
    """Fails if saved fits come back with other numbers, runs, methods or checks."""
    fits.save(tmp_path / "fits.nc")
    again = sb.load(tmp_path / "fits.nc")
    assert isinstance(again, sb.Fits) and again.names == fits.names and again.resampled == fits.resampled
    for one, other in zip(fits, again, strict=True):
        assert one.runs.hash == other.runs.hash and one.method == other.method and str(one.checks) == str(other.checks)
        for name, x in {**one.draws, **one.sample_stats}.items():
            np.testing.assert_array_equal({**other.draws, **other.sample_stats}[name], x)


@pytest.mark.slow
def test_own_laws_are_saved_and_loaded_beside_the_registry_s(tmp_path):
    """Fails if fits of one's own law beside a published one can't be read again, or are bound to another law."""
    runs = sb.Runs(rows=[1e7, 1e8, 1e9, 1e10], loss=[4.0, 3.1, 2.6, 2.3])
    own = sb.Law("own", lambda x, a, E: E + a * x**-0.3, {"a": dist.LogNormal(4.0, 1.0), "E": dist.HalfNormal(3.0)})
    fits = sb.fit_many(runs, laws=[own, "offset_power"], method=POINT, on_fail="ignore", inputs={"x": "rows"})
    fits.save(tmp_path / "fits.nc")
    with pytest.raises(sb.InputError, match=r"holds a fit of law 'own', not in the registry: load\(path, law=my_law\)"):
        sb.load(tmp_path / "fits.nc")
    with pytest.raises(sb.InputError, match="holds fits of 'offset_power', 'own', and law= is 'power'"):
        sb.load(tmp_path / "fits.nc", law=[own, sb.laws.get("power")])
    again = sb.load(tmp_path / "fits.nc", law=own)
    for name in fits.names:
        assert again[name].draws["E"] == fits[name].draws["E"] and again[name].runs.hash == runs.hash


@pytest.mark.slow
def test_keys_of_another_kind(tables):
    """Fails if a JAX key of another generator than the default can't be a seed."""
    key = jax.random.key(3, impl="rbg")
    one = sb.fit_many([tables["d60"]], method=POINT, on_fail="ignore", seed=key)[0]
    assert np.isfinite(one.draws["E"]).all()


def named(name):
    return replace(sb.laws.get("chinchilla"), name=name)


BAD = {
    "a table alone": (
        lambda t: sb.fit_many(t["d60"]),
        "takes a list of tables, or one table with by='column' or laws=",
    ),
    "nothing": (lambda t: sb.fit_many([]), "runs is empty"),
    "no tables": (lambda t: sb.fit_many({"a": 3}), "data set 'a' is a table made by sb.read_runs or sb.Runs, not int"),
    "a column that isn't there": (
        lambda t: sb.fit_many({**t, "odd": sb.Runs(N=[1e8, 1e9], loss=[3.0, 2.0])}),
        "data set 'odd': law 'chinchilla' needs 'D'",
    ),
    "one law for many": (lambda t: sb.fit_many(t, laws="kaplan"), "laws is a list of laws"),
    "a law twice": (
        lambda t: sb.fit_many(t, laws=["kaplan", "kaplan"]),
        "two of the laws have the same name: kaplan, kaplan",
    ),
    "a batch of none": (lambda t: sb.fit_many(t, batch=0), "batch is a whole number of data sets from 1 on, not 0"),
    "names that are one as text": (
        lambda t: sb.fit_many({1: t["d60"], "1": t["d50"]}),
        "two of the names of runs are the same as text",
    ),
    "names that are one with the law's": (
        lambda t: sb.fit_many({"a": t["d60"], "a/own": t["d50"]}, laws=[named("own/b"), named("b")]),
        "two fits would have the name 'a/own/b', made of data set and law",
    ),
    "forked processes": (
        lambda t: sb.fit_many(t, executor=ProcessPoolExecutor(1, get_context("fork"))),
        "a forked JAX hangs; start its workers afresh",
    ),
    "a setting misspelt": (
        lambda t: sb.fit_many(t, bach=2),
        "unknown setting of fit_many 'bach'; did you mean",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_fitted_is_refused_in_words(tables, what):
    """Fails if one odd table among many, or a bad setting, isn't named."""
    call, sentence = BAD[what]
    with pytest.raises(sb.InputError, match=sentence):
        call(tables)


def test_failed_checks_are_told_once(tables):
    """Fails if failed checks of many fits aren't told in one warning, or on_fail='raise' doesn't raise."""
    hard = {"few": simulated(33, seed=3), "fine": tables["d60"]}
    poor = sb.MAP(search=sb.Search(screened=8, starts=1, lbfgs_steps=0, newton_steps=1))
    with pytest.warns(sb.FitWarning, match=r"of 2 fits failed a check \(") as told:
        fits = sb.fit_many(hard, method=poor)
    assert len(told) == 1 and (fits.status["status"] == "fail").any()
    with pytest.raises(sb.FitError):
        sb.fit_many(hard, method=poor, on_fail="raise")


def test_progress(tables, capsys):
    """Fails if progress=True shows no count of finished data sets, or a call outside a terminal prints unasked."""
    sb.fit_many(tables, method=POINT, on_fail="ignore", progress=True)
    assert "5/5" in capsys.readouterr().err
    sb.fit_many(tables, method=POINT, on_fail="ignore")
    assert capsys.readouterr().err == ""
