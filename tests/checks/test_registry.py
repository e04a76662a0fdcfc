"""Checks are found by an identifier: in a fit, a stack, a document, and in files that have none."""

import ast
import json
from pathlib import Path

import pytest

import scalebayes as sb
from scalebayes.checks.registry import REGISTRY, make_check, read_checks
from scalebayes.status import Check, Checks, Status, checks_record

PACKAGE = Path(sb.__file__).parent
DRIVEN = "the runs take away little of the prior's variance of alpha (12%), noise_scale (3%): what is said is prior."


def literals():
    """Identifiers that code makes checks by, and (file, line) of what makes one without the registry."""
    ids, bare = set(), []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "make_check" and isinstance(node.args[0], ast.Constant):
                    ids.add(node.args[0].value)
                if node.func.id == "Check" and path.name not in ("status.py", "registry.py"):
                    bare.append(f"{path.name}:{node.lineno}")
    return ids, bare


def test_every_check_is_in_the_registry():
    """Fails if a check has an identifier that nobody listed, or none."""
    ids, bare = literals()
    assert ids - set(REGISTRY) == set() and bare == []
    assert len({kind.name for kind in REGISTRY.values()}) == len(REGISTRY)


def test_a_check_is_found_by_identifier_and_by_name():
    """Fails if a program written for one of the two no longer finds its check."""
    largest = make_check("residuals_largest", Status.PASS, "Fine.")
    checks = Checks((make_check("residuals", Status.REVIEW, "Bent."), largest))
    assert checks["residuals_largest"] is checks["residuals of the largest runs"] is largest
    assert "residuals_largest" in checks and "k_hat" not in checks
    with pytest.raises(KeyError, match="no check 'khat'; there are residuals, residuals_largest"):
        checks["khat"]


def test_a_check_of_a_stack_is_found_by_its_member():
    """Fails if the check of one member is taken for another's."""
    fine, poor = (make_check("k_hat", status, "-") for status in (Status.PASS, Status.FAIL))
    checks = Checks((fine.within("a"), poor.within("b"), make_check("pareto_k", Status.PASS, "-").within("weights")))
    assert checks["b: k-hat"] is checks["b: k_hat"] is checks.items[1]
    assert checks["pareto_k"].of == "weights"
    with pytest.raises(KeyError, match="2 checks are 'k_hat'; name one of 'a: k_hat', 'b: k_hat'"):
        checks["k_hat"]


def test_checks_come_back_from_a_record():
    """Fails if a saved check loses what a program decides by."""
    checks = Checks(
        (
            make_check("driven_by_the_prior", Status.REVIEW, DRIVEN, about=("alpha",)),
            make_check("residuals", Status.REVIEW, "3 runs can't show it.", conclusive=False).within("power"),
            Check("my own", Status.FAIL, "No."),
        )
    )
    assert read_checks(json.loads(json.dumps(checks_record(checks)))) == checks


@pytest.mark.parametrize("id", REGISTRY)
def test_a_record_without_identifiers_is_read(id):
    """Fails if a file of the version before loads with checks that nothing finds."""
    read = read_checks([[REGISTRY[id].name, "pass", "Fine."], [f"weights: {REGISTRY[id].name}", "pass", "Fine."]])
    assert [(check.id, check.of) for check in read] == [(id, ""), (id, "weights")]


def test_a_record_without_identifiers_says_what_its_sentences_did():
    """Fails if a fit saved by the version before is asked, and a review that bears on the answer stays away."""
    (driven, few) = read_checks(
        [["driven by the prior", "review", DRIVEN], ["residuals", "review", "3 runs can't show whether it misfits."]]
    )
    assert driven.about == ("alpha", "noise_scale") and driven.conclusive and not few.conclusive


@pytest.mark.parametrize("edit", [{"status": "maybe"}, {"about": [1]}, {"conclusive": 1}, {"odd": 1}, {"id": None}])
def test_a_damaged_record_is_refused(edit):
    """Fails if a file can put something into a check that is none."""
    record = make_check("units", Status.PASS, "Fine.").record() | edit
    with pytest.raises((TypeError, ValueError)):
        read_checks([record])


def test_nothing_searches_a_sentence():
    """Fails if code decides by the words of a check, which may change: `in check.sentence`, or a method of the text."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            called = [node.func.value] if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else []
            if any(isinstance(part, ast.Attribute) and part.attr == "sentence" for part in [*compared, *called]):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []
