"""What the package requires is what it imports, and its version is said in one place."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

import scalebayes as sb
from tests.helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Required and not imported by name -> why.
BEHIND = {
    "flatbuffers": "jax.export writes its programs with it",
    "alembic": "mlflow's client opens a database with it",
    "sqlalchemy": "mlflow's client opens a database with it",
    "distributed": "the caller gives its executor",
}


def named(requirements):
    """The distributions that requirements name, as their names are compared."""
    return {re.split(r"[\s\[<>=!~;]", text, maxsplit=1)[0].lower().replace("_", "-") for text in requirements}


def imported():
    """Third-party module -> a file that imports it."""
    found = {}
    for path in sorted((ROOT / "scalebayes").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            found |= {name.partition(".")[0]: path.name for name in names}
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "scalebayes"}}


REQUIRED = named(PROJECT["dependencies"])
EXTRA = named(text for of in PROJECT["optional-dependencies"].values() for text in of)


def test_what_is_imported_is_declared():
    """Fails if a package is there only because another brings it, and goes when that one changes."""
    homes = packages_distributions()
    for module, path in imported().items():
        of = {name.lower().replace("_", "-") for name in homes.get(module, [module])}
        assert of & (REQUIRED | EXTRA), f"{path} imports {module}: declare one of {sorted(of)} in pyproject.toml"


def test_what_is_required_is_imported():
    """Fails if everyone installs a package that nothing uses."""
    homes, modules = packages_distributions(), set(imported())
    used = {name.lower().replace("_", "-") for module in modules for name in homes.get(module, [module])}
    assert sorted((REQUIRED | EXTRA) - used - set(BEHIND)) == []
    assert sorted(set(BEHIND) - (REQUIRED | EXTRA)) == []


def test_the_lock_has_what_is_required():
    """Fails if pyproject.toml moved on and the lock did not: make lock."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert sorted(name for name in REQUIRED | EXTRA if not re.search(rf"^{re.escape(name)}==", lock, re.M)) == []


def test_a_release_has_the_tag_of_its_version():
    """Fails if a commit is tagged as one version and installs as another."""
    assert "version" not in PROJECT and re.fullmatch(r"\d+\.\d+\.\d+", sb.__version__)
    asked = ("git", "tag", "--points-at", "HEAD", "v*")
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout.strip():
        pytest.skip("this commit has no tag of a version")
    assert done.stdout.split() == [f"v{sb.__version__}"]
