"""CONTRIBUTING.md: the law that it adds passes what laws are held to; and each test says when it fails."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import scalebayes as sb
from tests.helpers import ROOT
from tests.laws import test_laws

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
CONFORMANCE = (
    "test_finite_over_the_prior",
    "test_vmap_is_a_loop_and_jit_is_eager",
    "test_float32_is_near_float64",
    "test_gradient_is_the_finite_difference",
    "test_rescaling",
    "test_noise_free_runs_give_the_law_back",
    "test_prior_predictive",
)


@pytest.fixture(scope="module")
def written():
    """The names that the page's Python blocks define, the law in the registry while the tests run."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.S):
        exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    assert names["LOG_OFFSET"].name not in sb.laws.names(), "the example is in the registry by now: write another"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sb.laws._REGISTRY, "log_offset", names["LOG_OFFSET"])
        yield names


@pytest.mark.parametrize("name", CONFORMANCE)
@pytest.mark.usefixtures("x64")
def test_the_example_passes_what_laws_are_held_to(written, name):
    """Fails if who follows the page ends with a law that its own tests refuse."""
    getattr(test_laws, name)(written["ROW"])


@pytest.mark.usefixtures("x64")
def test_the_example_is_its_formula(written):
    """Fails if the law that the page adds isn't the formula that the page gives for it."""
    x, row = np.logspace(-3, 3, 13), written["ROW"]
    np.testing.assert_allclose(row.law.fn(x=x, **row.truth), row.formula(x=x, **row.truth), rtol=1e-12)


def test_the_page_names_what_is_there():
    """Fails if a file, or a conformance test, that the page sends people to is gone or left out."""
    section = TEXT[TEXT.index("## Add a law") :]
    for path in re.findall(r"`((?:laws|tests)/[\w/]+\.py)`", section):
        assert (ROOT / path).is_file() or (ROOT / "scalebayes" / path).is_file(), path
    assert set(re.findall(r"\bdef (test_\w+)\(case", Path(test_laws.__file__).read_text())) - set(CONFORMANCE) <= {
        "test_a_second_fit_compiles_nothing"
    }, "a conformance test that the example isn't held to"


def test_every_test_says_when_it_fails():
    """Fails if a test's docstring doesn't begin "Fails if", so that who sees it red must guess what is broken."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if not (ast.get_docstring(node) or "").startswith("Fails if ")
    ]
    assert not silent, "a test's docstring begins 'Fails if' and says what would be broken:\n" + "\n".join(silent)
