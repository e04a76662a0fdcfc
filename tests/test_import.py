"""Importing: what it starts, what it changes, and which module may import which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scalebayes

PACKAGE = Path(scalebayes.__file__).parent

# A module imports only modules above it. A new file is given its place here.
ORDER = (
    "errors",
    "files",
    "sealed",
    "hdf5",
    "netcdf",
    "keys",
    "runs.cells",
    "runs.spelling",
    "runs.numerals",
    "runs.faults",
    "runs.numeric",
    "runs.words",
    "runs.header_units",
    "runs.names",
    "runs.missing",
    "runs.columns",
    "runs.masks",
    "runs.scaling",
    "runs.where",
    "runs.door",
    "runs.describe",
    "runs.raw",
    "runs.trackers.charts",
    "runs.packed",
    "runs.header",
    "runs.delimited",
    "runs.workbook",
    "runs.trackers.objects",
    "runs.trackers.wandb",
    "runs.trackers.trainer",
    "runs.trackers.tensorboard",
    "runs.trackers.mlflow",
    "runs.trackers",
    "runs.readers",
    "runs.settings",
    "runs.roles",
    "runs.histories",
    "runs.advice",
    "runs.axis",
    "runs.splitting",
    "runs.table",
    "runs.split",
    "runs.stored",
    "runs.reading",
    "runs.curves",
    "runs.planned_curves",
    "runs.reading_curves",
    "runs.checkpoints",
    "runs",
    "window",
    "kinds",
    "averaging",
    "best",
    "datasets.base",
    "datasets.chinchilla",
    "datasets.datablations",
    "datasets.learning_curves",
    "datasets.frames",
    "datasets.porian",
    "datasets.local",
    "datasets",
    "parameters",
    "priors",
    "laws.base",
    "laws.implicit",
    "laws.one_scale",
    "laws.n_and_d",
    "laws.anchored",
    "laws.data",
    "laws.architecture",
    "laws.schedules",
    "laws.downstream",
    "laws.published",
    "laws",
    "laws.page",
    "links",
    "huber",
    "latent",
    "noise",
    "components",
    "gaussian",
    "markov",
    "process",
    "discrepancy",
    "model",
    "arrays",
    "problem",
    "status",
    "diagnostics",
    "density",
    "ranks",
    "calibrated",
    "infer.batch",
    "infer.mode",
    "infer.draws",
    "infer.map",
    "infer.proposals",
    "infer.laplace",
    "infer.nuts",
    "infer.bootstrap",
    "infer",
    "infer.fallback",
    "checks.units",
    "checks.table",
    "checks.checkpoints",
    "checks.sampling",
    "checks.robust",
    "checks.tangent",
    "checks.priors",
    "checks.residuals",
    "checks.cures",
    "checks.law",
    "checks.outliers",
    "checks.data",
    "checks.others",
    "checks.advice",
    "checks.columns",
    "checks",
    "result",
    "bearing",
    "asked",
    "groups",
    "conditional",
    "per_run",
    "recalibration",
    "nested",
    "simulation",
    "fitting",
    "many",
    "many.fits",
    "many.answers",
    "many.folder",
    "many.plan",
    "many.progress",
    "many.work",
    "many.identity",
    "many.running",
    "many.fitting",
    "calibration",
    "recipes",
    "tree",
    "tables",
    "mixture",
    "given",
    "forecast",
    "recommended",
    "predictive",
    "departed",
    "optima",
    "restored",
    "first_format",
    "store",
    "many.store",
    "mixture_store",
    "scoring",
    "holdout",
    "weights",
    "checks.comparison",
    "comparison",
    "comparing",
    "stacking",
    "exporting",
    "scores",
    "trivial",
    "cutoffs",
    "backtested",
    "backtest_store",
    "backtesting",
    "",  # the package itself: names that load when they are used
    "cli.show",
    "cli.wait",
    "cli.numbers",
    "cli.fragments",
    "cli.flags",
    "cli.options",
    "cli.tell",
    "cli.catalogue",
    "cli.questions",
    "cli.fits",
    "cli.comparing",
    "cli.backtest",
    "cli.curves",
    "cli.forecasting",
    "cli.demo",
    "cli.app",
    "cli",
)

# Inside a function: module that imports, module that is imported, why it can't run the other way.
UPWARDS = {
    ("result", "tree"): "Fit.data and Fit.log_likelihood: xarray loads when a tree is asked for",
    ("result", "tables"): "Fit.summary: pandas loads when a table is asked for",
    ("result", "store"): "Fit.save, which needs Fit to load",
    ("many.fits", "many.store"): "Fits.save, which needs Fits to load",
    ("store", "many.store"): "load, of a file that holds many fits",
    ("mixture", "mixture_store"): "Stack.save, which needs Stack to load",
    ("backtested", "backtest_store"): "Backtest.save and Backtest.load; the store holds it to what a fit's file is",
    ("store", "mixture_store"): "load, of a file that holds a stack",
}


def modules():
    """Module -> path, of every file of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module, path):
    """(imported module of the package, line, whether it is inside a function), those for type checkers left out."""
    known, tree = modules(), ast.parse(path.read_text(encoding="utf-8"))

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    continue
                case ast.ImportFrom(module=str(name), level=0) if name.split(".")[0] == "scalebayes":
                    base = name.removeprefix("scalebayes").removeprefix(".")
                    for alias in child.names:
                        member = f"{base}.{alias.name}".removeprefix(".")
                        yield (member if member in known else base), child.lineno, inside
                case ast.ImportFrom(level=level) if level:
                    pytest.fail(f"{path}:{child.lineno}: a relative import; write it in full")
                case ast.Import():
                    for alias in child.names:
                        if alias.name.split(".")[0] == "scalebayes":
                            yield alias.name.removeprefix("scalebayes").removeprefix("."), child.lineno, inside
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from visit(child, inside or function)

    return list(visit(tree, False))


def test_every_module_has_a_place():
    """A file outside the order could import anything."""
    assert sorted(set(modules()) - set(ORDER)) == []


def test_imports_run_one_way():
    """A cycle makes every part depend on every other, and no part can be read or used alone."""
    place, lazy = {name: i for i, name in enumerate(ORDER)}, set()
    for module, path in modules().items():
        for imported, line, inside in imports(module, path):
            if place[imported] < place[module]:
                continue
            where = f"{path.name}:{line}: {module} imports {imported}"
            assert inside, f"{where}, which comes after it"
            assert (module, imported) in UPWARDS, f"{where} inside a function, and isn't among the exceptions"
            lazy.add((module, imported))
    assert lazy == set(UPWARDS), "an exception that no module needs any more"


def run(program):
    """What a fresh interpreter prints, warnings being errors."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip().splitlines()


def test_import_loads_nothing_heavy():
    """`scalebayes --help` and a notebook's first cell would take seconds."""
    heavy = ["arviz", "arviz_stats", "jax", "matplotlib", "numpyro", "optax", "pandas", "scipy", "xarray"]
    program = f"import sys, scalebayes; print(*[name for name in {heavy} if name in sys.modules]); dir(scalebayes)"
    assert run(program) == []


def test_reading_runs_needs_no_jax():
    """A table of runs is a table: who only checks one shouldn't wait for a compiler."""
    program = "import sys, scalebayes as sb; sb.Runs(N=[1e8], loss=[3.0]); print('jax' in sys.modules)"
    assert run(program) == ["False"]


def test_import_starts_no_backend():
    """A backend started at import takes the GPU's memory, and stops the caller from choosing devices."""
    program = """
import scalebayes as sb
sb.laws.names(), sb.noises.names(), sb.laws.published("hoffmann2022")
for name in sb.__all__:
    getattr(sb, name)
from jax._src import xla_bridge
print(len(xla_bridge._backends))
"""
    assert run(program) == ["0"]


def test_nothing_loads_matplotlib_or_all_of_arviz():
    """Drawing is for who draws."""
    program = """
import sys
import scalebayes as sb
for name in sb.__all__:
    getattr(sb, name)
print(*[name for name in ("matplotlib", "arviz", "arviz_plots") if name in sys.modules])
"""
    assert run(program) == []


@pytest.mark.parametrize("order", ["arviz, scalebayes", "scalebayes, arviz"])
def test_arviz_may_come_first(order):
    """ArviZ puts NumPyro's import off, and a part of NumPyro that is then imported alone is incomplete."""
    runs = "scalebayes.Runs(x=[1.0, 10.0, 100.0], loss=[3.0, 2.0, 1.5])"
    run(f"import {order}; scalebayes.fit({runs}, 'power', method='map', on_fail='ignore')")


def test_no_configuration_changes():
    """A library that turns on float64 for everyone breaks the programs that import it."""
    program = """
import jax
before = dict(jax.config.values)
import scalebayes as sb
for name in sb.__all__:
    getattr(sb, name)
imported = dict(jax.config.values)
fit = sb.fit(sb.Runs(x=[1.0, 10.0, 100.0, 1e3], loss=[3.0, 2.0, 1.5, 1.2]), "power", method="map", on_fail="ignore")
sb.predict(fit, x=1e4)
after = dict(jax.config.values)
print("changed:", *[name for name in before if not before[name] == imported[name] == after[name]])
print(jax.numpy.ones(1).dtype)
"""
    assert run(program) == ["changed:", "float32"]


def test_every_public_name_is_there():
    """__all__, the lazy table and the names for type checkers are three lists of the same names."""
    for name in scalebayes.__all__:
        assert getattr(scalebayes, name) is not None
    assert sorted(scalebayes.__all__) == dir(scalebayes)
    assert set(scalebayes._HOMES) | set(scalebayes._MODULES) == set(scalebayes.__all__)
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = next(n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING")
    assert {a.asname or a.name for n in typed.body for a in n.names} == set(scalebayes.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = scalebayes.nothing
