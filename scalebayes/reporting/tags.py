"""This file makes HTML from text. What is not HTML already is escaped, so that no name in a table becomes markup."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from scalebayes.errors import shown

VOID = ("input", "img", "meta", "br")  # elements without content and without an end tag


class Html(str):
    """Text that is HTML already. Any other text is escaped where it becomes part of a page."""

    __slots__ = ()


def html(value: Any) -> Html:
    """A value as HTML: unchanged if it is HTML already, else as escaped text.

    >>> html("<script>"), html(Html("<p>"))
    ('&lt;script&gt;', '<p>')
    """
    return value if isinstance(value, Html) else Html(escape(shown(str(value), "\n")))


def tag(name: str, /, *content: Any, **attributes: Any) -> Html:
    """An element with its content.

    Args:
        name: The name of the element, such as "p".

        *content: Texts, which are escaped, and HTML.

        **attributes: The attributes. An underscore stands for a hyphen, and one at the end is dropped, as in `class_`.
            True is an attribute without a value; None and False leave it out.

    >>> tag("p", "1 < 2 ", tag("b", "yes"), class_="wide", hidden=True, id=None)
    '<p class="wide" hidden>1 &lt; 2 <b>yes</b></p>'
    """
    said = ""
    for key, value in attributes.items():
        if value is not None and value is not False:
            word = key.rstrip("_").replace("_", "-")
            said += f" {word}" if value is True else f' {word}="{html(str(value))}"'
    end = "" if name in VOID else f"{''.join(map(html, content))}</{name}>"
    return Html(f"<{name}{said}>{end}")


def joined(parts: Iterable[Any]) -> Html:
    """Parts of a page one after the other; texts are escaped."""
    return Html("\n".join(map(html, parts)))


def paragraphs(*texts: str) -> Html:
    """Each text that isn't empty as a paragraph."""
    return joined(tag("p", text) for text in texts if text)


def bullets(items: Iterable[Any]) -> Html:
    """A list without an order."""
    return tag("ul", *(tag("li", item) for item in items))


def terms(rows: Iterable[tuple[str, Any]]) -> Html:
    """A list of names and what is said of each; a name of which nothing is said is left out."""
    return tag("dl", *(Html(tag("dt", name) + tag("dd", said)) for name, said in rows if said))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> Html:
    """A table with a caption, in a frame that scrolls sideways where the page is narrow.

    Args:
        caption: The caption.

        heads: The heads of the columns.

        rows: The cells of each row; the first is the head of the row.

        left: The number of columns with text, which are aligned left; the others have numbers. The default is 1.
    """
    kinds = [None if i < left else "number" for i in range(len(heads))]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in zip(heads, kinds, strict=True)))
    body = [
        tag(
            "tr",
            *(
                tag("td" if i else "th", cell, scope=None if i else "row", class_=kind)
                for i, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ),
        )
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", inner, class_="frame", role="region", tabindex="0", aria_label=caption)


def section(id: str, title: str, *content: Any, class_: str | None = None) -> Html:
    """A section of the report under a heading of the second level."""
    heading = tag("h2", title, id=f"{id}-title")
    return tag("section", heading, *content, id=id, class_=class_, aria_labelledby=f"{id}-title")


def data_block(id: str, value: Any) -> Html:
    """JSON data inside a page, which its script reads; nothing in it can end the block.

    >>> data_block("a", {"b": "</script>"})
    '<script type="application/json" id="a">{"b":"\\\\u003c/script\\\\u003e"}</script>'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json" id="{html(id)}">{text}</script>')
