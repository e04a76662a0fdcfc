"""The table that the tests run over: one row a law, one a noise, one a method. A new member is one row here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import scalebayes as sb


@dataclass(frozen=True, eq=False)
class LawCase:
    """A registered law, with values its priors find plausible, in reference units and no two of them alike.

    span: e-folds from the middle of the runs to their ends.
    formula: the law in plain NumPy, where tests/laws/test_limits.py has none.
    levels: values of the inputs that enter the law as they are, or in the unit of another input.
    """

    name: str
    truth: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    span: float = 3.0
    formula: Callable[..., Any] | None = None

    @property
    def law(self) -> sb.Law:
        return sb.laws.get(self.name, **self.settings)


@dataclass(frozen=True)
class NoiseCase:
    """A noise, with a value for each of its free parameters."""

    noise: Any
    free: Mapping[str, float]

    @property
    def values(self) -> dict[str, float]:
        fixed = {name: float(p.prior) for name, p in self.noise.params.items() if p.fixed}
        return {**fixed, **self.free}


@dataclass(frozen=True)
class MethodCase:
    """A method, small enough for tests. same_draws: other units move a draw by rounding alone."""

    name: str
    method: Any
    same_draws: bool = True


LAWS = (
    LawCase("power", {"A": 0.9, "alpha": 0.15}),
    LawCase("offset_power", {"A": 0.4, "alpha": 0.3, "E": 0.6}),
    LawCase("shifted_power", {"A": 0.9, "alpha": 0.4, "g": 0.05}),
    LawCase("vit_saturation", {"A": 0.5, "alpha": 0.4, "g": 0.3, "E": 0.5}),
    LawCase("m4", {"A": 0.5, "alpha": 0.5, "a": 0.6, "E": 0.4, "K": 2.0}),
    LawCase("onset_power", {"A": 0.9, "alpha": 0.4, "d": 0.2, "k": 1.5, "E": 0.4}),
    LawCase("broken_power", {"A": 0.5, "c0": 0.2, "c1": 0.3, "f1": 0.4, "d1": 1.5, "E": 0.4}),
    LawCase(
        "broken_power",
        {"A": 0.5, "c0": 0.1, "c1": 0.4, "f1": 0.3, "d1": 0.3, "c2": -0.2, "f2": 0.4, "gap2": 2.0, "E": 0.4},
        {"breaks": 2},
    ),
    LawCase("end_power", {"F": 1.1, "alpha": 0.6, "logit_phi": 0.3, "x_end": 1.0}, span=2.0),
    LawCase("end_onset", {"F": 1.1, "alpha": 0.6, "logit_phi": 0.3, "d": 0.05, "k": 1.2, "x_end": 1.0}),
    LawCase(
        "end_chinchilla",
        {"F": 1.1, "alpha": 0.4, "beta": 0.3, "logit_phi": -0.2, "logit_r": 0.4, "N_end": 1.0, "D_end": 1.0},
    ),
    LawCase("chinchilla", {"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.55}),
    LawCase("chinchilla_tied", {"A": 0.3, "B": 0.2, "alpha": 0.35, "E": 0.55}),
    LawCase("kaplan", {"N_c": 0.5, "D_c": 0.3, "alpha_N": 0.12, "alpha_D": 0.17}),
    LawCase("nested", {"A": 0.4, "B": 0.25, "alpha": 0.4, "beta": 0.25, "E": 0.5, "q": 0.7}),
    LawCase("kaplan_steps", {"N_c": 0.02, "S_c": 0.05, "alpha_N": 0.15, "alpha_S": 0.5}),
    LawCase("rosenfeld", {"e0": 2.0, "a": 0.3, "b": 0.2, "c": 0.3, "alpha": 0.4, "beta": 0.25, "eta": 1.0}),
    LawCase("gadre", {"a": 0.3, "b": 0.2, "eta": 0.17, "E": 0.55}),
    LawCase("pearce", {"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.55, "w": 0.5}),
    LawCase(
        "farseer",
        {
            **{"E": 0.7, "a3": 0.12, "g": 0.25, "B": 0.15, "a2": 0.5, "b": 0.15},
            **{"a1": 0.12, "a": 0.13, "b1": -0.9, "D_0": 1.0},
        },
    ),
    LawCase("skaling", {"A": 0.4, "B": 0.25, "alpha": 0.4, "beta": 0.25, "E": 0.5, "k": 0.8}),
    LawCase(
        "data_constrained",
        {"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.55, "R_D_star": 8.0, "R_N_star": 4.0},
        levels={"U": [0.05, 0.9, 21.0]},
    ),
    LawCase("data_filtering", {"A": 0.4, "b": 0.35, "tau": 3.0, "E": 0.5}, levels={"U": [0.13, 0.7, 3.1]}),
    LawCase(
        "continual",
        {"A": 0.3, "B": 0.2, "K": 0.05, "alpha": 0.4, "beta": 0.25, "eta": 0.3, "gamma": 0.35, "eps": 0.1, "E": 0.5},
        levels={"r": [0.03, 0.2, 0.5, 1.0]},
    ),
    LawCase(
        "transfer",
        {"k": 1.3, "a": 0.3, "b": 0.4, "N_c": 0.5, "D_c": 0.3, "alpha_N": 0.12, "alpha_D": 0.17},
    ),
    LawCase("finetune", {"A": 0.4, "alpha": 0.2, "beta": 0.3, "E": 0.5}),
    LawCase("finetune_rectified", {"B": 1.2, "D_l": 0.9, "beta": 0.4, "E": 0.3}),
    LawCase(
        "vocabulary",
        {"A1": 0.6, "a1": 0.3, "A2": 0.5, "a2": 0.2, "B": 0.7, "beta": 0.35, "E": 0.8},
    ),
    LawCase(
        "mixture_exp",
        {"c": 0.5, "k": 0.4, "t1": -0.7, "t2": 0.0},
        levels={"r1": [0.0, 0.3, 1.0], "r2": [0.0, 0.7, 1.0]},
    ),
    LawCase(
        "mixture_additive",
        {
            **{"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.4},
            **{"c1": 5.0, "c2": 8.0, "g1": 0.3, "g2": 0.5},
        },
        levels={"h1": [0.05, 0.4, 1.0], "h2": [0.0, 0.5, 0.9]},
    ),
    LawCase(
        "routed",
        {"A": 0.9, "alpha": 0.15, "c": 0.008, "N_cut": 90.0, "n_start": 1.8, "n_gap": 250.0},
        levels={"n": [1.0, 4.0, 16.0, 64.0, 512.0]},
    ),
    LawCase(
        "offset_routed",
        {"A": 0.5, "alpha": 0.3, "c": 0.012, "N_cut": 700.0, "n_start": 1.8, "n_gap": 250.0, "E": 0.45},
        levels={"n": [1.0, 4.0, 16.0, 64.0, 512.0]},
    ),
    LawCase(
        "fine_grained_moe",
        {"g": 0.3, "gamma": 0.6, "a": 0.2, "alpha": 0.4, "b": 0.25, "beta": 0.3, "c": 0.4},
        levels={"G": [1.0, 4.0, 16.0]},
    ),
    LawCase(
        "sparse_moe",
        {
            **{"a": 0.3, "alpha": 0.4, "b": 0.2, "beta": 0.25, "c": 0.06, "lam": 0.3},
            **{"d": 0.09, "delta": 0.5, "gamma": 0.2, "e": 0.4},
        },
        levels={"S": [0.0, 0.5, 0.9, 0.98]},
    ),
    LawCase(
        "sparse_weights",
        {"a_S": 0.3, "b_S": 0.4, "c_S": 0.2, "b_N": 0.35, "a_D": 0.05, "b_D": 0.5, "c": 0.4},
        levels={"S": [0.0, 0.5, 0.9]},
    ),
    LawCase(
        "precision",
        {
            **{"A": 0.3, "B": 0.2, "alpha": 0.4, "beta": 0.25, "E": 0.5},
            **{"C_T": 0.2, "g_D": 0.4, "g_N": 0.3, "g_post": 1.5, "g1": 2.5},
        },
        levels={"P1": [2.0, 4.0, 16.0], "P_post": [2.0, 4.0, 16.0]},
    ),
    LawCase(
        "distillation",
        {
            **{"A": 0.4, "B": 0.3, "alpha": 0.4, "beta": 0.25, "gamma": 0.9},
            **{"c0": 0.8, "c1": 0.4, "d1": 1.2, "f1": 0.3},
        },
        levels={"L_T": [0.7, 1.0, 1.4], "L_S": [0.8, 1.1, 1.5]},
    ),
    LawCase("parallel", {"A": 0.06, "alpha": 0.4, "k": 0.4, "E": 0.5}, levels={"P": [1.0, 2.0, 8.0]}),
    LawCase("loss_to_loss", {"K": 0.9, "kappa": 1.2, "E0": 0.3, "E1": 0.4}, levels={"L0": [0.5, 0.8, 1.1, 1.6, 2.2]}),
    LawCase(
        "lr_annealing",
        {"L0": 0.6, "A": 0.5, "alpha": 0.4, "K": 0.08},
        levels={"S2": [0.0, 0.4, 1.5]},
    ),
    LawCase("optimal_power", {"c": 1.1, "p": -0.4, "q": 0.3}),
    LawCase("critical_batch", {"B_star": 1.2, "alpha_B": 0.3}, levels={"L": [0.7, 0.85, 1.1, 1.4]}),
    LawCase("sigmoid_compute", {"R0": 0.1, "R1": 0.7, "C_mid": 1.5, "b": 0.6}),
    LawCase("error_exponential", {"eps": 0.8, "k": 0.9, "gamma": 1.3}, levels={"L": [0.7, 0.85, 1.0, 1.2, 1.4]}),
    LawCase(
        "accuracy_sigmoid",
        {"a": 0.6, "b": 0.2, "k": 5.0, "L_mid": 1.05},
        levels={"L": [0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4]},
    ),
    LawCase("repeated_sampling", {"A": 0.9, "b": 0.4}),
    # The observable is a compute that falls by as many e-folds as the other rises: over 6 of them it leaves any band.
    LawCase("train_test_compute", {"T": 1.1, "p": -0.6, "q": 0.4}, levels={"score": [-2.0, 0.0, 1.5]}, span=1.5),
    LawCase("reward_overoptimisation", {"b": 0.6, "d_0": 4.0}, levels={"d": [0.2, 0.5, 1.0, 2.0, 5.0]}),
    LawCase("reward_overoptimisation", {"a": 1.2, "b": 0.3}, {"form": "bon"}, levels={"d": [0.2, 0.5, 1.0, 2.0, 5.0]}),
)

NOISES = (
    NoiseCase(sb.StudentT(), {"noise_scale": 0.05}),
    NoiseCase(sb.StudentT(df="free"), {"noise_scale": 0.05, "noise_df": 7.0}),
    NoiseCase(sb.Normal(), {"noise_scale": 0.05}),
    NoiseCase(sb.NormalRaw(), {"noise_scale": 0.05}),
    NoiseCase(sb.LogitNormal(), {"noise_scale": 0.05}),
    NoiseCase(sb.Beta(), {"noise_scale": 0.05}),
    NoiseCase(sb.Huber(delta=1e-3), {"noise_scale": 5e-6}),
    NoiseCase(sb.Huber(delta=0.5), {"noise_scale": 0.05}),
    NoiseCase(sb.Huber(delta=2.0), {"noise_scale": 0.05}),
)

METHODS = (
    MethodCase("map", sb.MAP()),
    MethodCase("laplace", sb.Laplace()),
    MethodCase("nuts", sb.NUTS(draws=250), same_draws=False),
)


def ids(cases: Any) -> list[str]:
    """Names of the cases, for pytest."""
    return [getattr(case, "name", None) or repr(case.noise) for case in cases]
