"""The pages that show code: README.md and those of the site, with their blocks of Python and their command lines."""

import re
from functools import cache
from pathlib import Path

from tests.helpers import ROOT

FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.S | re.M)
CELL = "{code-cell} ipython3"


@cache
def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


PAGES = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
EXECUTED = tuple(page for page in PAGES if "file_format: mystnb" in text(page))  # by `make docs`


def fences(page):
    """What stands between fences: (line of the page, language, text)."""
    found = FENCE.finditer(text(page))
    return [(text(page)[: match.start(2)].count("\n") + 1, match[1], match[2]) for match in found]


def python(page):
    """The blocks of Python of a page that isn't executed: (line of the page, code)."""
    return [(line, code) for line, language, code in fences(page) if language == "python"]


def commands(page):
    """The command lines of a page: those that stand by themselves, and those within a sentence that have options."""
    apart = re.findall(r"^    (scalebayes .*)$", text(page), re.M)
    within = re.findall(r"`(scalebayes [a-z-]+ [^`]*--[^`]*)`", text(page))
    return [*apart, *(" ".join(line.split()) for line in within)]


WITH_PYTHON = tuple(page for page in PAGES if page not in EXECUTED and python(page))
WITH_COMMANDS = tuple(page for page in PAGES if commands(page))


def name(page):
    return Path(page).with_suffix("").as_posix().removeprefix("docs/")
