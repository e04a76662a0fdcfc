"""This file makes the page around a report's sections: style, script, and a policy that forbids every request."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import Template

from scalebayes.fitting.finish import versions
from scalebayes.reporting.tags import Html, html, tag

FOLDER = Path(__file__).parent
# Only the page's own style and the script of this hash run, and nothing is loaded: text in a table of runs that became
# markup by a mistake could still do nothing.
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the verdict</a>
<header>
<h1>$title</h1>
</header>
<main id="main">
$verdict
<nav aria-label="Contents">
<ul>
$contents
</ul>
</nav>
$sections
</main>
<footer><p>Made by scalebayes $version. This file needs no other file and no network.</p></footer>
$script
</body>
</html>
""")


def page(title: str, verdict: Html, sections: Sequence[tuple[str, str, Html]], script: str) -> str:
    """The whole page.

    Args:
        title: Its title.

        verdict: The first section, which stands before the contents.

        sections: The id, the name in the contents and the HTML of each further section.

        script: The page's script; "" for none.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; "
    policy += "form-action 'none'"
    return PAGE.substitute(
        policy=policy,
        title=html(title),
        style=asset("style.css"),
        verdict=verdict,
        contents="\n".join(tag("li", tag("a", name, href=f"#{id}")) for id, name, _ in sections),
        sections="\n".join(one for _, _, one in sections),
        version=html(versions()["scalebayes"]),
        script=f"<script>{script}</script>" if script else "",
    )


@cache
def asset(name: str) -> str:
    """The text of a file beside this one that becomes part of the page."""
    return (FOLDER / name).read_text(encoding="utf-8")
