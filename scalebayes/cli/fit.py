"""scalebayes fit and scalebayes summary: a fit made, and a fit read."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.fit_text import about_fit, checks_text, failed_text, fitted_text, parameters_text, warn_failed
from scalebayes.cli.flags import quoted
from scalebayes.cli.options import (
    Columns,
    FitFile,
    Fix,
    Inputs,
    Json,
    NCounts,
    Observable,
    Priors,
    Prob,
    RunsPath,
    Seed,
    UniqueTokens,
    Unit,
    Units,
    Where,
    Window,
    load_jax,
    opened,
    table,
)
from scalebayes.cli.parse import check_prob, named, number, pairs
from scalebayes.cli.wait import patiently, stage
from scalebayes.errors import InputError, shown, unknown

HDF5 = b"\x89HDF\r\n\x1a\n"  # how a saved fit begins


def fit(
    runs: RunsPath,
    law: Annotated[
        str, typer.Option(help="Law: 'scalebayes laws' lists them; settings as in broken_power:breaks=2.")
    ] = "chinchilla",
    noise: Annotated[
        str | None,
        typer.Option(help="Noise, by default the law's own: student_t, normal, ...; settings as in huber:delta=1e-3."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="Method: nuts, laplace or map; settings as in nuts:draws=4000,chains=4.")
    ] = "nuts",
    discrepancy: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS",
            help="How the curve may depart from the law: gp, or parts of it as in matern,bend,drift; by default none.",
        ),
    ] = None,
    window: Window = None,
    where: Where = None,
    inputs: Inputs = None,
    columns: Columns = None,
    N_counts: NCounts = None,
    unique_tokens: UniqueTokens = None,
    unit: Unit = None,
    units: Units = None,
    observable: Observable = None,
    fix: Fix = None,
    priors: Priors = None,
    fallback: Annotated[
        bool, typer.Option(help="Go on from laplace, where its k-hat fails, to more proposals and to nuts.")
    ] = True,
    seed: Seed = 0,
    prob: Prob = 0.9,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Save the fit to this NetCDF file.")] = None,
    json: Json = False,
) -> None:
    """Fit a scaling law to a table of runs."""
    check_prob(prob)
    bound = pairs(inputs or (), "--input", "x=C")
    asked = table(runs, where, columns, N_counts, unit, units, unique_tokens)
    fixed = fixed_of(fix)
    law_name, law_settings = named(law, "--law", "broken_power:breaks=2")
    noise_name, noise_settings = named(noise or "", "--noise", "huber:delta=1e-3,scale=1")
    method_name, method_settings = named(method, "--method", "nuts:draws=4000")
    target = None if out is None else checked_target(out)
    kept = window_of(window)
    load_jax()
    import scalebayes as sb
    from scalebayes.fitting.spec import noise_of

    chosen_law = sb.laws.get(law_name, **law_settings)
    departure = None if discrepancy in (None, "none") else "gp" if discrepancy == "gp" else sb.GP(*parts(discrepancy))
    chosen_noise = sb.noises.get(noise_name or noise_of(chosen_law, departure), noise_settings)
    chosen_method = method_of(method_name, method_settings)
    found = asked.read(observable or chosen_law.observable, range_of(chosen_law))
    fitted = patiently(
        "Compiling and fitting",
        lambda: sb.fit(
            found,
            chosen_law,
            noise=chosen_noise,
            discrepancy=departure,
            window=kept,
            method=chosen_method,
            priors=priors_of(priors, fixed, chosen_law.params, chosen_noise.params),
            inputs=bound,
            seed=seed,
            fallback=fallback,
            on_fail="ignore",  # the checks are printed
        ),
    )
    if json:
        warn_failed(fitted)
        return answered(about_fit(fitted, prob), fitted, target)
    blocks = [
        failed_text(fitted.checks),
        show.lines(repr(fitted.runs)),
        fitted_text(fitted),
        parameters_text(fitted, prob),
        checks_text(fitted.checks),
        "not saved; --out fit.nc keeps it" if target is None else "",
    ]
    answered("\n\n".join(block for block in blocks if block), fitted, target)


def parts(text: str) -> list[str]:
    """The names in a list with commas."""
    return [part.strip() for part in text.split(",")]


def summary(file: FitFile, prob: Prob = 0.9, json: Json = False) -> None:
    """Show a saved fit: its parameters and checks."""
    check_prob(prob)
    fitted = opened(file)
    if json:
        warn_failed(fitted)
        return show.document(about_fit(fitted, prob))
    blocks = [
        failed_text(fitted.checks),
        show.lines(repr(fitted.runs)),
        fitted_text(fitted, every=True),
        parameters_text(fitted, prob),
        checks_text(fitted.checks, every=True),
    ]
    print("\n\n".join(block for block in blocks if block))


def range_of(law: Any) -> tuple[float, float]:
    """What a table's observable is read as: positive, or any number where `fit` is to judge of it."""
    return law.range if law.range == (0.0, float("inf")) else (-float("inf"), float("inf"))


def checked_target(out: str) -> Path:
    """The path to save to, found to be writable before anything is computed."""
    path = Path(out).expanduser()
    if not out:
        raise InputError("--out: the name is empty; give a file name such as fit.nc")
    if path.is_dir():
        raise InputError(f"--out: {path} is a folder; give a file name such as {path / 'fit.nc'}")
    if not path.parent.is_dir():
        make = f"mkdir -p {quoted(str(path.parent))}"
        raise InputError(f"--out: can't write {path}: there is no folder {path.parent}; make it first: {make}")
    try:
        if path.exists() and not (path.is_file() and _begins(path) == HDF5):
            raise InputError(f"--out: {path} is there and is no saved fit; give another name")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"--out: can't write {path}: {error.strerror}") from None
    return path


def answered(answer: str | Mapping[str, Any], found: Any, target: Path | None) -> None:
    """Print an answer, or its document, and save what it was found with; where that fails, the answer is there.

    Args:
        answer: as text, or a document to which "saved" is added. found: a fit, or a backtest. target: None to save not.

    Raises:
        InputError: it can't be saved.
    """
    failed = None
    if isinstance(answer, str):
        print(answer, flush=True)
    if target is not None:
        try:
            with stage("Saving"):
                found.save(target)
        except InputError as error:
            failed = error
    if not isinstance(answer, str):
        show.document({**answer, "saved": None if failed or target is None else str(target)})
    elif target is not None and not failed:
        print(f"\nsaved to {shown(str(target))}")
    if failed:
        raise InputError(f"--out: {failed}")


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(HDF5))


def method_of(name: str, settings: Mapping[str, Any], default: Any = None) -> Any:
    """A method with the settings typed, those of its search among them.

    Args:
        default: the method whose settings hold where others aren't typed, if it has this name.
    """
    from scalebayes import infer

    method = default if default is not None and default.name == name else infer.get(name)
    own = {one.name: getattr(method, one.name) for one in fields(method) if one.name not in ("search", "fallback")}
    defaults = own | asdict(method.search)
    for key, value in settings.items():
        if key not in defaults:
            raise unknown(f"setting of method '{name}'", key, defaults)
        whole = isinstance(defaults[key], int)
        none = key in ("rounds", "lbfgs_steps") and value == 0
        if isinstance(value, str) or (whole and not isinstance(value, int)) or (value <= 0 and not none):
            raise InputError(f"--method: {key} is a positive {'whole ' if whole else ''}number, not '{value}'")
    search = replace(method.search, **{key: value for key, value in settings.items() if key not in own})
    return replace(method, **{key: value for key, value in settings.items() if key in own}, search=search)


def fixed_of(fix: list[str] | None) -> dict[str, float]:
    """Parameter -> the number it is held at."""
    return {
        name: number(text, f"--fix {name}", "0.35 or 70e9")
        for name, text in pairs(fix or (), "--fix", "alpha=0.35").items()
    }


def window_of(window: str | None) -> Any:
    """What `fit` takes as a window."""
    from scalebayes.runs.window import Window

    return window if window in (None, "auto") else Window(number(window, "--window", "2, or auto"))


def priors_of(priors: str | None, fixed: Mapping[str, float], *params: Mapping[str, Any]) -> Any:
    """What `fit` takes as priors: flat ones of what varies, in all of several laws, and fixed numbers."""
    if priors not in (None, "flat"):
        raise unknown("--priors", str(priors), ["flat"])
    if priors is None or not fixed:
        return priors or fixed or None
    held = {name for each in params for name, param in each.items() if param.fixed}
    return {**{name: "flat" for each in params for name in each if name not in held}, **fixed}
