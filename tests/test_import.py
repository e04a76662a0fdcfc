"""Importing: what it starts, what it changes, and which folder may import which."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import scalebayes

PACKAGE = Path(scalebayes.__file__).parent

# A folder, or a file beside them, imports only what stands above it. The files of a folder import each other without a
# circle.
FOLDERS = (
    "errors",
    "compute",
    "display",
    "safe_files",
    "seeds",
    "status",
    "runs",
    "datasets",
    "parameters",
    "laws",
    "noise",
    "discrepancy",
    "model",
    "infer",
    "checks",
    "fitting",
    "forecasting",
    "comparison",
    "backtesting",
    "calibration",
    "planning",
    "plots",
    "storage",
    "reporting",
    "",  # the package itself: names that load when they are used
    "cli",
)
TOP = 8  # files at most beside the folders
ENDINGS = ("isons", "ison", "ations", "ation", "ings", "ing", "ions", "ion", "ers", "er", "ed", "ive", "ical", "ics")
ENDINGS += ("ic", "als", "al", "ability", "es", "s", "e")


@cache
def modules():
    """Module -> path, of every file of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module, path):
    """(imported module of the package, line), those for type checkers left out."""
    known, tree = modules(), ast.parse(path.read_text(encoding="utf-8"))

    def visit(node):
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    continue
                case ast.ImportFrom(module=str(name), level=0) if name.split(".")[0] == "scalebayes":
                    base = name.removeprefix("scalebayes").removeprefix(".")
                    for alias in child.names:
                        member = f"{base}.{alias.name}".removeprefix(".")
                        yield (member if member in known else base), child.lineno
                case ast.ImportFrom(level=level) if level:
                    pytest.fail(f"{path}:{child.lineno}: a relative import; write it in full")
                case ast.Import():
                    for alias in child.names:
                        if alias.name.split(".")[0] == "scalebayes":
                            yield alias.name.removeprefix("scalebayes").removeprefix("."), child.lineno
            yield from visit(child)

    return list(visit(tree))


def place(module):
    return FOLDERS.index(module.partition(".")[0])


def test_every_folder_has_a_place():
    """Fails if a folder or a file is outside the order, and could import anything."""
    assert sorted({module.partition(".")[0] for module in modules()} - set(FOLDERS)) == []
    assert sorted(set(FOLDERS) - {module.partition(".")[0] for module in modules()}) == []


def test_imports_run_one_way():
    """Fails if a folder imports one below it, at whatever time: no part could then be read or used alone."""
    for module, path in modules().items():
        for imported, line in imports(module, path):
            assert place(imported) <= place(module), f"{path.name}:{line}: {module} imports {imported}, below it"


def test_no_circle():
    """Fails if two files need each other, or a ring of them does, however late one is imported."""
    needs = {module: {name for name, _ in imports(module, path)} for module, path in modules().items()}
    while free := [module for module, names in needs.items() if not names & set(needs)]:
        needs = {module: names for module, names in needs.items() if module not in free}
    assert not needs, f"in a circle, or behind one: {', '.join(needs)}"


def test_the_top_is_short_and_names_differ():
    """Fails if files gather beside the folders again, or a name is another's with a suffix, as comparing/comparison."""
    assert len(list(PACKAGE.glob("*.py"))) <= TOP
    seen = {}
    files = [module for module, path in modules().items() if path.name != "__init__.py"]  # a folder is a job's noun
    for module in files:
        name = module.rpartition(".")[2]
        stem = next((name[: -len(end)] for end in ENDINGS if name.endswith(end) and len(name) > len(end) + 2), name)
        if not module.startswith("cli."):  # named as the commands
            seen.setdefault(stem, {})[name] = module
    assert [list(names.values()) for names in seen.values() if len(names) > 1] == []


# A search that compiles in half the time, as typed.
QUICK = "sb.MAP(search=sb.Search(screened=256, starts=4, lbfgs_steps=0))"


def run(program):
    """What a fresh interpreter prints, warnings being errors."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().splitlines()


def test_import_loads_nothing_heavy():
    """Fails if `scalebayes --help` and a notebook's first cell take seconds, since import loads JAX, pandas or
    SciPy.
    """
    heavy = ["arviz", "arviz_stats", "jax", "matplotlib", "numpyro", "optax", "pandas", "scipy", "xarray"]
    program = f"import sys, scalebayes; print(*[name for name in {heavy} if name in sys.modules]); dir(scalebayes)"
    assert run(program) == []


def test_reading_runs_needs_no_jax():
    """Fails if who only checks a table of runs waits for JAX to load."""
    program = "import sys, scalebayes as sb; sb.Runs(N=[1e8], loss=[3.0]); print('jax' in sys.modules)"
    assert run(program) == ["False"]


@pytest.fixture(scope="module")
def told():
    """What one fresh process says of itself: once every name has loaded, and after a fit."""
    program = f"""
import sys
import jax
before = dict(jax.config.values)
import scalebayes as sb
sb.load, sb.predict, sb.optimum
print("read back with:", *[name for name in ("scipy.stats", "scipy.optimize") if name in sys.modules])
sb.laws.names(), sb.noises.names(), sb.laws.published("hoffmann2022")
for name in sb.__all__:
    getattr(sb, name)
from jax._src import xla_bridge
print("backends:", len(xla_bridge._backends))
print("loaded:", *[name for name in ("matplotlib", "arviz", "arviz_plots") if name in sys.modules])
imported = dict(jax.config.values)
fit = sb.fit(sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.2]), "power", method={QUICK}, on_fail="ignore")
sb.predict(fit, x=1e4)
after = dict(jax.config.values)
print("changed:", *[name for name in before if not before[name] == imported[name] == after[name]])
print("dtype:", jax.numpy.ones(1).dtype)
"""
    return dict(line.split(":", 1) for line in run(program))


def test_import_starts_no_backend(told):
    """Fails if import starts a backend, which takes the GPU's memory and stops the caller from choosing devices."""
    assert told["backends"] == " 0"


def test_nothing_loads_matplotlib_or_all_of_arviz(told):
    """Fails if Matplotlib or all of ArviZ loads for a user who draws nothing."""
    assert told["loaded"] == ""


def test_a_saved_fit_is_asked_without_the_slowest_parts_of_scipy(told):
    """Fails if who asks a saved fit waits for tests and optimisers that only a new fit or a calibration needs."""
    assert told["read back with"] == ""


def test_no_configuration_changes(told):
    """Fails if import or a fit turns on float64 for everyone, which breaks the programs that import the library."""
    assert told["changed"] == "" and told["dtype"] == " float32"


@pytest.mark.slow_cases("scalebayes, arviz", "arviz, scalebayes")
@pytest.mark.parametrize("order", ["arviz, scalebayes", "scalebayes, arviz"])
def test_arviz_may_come_first(order):
    """Fails if a fit doesn't run when ArviZ, which puts NumPyro's import off, is imported before or after."""
    runs = "scalebayes.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])"
    method = QUICK.replace("sb.", "scalebayes.")
    run(f"import {order}; scalebayes.fit({runs}, 'power', method={method}, on_fail='ignore')")


def test_every_public_name_is_there():
    """Fails if a name of `__init__.pyi` is nowhere, or is another object than a type checker takes it for."""
    for name, (module, own) in scalebayes._PUBLIC.items():
        there = sys.modules.get(f"{module}.{own}") or getattr(importlib.import_module(module), own)
        assert getattr(scalebayes, name) is there or getattr(scalebayes, name) is getattr(sys.modules[module], own)
    assert scalebayes.__all__ == dir(scalebayes) == sorted(scalebayes._PUBLIC)
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    assert stub.count(" import ") == len([line for line in stub.splitlines() if line.startswith("from ")])
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = scalebayes.nothing
