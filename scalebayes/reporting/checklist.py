"""This file makes the section of a report that follows the reporting checklist of Li et al. 2025, arXiv 2502.18969.

The topics are in words of this project. What the fit knows is filled in; what a table of runs can't tell is said so.
"""

from collections.abc import Iterator

from scalebayes.fitting.result import Fit
from scalebayes.forecasting.ask import Asked
from scalebayes.reporting.assumptions import cost_text, named_fits
from scalebayes.reporting.tags import Html, joined, section, table, tag
from scalebayes.runs import Runs
from scalebayes.runs.averaging import averaged_text
from scalebayes.runs.describe import in_unit, span
from scalebayes.runs.names import LABELS
from scalebayes.runs.window import window_text

UNKNOWN = "not in the table of runs"
# Words in the name of a column by which it is taken to say something of how runs were trained.
TRAINING = (
    "lr",
    "learning",
    "schedule",
    "warmup",
    "optim",
    "batch",
    "decay",
    "epoch",
    "seed",
    "context",
    "seq",
    "vocab",
)
SOURCE = "Li, Kudugunta and Zettlemoyer 2025, (Mis)Fitting: A Survey of Scaling Laws, arXiv 2502.18969"


def checklist(asked: Asked) -> Html:
    """The section with the checklist; of several fits it is filled in for the first, and says so."""
    fits = named_fits(asked)
    name, fit = next(iter(fits.items()))
    lead = f"The topics follow {SOURCE}. Whoever hands the report on completes what the table of runs can't tell."
    if len(fits) > 1:
        lead += f" It is filled in for {name!r}, the first of {len(fits)} fits."
    rows = list(_rows(fit))
    return section(
        "checklist",
        "Reporting checklist",
        joined([tag("p", lead), table("What a study of scaling laws should report", ["topic", "here"], rows, left=2)]),
    )


def _rows(fit: Fit) -> Iterator[list[str]]:
    runs, law = fit.scored_runs, fit.law
    yield [
        "Form of the law, and its variables",
        f"{runs.observable} = {law.formula or '(own law)'}, of {', '.join(law.inputs)}",
    ]
    yield ["Where the form comes from", law.reference or UNKNOWN]
    yield ["What is forecast, and in which unit", in_unit(runs.observable, runs.unit)]
    yield ["Number of runs", f"{len(runs)}"]
    yield [
        "Range of sizes, data and compute",
        ", ".join(f"{n} {span(runs.inputs[n])}" for n in fit.problem.columns.values() if n in runs.inputs),
    ]
    yield ["What N counts: are embeddings in it?", runs.N_counts or UNKNOWN]
    yield [
        "How data are counted: tokens, passes, repeats",
        f"U {span(runs.inputs['U'])} unique tokens" if "U" in runs.inputs else UNKNOWN,
    ]
    yield ["How compute is counted", cost_text(fit) or UNKNOWN]
    yield ["Architecture, data set and tokenizer", UNKNOWN]
    yield ["Optimiser, learning rate and its schedule, batch size", _training(runs) or UNKNOWN]
    yield ["Were hyper-parameters tuned at each size?", UNKNOWN]
    yield ["Rows: ends of runs or checkpoints on the way", _checkpoints(fit)]
    yield ["Rows left out, and why", _left_out(fit)]
    yield ["Objective of the fit", _objective(fit)]
    yield ["Optimiser of the fit, and its starting points", _search(fit)]
    yield [
        "Uncertainty",
        "none: the mode alone" if fit.is_mode else f"{fit.size} draws of the posterior by {fit.method.name}",
    ]
    yield ["Is the form tested against runs that weren't fitted?", "see the section on backtests"]
    yield ["Code", "see how to reproduce"]
    yield ["Data", f"{runs.metadata.get('source') or 'not from a file'}; the hash of the table is given above"]


def _training(runs: Runs) -> str:
    names = [n for n in (*runs.inputs, *runs.labels) if any(w in n.lower() for w in TRAINING) and n not in LABELS]
    return f"columns of the table that may tell: {', '.join(names)}" if names else ""


def _checkpoints(fit: Fit) -> str:
    found = [one.sentence for one in fit.checks if one.id in ("checkpoints", "one_row_of_a_log")]
    return found[0] if found else UNKNOWN


def _left_out(fit: Fit) -> str:
    about = fit.scored_runs.metadata
    told = [*about.get("left_out", ()), *(f"kept where {one}" for one in about.get("filters", ()))]
    return "; ".join(filter(None, [*told, window_text(fit.runs), averaged_text(fit.runs)])) or "none"


def _objective(fit: Fit) -> str:
    scale = {"log": "the log of the observable", "logit": "its logit", "raw": "the observable as it is"}
    form = fit.noise.form
    what = "the posterior density" if form.density else "an objective that is no density"
    return f"{what}, with noise {fit.noise!r} on {scale.get(form.on, form.on)}, and the priors of the table above"


def _search(fit: Fit) -> str:
    search = getattr(fit.method, "search", None)
    numbers = fit.numbers
    agree = (
        f"; {numbers['starts_agree']:g} of {numbers['starts']:g} ended at the mode" if "starts_agree" in numbers else ""
    )
    of = f"the best {search.starts} of {search.screened} draws from the prior" if search else "draws from the prior"
    return f"{fit.method.name}: it starts from {of}{agree}"
