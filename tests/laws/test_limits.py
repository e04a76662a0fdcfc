"""Laws at their limits, where one is another, and laws as their papers write them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scalebayes as sb
from scalebayes.laws.implicit import balance
from tests.cases import LAWS
from tests.helpers import prior_draws

pytestmark = pytest.mark.usefixtures("x64")

LEVELS = [1e-3, 0.2, 1.0, 30.0, 1e3]
ROWS = {(case.name, *case.settings.values()): case for case in LAWS}
NEVER, ALWAYS = 1e-300, 1e300


class Limit(NamedTuple):
    """A law that holds another: its parameters and inputs by those of the other, where they aren't of the same name.

    What is left open is any value: the row's in cases.py. Most are the same law there; where a limit is only
    approached, what is left stands above the row, and is below 1e-13 too.
    """

    wide: str
    narrow: str
    params: Any = lambda p: {}
    inputs: Any = lambda x, p: {}
    settings: tuple[Any, ...] = ()
    at: str = ""

    @property
    def name(self) -> str:
        return f"{self.wide}-{self.narrow}{f'-{self.at}' if self.at else ''}"


def of(name, parameter):
    """The value that a law's row has."""
    return ROWS[name,].truth[parameter]


def least_spare(N, U, p):
    """N up to the compute-optimal one for U tokens: there A/N^alpha and B/U^beta gain the same of the same compute."""
    best = (p["alpha"] * p["A"] * U ** p["beta"] / (p["beta"] * p["B"])) ** (1 / p["alpha"])
    return np.minimum(N, 0.99 * best)


LIMITS = (
    Limit("offset_power", "power", lambda p: {"E": 0.0}),
    Limit("shifted_power", "power", lambda p: {"g": NEVER}),
    Limit("vit_saturation", "offset_power", lambda p: {"g": NEVER}),
    Limit("broken_power", "offset_power", lambda p: {"c0": p["alpha"], "c1": 0.0}),
    Limit("broken_power", "broken_power", lambda p: {"c2": 0.0}, settings=(2,), at="second break flat"),
    # Left of the knee exp(-k (u - d)) is left, e^-78.
    Limit(
        "onset_power",
        "offset_power",
        lambda p: {"k": 2.0, "d": 1e-20, "A": p["A"] * 1e20 ** p["alpha"]},
        at="knee far to the left",
    ),
    # Of (E0 - y)^a = K^a (1 - (y - E)/K)^a the part a (y - E)/K is left, below 1e-14.
    Limit(
        "m4",
        "offset_power",
        lambda p: {"K": 1e18, "A": p["A"] * 1e18 ** -of("m4", "a")},
        at="ceiling far above",
    ),
    Limit("chinchilla", "chinchilla_tied", lambda p: {"beta": p["alpha"]}),
    Limit("skaling", "chinchilla", lambda p: {"k": 1.0}),
    Limit("nested", "chinchilla", lambda p: {"q": 1.0}),
    Limit(
        "nested",
        "kaplan",
        lambda p: {
            **{"E": 0.0, "q": p["alpha_D"], "alpha": p["alpha_N"], "beta": p["alpha_D"]},
            **{"A": p["N_c"] ** p["alpha_N"], "B": p["D_c"] ** p["alpha_D"]},
        },
    ),
    Limit(
        "chinchilla",
        "kaplan_steps",
        lambda p: {
            **{"E": 0.0, "alpha": p["alpha_N"], "beta": p["alpha_S"]},
            **{"A": p["N_c"] ** p["alpha_N"], "B": p["S_c"] ** p["alpha_S"]},
        },
        lambda x, p: {"D": x["S"]},
    ),
    Limit(
        "gadre",
        "chinchilla_tied",
        lambda p: {"eta": p["alpha"] / 2, "a": p["A"] * 6 ** (p["alpha"] / 2), "b": p["B"] * 6 ** (p["alpha"] / 2)},
    ),
    Limit("pearce", "chinchilla", lambda p: {"w": NEVER}),
    # e0 e/eta (1 - (e/eta)^2 / 2): the square is left, below 1e-30.
    Limit("rosenfeld", "chinchilla", lambda p: {"e0": 1e18, "eta": 1e18, "a": p["A"], "b": p["B"], "c": p["E"]}),
    Limit(
        "farseer",
        "offset_power",
        lambda p: {"a3": NEVER, "a2": NEVER, "a1": NEVER, "b1": np.log(p["alpha"]), "B": p["A"]},
        lambda x, p: {"N": 3.0, "D": x["x"]},
    ),
    Limit(
        "data_constrained",
        "chinchilla",
        inputs=lambda x, p: {"N": least_spare(x["N"], x["D"], p), "U": x["D"]},
        at="all tokens fresh and N below the optimum for them",
    ),
    # R/R* is left of what a repeated token is worth less.
    Limit(
        "data_constrained",
        "chinchilla",
        lambda p: {"R_D_star": 1e40},
        lambda x, p: {"N": least_spare(x["N"], 1e-3, p), "U": 1e-3},
        at="repeated tokens worth as much as fresh ones",
    ),
    Limit(
        "data_filtering",
        "offset_power",
        lambda p: {"b": p["alpha"]},
        lambda x, p: {"D": x["x"], "U": 1.01 * x["x"]},
        at="one epoch",
    ),
    # 2^(-1/tau) = 1 - log(2)/tau: 1/tau is left.
    Limit(
        "data_filtering",
        "offset_power",
        lambda p: {"b": p["alpha"], "tau": 1e20},
        lambda x, p: {"D": x["x"], "U": 0.5},
        at="a utility that stays",
    ),
    Limit("continual", "chinchilla", lambda p: {"K": NEVER}, lambda x, p: {"r": 1.0}, at="new data alone"),
    Limit("transfer", "kaplan", lambda p: {"k": NEVER}),
    Limit("finetune", "offset_power", inputs=lambda x, p: {"D": 1.0}, at="one reference of tokens"),
    Limit(
        "finetune_rectified",
        "offset_power",
        lambda p: {"B": p["A"], "beta": p["alpha"], "D_l": NEVER},
        lambda x, p: {"D": x["x"]},
    ),
    Limit(
        "mixture_additive",
        "chinchilla",
        lambda p: {"c1": ALWAYS},
        lambda x, p: {"h1": 0.3, "h2": 0.7},
        at="a domain worth everything",
    ),
    # At one expert Eh is n_start.
    Limit(
        "routed",
        "power",
        lambda p: {
            "alpha": p["alpha"] + of("routed", "c") * math.log(of("routed", "n_start")),
            "A": p["A"] * of("routed", "N_cut") ** (of("routed", "c") * math.log(of("routed", "n_start"))),
        },
        lambda x, p: {"N": x["x"], "n": 1.0},
        at="one expert",
    ),
    Limit("offset_routed", "routed", lambda p: {"E": 0.0}, lambda x, p: {"n": 1.0 + x["n"]}, at="no floor"),
    Limit(
        "offset_routed",
        "offset_power",
        lambda p: {
            "alpha": p["alpha"] + of("offset_routed", "c") * math.log(of("offset_routed", "n_start")),
            "A": p["A"]
            * of("offset_routed", "N_cut") ** (of("offset_routed", "c") * math.log(of("offset_routed", "n_start"))),
        },
        lambda x, p: {"N": x["x"], "n": 1.0},
        at="one expert",
    ),
    Limit(
        "fine_grained_moe",
        "chinchilla",
        lambda p: {"g": 0.3 * p["A"], "a": 0.7 * p["A"], "b": p["B"], "c": p["E"]},
        lambda x, p: {"G": 1.0},
    ),
    Limit(
        "sparse_moe",
        "chinchilla",
        lambda p: {
            **{"a": 0.3 * p["A"], "d": 0.7 * p["A"], "gamma": p["alpha"], "b": p["B"]},
            **{"e": 0.4 * p["E"], "c": 0.6 * p["E"]},
        },
        lambda x, p: {"S": 0.0},
        at="no expert asleep",
    ),
    Limit(
        "sparse_weights",
        "chinchilla",
        lambda p: {
            **{"a_S": 0.3 * p["A"], "c_S": 0.7 * p["A"], "b_N": p["alpha"]},
            **{"a_D": p["B"] ** (1 / p["beta"]), "b_D": p["beta"], "c": p["E"]},
        },
        lambda x, p: {"S": 0.0},
        at="no weight zero",
    ),
    Limit("precision", "chinchilla", inputs=lambda x, p: {"P1": 1e4, "P_post": 1e4}, at="many bits"),
    # With c1 = 0 the student's own loss is no matter.
    Limit(
        "distillation",
        "skaling",
        lambda p: {
            **{"c1": 0.0, "gamma": p["k"]},
            **{n: p[n] * p["E"] ** (of("distillation", "c0") / p["k"]) for n in ("A", "B")},
        },
        lambda x, p: {"L_T": p["E"], "L_S": 1.1},
        at="a teacher at the floor",
    ),
    Limit(
        "distillation",
        "skaling",
        lambda p: {
            **{"d1": ALWAYS, "gamma": p["k"]},
            **{n: p[n] * p["E"] ** (of("distillation", "c0") / p["k"]) for n in ("A", "B")},
        },
        lambda x, p: {"L_T": p["E"], "L_S": 1.1},
        at="a student far behind its teacher",
    ),
    Limit(
        "parallel",
        "offset_power",
        lambda p: {"A": p["A"] ** (1 / p["alpha"])},
        lambda x, p: {"N": x["x"], "P": 1.0},
        at="one pass",
    ),
    Limit(
        "lr_annealing",
        "offset_power",
        lambda p: {"L0": p["E"]},
        lambda x, p: {"S1": x["x"], "S2": 0.0},
        at="no annealing yet",
    ),
    Limit(
        "vocabulary",
        "chinchilla",
        lambda p: {"A1": p["A"], "a1": p["alpha"], "A2": NEVER, "E": -p["E"]},
        lambda x, p: {"N_nv": x["N"], "N_v": 2.0, "H": x["D"]},
    ),
    Limit("optimal_power", "power", lambda p: {"c": p["A"], "p": -p["alpha"]}, lambda x, p: {"N": x["x"], "D": 1.0}),
    Limit(
        "critical_batch", "power", lambda p: {"B_star": p["A"], "alpha_B": 1 / p["alpha"]}, lambda x, p: {"L": x["x"]}
    ),
)


@pytest.mark.parametrize("limit", LIMITS, ids=[limit.name for limit in LIMITS])
def test_a_law_is_another_at_its_limit(limit, seed=17):
    """Fails if a law isn't the simpler one that it becomes at a limit: a slip in a formula would make its fits another
    law's.
    """
    wide, narrow = ROWS[limit.wide, *limit.settings], ROWS[limit.narrow,]
    axes = np.meshgrid(*[LEVELS] * len(narrow.law.inputs), indexing="ij")
    x = {name: axis.ravel() for name, axis in zip(narrow.law.inputs, axes, strict=True)}
    p = {name: draws[:, None] for name, draws in prior_draws(narrow.law, 100, seed).items()}
    params = {**wide.truth, **{n: v for n, v in p.items() if n in wide.truth}, **limit.params(p)}
    inputs = {**x, **limit.inputs(x, p)}
    value = wide.law.fn(**{name: inputs[name] for name in wide.law.inputs}, **params)
    expected = narrow.law.fn(**{name: inputs[name] for name in narrow.law.inputs}, **p)
    np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=f"{limit.name}, seed {seed}")


def routed(N, n, A, alpha, c, N_cut, n_start, n_gap):
    """Clark et al. 2022, equations 7 and 8: log L = a log N + b log Eh + c log N log Eh + d."""
    n_max = n_start + n_gap
    Eh = 1 / (1 / (n - 1 + 1 / (1 / n_start - 1 / n_max)) + 1 / n_max)
    a, b, d = -alpha, -c * np.log(N_cut), np.log(A)
    return np.exp(a * np.log(N) + b * np.log(Eh) + c * np.log(N) * np.log(Eh) + d)


def farseer(N, D, E, a3, g, B, a2, b, a1, a, b1, D_0):
    """exp(a3 N^g + b3) + exp(a2 N^b + b2) D^(-exp(a1 N^a + b1)), with the signs of a3, b and a1 that make it fall."""
    of_N = np.exp(-a3 * N**g + np.log(E))
    return of_N + np.exp(a2 * N**-b + np.log(B)) * (D / D_0) ** -np.exp(-a1 * N**a + b1)


def data_constrained(N, D, U, A, B, alpha, beta, E, R_D_star, R_N_star):
    """Muennighoff et al. 2023, equations 5 and 6 and appendix A, for D >= U."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    U_N = np.minimum(N, (U * G) ** (beta / alpha) * G)
    of = lambda u, all_of_it, star: u + u * star * (1 - np.exp(-(all_of_it / u - 1) / star))  # noqa: E731
    return E + A / of(U_N, N, R_N_star) ** alpha + B / of(U, D, R_D_star) ** beta


def data_filtering(D, U, A, b, tau, E):
    """Goyal et al. 2024: the product over the epochs that were begun, one run at a time."""

    def one(D, U, A, b, tau, E):
        ends = np.append(np.arange(1, math.ceil(D / U)) * U, D)
        falls = [(end / start) ** (-b * 0.5 ** (j / tau)) for j, (start, end) in enumerate(zip([U, *ends], ends))]  # noqa: B905
        return E + A * U**-b * np.prod(falls)

    return np.vectorize(one)(D, U, A, b, tau, E)


# As the papers write them, with no thought for overflow; laws that the limits above pin down are left out.
FORMULAS = {
    "shifted_power": lambda x, A, alpha, g: A * (1 / x + g) ** alpha,
    "vit_saturation": lambda x, A, alpha, g, E: E + A * (x + g) ** -alpha,
    "broken_power": lambda x, A, c0, c1, f1, d1, E: E + A * x**-c0 * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1),
    "broken_power 2": lambda x, A, c0, c1, f1, d1, c2, f2, gap2, E: (
        E
        + A
        * x**-c0
        * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1)
        * (1 + (x / (d1 * np.exp(gap2))) ** (1 / f2)) ** (-c2 * f2)
    ),
    "onset_power": lambda x, A, alpha, d, k, E: E + A * np.exp(-alpha * np.log(1 + np.exp(k * np.log(x / d))) / k),
    "skaling": lambda N, D, A, B, alpha, beta, E, k: E + (A / N**alpha + B / D**beta) ** k,
    "kaplan": lambda N, D, N_c, D_c, alpha_N, alpha_D: ((N_c / N) ** (alpha_N / alpha_D) + D_c / D) ** alpha_D,
    "rosenfeld": lambda N, D, e0, a, b, c, alpha, beta, eta: (
        e0 * np.abs((e := a * N**-alpha + b * D**-beta + c) / (e - 1j * eta))
    ),
    "gadre": lambda N, D, a, b, eta, E: E + (a * (D / N) ** eta + b * (D / N) ** -eta) * (6 * N * D) ** -eta,
    "pearce": lambda N, D, A, B, alpha, beta, E, w: E + A / (N + w * N ** (1 / 3)) ** alpha + B / D**beta,
    "farseer": farseer,
    "data_constrained": data_constrained,
    "data_filtering": data_filtering,
    "continual": lambda N, D, r, A, B, K, alpha, beta, eta, gamma, eps, E: (
        E + A / N**alpha + B * r**eta / D**beta + K / (r + eps) ** gamma
    ),
    "transfer": lambda N, D, k, a, b, N_c, D_c, alpha_N, alpha_D: (
        ((N_c / N) ** (alpha_N / alpha_D) + D_c / (D + k * D**a * N**b)) ** alpha_D
    ),
    "finetune": lambda x, D, A, alpha, beta, E: E + A / (x**alpha * D**beta),
    "finetune_rectified": lambda D, B, D_l, beta, E: E + B / (D_l + D**beta),
    "vocabulary": lambda N_nv, N_v, H, A1, a1, A2, a2, B, beta, E: -E + A1 / N_nv**a1 + A2 / N_v**a2 + B / H**beta,
    "mixture_exp": lambda r1, r2, c, k, t1, t2: c + k * np.exp(t1 * r1 + t2 * r2),
    "mixture_additive": lambda N, D, h1, h2, A, B, alpha, beta, E, c1, c2, g1, g2: (
        E + 1 / (c1 * h1**g1 + c2 * h2**g2) + A / N**alpha + B / D**beta
    ),
    "routed": routed,
    "fine_grained_moe": lambda N, D, G, g, gamma, a, alpha, b, beta, c: c + (g / G**gamma + a) / N**alpha + b / D**beta,
    "sparse_moe": lambda N, D, S, a, alpha, b, beta, c, lam, d, delta, gamma, e: (
        e + a / N**alpha + b / D**beta + c / (1 - S) ** lam + d / ((1 - S) ** delta * N**gamma)
    ),
    "sparse_weights": lambda N, D, S, a_S, b_S, c_S, b_N, a_D, b_D, c: (
        (a_S * (1 - S) ** b_S + c_S) * N**-b_N + (a_D / D) ** b_D + c
    ),
    "precision": lambda N, D, P1, P_post, A, B, alpha, beta, E, C_T, g_D, g_N, g_post, g1: (
        A * (N * (1 - np.exp(-P1 / g1))) ** -alpha + B * D**-beta + E + C_T * D**g_D / N**g_N * np.exp(-P_post / g_post)
    ),
    "distillation": lambda N, D, L_T, L_S, A, B, alpha, beta, gamma, c0, c1, d1, f1: (
        L_T + L_T**-c0 * (1 + (L_T / (L_S * d1)) ** (1 / f1)) ** (-c1 * f1) * (A / N**alpha + B / D**beta) ** gamma
    ),
    "parallel": lambda N, P, A, alpha, k, E: E + (A / (N * (k * np.log(P) + 1))) ** alpha,
    "loss_to_loss": lambda L0, K, kappa, E0, E1: K * np.maximum(L0 - E0, 0.0) ** kappa + E1,
    "lr_annealing": lambda S1, S2, L0, A, alpha, K: L0 + A * S1**-alpha - K * S2,
    "optimal_power": lambda N, D, c, p, q: c * N**p * D**q,
    "critical_batch": lambda L, B_star, alpha_B: B_star / L ** (1 / alpha_B),
    "sigmoid_compute": lambda C, R0, R1, C_mid, b: R0 + (R1 - R0) / (1 + (C_mid / C) ** b),
    "error_exponential": lambda L, eps, k, gamma: eps - k * np.exp(-gamma * L),
    "accuracy_sigmoid": lambda L, a, b, k, L_mid: b + a / (1 + np.exp(k * (L - L_mid))),
    "repeated_sampling": lambda k, A, b: np.exp(-A * k**-b),
    "train_test_compute": lambda train, score, T, p, q: np.exp(p * np.log(train) + q * score + np.log(T)),
    "reward_overoptimisation rl": lambda d, b, d_0: d * (b * np.log(d_0) - b * np.log(d)),
    "reward_overoptimisation bon": lambda d, a, b: d * (a - b * d),
}


def end_power(x, F, alpha, logit_phi, x_end):
    """offset_power with E = phi F and A the rest of F at x_end."""
    E = F / (1 + np.exp(-logit_phi))
    return E + (F - E) * (x / x_end) ** -alpha


def end_onset(x, F, alpha, logit_phi, d, k, x_end):
    """onset_power with E = phi F and its power of x at x_end the rest of F."""
    E = F / (1 + np.exp(-logit_phi))
    return E + (F - E) * ((1 + (x / d) ** k) / (1 + (x_end / d) ** k)) ** (-alpha / k)


def end_chinchilla(N, D, F, alpha, beta, logit_phi, logit_r, N_end, D_end):
    """chinchilla with E = phi F, and A/N^alpha at N_end the share r of the rest of F."""
    E, r = F / (1 + np.exp(-logit_phi)), 1 / (1 + np.exp(-logit_r))
    return E + (F - E) * (r * (N / N_end) ** -alpha + (1 - r) * (D / D_end) ** -beta)


FORMULAS |= {one.__name__: one for one in (end_power, end_onset, end_chinchilla)}
FORMULAS |= {case.name: case.formula for case in LAWS if case.formula}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_law_is_its_formula(name, seed=18):
    """Fails if a law, written in log space, is another than the formula of the paper that it carries the name of."""
    word, *setting = name.split()
    case = next(
        case for case in LAWS if case.name == word and {*setting} <= {str(one) for one in case.law.settings.values()}
    )
    levels = [np.asarray(case.levels.get(x, [0.05, 0.9, 21.0]), float) for x in case.law.inputs]
    x = dict(zip(case.law.inputs, (axis.ravel() for axis in np.meshgrid(*levels, indexing="ij")), strict=True))
    if name == "data_constrained":
        x["D"] = x["U"] * (1 + x["D"])
    if name == "data_filtering":
        x["D"] = np.clip(x["D"], x["U"], 60 * x["U"])
    p = {name: draws[:, None] for name, draws in prior_draws(case.law, 100, seed).items()}
    with np.errstate(over="ignore"):
        expected = FORMULAS[name](**x, **p)
    held = np.isfinite(expected)
    assert held.mean() > 0.9, f"{name}: the paper's form is hardly finite, seed {seed}"
    value = np.broadcast_to(case.law.fn(**x, **p), held.shape)
    np.testing.assert_allclose(value[held], expected[held], rtol=1e-9, atol=1e-12, err_msg=f"{name}, seed {seed}")


def test_every_law_is_held_to_another_or_to_its_formula():
    """Fails if neither a limit nor its paper's formula pins a law down, so that it could be any law."""
    held = {"power", "chinchilla", "m4"} | {limit.narrow for limit in LIMITS} | {limit.wide for limit in LIMITS}
    assert set(sb.laws.names()) - held - {name.split()[0] for name in FORMULAS} == set()


@pytest.mark.parametrize(
    ("N", "D", "U", "loss"), [(6.34e9, 242e9, 25e9, 2.2256440889984477), (8.67e9, 178e9, 25e9, 2.2269634075087867)]
)
def test_data_constrained_gives_the_published_losses(N, D, U, loss):
    """Fails if Muennighoff et al.'s two runs of equal compute don't differ by 0.0013, in favour of repeating more."""
    preset = sb.laws.published("muennighoff2023")
    assert float(preset.law(N=N, D=D, U=U, **preset.values)) == pytest.approx(loss, rel=1e-12)


def balances():
    """Values of c and a over m4's priors, and past them."""
    c, a = np.meshgrid(np.concatenate([[-600.0, 600.0], np.linspace(-40, 40, 161)]), np.exp(np.linspace(-5, 4, 91)))
    return c.ravel(), a.ravel()


def test_the_implicit_solve_holds_its_equation():
    """Fails if Newton's method stops early, so that the curve isn't m4's, and its gradient that of neither."""
    c, a = balances()
    u = np.asarray(balance(c, a))
    left = a * np.logaddexp(0, u) - np.logaddexp(0, -u)
    np.testing.assert_allclose(left, c, rtol=1e-12, atol=1e-12)


def test_m4_holds_its_equation(seed=19):
    """Fails if m4 isn't (y - E) / (E0 - y)^a = A x^-alpha, wherever y is far enough from E and E0 to tell."""
    law, x = sb.laws.get("m4"), np.logspace(-6, 6, 25)
    p = {name: draws[:, None] for name, draws in prior_draws(law, 1000, seed).items()}
    y = np.asarray(law.fn(x=x, **p))
    share = (y - p["E"]) / p["K"]
    with np.errstate(all="ignore"):
        left = (y - p["E"]) / (p["E"] + p["K"] - y) ** p["a"]
    clear = (share > 1e-2) & (share < 0.99)
    assert clear.mean() > 0.3
    expected = p["A"] * x ** -p["alpha"]
    # y - E and E0 - y lose two digits each, and a few steps of rounding a power of ten more.
    np.testing.assert_allclose(left[clear], expected[clear], rtol=1e-10, err_msg=f"{seed=}")
    one = {**p, "a": 1.0}  # solved on paper: a sigmoid of log x, as sigmoid_compute is one of -log C
    sigmoid = {"R0": p["E"], "R1": p["E"] + p["K"], "C_mid": p["A"] ** (-1 / p["alpha"]), "b": p["alpha"]}
    np.testing.assert_allclose(
        law.fn(x=x, **one), sb.laws.get("sigmoid_compute").fn(C=1 / x, **sigmoid), rtol=1e-11, err_msg=f"{seed=}"
    )


@pytest.mark.slow_cases("<lambda>0", "<lambda>1")
@pytest.mark.parametrize(
    "hessian", [jax.hessian, lambda f: jax.jacrev(jax.jacrev(f)), lambda f: jax.jacfwd(jax.jacfwd(f))]
)
def test_derivatives_of_the_implicit_solve(hessian, step=1e-4):
    """Fails if our rules for the gradient or the Hessian of m4's solve are wrong, by which modes are found and chains
    move.
    """
    c, a = balances()
    at = jnp.stack([c, jnp.log(a)], axis=1)[abs(c) <= 40][::7]
    f = lambda z: balance(z[0], jnp.exp(z[1]))  # noqa: E731
    value, slope = jax.vmap(f), jax.vmap(jax.grad(f))
    curvature = np.asarray(jax.vmap(hessian(f))(at))
    for i, e in enumerate(np.eye(2) * step):
        by_value = (value(at + e) - value(at - e)) / (2 * step)
        np.testing.assert_allclose(slope(at)[:, i], by_value, rtol=1e-6, atol=1e-7)
        by_slope = (slope(at + e) - slope(at - e)) / (2 * step)
        np.testing.assert_allclose(curvature[:, i], by_slope, rtol=1e-6, atol=1e-6)
