"""What an error says to type is typed, and works: by whoever is in a hurry, and doesn't read the manual."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import main
from scalebayes.cli.flags import Place, as_flags
from scalebayes.cli.parse import numbers
from scalebayes.errors import InputError
from tests.helpers import POINT, TYPED_POINT

N, D = (x.ravel() for x in np.meshgrid([1e8, 4e8, 2e9], [4e9, 2e10, 1e11]))
LOSS = 1.8 + 880 / N**0.386 + 1240 / D**0.34


def table(header="N,D,loss", of=lambda n, d, loss: (n, d, loss)):
    rows = [",".join(map(str, of(*row))) for row in zip(N, D, LOSS.round(4), strict=True)]
    return "\n".join([header, *rows, ""])


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_text(table())
    Path("names.csv").write_text(table("paramz,tokns,loss"))
    Path("score.csv").write_text(table("N,D,bits"))
    Path("text.csv").write_text(table("N,size,D,loss", lambda n, d, loss: ("tiny", n, d, loss)))
    Path("sizes.csv").write_text(table("N,noted,loss"))
    Path("split.csv").write_text(table("N,D,split,loss", lambda n, d, loss: (n, d, "dev" if d > 9e10 else "fit", loss)))
    sb.fit(sb.read_runs("runs.csv"), method=POINT).save("fit.nc")
    return tmp_path


def said(capsys, typed):
    code = main(shlex.split(typed))
    return code, capsys.readouterr().err


FIT = f"--method {TYPED_POINT}"
# What was typed -> what the sentence says to type -> the whole line that is typed then.
CURED = [
    (
        f"fit names.csv {FIT} --columns N=params --columns D=tokens",
        "--columns N=paramz --columns D=tokns",
        f"fit names.csv {FIT} {{}}",
    ),
    (f"fit score.csv {FIT}", "--observable bits", f"fit score.csv {FIT} {{}}"),
    (f"fit text.csv {FIT}", "--columns N=COLUMN", f"fit text.csv {FIT} --columns N=size"),
    (f"fit runs.csv {FIT} --law chinchilla:breaks=2", "--law chinchilla", f"fit runs.csv {FIT} {{}}"),
    (f"fit run.csv {FIT}", "runs.csv", f"fit {{}} {FIT}"),
    ("predict fit.nc --N 1B", "--D D", "predict fit.nc --N 1B --D 20B"),
    ("predict fit.nc --N 60,000,000 --D 20B", "60000000", "predict fit.nc --N {} --D 20B"),
    ("optimum fit.nc --C 1e21 --C 1e22", "--C 1e21,1e22", "optimum fit.nc {}"),
    (f"fit runs.csv {FIT} --fix N=4e8", "--columns N=4e8", f"fit runs.csv {FIT} {{}}"),
    (f"fit runs.csv {FIT} --fix N=400M", '--where "N == 4e8"', f"fit runs.csv {FIT} {{}}"),
    (f"fit sizes.csv {FIT} --fix D=20B", "--columns D=2e10", f"fit sizes.csv {FIT} {{}}"),
    (
        f"fit sizes.csv {FIT} --columns D=1e9 --fix noted=4e9",
        '"noted == 4e9"',
        f"fit sizes.csv {FIT} --columns D=1e9 --where {{}}",
    ),
    (
        f"fit split.csv {FIT} --law power --input x=N --fix x=1e8",
        '"N == 1e8"',
        f"fit split.csv {FIT} --law power --input x=N --where {{}}",
    ),
    (f"fit runs.csv {FIT} --fix alhpa=0.3", "did you mean 'alpha'?", f"fit runs.csv {FIT} --fix alpha=0.3"),
    (f"fit runs.csv {FIT} --out new/fit.nc", "mkdir -p new", None),
]


@pytest.mark.parametrize(("typed", "cure", "then"), CURED)
def test_what_the_sentence_says_is_typed_and_works(tables, capsys, typed, cure, then):
    """Fails if an error ends without what to type next, or if that ends with an error too."""
    code, error = said(capsys, typed)
    assert code == 2 and cure in error and error.count("\n") == 1, error
    if then is None:
        Path("new").mkdir()
        then = typed
    code, error = said(capsys, then.format(cure))
    assert code == 0 and not error.startswith("error"), error


def test_a_table_is_no_fit_and_a_fit_no_table(tables, capsys):
    """Fails if a file given to the wrong command is called damaged, or of an unknown ending."""
    code, error = said(capsys, "predict runs.csv --N 1B --D 20B")
    assert code == 2 and error.endswith("fit it first: scalebayes fit runs.csv --out runs.nc\n")
    code, error = said(capsys, "fit fit.nc")
    assert code == 2 and "is a saved fit" in error and "scalebayes predict" in error


@pytest.mark.parametrize("option", ["--where 'N > 1e8' --where 'D > 5e9'", "--method map --method laplace"])
def test_an_option_of_one_value_is_not_taken_twice(tables, capsys, option):
    """Fails if the first of two filters, or of two methods, is dropped without a word."""
    code, error = said(capsys, f"fit runs.csv {option}")
    assert code == 2 and "is given twice" in error
    assert main(["fit", "runs.csv", "--method", "map", "--json", "--json"]) == 0, "a flag says the same twice"


def test_a_filter_that_leaves_nothing_says_what_there_is(tables):
    """Fails if "loosen the filter" comes without the values that would pass it."""
    with pytest.raises(InputError, match=r"'split' holds 'fit', 'dev'$"):
        sb.read_runs("split.csv", where="split == 'train'")
    with pytest.raises(InputError, match=r"'N' holds 1e\+08 to 2e\+09; column 'split' holds"):
        sb.read_runs("split.csv").where("N < 1e7 and split == 'fit'")
    with pytest.raises(InputError, match="'fit' is text of column 'split', and text stands in quotes"):
        sb.read_runs("split.csv", where="split == fit")


def test_an_empty_path_is_not_the_folder(tables):
    """Fails if `fit "$FILE"` with nothing in FILE reads whatever lies in the current folder."""
    with pytest.raises(InputError, match="path of the table is empty"):
        sb.read_runs("")


def test_a_point_is_a_value_and_no_flag():
    """Fails if "add a run at N=6.6e6" reads as an option of the forecast that is under way."""
    place = Place("forecast", "runs.csv", {"forecast": frozenset({"--N", "--D", "--where"})})
    assert as_flags("such as one at N=6.6e+06, D=2e9.", place) == "such as one at N=6.6e+06, D=2e9."
    assert as_flags("needs D; add D=...", place) == "needs D; add --D D"


def test_several_numbers_stay_several():
    """Fails if a list of three-digit numbers is refused as one number with commas."""
    assert numbers("100,200,400") == [100.0, 200.0, 400.0]
    with pytest.raises(InputError, match=re.escape("write 1000")):
        numbers("1,000", "--N")
