"""What a terminal would obey is shown, and stays what it is in data."""

import json
import pickle
import warnings

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.cli import format as show
from scalebayes.cli import main
from scalebayes.errors import shown
from scalebayes.status import Check, Status
from tests.storage.test_names_kept import METHOD, fitted, table

# Clears the screen, sets the title, turns text round, C1's own CSI, a bell, a null, a lone surrogate, ends of lines.
HOSTILE = (
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\u202egnp",
    "\x9b31m",
    "\a",
    "\0",
    "\udc9b",
    "a\nb",
    "a\rb",
    "\u2028",
    "\x7f",
)


def safe(text):
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_for_people_has_it(name, capsys, tmp_path):
    """Fails if a name reaches a terminal as it is, from a print of ours, an error or a warning."""
    runs = table(
        {name: [1.0] * 8, f"{name}l": [f"w{name}"] * 8},
        f"y{name}",
        f"x{name}",
        metadata={"source": name, "filters": [name]},
    )
    fit = fitted(runs.noted(aliases={"x": name}), f"x{name}")
    fits = sb.fit_many({name: runs}, "power", inputs={"x": f"x{name}"}, method=METHOD, on_fail="ignore")
    stack = sb.stack({name: fit, "b": fit}, weights={name: 0.5, "b": 0.5}, draws=10)
    check = Check(name, Status.FAIL, name)
    for one in (runs, fit, fits, stack, check, fits[:1]):
        assert safe(str(one)) and safe(repr(one))
    like = table({"n": [1.0] * 8, "l": ["w"] * 8}, metadata={"source": "s", "filters": ["f"]})
    assert repr(runs).count("\n") == repr(like).count("\n")
    for wrong in (
        lambda: sb.InputError(f"no column {name}"),
        lambda: runs.require(name + "z"),
        lambda: sb.load(tmp_path / f"{name}.nc"),
        lambda: fits[name + "z"],
        lambda: sb.laws.get(name),
        lambda: sb.fit(runs, "power", inputs={name: "x"}),
        lambda: sb.fit(runs, **{name: 1}),
    ):
        try:
            error = wrong()
        except sb.InputError as raised:
            error = raised
        assert safe(str(error)) and "\n" not in str(error)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    show.message(name)
    print(show.prose(name), show.grid([name], [[name]]), show.fields({name: name}), show.lines(name))
    out, err = capsys.readouterr()
    assert safe(out) and safe(err)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_says_the_same_without_it(name, capsys):
    """Fails if a JSON document holds what a terminal obeys, or reads back as other text."""
    show.document({name: [name, 1.5]})
    out = capsys.readouterr().out
    assert safe(out) and json.loads(out) == {name: [name, 1.5]}


def test_what_can_be_printed_stays():
    """Fails if ordinary text, in any script, is escaped, or escaped text is escaped again."""
    for text in ("val/loss", "naïve α損失 🙂", "back\\slash", "it's", ""):
        assert shown(text) == text
    assert shown("\x1b[2J") == "\\x1b[2J" == shown(shown("\x1b[2J"))
    assert shown("a\nb", "\n") == "a\nb" and shown("a\nb") == "a\\nb"


def test_the_command_line(tmp_path, capsys):
    """Fails if a table's header or its path clears the screen of who fits it, or the data are changed for it."""
    path = tmp_path / "\x1b[2Jruns.csv"
    path.write_text(
        "x,loss,\x1b[31mnote\n" + "".join(f"{x:g},{3 * x**-0.2:g},\x1b[0m\n" for x in np.geomspace(1, 1e4, 6))
    )
    out = tmp_path / "\x1b[2J.nc"
    options = ["--law", "power", "--method", "map", "--out", str(out)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(["fit", str(path), *options]) == 0
        assert main(["fit", str(path), *options, "--json"]) == 0
        assert main(["fit", str(tmp_path / "\x1b]0;x\x07.csv"), *options]) == 2
        assert main(["\x1b[2J"]) == 2
    said, errors = capsys.readouterr()
    assert safe(said) and safe(errors) and "\\x1b[2Jruns.csv" in said
    document = json.loads("{" + said.partition("\n{")[2])
    assert document["saved"] == str(out) and document["runs"]["source"] == str(path)
    assert sb.load(out).runs.labels["\x1b[31mnote"].tolist() == ["\x1b[0m"] * 6
