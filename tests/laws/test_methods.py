"""A law made to measure: its settings, its priors, parameters fixed and tied."""

import numpy as np
import numpyro.distributions as dist
import pytest

import scalebayes as sb
from scalebayes.model.problem import build
from tests.helpers import POINT, fit_of, prior_draws, simulated

RUNS = simulated(40, seed=4)
CHINCHILLA, TIED = sb.laws.get("chinchilla"), sb.laws.get("chinchilla").tie("alpha", "beta")

BAD_SETTINGS = {
    "too short": (("broken_power", {"breaks": 0}), "'broken_power': breaks is a whole number from 1 to 6, not 0"),
    "too long": (("broken_power", {"breaks": 7}), "breaks is a whole number from 1 to 6, not 7"),
    "half": (("broken_power", {"breaks": 2.5}), r"breaks is a whole number from 1 to 6, not 2\.5"),
    "a bool": (("broken_power", {"breaks": True}), "breaks is a whole number from 1 to 6, not True"),
    "text": (("mixture_exp", {"domains": "two"}), "domains is a whole number from 2 to 12, not 'two'"),
    "misspelt": (
        ("broken_power", {"break": 2}),
        r"^unknown setting of law 'broken_power' 'break'; did you mean 'breaks'\? valid: breaks$",
    ),
    "of a law without": (("power", {"breaks": 2}), "law 'power' has no settings, and breaks is given"),
    "of a law made already": (
        (CHINCHILLA, {"breaks": 2}),
        "'chinchilla' is a finished Law, which takes no settings; give breaks with",
    ),
    "no such form": (
        ("reward_overoptimisation", {"form": "ppo"}),
        "law 'reward_overoptimisation': form is 'rl' or 'bon', not 'ppo'",
    ),
    "no form": (
        ("reward_overoptimisation", {"forms": "rl"}),
        r"unknown setting of law 'reward_overoptimisation' 'forms'; did you mean 'form'\?",
    ),
}


@pytest.mark.parametrize("what", BAD_SETTINGS)
def test_bad_settings_are_refused_in_words(what):
    """Fails if a setting of a law is dropped or misread, so that another law is fitted than was asked for."""
    (law, settings), sentence = BAD_SETTINGS[what]
    with pytest.raises(sb.InputError, match=sentence):
        sb.laws.get(law, **settings)


@pytest.mark.parametrize(
    ("name", "settings", "inputs", "some"),
    [
        ("broken_power", {"breaks": 3}, ("x",), {"d1", "gap2", "gap3", "c3", "f3"}),
        ("mixture_exp", {"domains": 3}, ("r1", "r2", "r3"), {"t1", "t2", "t3"}),
        ("mixture_additive", {"domains": 3}, ("N", "D", "h1", "h2", "h3"), {"c3", "g3"}),
        ("precision", {"precisions": 3}, ("N", "D", "P1", "P2", "P3", "P_post"), {"g1", "g2", "g3"}),
    ],
)
def test_a_setting_makes_the_list_longer(name, settings, inputs, some):
    """Fails if a law keeps its default length whatever is asked, or is made anew and so compiled for each call."""
    law = sb.laws.get(name, **settings)
    assert law.inputs == inputs and some <= set(law.params) and dict(law.settings) == settings
    assert sb.laws.get(name, **settings) is law
    assert len(sb.laws.get(name).params) < len(law.params)


@pytest.mark.usefixtures("x64")
def test_breaks_are_in_order(seed=31):
    """Fails if two breaks may change places, which makes a posterior of two equal modes."""
    law, x = sb.laws.get("broken_power", breaks=2), np.logspace(-9, 9, 2001)
    for p in ({n: float(v[i]) for n, v in prior_draws(law, 5, seed).items()} for i in range(5)):
        p |= {"c1": 0.3, "c2": 0.4, "f1": 0.02, "f2": 0.02, "gap2": 2.0, "d1": 0.1}
        slope = np.diff(np.log(np.asarray(law.fn(x=x, **p)) - p["E"])) / np.diff(np.log(x))
        at = [x[np.argmax(slope < -(p["c0"] + part))] for part in (0.15, 0.5)]
        np.testing.assert_allclose(at, [0.1, 0.1 * np.exp(2.0)], rtol=0.05, err_msg=f"{seed=}")


@pytest.mark.usefixtures("x64")
def test_a_tied_law_is_the_law_with_equal_parameters(seed=32):
    """Fails if chinchilla with beta tied to alpha isn't the registry's chinchilla_tied in values, priors, dimensions
    and optimum.
    """
    same = sb.laws.get("chinchilla_tied")
    assert set(TIED.params) == set(same.params) and TIED.dimensions == same.dimensions
    p, at = prior_draws(same, 50, seed), {"N": 3e9, "D": 1e11}
    np.testing.assert_allclose(TIED(**at, **p), same(**at, **p), rtol=1e-13, err_msg=f"{seed=}")
    for one, other in zip(TIED.terms(**p), same.terms(**p), strict=True):
        np.testing.assert_array_equal(one, other)
    assert TIED.formula == "E + A/N^alpha + B/D^beta with beta = alpha"
    assert TIED.fn is CHINCHILLA.tie("alpha", "beta").fn, "tied again, it would compile again"
    literature = TIED.with_priors("literature").params
    assert literature["alpha"].prior.scale == 0.2 and not literature["E"].scaled


def test_a_fit_of_a_law_tied_and_fixed(tmp_path):
    """Fails if a tied or fixed parameter is fitted all the same, or is free again in the loaded fit."""
    fit = sb.fit(RUNS, TIED.fix(E=1.8), method=POINT, on_fail="ignore")
    assert sorted(fit.draws) == ["A", "B", "alpha", "noise_scale"]
    A, B, alpha = (fit.draws[name].item() for name in ("A", "B", "alpha"))
    N, D = np.array([1e9, 1e11]), np.array([1e11, 1e13])
    forecast = sb.predict(fit, N=N, D=D)["loss"].values[0, 0]
    np.testing.assert_allclose(forecast, 1.8 + A / N**alpha + B / D**alpha, rtol=1e-12)
    fit.save(tmp_path / "fit.nc")
    again = sb.load(tmp_path / "fit.nc")
    assert again.law.ties == (("alpha", "beta"),) and again.law.formula == TIED.formula
    assert again.law.params["E"].prior == 1.8
    np.testing.assert_array_equal(sb.predict(again, N=N, D=D)["loss"].values[0, 0], forecast)
    assert sb.optimum(again, C=1e23)["N"].item() == sb.optimum(fit, C=1e23)["N"].item()


@pytest.mark.usefixtures("x64")
def test_a_fixed_parameter_is_in_the_runs_own_units():
    """Fails if fix(E=1.8) is taken in units of the reference, as a floor of 1.8 times the runs' loss."""
    law = CHINCHILLA.fix(alpha=0.5, A=1e4, E=1.8)
    assert float(law(N=1e8, D=1e10, B=1e3, beta=0.5)) == pytest.approx(1.8 + 1.0 + 0.01)
    problem = build(RUNS, law, sb.Normal())
    assert problem.model.free == ("B", "beta", "noise_scale")
    scaled = problem.model.scaled({"B": 1.0, "beta": 0.5, "noise_scale": 0.01}, problem.numbers)
    N, scale = problem.reference.inputs["N"], problem.reference.scale
    assert (scaled["A"], scaled["alpha"], scaled["E"]) == pytest.approx((1e4 / scale / N**0.5, 0.5, 1.8 / scale))
    best = sb.optimum(fit_of(law, {"B": 1e3, "beta": 0.5}, RUNS), C=6e22)
    assert best["N"].item() == pytest.approx(10 * 1e22**0.5)


def test_priors_from_the_literature_and_one_s_own():
    """Fails if priors that are asked for aren't used, or those from the literature find a published value
    outlandish.
    """
    law = CHINCHILLA.with_priors("literature", alpha=dist.Uniform(0.2, 0.5))
    assert isinstance(law.params["alpha"].prior, dist.Uniform) and not law.params["alpha"].scaled
    assert law.params["beta"].prior is CHINCHILLA.literature["beta"].prior.prior
    assert law.params["A"] is CHINCHILLA.params["A"]
    for name in ("hoffmann2022", "besiroglu2024", "muennighoff2023"):
        preset = sb.laws.published(name)
        for parameter, (param, sources) in CHINCHILLA.literature.items():
            value = preset.values[parameter]
            assert f"{name} {value:.3f}".replace(" 0.", " .") in sources, f"{parameter} of {name} is {value}"
            low, high = (float(param.prior.icdf(q)) for q in (0.05, 0.95))
            assert low < value < high, f"{parameter} of {name}, {value}, is outlandish to its own literature"
    assert CHINCHILLA.with_priors(E="flat").params["E"].prior == "flat"


BAD_MEASURES = {
    "no such parameter fixed": (
        lambda: CHINCHILLA.fix(alhpa=0.5),
        r"^unknown parameter of law 'chinchilla' 'alhpa'; did you mean 'alpha'\? valid: A, B, alpha, beta, E$",
    ),
    "fixed at a distribution": (
        lambda: CHINCHILLA.fix(alpha=dist.Uniform(0.2, 0.5)),
        "^fix takes numbers, not alpha=.*; for a distribution use with_priors$",
    ),
    "fixed at a bool": (lambda: CHINCHILLA.fix(alpha=True), "prior of 'alpha': a prior is .* not bool True"),
    "fixed beyond the support": (
        lambda: CHINCHILLA.fix(alpha=-0.5),
        "prior of 'alpha': -0.5 reaches beyond the parameter's support, numbers above 0",
    ),
    "fixed at no number": (
        lambda: CHINCHILLA.fix(E=float("nan")),
        "prior of 'E': a fixed parameter is a finite number",
    ),
    "tied to nothing": (
        lambda: CHINCHILLA.tie("alpha", "gamma"),
        "unknown parameter of law 'chinchilla' 'gamma'; .*valid: A, B, alpha, beta, E$",
    ),
    "tied twice": (
        lambda: TIED.tie("alpha", "beta"),
        "unknown parameter of law 'chinchilla' 'beta'; .*valid: A, B, alpha",
    ),
    "tied to itself": (lambda: CHINCHILLA.tie("A", "A"), r"tie\('A', 'A'\): the two parameters are the same"),
    "tied across dimensions": (
        lambda: CHINCHILLA.tie("A", "B"),
        r"tie\('A', 'B'\): their dimensions differ, 'loss N\^alpha' and 'loss D\^beta'",
    ),
    "a dropped parameter given": (
        lambda: TIED(N=1e9, D=1e11, A=1.0, B=1.0, alpha=0.3, beta=0.3, E=1.0),
        "unknown argument of law 'chinchilla' 'beta'",
    ),
    "no such set of priors": (
        lambda: CHINCHILLA.with_priors("litterature"),
        "unknown set of priors 'litterature'; did you mean 'literature'",
    ),
    "no literature": (
        lambda: sb.laws.get("power").with_priors("literature"),
        "law 'power' has no priors from the literature; give your own by name",
    ),
    "a prior beyond the support": (
        lambda: CHINCHILLA.with_priors(E=dist.Normal(1.8, 0.1)),
        "prior of 'E': a Normal, over all real numbers, reaches beyond the parameter's support",
    ),
    "a prior of another dimension": (
        lambda: CHINCHILLA.with_priors(A=sb.Param(dist.LogNormal(0.0, 1.0), "loss")),
        r"prior of 'A': its dimension is 'loss N\^alpha' in this law, not 'loss'",
    ),
}


@pytest.mark.parametrize("what", BAD_MEASURES)
def test_bad_changes_of_a_law_are_refused_in_words(what):
    """Fails if a change of a law that can't be made, or is of another parameter, is dropped without a word."""
    make, sentence = BAD_MEASURES[what]
    with pytest.raises(sb.InputError, match=sentence):
        make()


def test_a_fixed_parameter_keeps_its_support():
    """Fails if a number that was set once decides where the parameter may go from then on."""
    law = sb.laws.get("optimal_power").fix(p=-0.7)
    assert law.fix(p=-0.5).params["p"].prior == -0.5
    assert law.with_priors(p=dist.Normal(0.0, 0.3)).params["p"].support is dist.constraints.real
    with pytest.raises(sb.InputError, match=r"prior of 'R1': 3.0 reaches beyond the parameter's support"):
        sb.laws.get("sigmoid_compute").fix(R1=0.7).fix(R1=3.0)
    assert sb.laws.get("power").fix(alpha=np.float32(0.5)).params["alpha"].prior == 0.5


def test_flat_is_flat_over_the_parameters_own_support():
    """Fails if a flat prior lets a share pass one, which makes its logit NaN in the middle of a fit."""
    flat = sb.laws.get("sigmoid_compute").with_priors(R1="flat").params["R1"]
    assert flat.support is dist.Beta(1.0, 1.0).support
    C = np.logspace(18, 22, 12)
    runs = sb.Runs(C=C, pass_rate=0.1 + 0.6 / (1 + (1e20 / C) ** 0.6), observable="pass_rate", range=(0, 1))
    fit = sb.fit(runs, "sigmoid_compute", priors="flat", method=POINT, on_fail="ignore")
    assert 0 < fit.draws["R1"].item() < 1


def test_the_literature_leaves_fixed_parameters_alone():
    """Fails if a parameter that was fixed comes back free with the literature's priors, or a tie drops a fixed
    number.
    """
    law = sb.laws.get("chinchilla").fix(alpha=0.5).with_priors("literature")
    assert law.params["alpha"].prior == 0.5 and not law.params["beta"].fixed
    with pytest.raises(sb.InputError, match=r"'beta' is fixed, and 'alpha' isn't; tie\('beta', 'alpha'\) fixes both"):
        sb.laws.get("chinchilla").fix(beta=0.3).tie("alpha", "beta")
    assert sb.laws.get("chinchilla").fix(beta=0.3).tie("beta", "alpha").params["beta"].prior == 0.3
    with pytest.raises(sb.InputError, match="reaches beyond the parameter's support"):
        sb.laws.get("broken_power").tie("c1", "c0")


def test_the_reference_is_held_only_where_there_is_one():
    """Fails if a parameter without a reference ends in a KeyError, or is silently held at 1."""
    for name in ("A", "alpha"):
        with pytest.raises(sb.InputError, match=f"'{name}' can't be held at the runs' reference"):
            sb.laws.get("chinchilla").with_priors(**{name: sb.Param("reference")})


def test_a_tied_law_of_ones_own_is_tied_again(tmp_path):
    """Fails if the file of a tied law of one's own loads as another law with the same names."""

    def mine():
        params = {name: sb.Param(dist.LogNormal(-1.0, 0.5), "") for name in ("a", "b")}
        return sb.Law("mine", lambda N, a, b: N**-a + N**-b, params)

    runs = sb.Runs(N=[1.0, 10.0, 100.0], loss=[2.0, 1.0, 0.6])
    fit = sb.fit(runs, mine().tie("a", "b"), method=POINT, on_fail="ignore")
    fit.save(tmp_path / "fit.nc")
    assert sb.load(tmp_path / "fit.nc", law=mine()).law.ties == (("a", "b"),)
