"""Puts the commands together, and turns each way a command can end into an exit code and one line of error."""

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from scalebayes import __version__
from scalebayes.cli import bug, flags
from scalebayes.cli.backtest import backtest
from scalebayes.cli.blocks import flat
from scalebayes.cli.budget_for import budget_for
from scalebayes.cli.calibrate import calibrate
from scalebayes.cli.compare import compare
from scalebayes.cli.datasets import datasets
from scalebayes.cli.demo import demo
from scalebayes.cli.export import export
from scalebayes.cli.first_steps import FIRST_STEPS
from scalebayes.cli.fit import fit
from scalebayes.cli.fit_many import fit_many
from scalebayes.cli.forecast import forecast
from scalebayes.cli.format import message
from scalebayes.cli.laws import laws
from scalebayes.cli.next_runs import next_runs
from scalebayes.cli.optimum import optimum
from scalebayes.cli.plan import plan
from scalebayes.cli.predict import predict
from scalebayes.cli.recalibrate import recalibrate
from scalebayes.cli.recipes import recipes
from scalebayes.cli.register import register
from scalebayes.cli.report import report
from scalebayes.cli.savage_dickey import savage_dickey
from scalebayes.cli.score import score
from scalebayes.cli.stack import stack
from scalebayes.cli.strategies import strategies
from scalebayes.cli.summary import summary
from scalebayes.cli.update import update
from scalebayes.cli.wait import INTERRUPTED, interruptible
from scalebayes.errors import InputError

FAILED = 1  # exit code of a command that a bug, a full disk or the lack of a reader ended
BAD_INPUT = 2  # exit code of a command whose input can't be used
# Old spelling of an option -> its spelling now. The old one is understood for one release, with a warning.
RENAMED = {"--cutoff": "--cutoffs"}

app = typer.Typer(
    name="scalebayes",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def placed(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that its messages name its own flags and the table that it was given."""
    whole = flat(command)

    @functools.wraps(whole)
    def run(debug: bool = False, **settings: Any) -> None:
        if debug:
            bug.show_tracebacks(True)
        runs = settings.get("runs")
        fit = settings.get("file", settings.get("fit"))
        flags.enter(name_of(command), runs[0] if isinstance(runs, list) else runs, fit)
        whole(**settings)

    signature = inspect.signature(whole)
    more = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bug.DebugHere)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), more])  # type: ignore[attr-defined]
    run.__annotations__ = {**whole.__annotations__, "debug": bug.DebugHere}
    return run


def name_of(command: Callable[..., None]) -> str:
    """Return the name by which a command is typed.

    >>> name_of(fit_many)
    'fit-many'
    """
    return command.__name__.replace("_", "-")


class Once(TyperCommand):
    """A command that refuses a second value for an option of one value; typer would drop the first one silently."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words behind the command, after looking for old spellings and for an option that is given twice."""
        args = [self._renamed(word, quiet=ctx.resilient_parsing) for word in args]
        # While a shell completes a word, the command line may end anywhere, and can't be parsed here.
        _, _, order = ({}, [], []) if ctx.resilient_parsing else self.make_parser(ctx).parse_args(args=list(args))
        for param in dict.fromkeys(order):
            many = getattr(param, "multiple", False) or getattr(param, "is_flag", False)
            if order.count(param) > 1 and param.nargs == 1 and not many:
                raise InputError(f"{param.opts[0]} is given twice, and takes one value; {_joined(param.opts[0])}")
        return super().parse_args(ctx, args)

    def _renamed(self, word: str, quiet: bool) -> str:
        """Return a word with the present spelling of its option; warn of an old one, unless a shell completes words."""
        old, equals, value = word.partition("=")
        new = RENAMED.get(old, "")
        if not any(new in param.opts for param in self.params):
            return word
        if not quiet:
            message(f"warning: {old} is {new} now; the next release knows {new} alone")
        return f"{new}{equals}{value}"


def _joined(option: str) -> str:
    """Say how the values of an option that was given twice are written as one."""
    if option == "--where":
        return 'join the filters, as in --where "N > 1e8 and D > 1e9"'
    if option in ("--N", "--D", "--C", "--x"):
        return f"write the values with a comma between, as in {option} 1e21,1e22"
    return "give it once"


COMMANDS = (
    *(forecast, fit, fit_many, predict, optimum, summary),
    *(plan, budget_for),
    *(recipes, strategies, next_runs),
    *(compare, stack, backtest, recalibrate, calibrate, savage_dickey),
    *(report, update, register, score),
    *(export, laws, datasets, demo),
)
for command in COMMANDS:
    app.command(name_of(command), cls=Once)(placed(command))


@app.callback(invoke_without_command=True)
def scalebayes(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: bug.Debug = False,
) -> None:
    """Bayesian fitting, forecasting and planning with neural scaling laws.

    \b
    scalebayes forecast runs.csv --N 70B --D 1.4T     columns N, D, loss
    scalebayes fit runs.csv --out fit.nc              a law that you name
    scalebayes predict fit.nc --N 70B --D 1.4T        a run not yet trained
    scalebayes optimum fit.nc --C 1e22:1e24:3         the best N and D of a budget
    """
    bug.show_tracebacks(debug)
    if version:
        print(f"scalebayes {__version__}")
    elif context.invoked_subcommand is None:
        print(FIRST_STEPS, end="")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: The words behind `scalebayes`; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for bad input, 130 for Ctrl-C, and 1 for an error of the library itself, or if
        the reader of the output has left.
    """
    bug.show_tracebacks(False)
    typed = sys.argv[1:] if args is None else list(args)
    program: Any = typer.main.get_command(app)
    commands = program.commands.items()
    options = {name: [o for p in c.params for o in (*p.opts, *p.secondary_opts)] for name, c in commands}
    flags.begin(options, sys.argv[1:] if args is None else args)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            with interruptible():
                code = program.main(typed, prog_name="scalebayes", standalone_mode=False)
            sys.stdout.flush()
        except _USAGE_ERROR as error:
            command = next((word for word in typed if word in program.commands), "")
            where = error.ctx.command_path if error.ctx else f"scalebayes {command}".strip()
            said = error.format_message().rstrip(".")
            # An input without an option of its own, such as U, is given to predict by --input.
            other = str(getattr(error, "option_name", "")).lstrip("-")
            if where == "scalebayes predict" and not flags.of_some(f"--{other}"):
                said += f"; an input of the law is given as --input {other}=VALUE"
            return _refused(f"{said}{' See' if said.endswith('?') else '; see'} {where} --help")
        except InputError as error:
            bug.tell(error)
            return _refused(flags.here(str(error)))
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader of the output has left. What Python still writes at exit must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            bug.tell(error)
            message(f"error: {bug.line_of(error, typed)}")
            return FAILED
    if code == INTERRUPTED:
        message("interrupted")
    return code or 0


# typer exports BadParameter, but not its base class, from which all usage errors derive.
_USAGE_ERROR: Any = typer.BadParameter.__base__


def _refused(text: str) -> int:
    """Print an error, and return the exit code for bad input."""
    message(f"error: {text}")
    return BAD_INPUT


def _show_warning(text: Warning | str, *_: Any, **__: Any) -> None:
    """Print a Python warning in one line, in the terms of the running command."""
    message(f"warning: {flags.here(str(text))}")
