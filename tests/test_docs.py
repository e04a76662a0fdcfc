"""The documentation site: that it has every public name once, and that what it shows as Python is Python.

`make docs` builds it and runs its executed pages; here is what can be told without Sphinx.
"""

import ast
import re
from collections import Counter

import pytest

import scalebayes as sb
from tests.helpers import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DIRECTIVE = re.compile(r"^\.\. (?:auto(?:function|class|data)|py:data):: scalebayes\.(\w+)$", re.M)


def named(page):
    return page.relative_to(DOCS).with_suffix("").as_posix()


def test_every_public_name_is_on_one_page_of_the_reference():
    """Fails if a public name is missing in the reference, is in it twice, or is in it and no longer public."""
    found = Counter(name for page in (DOCS / "api").glob("*.md") for name in DIRECTIVE.findall(page.read_text("utf-8")))
    assert sorted(found) == sb.__all__
    assert [name for name, times in found.items() if times > 1] == []


def test_every_page_is_reached():
    """Fails if a page is in no table of contents, so that nobody finds it."""
    assert (DOCS / "conf.py").exists()
    listed = {"index"}
    for page in PAGES:
        for body in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.S):
            folder = page.parent.relative_to(DOCS)
            lines = [line for line in body.split("\n") if line and not line.startswith(":")]
            listed |= {(folder / re.sub(r"^.*<(.*)>$", r"\1", line)).as_posix() for line in lines}  # title <page>
    assert sorted(map(named, PAGES)) == sorted(listed)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_code_is_code_and_names_exist(page):
    """Fails if a page shows Python that doesn't compile, or a public name, a law or a file that isn't there."""
    text = page.read_text("utf-8")
    for code in re.findall(r"```(?:python|\{code-cell\} ipython3)\n(.*?)```", text, re.S):
        ast.parse(re.sub(r"^:.*\n", "", code, flags=re.M))
    used = set(re.findall(r"\bsb\.(\w+)", text)) - {"_"}
    assert sorted(used - {*sb.__all__, "__version__"}) == []
    laws = set(re.findall(r'(?:law="|fit\(\w+, ")(\w+)"', text))
    assert sorted(laws - set(sb.laws.names())) == []
    paths = re.findall(r"`((?:benchmarks|examples|tests|scalebayes)/[\w./-]+\.\w+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_quoted_figures_are_those_of_the_results():
    """Fails if a figure of the page on intervals isn't in the results any more, after a newer run of the benchmark."""
    results = (ROOT / "benchmarks" / "skill" / "skill.md").read_text("utf-8")
    quoted = re.findall(r"\b0\.\d{3,4}\b", (DOCS / "intervals.md").read_text("utf-8"))
    assert len(quoted) == 10  # nine of the table, and one of the set BB
    assert [figure for figure in quoted if not re.search(rf"\| {re.escape(figure)} ±", results)] == []
