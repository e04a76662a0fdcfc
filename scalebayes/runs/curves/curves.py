"""Curves: what runs logged on their way, a table a run."""

from __future__ import annotations

from scalebayes.errors import shown
from scalebayes.runs.describe import MOST, in_unit, span
from scalebayes.runs.table import Runs

FEW = 8  # readings, below which a forecast of a curve is mostly its priors'


class Curves(dict[str, Runs]):
    """Curves by the name of their run: a dict, whose values `fit_many` fits and any one of which `forecaster` takes.

    `told` says what was read as what, and what was left out.

    >>> Curves({"tiny": Runs(x=[100.0, 200.0], loss=[4.0, 3.2])})
    Curves: 1 run, loss (unit not said)
      tiny: 2 readings, x 100 to 200, loss 3.2 to 4 (few: a forecast is mostly prior)
    """

    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if not self:
            return "Curves: no run"
        first = next(iter(self.values()))
        runs = f"{len(self)} run{'s' if len(self) > 1 else ''}"
        lines = [f"Curves: {runs}, {in_unit(first.observable, first.unit)}"]
        for name, runs in list(self.items())[:MOST]:
            inputs = ", ".join(f"{axis} {span(column)}" for axis, column in runs.inputs.items())
            few = " (few: a forecast is mostly prior)" if len(runs) < FEW else ""
            s = "s" if len(runs) > 1 else ""
            lines.append(f"  {name}: {len(runs)} reading{s}, {inputs}, {runs.observable} {span(runs.y)}{few}")
        if len(self) > MOST:
            few = sum(len(runs) < FEW for runs in list(self.values())[MOST:])
            lines.append(f"  and {len(self) - MOST} more" + (f", {few} of them of few readings" if few else ""))
        lines += [f"  {text}" for text in self.told]
        return "\n".join(map(shown, lines))
