"""scalebayes demo: runs simulated from known values, fitted, and the answers held against the truth."""

from typing import TYPE_CHECKING, Any

from scalebayes.cli import show
from scalebayes.cli.options import Json, load_jax
from scalebayes.cli.questions import cell, quantities
from scalebayes.cli.tell import checks_text, failed_text, fitted_text
from scalebayes.cli.wait import patiently

if TYPE_CHECKING:
    from scalebayes.fitting import Fit
    from scalebayes.laws import Preset

TRUTH = "besiroglu2024"
N, D, C = 70e9, 1.4e12, 5.76e23  # Chinchilla as it was trained, and its budget
PROB = 0.9
TABLES = 50


def demo(json: Json = False) -> None:
    """Fit simulated runs and hold the answers against the truth."""
    load_jax()
    import scalebayes as sb
    from scalebayes.simulate import chinchilla_like

    preset = sb.laws.published(TRUTH)
    runs = chinchilla_like(preset)
    fit = patiently("Compiling and sampling", lambda: sb.fit(runs, preset.law, on_fail="ignore"))
    rows = answers(fit, preset)
    held = patiently("Fitting more tables", lambda: forecasts_that_hold(preset))
    if json:
        return show.document(
            {
                "simulated": True,
                "from": preset.reference,
                "runs": len(runs),
                "prob": PROB,
                "answers": rows,
                "tables": TABLES,
                "forecasts_that_hold": held,
            }
        )
    largest = show.given("C", float((6 * runs.inputs["N"] * runs.inputs["D"]).max()))
    place = f"N={show.given('N', N)}, D={show.given('D', D)}"
    intro = (
        f"SIMULATED runs, no real ones: {len(runs)} sizes and budgets like those of the Chinchilla paper, up to "
        f"{largest} FLOPs, with losses drawn from published values ({TRUTH}) and noise. So the truth is known, and "
        "each interval can be held against it."
    )
    cells = [
        [
            row["quantity"],
            row["at"],
            cell(row["symbol"], row, show.most_digits([row])),
            shown(row["symbol"], row["true"]),
            "yes" if row["inside"] else "no",
        ]
        for row in rows
    ]
    table = show.grid(["quantity", "at", f"median [{100 * PROB:.0f} % interval]", "true", "inside"], cells, left=2)
    inside = sum(row["inside"] for row in rows)
    end = (
        f"{inside} of {len(rows)} intervals of this one table hold the true value; they rise and fall together. That "
        f"is luck; the promise of an interval is about many tables: of {TABLES} others, simulated alike and fitted by "
        f"laplace, the {100 * PROB:.0f} % interval of the loss at {place} held the truth in {held}. Nothing was "
        "written."
    )
    blocks = [
        failed_text(fit.checks),
        show.prose(intro),
        fitted_text(fit),
        table,
        checks_text(fit.checks),
        show.prose(end),
    ]
    print("\n\n".join(block for block in blocks if block))


def answers(fit: "Fit", preset: "Preset") -> list[dict[str, Any]]:
    """Parameters, forecast and optimum: each with its interval, the true value, and whether it lies inside."""
    import jax
    import numpy as np

    import scalebayes as sb
    from scalebayes.optima import closed_form

    true = {name: float(value) for name, value in preset.values.items()}
    with jax.enable_x64():
        assert preset.law.terms is not None
        terms = preset.law.terms(**{name: np.float64(value) for name, value in true.items()})
        best_N = float(np.exp(closed_form(terms, np.array([C]))[0]).item())
        best_D = C / (6 * best_N)
        at_chinchilla, at_best = (float(preset.law(N=n, D=d, **true)) for n, d in ((N, D), (best_N, best_D)))
    found = [
        (name, name, "", row, true[name]) for name, row in fit.summary(PROB).to_dict("index").items() if name in true
    ]
    place = f"N={show.given('N', N)}, D={show.given('D', D)}"
    forecast = show.records(sb.interval(sb.predict(fit, N=N, D=D), PROB))[0]
    found.append(("loss", "loss", place, forecast, at_chinchilla))
    best = {"N": best_N, "D": best_D, "D_per_N": best_D / best_N, "loss": at_best}
    names = {"N": "N*", "D": "D*", "D_per_N": "D*/N*", "loss": "loss*"}
    table = quantities(sb.optimum(fit, C=C), PROB)
    found += [(names[name], name, f"C={show.given('C', C)}", table[name][0], value) for name, value in best.items()]
    return [
        {
            "quantity": quantity,
            "symbol": symbol,
            "at": at,
            **{s: row[s] for s in ("median", "mean", "sd", "lower", "upper")},
            "true": value,
            "inside": bool(row["lower"] <= value <= row["upper"]),
        }
        for quantity, symbol, at, row, value in found
    ]


def forecasts_that_hold(preset: "Preset") -> int:
    """In how many other simulated tables the interval of the loss of Chinchilla holds the true value."""
    import jax

    import scalebayes as sb
    from scalebayes.simulate import chinchilla_like

    with jax.enable_x64():
        true = float(preset.law(N=N, D=D, **preset.values))
    held = 0
    for seed in range(1, TABLES + 1):
        fit = sb.fit(chinchilla_like(preset, seed=seed), preset.law, method="laplace", on_fail="ignore", seed=seed)
        row = sb.interval(sb.predict(fit, N=N, D=D), PROB).iloc[0]
        held += bool(row["lower"] <= true <= row["upper"])
    return held


def shown(symbol: str, value: float) -> str:
    """A true value, with a digit more than the interval's."""
    return show.count(value, 4) if symbol in show.COUNTS else show.figure(value)
