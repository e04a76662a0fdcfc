"""Reads the table of runs, or the curve of one run, that a command's options ask for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalebayes.cli.parse import number, pairs
from scalebayes.cli.shell import quoted
from scalebayes.cli.table_options import Curve, Reading
from scalebayes.cli.wait import stage
from scalebayes.errors import InputError, listed, nearest

if TYPE_CHECKING:
    from scalebayes.runs import Curves, Runs

SHOWN = 10  # names of runs in a message; of those after them only the number is said


@dataclass(frozen=True)
class Asked:
    """The table that a command was asked to read, with the arguments of `read_runs`."""

    runs: str
    where: str | None
    columns: Mapping[str, str | float | None]
    N_counts: str | None
    unit: str | None
    units: Mapping[str, str]
    observable: str | list[str] | None
    unique_tokens: str | None

    def read(self, observable: str, range: tuple[float, float] | None = None) -> "Runs":
        """Read the runs.

        Args:
            observable: The observable that is read if --observable names none.

            range: The range that its values must lie in; by default that of a loss.

        Returns:
            The runs.
        """
        import scalebayes as sb

        with stage("Reading runs"):
            return sb.read_runs(
                self.runs,
                self.where,
                self.columns,
                observable=self.observable or observable,
                range=range,
                N_counts=self.N_counts,
                unit=self.unit,
                units=self.units,
            )


def table(runs: str, reading: Reading) -> Asked:
    """Return the table that the reading options ask for, without reading it.

    Raises:
        InputError: An option isn't written as it should be.

    >>> table("runs.csv", Reading(columns=["N=124M", "loss=val"], unique_tokens="118M")).columns
    {'N': 124000000.0, 'loss': 'val', 'U': 118000000.0}
    """
    named = {ours: column(theirs) for ours, theirs in pairs(reading.columns or (), "--columns", "N=params").items()}
    if reading.unique_tokens is not None:
        named["U"] = number(reading.unique_tokens, "--unique-tokens")
    units = pairs(reading.units or (), "--units", "N=M")
    return Asked(
        runs,
        reading.where,
        named,
        reading.N_counts,
        reading.unit,
        units,
        observables(reading.observable),
        reading.unique_tokens,
    )


def observables(text: str | None) -> str | list[str] | None:
    """Return the observable that --observable names, or a list of several, which commas separate.

    Raises:
        InputError: A name between two commas is empty.

    >>> observables("loss"), observables("loss_web,loss_code"), observables(None)
    ('loss', ['loss_web', 'loss_code'], None)
    """
    if text is None or "," not in text:
        return text
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise InputError(f"--observable {quoted(text)}: a name is missing beside a comma; write --observable a,b")
    return names


def column(theirs: str) -> str | float | None:
    """Return what `read_runs` takes for a column: its name, one number for every run, or None.

    >>> column("config.n_params"), column("124M"), column("")
    ('config.n_params', 124000000.0, None)
    """
    try:
        return number(theirs) if theirs else None
    except InputError:
        return theirs


def runs_or_curve(
    table: Asked,
    curve: Curve,
    observable: str = "loss",
    range: tuple[float, float] | None = None,
    asked: Collection[str] = (),
    along: str | None = None,
) -> "Runs":
    """Read the table of runs that the command line names, or the curve of one run at its path.

    Args:
        table: The table that was asked for.

        curve: The options of a curve; if one of them is given, a curve is read.

        observable: The observable that is read if --observable names none; the default is "loss".

        range: The range that its values must lie in; by default that of a loss.

        asked: The inputs at which a forecast is asked for; the default is none. If this is x alone, and no column is
            named for x, a path that holds histories is read as curves.

        along: The column that was typed for --along, which a curve can't have; the default is None.

    Returns:
        The runs.

    Raises:
        InputError: `read_runs` or `read_curves` refuses the path, or it holds several curves and none is named.
    """
    import scalebayes as sb
    from scalebayes.runs.curves.given_as_runs import HistoryError
    from scalebayes.runs.trackers import keeps_logs

    named = curve.run is not None or curve.tokens_per_step is not None
    if named and along:
        raise InputError(
            f"--along {along}: a curve is read against one axis; name it with --columns {quoted(f'x={along}')}"
        )
    along_x = set(asked) == {"x"} and not along
    batch = None if curve.tokens_per_step is None else number(curve.tokens_per_step, "--tokens-per-step")
    if not named and not (along_x and "x" not in table.columns and keeps_logs(table.runs)):
        try:
            return table.read(observable, range)
        except HistoryError:
            if not along_x:
                raise
    for flag, text in (("--N-counts", table.N_counts), ("--unique-tokens", table.unique_tokens)):
        if text is not None:
            raise InputError(
                f"{flag} {quoted(text)}: the input of a curve is its steps or its tokens alone; leave {flag} out"
            )
    if isinstance(table.observable, list):
        several = ",".join(table.observable)
        raise InputError(f"--observable {quoted(several)}: a curve has one observable; give one of them")
    columns: dict[str, Any] = dict(table.columns)
    with stage("Reading runs"):
        curves = sb.read_curves(
            table.runs,
            table.where,
            columns,
            observable=table.observable or observable,
            unit=table.unit,
            units=table.units,
            tokens_per_step=batch,
        )
    return picked(curves, curve.run, table.runs)


def check_laws_of_curve(curve: Curve, laws: Collection[Any]) -> None:
    """Refuse typed laws of several inputs for a curve, which has one.

    Raises:
        InputError: A law has several inputs; the message names it and says what to give.
    """
    if curve.run is None and curve.tokens_per_step is None:
        return
    for law in laws:
        if len(law.inputs) > 1:
            raise InputError(
                f"law '{law.name}' is of {', '.join(law.inputs)}, and a curve has one input, x; give a law of one, "
                "such as --law offset_power"
            )


def picked(curves: "Curves", run: str | None, path: str) -> "Runs":
    """Return the curve that `--run` names, or the only one."""
    if run is not None and run in curves:
        return curves[run]
    if run is None and len(curves) == 1:
        return next(iter(curves.values()))
    names = list(curves)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    there = f"{path} holds the curves of {len(names)} run{'s' if len(names) > 1 else ''}: {listed(names[:SHOWN])}{more}"
    if run is None:
        raise InputError(f"{there}; say which with --run {quoted(names[-1])}")
    close = nearest(run, names)
    raise InputError(f"--run {quoted(run)}: no such run; {there}; say --run {quoted((close or names)[0])}")
