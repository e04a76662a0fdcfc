"""The figures of --plot: names that are refused before anything is computed, and files that are written."""

import pytest

import scalebayes as sb
from scalebayes.cli.figure import checked_figure, drawn
from scalebayes.errors import InputError


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fan.gif", "end the name in .png, .svg or .pdf"),
        ("fan", "end the name in .png, .svg or .pdf"),
        ("", "the name is empty"),
        ("nowhere/fan.png", "make it first: mkdir -p"),
        ("runs.png", "is there and is no .png picture"),
    ],
)
def test_names_are_refused_before_anything_is_computed(tmp_path, monkeypatch, name, said):
    """Fails if a forecast is waited for and then lost, or a file that is no figure is written over."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.png").write_text("N,D,loss")
    with pytest.raises(InputError, match=r"^--plot: ") as told:
        checked_figure(name)
    assert said in str(told.value)


@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_figure_is_drawn_and_drawn_over(tmp_path, kind, begin):
    """Fails if the file is of another kind than its name says, or a second run of a command is refused."""
    path = tmp_path / f"law.{kind}"
    for _ in range(2):
        target = checked_figure(str(path))
        there = drawn(lambda: sb.plot_law("offset_power", A=1.0, alpha=0.3, E=0.5), target)
        assert there == path and path.read_bytes().startswith(begin)
    assert checked_figure(None) is None and drawn(lambda: None, None) is None
