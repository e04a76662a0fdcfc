"""A group for each point or budget: predict, optimum and interval against one call for each group."""

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scalebayes as sb
from scalebayes.fitting.at_points import conditional
from scalebayes.fitting.groups import codes_of
from tests.helpers import departing, simulated

PRESET = sb.laws.published("besiroglu2024")
SCALES = {"matern_scale": 0.02, "matern_length_N": 2.0, "matern_length_D": 2.0, "matern_fade": 0.3}
OFFSET = SCALES | {"offset_scale": 0.05}
GROUPS = ["b", "a", None, "c", "b"]
NAMES = ["b", "a", "", "c", "b"]  # as an answer shows them: a new group is blank
AT = {"N": [1e9, 2e9, 3e9, 7e10, 7e10], "D": 1e11}
SEED = 4


def of(discrepancy, values, draws, factor=1.05):
    """A fit that holds a law, a discrepancy and runs of groups of which one lies off, and was never fitted."""
    runs, group = simulated(12, seed=SEED), np.array(["a", "b", "c"] * 4)
    loss = runs.y * np.where(group == "b", factor, 1.0)
    runs = sb.Runs(N=runs.column("N"), D=runs.column("D"), loss=loss, group=group)
    rng = np.random.default_rng(SEED)
    moved = {name: np.exp(0.02 * rng.standard_normal(draws)) for name in ("A", "B")}
    arrays = {n: np.broadcast_to(x * moved.get(n, 1.0), (draws,)).copy() for n, x in PRESET.values.items()}
    return departing(runs, PRESET.law, arrays, discrepancy, values)


@pytest.fixture(scope="module")
def mode():
    """One draw, which takes the mean of the discrepancy and no joint draw."""
    return of(sb.GP("matern", "offset"), OFFSET, 1)


@pytest.fixture(scope="module")
def fit():
    return of(sb.GP("matern", "offset"), OFFSET, 64)


@pytest.fixture(scope="module")
def smooth():
    """A discrepancy without an offset for each group."""
    return of(sb.GP("matern"), SCALES, 64)


def one_call_a_group(ask, at):
    """The draws (draw, point) of each point, asked alone with its group."""
    return np.column_stack([ask(i, group).values.reshape(-1) for i, group in enumerate(at)])


def test_points_of_several_groups_are_those_of_one_call_a_group(mode, fit):
    """Fails if a point gets the offset of another point's group, in its mean, its sd or its draws."""
    several = sb.predict(mode, **AT, group=GROUPS)
    alone = one_call_a_group(lambda i, g: sb.predict(mode, N=AT["N"][i], D=1e11, group=g)["loss"], GROUPS)
    np.testing.assert_allclose(several["loss"].values[0], alone, rtol=1e-10)
    assert several["group"].dims == ("point",) and several["group"].values.tolist() == NAMES

    points = {"N": np.array(AT["N"]), "D": np.full(5, 1e11)}
    with jax.enable_x64():
        whole = conditional(fit, points, codes_of(fit, tuple(GROUPS)))
        for i, group in enumerate(GROUPS):
            one = conditional(fit, {name: x[[i]] for name, x in points.items()}, codes_of(fit, group))
            np.testing.assert_allclose(whole.mean[:, i], one.mean[:, 0], atol=1e-10)
            np.testing.assert_allclose(whole.sd[:, i], one.sd[:, 0], atol=1e-10)

    log = np.log(sb.predict(fit, **AT, group=GROUPS, seed=1)["loss"].values[0])
    alone = np.log(
        one_call_a_group(lambda i, g: sb.predict(fit, N=AT["N"][i], D=1e11, group=g, seed=2)["loss"], GROUPS)
    )
    error = np.sqrt(2 / len(log)) * alone.std(axis=0)
    assert (np.abs(log.mean(axis=0) - alone.mean(axis=0)) < 5 * error).all(), "seeds 1 and 2"
    np.testing.assert_allclose(log.std(axis=0), alone.std(axis=0), rtol=0.6, err_msg="seeds 1 and 2")


def test_groups_are_broadcast_as_inputs_are(mode):
    """Fails if a list of groups doesn't make as many points, or lists of unequal length pair up by chance."""
    got = sb.predict(mode, N=1e9, D=1e11, group=("a", "b", "c"))
    assert got.sizes["point"] == 3 and len(set(got["loss"].values.ravel())) == 3
    for groups in (np.array(["a", "b", "c"]), pd.Series(["a", "b", "c"])):
        np.testing.assert_array_equal(sb.predict(mode, N=1e9, D=1e11, group=groups)["loss"], got["loss"])
    one = sb.predict(mode, **AT, group=["b"])
    np.testing.assert_array_equal(one["loss"], sb.predict(mode, **AT, group="b")["loss"])
    assert one["group"].values.tolist() == ["b"] * 5
    assert "group" not in sb.predict(mode, **AT, group="b").coords
    with pytest.raises(sb.InputError, match="different lengths: N 5, D 5, group 2"):
        sb.predict(mode, **AT, group=["a", "b"])


def test_a_table_of_points_has_the_groups(mode, smooth):
    """Fails if the column `group` of a data frame is dropped, or a fit without offsets can't be asked with it."""
    frame = pd.DataFrame({"N": AT["N"], "D": 1e11, "group": GROUPS})
    expected = sb.predict(mode, **AT, group=GROUPS)
    for points in (frame, frame.to_dict("list")):
        assert expected.identical(sb.predict(mode, points))
    assert sb.predict(mode, mode.runs)["group"].values.tolist() == ["a", "b", "c"] * 4
    with pytest.raises(sb.InputError, match=r"the points have 'group', and group= is given too; leave group= out"):
        sb.predict(mode, frame, group="a")
    assert "group" not in sb.predict(smooth, frame).coords


@pytest.mark.slow
def test_the_table_of_an_answer_has_the_groups(fit):
    """Fails if a row of `interval` doesn't say which group it is of, or is that of another group."""
    answer = sb.predict(fit, **AT, group=GROUPS)
    table = sb.interval(answer)
    assert list(table)[:3] == ["N", "D", "group"]
    assert table["group"].tolist() == NAMES
    np.testing.assert_allclose(table["median"], np.median(answer["loss"].values[0], axis=0))
    best = sb.interval(sb.optimum(fit, C=1e21, of="curve", group=["b", "a"])[["N", "D", "loss"]])
    assert best["group"].tolist() == ["a", "a", "a", "b", "b", "b"]


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (["a", "d"], "unknown group 'd'; .*valid: a, b, c; a blank name is a new group"),
        ([], "the list is empty"),
        ([["a", "b"]], "group: one name, or a list with one for each point"),
        ({"a", "b"}, "group: one name, or a list with one for each point"),
    ],
)
def test_groups_that_are_none_are_refused(mode, groups, told):
    """Fails if a group that no run has, or what is no list of groups, is answered for some group."""
    for ask in (lambda: sb.predict(mode, N=1e9, D=1e11, group=groups), lambda: sb.optimum(mode, C=1e21, group=groups)):
        with pytest.raises(sb.InputError, match=told):
            ask()


def test_groups_are_refused_where_no_offset_is_of_them(smooth):
    """Fails if groups are ignored in silence by a discrepancy without offsets, or by the law alone."""
    with pytest.raises(sb.InputError, match="group='a': the fit has no discrepancy with an offset for each group"):
        sb.predict(smooth, N=1e9, D=1e11, group=[None, "a"])
    with pytest.raises(sb.InputError, match="group='a': the law alone has no offset for a group; leave it out"):
        sb.optimum(smooth, C=1e21, of="law", group=[None, "a"])


def test_budgets_of_several_groups_are_those_of_one_call_a_group(mode, fit):
    """Fails if a budget gets the offset of another budget's group, or the answers are in another order than asked."""
    C, groups = [1e23, 1e20, 1e21, 1e20], ["b", "a", None, "b"]
    for name in ("N", "loss"):
        alone = one_call_a_group(lambda i, g, name=name: sb.optimum(mode, C=C[i], group=g)[name], groups)
        # A path is drawn given the path of the budget before, to which the Gaussian process adds a little noise.
        np.testing.assert_allclose(sb.optimum(mode, C=C, group=groups)[name].values[0], alone, rtol=1e-4)
    best = sb.optimum(fit, C=1e21, group=["b", "a"], seed=1)
    assert best["group"].values.tolist() == ["b", "a"] and best["C"].values.tolist() == [1e21, 1e21]
    log = np.log(best["loss"].values[0])
    alone = np.log(one_call_a_group(lambda _, g: sb.optimum(fit, C=1e21, group=g, seed=2)["loss"], ["b", "a"]))
    error = np.sqrt(2 / len(log)) * np.nanstd(alone, axis=0)
    assert (np.abs(np.nanmean(log, axis=0) - np.nanmean(alone, axis=0)) < 5 * error).all(), "seeds 1 and 2"
    np.testing.assert_allclose(np.nanstd(log, axis=0), np.nanstd(alone, axis=0), rtol=0.6, err_msg="seeds 1 and 2")


@pytest.mark.slow
def test_losses_of_several_groups_are_those_of_one_call_a_group(mode, fit):
    """Fails if a loss gets the budget of another loss's group, or the answers are in another order than asked."""
    loss, groups = [2.3, 2.5, 2.2, 2.3], ["b", "a", None, "c"]
    several = sb.budget_for(mode, loss=loss, group=groups)
    assert several["group"].dims == ("target",) and several["group"].values.tolist() == ["b", "a", "", "c"]
    alone = one_call_a_group(lambda i, g: sb.budget_for(mode, loss=loss[i], group=g)["C"], groups)
    assert np.isfinite(alone).all()
    # A path is drawn given the path of the budget before, to which the Gaussian process adds a little noise.
    np.testing.assert_allclose(several["C"].values[0], alone, rtol=1e-3)
    needed = sb.budget_for(fit, loss=2.3, group=["b", "a"], seed=1)
    assert needed["loss"].values.tolist() == [2.3, 2.3]
    log = np.log(needed["C"].values[0])
    assert log[:, 0].mean() > log[:, 1].mean() + 0.5, "group b has 5 % more loss"
    table = sb.interval(needed[["C"]])
    assert table["group"].tolist() == ["b", "a"]
    modes = {"offset": mode, "smooth": of(sb.GP("matern"), SCALES, 1)}
    both = sb.stack(modes, {"offset": 0.5, "smooth": 0.5}, draws=2)
    assert sb.budget_for(both, loss=2.3, group=["b", None])["group"].values.tolist() == ["b", ""]


def test_losses_of_groups_that_are_none_are_refused(mode):
    """Fails if losses and groups of different lengths are paired, or the law alone takes a group."""
    with pytest.raises(sb.InputError, match="different lengths: loss 3, group 2"):
        sb.budget_for(mode, loss=[2.2, 2.3, 2.4], group=["a", "b"])
    with pytest.raises(sb.InputError, match="group='a': the law alone has no offset for a group; leave it out"):
        sb.budget_for(mode, loss=2.3, of="law", group=[None, "a"])


def test_a_stack_takes_groups(mode, fit, smooth):
    """Fails if a group goes to another point in a member, or the answer of a stack has a member's groups."""
    mixture = sb.stack({"offset": fit, "smooth": smooth}, {"offset": 0.5, "smooth": 0.5}, draws=64)
    at, groups = {"N": [1e9, 1e9, 1e9], "D": 1e11}, ["b", "a", None]
    whole = sb.predict(mixture, **at, group=groups)
    assert whole["group"].values.tolist() == ["b", "a", ""]
    medians = whole["loss"][0].groupby("model").median()
    assert medians.sel(model="offset")[0] > 1.03 * medians.sel(model="offset")[1]
    assert medians.sel(model="smooth")[0] == pytest.approx(medians.sel(model="smooth")[1].item(), rel=1e-6)
    modes = {"offset": mode, "smooth": of(sb.GP("matern"), SCALES, 1)}
    best = sb.optimum(sb.stack(modes, {"offset": 0.5, "smooth": 0.5}, draws=2), C=1e21, group=groups)
    assert best["group"].values.tolist() == ["b", "a", ""]
    with pytest.raises(sb.InputError, match="unknown group 'd'"):
        sb.predict(mixture, **at, group=["a", "b", "d"])


def test_a_recalibrated_fit_takes_groups(fit):
    """Fails if widened draws lose their groups, or their medians move."""
    pit = xr.Dataset({"pit": (("law", "cutoff", "run"), [[[0.001, 0.999]]])}, {"law": [fit.law.name]})
    wide = sb.recalibrate(fit, pit)
    plain, widened = (sb.predict(one, N=1e9, D=1e11, group=["a", "b"]) for one in (fit, wide))
    assert widened["group"].values.tolist() == ["a", "b"]
    for data, factor in ((plain, 1.0), (widened, wide.factor)):
        spread = np.log(data["loss"].values[0]).std(axis=0)
        np.testing.assert_allclose(spread, factor * np.log(plain["loss"].values[0]).std(axis=0), rtol=1e-6)


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_the_budget_of_a_group_far_off_is_the_one_that_reaches_the_loss(factor):
    """Fails if a budget is looked for around that of the law alone, which 15 % of the loss is hundreds of times off."""
    one = of(sb.GP("matern", "offset"), SCALES | {"offset_scale": 0.3}, 1, factor)
    loss = 2.3 * factor
    needed = sb.budget_for(one, loss=loss, group="b")
    assert needed["out_of_reach"].item() == 0
    assert sb.optimum(one, C=needed["C"].item(), group="b")["loss"].item() == pytest.approx(loss, rel=2e-3)
