"""Sets the priors of ladders beside the laws that were published: `python -m benchmarks.reach.literature`.

See README.md beside this file.
"""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.shared import add_out, commit

N, D = 70e9, 1.4e12  # the run at which floors are told: that of Chinchilla, the largest that these laws were used for


class Published(NamedTuple):
    """What a published law says of ladders.

    Attributes:
        source: Where it was published.
        exponents: Its exponent along each of "N", "D" and "C" that it has.
        floor: The share of E in the loss at N and D, or None where the law has no E.
    """

    source: str
    exponents: Mapping[str, float]
    floor: float | None


def main() -> None:
    """Write literature.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_out(parser, Path(__file__).parent, "literature.md")
    options = parser.parse_args()
    text = "\n".join([*markdown(published()), ""])
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "literature.md").write_text(text, encoding="utf-8")
    print(text)


def published() -> dict[str, Published]:
    """Return the published laws of N, D or C, by their names."""
    import scalebayes as sb

    found = {}
    for name, preset in sb.laws.PRESETS.items():
        value = preset.values
        if preset.law.name == "power":
            found[name] = Published(preset.reference, {name.rpartition("_")[2]: value["alpha"]}, None)
        elif {"alpha", "beta", "E"} <= set(value):
            alpha, beta = value["alpha"], value["beta"]
            own = {p: value[p] for p in ("A", "B", "alpha", "beta", "E")}
            share = value["E"] / float(sb.laws.get("chinchilla")(N=N, D=D, **own))
            along = {"N": alpha, "D": beta, "C": alpha * beta / (alpha + beta)}
            found[name] = Published(preset.reference, along, share)
    return found


def markdown(laws: Mapping[str, Published]) -> Iterator[str]:
    """Yield the lines of literature.md."""
    from scalebayes.fitting.recipes import OF_LADDERS, OF_ONE_SCALE
    from scalebayes.parameters.priors import prior_text

    priors = {"N": OF_ONE_SCALE, "D": OF_ONE_SCALE, "C": OF_LADDERS}

    def cell(prior: Any, value: float | None, at: float | None = None) -> str:
        if value is None:
            return ""
        return f"{value:.3g} ({100 * float(prior.cdf(value if at is None else at)):.0f} %)"

    yield "# Priors of ladders beside the published laws"
    yield ""
    yield "Made by `python -m benchmarks.reach.literature`. Behind each value stands the part of the prior below it."
    yield f"The exponent along C is that of the optimal N and D. The floor is the share of E in the loss at N = {N:.3g}"
    yield f"and D = {D:.3g}. Laws without E were published without a floor."
    yield ""
    yield "| law | exponent along N | along D | along C | floor |"
    yield "|---|---|---|---|---|"
    for name, law in laws.items():
        cells = [cell(priors[along]["alpha"], law.exponents.get(along)) for along in "NDC"]
        at = None if law.floor is None else np.log(law.floor / (1 - law.floor))
        yield f"| {name} | {' | '.join(cells)} | {cell(OF_LADDERS['logit_phi'], law.floor, at)} |"
    yield ""
    yield "| prior | along C | along N or D |"
    yield "|---|---|---|"
    for name in ("alpha", "logit_phi"):
        yield f"| {name} | {prior_text(OF_LADDERS[name])} | {prior_text(OF_ONE_SCALE[name])} |"
    yield ""
    yield from (f"- {name}: {law.source}" for name, law in laws.items())
    yield ""
    yield f"{datetime.now(UTC).isoformat(timespec='seconds')}, commit {commit()}."


if __name__ == "__main__":
    main()
