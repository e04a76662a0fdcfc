"""This file has the learning curves in vision and language of Alabdulmohsin, Neyshabur and Zhai 2022."""

from types import MappingProxyType

from scalebayes.datasets.base import Dataset, csv_rows, csv_text, raw

COLUMNS = ("run_id", "curve_id", "domain", "task", "model", "x", "y", "split", "dup")


def tidy(vision: bytes, language: bytes) -> str:
    """The data set's table of the points of both files, in order.

    `dup` is 1 for a point that its curve has before.
    """
    seen, rows = set(), []
    for i, row in enumerate(csv_rows(vision) + csv_rows(language)):
        curve = (row["Domain"], row["Task"], row["Model"])
        point = (float(row["Seen Examples"]), float(row["Loss"]), "train" if int(row["Training"]) else "test")
        rows.append((f"lc_{i:05d}", "|".join(curve), *curve, *point, int((curve, point) in seen)))
        seen.add((curve, point))
    return csv_text(COLUMNS, rows)


REPOSITORY = "google-research/google-research"
COMMIT = "9853680c781781bd8d3de20aa61c7373ce059913"

LEARNING_CURVES = Dataset(
    "learning_curves",
    "92 learning curves; y is an error or a loss in (0, 1) after x examples; select one curve_id, with "
    "split == 'train' to fit and split == 'test' to predict; dup == 0 leaves out the points that the source repeats",
    rows=20282,
    source=f"https://github.com/{REPOSITORY}/tree/{COMMIT}/revisiting_neural_scaling_laws",
    licence="CC BY 4.0",
    reference="Alabdulmohsin, Neyshabur and Zhai 2022, arXiv 2209.06640",
    sha256="5955c17dd9626ad633bafe07cb2c5664d7618cc5317d57251cb7718649723c54",
    files=tuple(
        raw(REPOSITORY, COMMIT, f"revisiting_neural_scaling_laws/data/benchmark.{part}.csv")
        for part in ("vision", "lang")
    ),
    tidy=tidy,
    reading=MappingProxyType({"observable": "y", "range": (0.0, 1.0)}),
)
