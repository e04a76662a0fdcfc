"""`compare` scores several fits of the same runs by how well they predict runs that they haven't seen."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
import xarray as xr

from scalebayes.comparison.checks import (
    difference,
    evidence_check,
    fits_check,
    no_largest_check,
    pareto_check,
    ranking,
    refits_check,
    standard_error,
)
from scalebayes.comparison.leave_one_out import Loo, held_out, largest_scores, leave_one_out, log_evidence
from scalebayes.comparison.result import Comparison
from scalebayes.comparison.weights import evidence_weights, stacking_weights
from scalebayes.display.progress import told
from scalebayes.errors import InputError, known_settings, listed
from scalebayes.fitting.datatree import run_names
from scalebayes.fitting.many.result import Fits
from scalebayes.fitting.result import Fit
from scalebayes.runs.averaging import averaged_text
from scalebayes.runs.describe import in_unit
from scalebayes.seeds import Seed, as_key
from scalebayes.status import Checks

# Number of posterior draws: a fit with fewer is refused.
MIN_DRAWS = 100
# Methods that draw from a posterior: a fit by another method is refused.
SAMPLERS = ("nuts", "laplace")


@known_settings
def compare(
    fits: Mapping[str, Fit] | Fits,
    *,
    refits: int = 10,
    largest: bool = True,
    seed: Seed = 0,
    progress: bool | None = None,
) -> Comparison:
    """Score fits of the same runs by how well they predict runs that they haven't seen.

    There are two scores. `elpd_loo` is leave-one-out: each run is predicted from all the others. `lpd_largest` is a
    forecast: the largest runs are predicted from the smaller ones.

    **Leave-one-out** uses Pareto-smoothed importance sampling (PSIS). The score of run i is log p(y_i | y_-i), where
    y_-i are the other runs. The posterior without run i is proportional to p(draw | y) / p(y_i | y_-i, draw). This
    ratio holds whether or not the runs are independent; with a discrepancy, p(y_i | y_-i, draw) is the conditional
    density given the other runs. Where the Pareto k of a run is too high, the weights can't be trusted. The fit is
    then repeated without the run, by the same method and with the same reference. Where k-hat fails in such a refit,
    more proposals and then NUTS follow, unless the fit was made with `fallback=False`. If a refit fails a check, a
    check of the comparison says so.

    **The largest runs** are the top tenth by C; without a column C by 6 N D, and otherwise by the inputs of the laws.
    Each fit is repeated without them, as if they had never been trained. Its score is the mean log predictive density
    of these runs, each taken as a new run.

    `forecaster` averages runs in cells when there are more than 64. Such a fit is also scored one run at a time: each
    run is predicted from the other runs, averaged in the same cells. Its scores can be compared with those of fits of
    all runs. It has no log evidence, because the density of averages is not that of the runs.

    Args:
        fits: The fits by name, each by NUTS or Laplace, or the result of `fit_many(runs, laws=[...])`.

        refits: The largest number of exact refits of each fit. The runs with the highest Pareto k are refitted first.
            The default is 10.

        largest: Whether to score the largest runs, which fits each law once more. The default is True.

        seed: The seed of the refits, an int or a JAX key. The default is 0.

        progress: Whether a line on standard error says what is going on when the call takes over two seconds. The
            default, None, shows it on a terminal and in a notebook.

    Returns:
        A `Comparison`, with `table()`, `weights(by)`, `data` and `checks`. Scores are in nats. There are weights by
        stacking of each score, and by evidence where every fit has one.

    Raises:
        InputError: The fits don't score the same rows, a fit has too few draws, or the noise of a fit has no density.

    Source: Vehtari, Gelman and Gabry 2017, doi 10.1007/s11222-016-9696-4; coupled runs: Bürkner, Gabry and Vehtari
    2020, doi 10.1007/s00180-020-01045-4; stacking: Yao et al. 2018, doi 10.1214/17-BA1091.

    >>> import scalebayes as sb
    >>> x = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7]
    >>> runs = sb.Runs(x=x, loss=[3.01, 2.38, 1.91, 1.49, 1.21, 0.953, 0.757, 0.605])
    >>> fits = {law: sb.fit(runs, law, method="laplace", on_fail="ignore") for law in ("power", "offset_power")}
    >>> print(sb.compare(fits, refits=0, largest=False).table().index[0])
    power
    """
    members = checked(fits, refits)
    names, first = tuple(members), next(iter(members.values()))
    keys = [jax.random.fold_in(as_key(seed), k) for k in range(len(members))]
    with told(f"comparing {len(members)} fits, some of which are fitted again without some runs", progress):
        among = [leave_one_out(fit, refits, key) for fit, key in zip(members.values(), keys, strict=True)]
        held, why = held_out(members) if largest else (None, "")
        beyond, of_largest = (None, {}) if held is None else largest_scores(members, held, seed)
        evidence = [log_evidence(fit) for fit in members.values()]
    data = _dataset(first, names, among, held, beyond, evidence)
    bad, refitted = np.stack([~one.good for one in among]), data["refitted"].values
    again = {
        "elpd_loo": {name: one.checks for name, one in zip(names, among, strict=True)},
        "lpd_largest": {name: [one] for name, one in of_largest.items()},
    }
    checks = [fits_check({name: fit.checks for name, fit in members.items()}), *refits_check(again)]
    checks.append(pareto_check(names, bad, refitted))
    if beyond is not None:
        checks.append(ranking(names, data["elpd_loo_i"].values, beyond))
    elif largest:
        checks.append(no_largest_check(why))
    checks += evidence_check(names, data["log_evidence"].values, data["log_evidence_se"].values)
    return Comparison(data, Checks(tuple(checks)))


def checked(fits: Mapping[str, Fit] | Fits, refits: int = 0) -> dict[str, Fit]:
    """The fits to compare by name, once it is known that they can be compared.

    Raises:
        InputError: The fits can't be compared, for one of the reasons that `compare` lists.
    """
    if not isinstance(fits, (Mapping, Fits)) or not fits:
        raise InputError(f"fits is name -> fit, such as {{'power': fit_a, 'bnsl': fit_b}}, not {fits!r:.80}")
    if isinstance(refits, bool) or not isinstance(refits, (int, np.integer)) or refits < 0:
        raise InputError(f"refits is a whole number from 0 on, not {refits!r}")
    pairs = zip(fits.names, fits.items, strict=True) if isinstance(fits, Fits) else fits.items()
    members = {str(name): fit for name, fit in pairs}
    for name, fit in members.items():
        if not isinstance(fit, Fit):
            raise InputError(f"{name!r} is no fit made by sb.fit: {type(fit).__name__}")
        if not fit.noise.form.density:
            raise InputError(f"{name!r}: noise {fit.noise!r} is an objective and not a density; leave its scale free")
        draws = fit.size
        if fit.method.name not in SAMPLERS or draws < MIN_DRAWS:
            why = f"{draws} draw{'s' if draws > 1 else ''} by {fit.method.name}"
            raise InputError(f"{name!r} has {why}, and a comparison needs a posterior; fit it with method='nuts'")
    first, *others = members
    if strange := {name: why for name in others if (why := differing(members[first], members[name]))}:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in strange.items())
        cure = _cells_cure(members, (first, *strange)) or "fit all to one table of runs"
        raise InputError(f"these fits don't score the rows of {first!r} ({reasons}); {cure}")
    return members


def _cells_cure(members: Mapping[str, Fit], names: Sequence[str]) -> str:
    """What to do where the fits were averaged in different cells, or only some were; blank where all have the same."""
    about = {name: members[name].scored_runs.metadata.get("averaged") for name in names}
    name = next((name for name, cells in about.items() if cells), None)
    if name is None or all(cells == about[name] for cells in about.values()):
        return ""
    if other := next((one for one in names if members[one].origin), None):
        return f"fit {name!r} to the runs that {other!r} was given, fits[{other!r}].scored_runs"
    return (
        f"{name!r} was fitted to {averaged_text(members[name].runs)}, and is scored a cell at a time: fit all to these "
        f"cells, sb.fit(fits[{name!r}].runs, ...)"
    )


def differing(one: Fit, other: Fit) -> str:
    """How the rows of two fits that are to be compared differ; blank where they are the same."""
    a, b = one.scored_runs, other.scored_runs
    # A unit that one of them leaves blank doesn't count as different: older files always say nats/token.
    if a.observable != b.observable or (a.unit and b.unit and a.unit != b.unit):
        return f"{in_unit(b.observable, b.unit)} and not {in_unit(a.observable, a.unit)}"
    if len(a) != len(b):
        return f"{len(b)} rows and not {len(a)}"
    if not np.array_equal(a.y, b.y):
        return (
            "another order of rows" if np.array_equal(np.sort(a.y), np.sort(b.y)) else f"other values of {a.observable}"
        )
    (of_a, of_b), known = (x.columns() for x in (a, b)), {f"{a.observable}_se", "count"}
    own = known & (set(of_a) ^ set(of_b))
    shared = [name for name in of_a if name in of_b and name not in a.derived and name not in b.derived]
    off = sorted(own) + [name for name in shared if not _same(of_a[name], of_b[name])]
    return f"another column {listed(off)}" if off else ""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    numbers = a.dtype.kind == b.dtype.kind == "f"
    return np.array_equal(a, b, equal_nan=numbers)


def _dataset(
    first: Fit,
    names: tuple[str, ...],
    among: list[Loo],
    held: np.ndarray | None,
    beyond: np.ndarray | None,
    evidence: list[tuple[float, float]],
) -> xr.Dataset:
    elpd, runs = np.stack([one.elpd for one in among]), first.scored_runs
    total, blank = elpd.sum(axis=1), np.full(len(names), np.nan)
    apart = [difference(elpd, k, int(total.argmax())) for k in range(len(names))]
    scores = np.full(elpd.shape, np.nan)
    if held is not None and beyond is not None:
        scores[:, held] = beyond
    values = np.array(evidence)
    of_model = {
        "elpd_loo": total,
        "se": np.array([standard_error(x) for x in elpd]),
        "p_loo": np.sum([one.p for one in among], axis=1),
        "difference": np.array([value for value, _ in apart]),
        "difference_se": np.array([se for _, se in apart]),
        "bad_k": np.array([int((~one.good).sum()) for one in among]),
        "lpd_largest": blank if beyond is None else beyond.mean(axis=1),
        "lpd_largest_se": blank if beyond is None else np.array([standard_error(x) / len(x) for x in beyond]),
        "log_evidence": values[:, 0],
        "log_evidence_se": values[:, 1],
        "weight_loo": stacking_weights(elpd.T),
        "weight_largest": blank if beyond is None else stacking_weights(beyond.T),
        "weight_evidence": blank if np.isnan(values[:, 0]).any() else evidence_weights(values[:, 0]),
    }
    of_run = {
        "elpd_loo_i": elpd,
        "pareto_k": np.stack([one.pareto_k for one in among]),
        "refitted": np.stack([one.refitted for one in among]),
        "lpd_largest_i": scores,
    }
    coords = {"model": list(names), "run": run_names(runs)}
    coords |= {"held_out": ("run", np.full(len(runs), False) if held is None else held)}
    about = {"observable": runs.observable, "unit": runs.unit}
    return xr.Dataset(
        {**{n: ("model", x) for n, x in of_model.items()}, **{n: (("model", "run"), x) for n, x in of_run.items()}},
        coords,
        about,
    )
