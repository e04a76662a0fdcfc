"""This file makes HTML that needs no style sheet."""

from html import escape

from scalebayes.errors import shown

RED = "color:#b00020;font-weight:600"


def paragraph(line: str, bad: bool = False) -> str:
    """A line of a result's HTML view as a paragraph. It is red if `bad` is True, for what failed.

    >>> paragraph("loss <b>")
    '<p style="margin:0.2em 0">loss &lt;b&gt;</p>'
    """
    return f'<p style="margin:0.2em 0{";" + RED if bad else ""}">{escape(shown(line))}</p>'
