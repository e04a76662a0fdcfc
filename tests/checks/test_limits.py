"""Thresholds of the checks stand in one file."""

import ast
from pathlib import Path

import scalebayes as sb

CHECKS = Path(sb.__file__).parent / "checks"
# Not thresholds: rows and columns that a sentence names, steps of searches, and an identity.
OTHERS = {"NAMED", "STEPS", "ROUNDS", "FAR", "LEAST", "MAD", "IMPOSSIBLE"}


def numbers(path):
    """Names of the module that are set to numbers, and nothing else."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            leaves = [one for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            if leaves and all(isinstance(one.value, int | float) for one in leaves):
                yield from (one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name))


def test_no_check_has_a_threshold_of_its_own():
    """Fails if a threshold is set where nobody looks for it, or two of them share a name with two meanings."""
    elsewhere = {
        f"{path.name}: {name}" for path in CHECKS.glob("*.py") if path.name != "limits.py" for name in numbers(path)
    }
    assert {name for name in elsewhere if name.partition(": ")[2] not in OTHERS} == set()


def test_every_threshold_is_used_and_explained():
    """Fails if a threshold is left behind by its check, or stands there without a word."""
    text = "".join(path.read_text(encoding="utf-8") for path in CHECKS.parent.rglob("*.py") if path.name != "limits.py")
    lines = (CHECKS / "limits.py").read_text(encoding="utf-8").splitlines()
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.Assign):
            assert lines[node.lineno - 2].startswith("# "), lines[node.lineno - 1]
            for one in (one for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)):
                assert f"limits.{one.id}" in text, one.id
