"""Checks of the table of runs against the law: what can't be learnt from it, however it is fitted."""

from collections.abc import Iterator

import numpy as np

from scalebayes.problem import Problem
from scalebayes.status import Check, Status

COLLINEAR = 0.95
COMPUTE_OFF = 0.1


def table_checks(problem: Problem) -> Iterator[Check]:
    """Few runs, constant inputs, collinear inputs, duplicates, pooled groups, compute, units."""
    yield _enough_runs(problem)
    yield _varying_inputs(problem)
    if len(problem.columns) > 1:
        yield _collinear(problem)
    yield _duplicates(problem)
    if "group" in problem.runs.labels:
        yield _pooled(problem)
    if {"N", "D", "C"} <= set(problem.runs.inputs) and not problem.runs.derived:
        yield _compute(problem)
    yield _units(problem)
    if flat := [n for n in problem.model.free if isinstance(problem.params[n].prior, str)]:
        yield Check(
            "flat priors",
            Status.REVIEW,
            f"{', '.join(flat)}: a flat prior leaves the posterior improper where the runs don't bound a parameter; "
            "for a posterior rather than a maximum likelihood estimate use the law's own priors.",
        )


def _enough_runs(problem: Problem) -> Check:
    runs, free = len(problem.runs), len(problem.model.free)
    seen = f"{runs} run{'s' if runs > 1 else ''} for {free} parameters"
    if runs > free:
        return Check("number of runs", Status.PASS, f"{seen}.")
    cure = "the answer is mostly prior; add runs, or fix parameters with priors={name: number}."
    return Check("number of runs", Status.REVIEW, f"{seen}: {cure}")


def _varying_inputs(problem: Problem) -> Check:
    constant = [c for c in problem.columns.values() if np.ptp(problem.axis(c, problem.column(c))) < 1e-9]
    if not constant:
        return Check("inputs vary", Status.PASS, f"{' and '.join(problem.columns.values())} vary between runs.")
    return Check(
        "inputs vary",
        Status.REVIEW,
        f"{', '.join(constant)} is the same in every run, so what the law says of it is prior alone; "
        "add runs that vary it, or fit a law without it.",
    )


def _collinear(problem: Problem) -> Check:
    name = "collinear inputs"
    logs = {c: problem.axis(c, problem.column(c)) for c in problem.columns.values()}
    columns = [c for c, x in logs.items() if np.ptp(x) >= 1e-9]
    if len(columns) < 2 or len(problem.runs) < 3:
        return Check(name, Status.PASS, "Fewer than two inputs vary: nothing to compare.")
    matrix = np.corrcoef([logs[c] for c in columns])
    upper = np.triu(np.abs(matrix), 1)
    i, j = np.unravel_index(np.argmax(upper), upper.shape)
    pair = f"correlation of {problem.axis_name(columns[i])} and {problem.axis_name(columns[j])} {matrix[i, j]:.2f}"
    if upper[i, j] <= COLLINEAR:
        return Check(name, Status.PASS, f"{pair[0].upper()}{pair[1:]}.")
    return Check(
        name,
        Status.REVIEW,
        f"{pair}: the runs lie on one path, which can't tell the two effects apart; "
        f"{_off_the_path(problem, columns[i], columns[j])}.",
    )


def _off_the_path(problem: Problem, one: str, other: str) -> str:
    """The run to add: the smallest of the first input at the largest of the other, or the cheaper way round."""
    if problem.axis_name(one) == one or problem.axis_name(other) == other:
        return f"add runs off the path (another {other} at the same {one})"
    x, y = problem.column(one), problem.column(other)
    rises = float(np.corrcoef(np.log(x), np.log(y))[0, 1]) > 0
    cells = [(x.min(), y.max()), (x.max(), y.min())] if rises else [(x.min(), y.min()), (x.max(), y.max())]
    (a, b), (c, d) = sorted(cells, key=lambda cell: cell[0] * cell[1])
    cost = f", {6 * a * b:.2g} FLOPs" if {one, other} == {"N", "D"} else ""
    return (
        f"add runs off the path, such as one at {one}={a:.3g}, {other}={b:.3g}{cost}, and one at {one}={c:.3g}, "
        f"{other}={d:.3g}"
    )


def _duplicates(problem: Problem) -> Check:
    table = np.column_stack([*(problem.column(c) for c in problem.columns.values()), problem.runs.y])
    repeated = len(table) - len(np.unique(table, axis=0))
    if not repeated:
        return Check("duplicates", Status.PASS, "No two rows are the same.")
    return Check(
        "duplicates",
        Status.REVIEW,
        f"{repeated} rows repeat another row's inputs and {problem.runs.observable} exactly, and count as "
        "evidence again; drop them unless they are runs of their own.",
    )


def _pooled(problem: Problem) -> Check:
    groups = sorted(set(map(str, problem.runs.labels["group"])))
    if len(groups) < 2:
        return Check("groups", Status.PASS, "All rows are of one group.")
    shown = ", ".join(groups[:3]) + (", ..." if len(groups) > 3 else "")
    if problem.rows.group is not None:
        return Check("groups", Status.PASS, f"{len(groups)} groups ({shown}) share a law, each with its own offset.")
    return Check(
        "groups",
        Status.REVIEW,
        f"{len(groups)} groups ({shown}) are pooled into one law; fit each alone, with "
        f"runs.where(\"group == '{groups[0]}'\"), and compare.",
    )


def _compute(problem: Problem) -> Check:
    ratio = problem.runs.inputs["C"] / (6 * problem.runs.inputs["N"] * problem.runs.inputs["D"])
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if not ratio.size:
        return Check("compute", Status.REVIEW, "Column C has no positive value; leave it out, or mend it.")
    low, middle, high = np.exp(np.quantile(np.log(ratio), [0.05, 0.5, 0.95]))
    seen = f"C / 6ND has median {middle:.3g} and lies between {low:.3g} and {high:.3g} in nine runs of ten"
    if max(abs(np.log(low)), abs(np.log(high))) < COMPUTE_OFF:
        return Check("compute", Status.PASS, f"{seen}.")
    return Check(
        "compute",
        Status.REVIEW,
        f"{seen}: optimum takes 6ND for the cost, so its budgets aren't the runs' own C; "
        "check what N counts (embeddings?) and the units.",
    )


def _units(problem: Problem) -> Check:
    if problem.law.has_dimensions:
        return Check("units", Status.PASS, "Every parameter has a dimension: the fit doesn't depend on the units.")
    missing = [name for name, dimension in problem.law.dimensions.items() if dimension is None]
    missing += [name for name, param in problem.noise.params.items() if param.dimension]
    return Check(
        "units",
        Status.REVIEW,
        f"law {problem.law.name!r} gives parameters no dimension: the priors of {', '.join(missing)} are taken "
        "literally, in the runs' own units, and sampling may be slow; give each a sb.Param(prior, dimension).",
    )
