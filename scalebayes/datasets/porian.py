"""This file has the IsoFLOP sweeps of Porian et al. 2024, under several set-ups of training."""

from __future__ import annotations

import lzma
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.datasets.base import Dataset, csv_text, raw
from scalebayes.datasets.unpickle import read_frame

SETUP = ("dataset", "hparams", "warmup", "decay", "param_count", "val")
OPTIMUM = ("n", "n_star_std", "loss")
COLUMNS = (
    "run_id",
    "family",
    "dataset",
    "hparams",
    "warmup",
    "decay",
    "param_count",
    "eval",
    "params",
    "tokens",
    "flops",
    "loss",
    "published_n_opt",
    "published_n_opt_log_std",
    "published_loss_opt",
)


def tidy(*summaries: bytes) -> str:
    """The data set's table of the runs in all summaries, with one row per run and level of compute.

    A summary has one row per set-up. Each such row holds a data frame with one row per level of compute.
    """
    rows = []
    for summary in summaries:
        for sweep in read_frame(lzma.decompress(summary)).records():
            setup = [sweep[name] for name in SETUP]
            for level in sweep["optimal_pairs"].records():
                rows += runs(setup, level)
    return csv_text(COLUMNS, rows)


def runs(setup: list[str], level: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the data set's table for one level of compute.

    The three cells of the optimum are blank if the authors have none.
    """
    family, C = "-".join(setup), float(level["flops"])
    optimum = [None if level[name] is None else float(level[name]) for name in OPTIMUM]
    if optimum[0] is None or np.isnan(optimum[0]):
        optimum = [None, None, None]
    points = zip(*(level[name].cells.tolist() for name in ("n_vals", "t_vals", "loss_vals")), strict=True)
    return [
        (f"{family}@{C:g}#{i}", family, *setup, float(N), float(D), C, float(loss), *optimum)
        for i, (N, D, loss) in enumerate(points)
    ]


REPOSITORY = "formll/resolving-scaling-law-discrepancies"
COMMIT = "0dc60d91b8a525858a3067fc9e4a46ff5374cc6f"

PORIAN_ISOFLOP = Dataset(
    "porian_isoflop",
    "IsoFLOP sweeps under 15 set-ups; each of the 1745 rows is a run at one level of compute; the set-ups "
    "count parameters in different ways and share runs, so select one: "
    "where=\"family == 'rw-tuned-short-const-standard-val'\"",
    rows=1745,
    source=f"https://github.com/{REPOSITORY}/tree/{COMMIT}",
    licence="MIT",
    reference="Porian et al. 2024, arXiv 2406.19146",
    sha256="edb40f9fd74dde69692b7b21515161b759e12f9f55c3a06d283a18b85331d53d",
    files=tuple(
        raw(REPOSITORY, COMMIT, f"data/summary_df{part}.pickle.xz")
        for part in ("", "_owt2", "_att", "_kaplan_tuned_hparams")
    ),
    tidy=tidy,
    reading=MappingProxyType({"unit": "nats/token"}),
)
