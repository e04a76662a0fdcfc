"""LAWS.md: that it is what the records of the laws say, and that its tables are tables."""

import re

import scalebayes as sb
from scalebayes.laws.page import COMMAND, page
from tests.helpers import ROOT

PAGE = ROOT / "LAWS.md"


def test_the_page_is_up_to_date():
    """Fails if LAWS.md describes a law that was changed or added wrongly, or not at all."""
    assert PAGE.read_text() == page(), f"LAWS.md isn't what the laws say; run: {COMMAND}"


def test_every_law_has_one_row_of_five_cells():
    """Fails if an unescaped bar or asterisk of a formula breaks the table where people read it."""
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", row)[1] for row in rows] == list(sb.laws.names())
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 6, row
    assert not re.search(r"(?<![\\*])\*(?!\*)", page()), "an asterisk that Markdown would read as emphasis"


def test_the_page_says_ranges_units_settings_and_published_values():
    """Fails if LAWS.md doesn't say a range, a unit or a setting, so that a share in per cent is fitted to something
    else.
    """
    text = page()
    for told in (
        "coverage between 0 and 1; logit_normal",
        "reward of either sign; normal_raw",
        "U (in the unit of D)",
        "S (0 <= S < 1, as it is)",
        "`broken_power`, `breaks=1`",
        "`besiroglu2024`",
    ):
        assert told in text, told
