"""This file has the runs of Hoffmann et al. 2022, which Besiroglu et al. 2024 read off Figure 4 of that paper."""

from types import MappingProxyType

from scalebayes.datasets.base import Dataset, csv_rows, csv_text, raw

COLUMNS = ("run_id", "params", "tokens", "flops", "loss", "epoch_excluded")
EXCLUDED = 5  # number of runs, those with the highest losses, that the replication leaves out


def tidy(points: bytes) -> str:
    """The data set's table of the runs in the figure, with D = C / (6 N).

    A column marks the runs that are left out.
    """
    runs = [tuple(float(row[name]) for name in ("Model Size", "Training FLOP", "loss")) for row in csv_rows(points)]
    highest = sorted(loss for *_, loss in runs)[-EXCLUDED]
    rows = (
        (f"chinchilla_{i:03d}", N, C / (6 * N), C, loss, int(loss >= highest)) for i, (N, C, loss) in enumerate(runs)
    )
    return csv_text(COLUMNS, rows)


REPOSITORY = "epoch-research/analyzing-chinchilla"
COMMIT = "92258837425e1b5f2851d624287f0120583a3d0e"

CHINCHILLA = Dataset(
    "chinchilla",
    '245 runs of language models at many sizes and budgets, read off a figure; where="epoch_excluded == 0" selects '
    "the 240 runs that the replication fits",
    rows=245,
    source=f"https://github.com/{REPOSITORY}/tree/{COMMIT}",
    licence="none stated at the source",
    reference="Hoffmann et al. 2022, arXiv 2203.15556; Besiroglu et al. 2024, arXiv 2404.10102",
    sha256="cee8a8543da0dc7773874d54f521ba13ba8c3ae2019d8bccdcba26047f8050b0",
    files=(
        raw(
            REPOSITORY,
            COMMIT,
            "data/svg_extracted_data.csv",
            "193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30",
        ),
    ),
    tidy=tidy,
    reading=MappingProxyType({"unit": "nats/token", "N_counts": "total"}),
)
