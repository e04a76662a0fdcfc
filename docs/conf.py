"""Sphinx's configuration: `make docs` builds the site into build/docs, without network."""

import atexit
import os
import re
import shutil
import sys
import tempfile
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# Pages that are executed run in a kernel of their own, which finds the package here whether or not it is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

# What one page has compiled, the next ones read: the build takes half as long.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="scalebayes-docs-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
# Pages are compiled as commands are, and not more carefully: a fifth of the time.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
# Public data sets are read from a folder, as in the tests, or from the cache; nothing is downloaded.
DATA = ROOT.parent / "shared" / "data"
if DATA.is_dir():
    os.environ.setdefault("SCALEBAYES_DATA", str(DATA))

import scalebayes  # noqa: E402
from scalebayes.datasets.cache import cache_folder  # noqa: E402
from scalebayes.laws import page  # noqa: E402

project = "scalebayes"
author = "the scalebayes authors"
project_copyright = author
version = release = scalebayes.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_static", "jupyter_execute"]
root_doc = "index"

# The pages in Markdown. Formulas are written as code, so that no page fetches a script to show them.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # only pages with code cells are run
nb_execution_timeout = 300  # seconds a cell; the longest takes some 20 s on an idle machine of two cores
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # the line of progress
# A page whose data set isn't there is shown without its outputs, and says so.
DATASETS = {"course/reproduce_besiroglu": "chinchilla"}
FOLDER = Path(os.environ.get("SCALEBAYES_DATA") or cache_folder())
NOT_RUN = {docname: name for docname, name in DATASETS.items() if not (FOLDER / f"{name}.csv").is_file()}
nb_execution_excludepatterns = [f"{docname}.md" for docname in NOT_RUN]
suppress_warnings = ["myst-nb.lexer"] if NOT_RUN else []  # without a kernel, nothing says that a cell is Python

# The reference. Names load when they are used, and docstrings put names and code between single backquotes.
default_role = "literal"
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_use_type_comments = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88  # characters; a longer signature has one parameter a line
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Warns", "params_style")]
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "scalebayes"
html_sidebars = {path.stem: [] for path in Path(__file__).parent.glob("*.md")}  # folders have a list of pages
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": [],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}


def write_laws(app, docname, source):
    """Put the page of all laws, made from their records, in place of the text of laws.md."""
    if docname == "laws":
        command = f"`{page.COMMAND}` makes this page from the records of the laws."
        source[0] = page.page().replace(command, "The build of this site makes this page from the records of the laws.")


def say_not_run(app, docname, source):
    """Say below the title of a page that it was not executed, and why."""
    if name := NOT_RUN.get(docname):
        said = (
            f"This page was not executed when the site was built, since the data set `{name}` was neither in "
            "`$SCALEBAYES_DATA` nor in the cache. So its outputs and pictures are missing. The code is what you would "
            "run: where there is a network, it fetches the data set once."
        )
        source[0] = re.sub(r"^(# .*)$", rf"\1\n\n:::{{warning}}\n{said}\n:::", source[0], count=1, flags=re.M)


def insert_tables(app, docname, source):
    """Put the first table of a file of results in place of a line `{{table of benchmarks/...}}`."""

    def first(match):
        lines = (ROOT / match[1]).read_text(encoding="utf-8").split("\n")
        start = next(number for number, line in enumerate(lines) if line.startswith("|"))
        return "\n".join(takewhile(lambda line: line.startswith("|"), lines[start:]))

    source[0] = re.sub(r"^\{\{table of (\S+)\}\}$", first, source[0], flags=re.M)


def escape_docstring(app, what, name, obj, options, lines):
    """Have docstrings say to reStructuredText what they say as plain text: `|u - v|` and `**rest` are no markup."""
    blocks, code = [(False, [])], False  # (whether it stays as it is, its lines)
    for line in lines:
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        kept = code or bool(re.match(r"\s*\*{1,2}\w+:", line))  # an example; or a parameter, which Napoleon escapes
        if kept != blocks[-1][0]:
            blocks.append((kept, []))
        blocks[-1][1].append(line)
    texts = ["\n".join(of) if kept else escape("\n".join(of)) for kept, of in blocks if of]
    lines[:] = "\n".join(texts).split("\n")


def escape(text):
    """Escape what is markup outside of single backquotes."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"[|*]|(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)  # before Napoleon, at 500
    app.connect("source-read", write_laws)
    app.connect("source-read", say_not_run)
    app.connect("source-read", insert_tables)
