"""This file checks the table of runs for what can't be learnt from it, however it is fitted."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scalebayes.checks import limits
from scalebayes.checks.registry import make_check
from scalebayes.checks.units import compute, units
from scalebayes.compute import flops
from scalebayes.model.problem import Problem
from scalebayes.runs.filter_text import filter_of, in_quotes
from scalebayes.runs.own_cost import has_own
from scalebayes.runs.settings import groups_of, settings, size_named
from scalebayes.runs.split import table_name
from scalebayes.status import Check, Status


def table_checks(problem: Problem) -> Iterator[Check]:
    """The checks of the number of runs, their inputs, settings, duplicates, groups, compute, units and flat priors."""
    yield _enough_runs(problem)
    yield _varying_inputs(problem)
    if len(problem.columns) > 1:
        yield _collinear(problem)
    setting = settings(problem.column(c) for c in problem.columns.values())
    yield _settings(problem, setting)
    if best := problem.runs.metadata.get("best_of"):
        yield _best(best, problem.runs.observable)
    yield _duplicates(problem)
    if "group" in problem.runs.labels:
        yield _pooled(problem)
    if has_own(problem.runs.inputs, problem.runs.derived):
        yield compute(problem.runs)
    yield units(problem)
    if flat := [n for n in problem.model.free if isinstance(problem.params[n].prior, str)]:
        yield make_check(
            "flat_priors",
            Status.REVIEW,
            f"{', '.join(flat)}: a flat prior leaves the posterior improper where the runs don't bound a parameter; "
            "for a posterior rather than a maximum likelihood estimate use the law's own priors.",
        )


def _enough_runs(problem: Problem) -> Check:
    runs, free = len(problem.runs), len(problem.model.free)
    seen = f"{runs} run{'s' if runs > 1 else ''} for {free} parameters"
    if runs > free:
        return make_check("number_of_runs", Status.PASS, f"{seen}.")
    cure = "the answer is mostly prior; add runs, or fix parameters with priors={name: number}."
    return make_check("number_of_runs", Status.REVIEW, f"{seen}: {cure}")


def _varying_inputs(problem: Problem) -> Check:
    constant = [c for c in problem.columns.values() if np.ptp(problem.axis(c, problem.column(c))) < 1e-9]
    if not constant:
        return make_check("inputs_vary", Status.PASS, f"{' and '.join(problem.columns.values())} vary between runs.")
    return make_check(
        "inputs_vary",
        Status.REVIEW,
        f"{', '.join(constant)} is the same in every run, so that its effect is known from the prior alone; "
        "add runs that vary it, or fit a law without it.",
        about=tuple(constant),
    )


def _collinear(problem: Problem) -> Check:
    id = "collinear_inputs"
    logs = {c: problem.axis(c, problem.column(c)) for c in problem.columns.values()}
    columns = [c for c, x in logs.items() if np.ptp(x) >= 1e-9]
    if len(columns) < 2 or len(problem.runs) < 3:
        return make_check(id, Status.PASS, "Fewer than two inputs vary: nothing to compare.")
    matrix = np.corrcoef([logs[c] for c in columns])
    upper = np.triu(np.abs(matrix), 1)
    i, j = np.unravel_index(np.argmax(upper), upper.shape)
    pair = f"correlation of {problem.axis_name(columns[i])} and {problem.axis_name(columns[j])} {matrix[i, j]:.2f}"
    if upper[i, j] <= limits.COLLINEAR:
        return make_check(id, Status.PASS, f"{pair[0].upper()}{pair[1:]}.")
    return make_check(
        id,
        Status.REVIEW,
        f"{pair}: the runs lie on one path, which can't tell the two effects apart; "
        f"{_off_the_path(problem, columns[i], columns[j])}.",
        about=(columns[i], columns[j]),
    )


def _off_the_path(problem: Problem, first: str, second: str) -> str:
    """The two runs to add, the cheaper first: each has the smallest of one input and the largest of the other.

    If one input falls where the other rises, one run has both smallest values and the other has both largest.
    """
    if problem.axis_name(first) == first or problem.axis_name(second) == second:
        return f"add runs off the path (another {second} at the same {first})"
    x, y = problem.column(first), problem.column(second)
    rises = float(np.corrcoef(np.log(x), np.log(y))[0, 1]) > 0
    cells = [(x.min(), y.max()), (x.max(), y.min())] if rises else [(x.min(), y.min()), (x.max(), y.max())]
    (a, b), (c, d) = sorted(cells, key=lambda cell: cell[0] * cell[1])
    cost = f", {flops(a, b):.2g} FLOPs" if {first, second} == {"N", "D"} else ""
    return (
        f"add runs off the path, such as one at {first}={a:.3g}, {second}={b:.3g}{cost}, and one at {first}={c:.3g}, "
        f"{second}={d:.3g}"
    )


def _settings(problem: Problem, setting: np.ndarray) -> Check:
    """The check of how many settings the rows have. The check of other columns says what varies within a setting."""
    id, rows, of = "settings", len(setting), " and ".join(problem.columns.values())
    counts = np.bincount(setting)
    if len(counts) == rows:
        return make_check(id, Status.PASS, f"Each of the {rows} rows has its own setting of {of}.")
    low, high = counts.min(), counts.max()
    each = f"{low}" if low == high else f"{low} to {high}"
    seen = f"{rows} rows are {len(counts)} setting{'s' if len(counts) > 1 else ''} of {of}, {each} rows each"
    return make_check(id, Status.PASS, f"{seen}; rows that differ only by rounding are of one setting.")


def _best(about: Mapping[str, Any], observable: str) -> Check:
    """How far luck moves the best run of a setting, and whether the best values are inside the range that was tried."""
    id, low, high = "best_of_settings", *about["rows"]
    if high == 1:
        return make_check(id, Status.PASS, "No setting had two runs to choose from.")
    each = f"{low}" if low == high else f"{low} to {high}"
    kind, side = ("lowest", "below") if about["lowest"] else ("highest", "above")
    sentence, doubts = f"each row is the {kind} {observable} of a setting's {each} runs", []
    if "shift" in about:
        far, noise = (
            f"{abs(about[key]):.2%}" if about["log"] else f"{abs(about[key]):.2g}" for key in ("shift", "noise")
        )
        by = "runs that repeat it" if about["from"] == "repeats" else "residuals of a parabola in the hyper-parameters"
        sentence += f"; noise (sd {noise}, from {by}) puts it, and forecasts, about {far} {side} the tuned {observable}"
        if about["relative"] > limits.BEST_LUCK:
            doubts.append("repeat the best of each setting with other seeds, and fit these")
    else:
        doubts.append(
            f"too few runs show how far luck alone put it {side} the tuned {observable}: repeat some with other seeds"
        )
    for column, (least, most, of) in about.get("edges", {}).items():
        end, count = ("smallest", least) if least > most else ("largest", most)
        if of >= limits.BEST_FEWEST_SETTINGS and count >= limits.BEST_EDGE * of:
            doubts.append(
                f"{count} of {of} settings are best at the {end} {column!r} that was tried, so that the tuned "
                f"{observable} may lie beyond: try {'smaller' if end == 'smallest' else 'larger'} ones"
            )
    sentence = "; ".join([sentence, *doubts])
    return make_check(
        id, Status.REVIEW if doubts else Status.PASS, f"{sentence if doubts else sentence[0].upper() + sentence[1:]}."
    )


def _duplicates(problem: Problem) -> Check:
    same = settings((problem.column(c) for c in problem.columns.values()), limits.DUPLICATES_WRITTEN)
    table = np.column_stack([same, problem.runs.y])
    repeated = len(table) - len(np.unique(table, axis=0))
    if not repeated:
        return make_check("duplicates", Status.PASS, "No two rows are the same.")
    return make_check(
        "duplicates",
        Status.REVIEW,
        f"{repeated} row{'s repeat' if repeated > 1 else ' repeats'} another row's inputs, but for rounding, and its "
        f"{problem.runs.observable} exactly, and count as evidence again; drop them unless they are runs of their own.",
    )


def _pooled(problem: Problem) -> Check:
    labels, inputs = problem.runs.labels, problem.runs.inputs
    groups, name = sorted(set(map(str, labels["group"]))), table_name(problem.runs, "group")
    if len(groups) < 2:
        return make_check("groups", Status.PASS, "All rows are of one group.")
    shown = ", ".join(groups[:3]) + (", ..." if len(groups) > 3 else "")
    offsets = problem.rows.group is not None
    if groups_of(labels, inputs) is None:
        size = size_named(labels["group"], inputs)
        why = f"is another name of {size}" if size else "differs in every row"
        doubt = f"column {name!r} ({shown}) {why}, so that it doesn't say which rows belong together"
        if not offsets:
            return make_check("groups", Status.PASS, f"{doubt[0].upper()}{doubt[1:]}: it isn't used as groups.")
        return make_check(
            "groups",
            Status.REVIEW,
            f"{doubt}, and an offset a group can't be told from the law's own dependence on "
            f"{size or 'its inputs'}; leave the offset out, discrepancy='gp', or name another column, "
            "columns={'group': ...}.",
        )
    if offsets:
        return make_check(
            "groups", Status.PASS, f"{len(groups)} groups ({shown}) share a law, each with its own offset."
        )
    text = filter_of(name, labels["group"][0])
    cure = f"fit each alone, with runs.where({in_quotes(text)})," if text else "fit each alone,"
    return make_check(
        "groups", Status.REVIEW, f"{len(groups)} groups ({shown}) are pooled into one law; {cure} and compare."
    )
