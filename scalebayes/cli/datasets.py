"""The command `scalebayes datasets` lists the data sets of real runs, describes one, or writes one as a table."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import complete
from scalebayes.cli import format as show
from scalebayes.cli.options import Json
from scalebayes.cli.saving import checked_target
from scalebayes.cli.shell import quoted
from scalebayes.cli.wait import stage
from scalebayes.errors import InputError, shown

if TYPE_CHECKING:
    from scalebayes.datasets import Dataset
    from scalebayes.runs import Runs


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The data set to describe or write; by default all are listed.",
            autocompletion=complete.datasets,
        ),
    ] = None,
    *,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            help="Keep only the rows for which this is true, as in \"split == 'fit' and epochs <= 1\"; by default all.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write the runs of the data set to this CSV file; by default they are not written."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List data sets of real runs, or write one as a table.

    A data set that is not part of scalebayes is downloaded from its source once, checked, and kept in the cache folder.
    """
    from scalebayes import datasets as registry

    if name is None:
        if where is not None or out is not None:
            raise InputError(f"say which data set: {', '.join(registry.names())}")
        each = [registry.describe(one) for one in registry.names()]
        if json:
            return show.document({"datasets": [about(one) for one in each]})
        print("\n\n".join(f"{one.name}, {one.rows} runs\n{show.prose('  ' + one.what, 2)}" for one in each))
        print(f"\n{show.prose('scalebayes datasets NAME says more of one; --out runs.csv writes its runs.')}")
        return
    one = registry.describe(name)
    target = checked_target(out, f"{name}.csv", lambda path: False)
    written = None
    if target is not None or where is not None:
        with stage("Reading runs"):
            runs = registry.load(name, where)
            text = rows_of(one, runs)
        written = len(runs)
        if target is not None:
            from scalebayes.safe_files.write import write

            write(target, text.encode())
    if json:
        return show.document({**about(one), "kept": written, "saved": None if target is None else str(target)})
    rows = {"data set": name, "runs": f"{one.rows}", "holds": one.what, "source": one.source}
    rows |= {"licence": one.licence, "cite": one.reference}
    if where is not None:
        rows["kept"] = f"{written} runs where {where}"
    if one.reading:
        rows["read with"] = options_of(one)
    print(show.fields(rows))
    if target is None:
        print(f"\n{show.prose(f'scalebayes datasets {name} --out {name}.csv writes its runs.')}")
    else:
        print(f"\n{written} runs written to {shown(str(target))}; fit them with")
        print(f"  scalebayes fit {quoted(str(target))} {options_of(one)}".rstrip())


def about(one: "Dataset") -> dict[str, Any]:
    """Return the JSON document that the command prints of a data set."""
    named = ("name", "rows", "what", "source", "licence", "reference")
    return {**{key: getattr(one, key) for key in named}, "reading": dict(one.reading)}


def options_of(one: "Dataset") -> str:
    """Return the options with which `scalebayes fit` reads a data set as `sb.datasets.load` does.

    >>> from scalebayes.datasets import describe
    >>> options_of(describe("tiny_gpt"))
    '--unit nats/byte --N-counts non-embedding'
    """
    each = {"unit": "--unit", "N_counts": "--N-counts", "observable": "--observable"}
    told = [f"{each[key]} {quoted(str(value))}" for key, value in one.reading.items() if key in each]
    for ours, theirs in dict(one.reading.get("columns") or {}).items():
        told.append(f"--columns {quoted(f'{ours}={theirs}')}")
    return " ".join(told)


def rows_of(one: "Dataset", runs: "Runs") -> str:
    """Return the CSV text that the command writes: the rows of a data set's table from which the runs were read."""
    from scalebayes.datasets.cache import tidy_table

    with tidy_table(one) as path:
        header, *rows = list(csv.reader(io.StringIO(Path(path).read_text(encoding="utf-8"))))
    whole = io.StringIO()
    writer = csv.writer(whole, lineterminator="\n")
    writer.writerows([header, *(rows[i - 1] for i in runs.rows)])
    return whole.getvalue()
