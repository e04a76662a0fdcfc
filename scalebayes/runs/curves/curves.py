"""This file defines `Curves`, the learning curves of several runs, with one table per run."""

from __future__ import annotations

from scalebayes.errors import shown
from scalebayes.runs.describe import MOST, in_unit, span
from scalebayes.runs.table import Runs

FEW = 8  # number of readings of a run; with fewer, a prediction of its curve depends mostly on the priors


class Curves(dict[str, Runs]):
    """Learning curves as a dict from the name of a run to its `Runs`.

    `fit_many` fits all of the curves. `forecaster` takes one of them.

    Attributes:
        told: Sentences that say which columns were read, and which readings were left out.

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
