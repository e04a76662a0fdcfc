"""This file makes the page of all laws from their records: `python -m scalebayes.laws.page > LAWS.md`."""

import math
from collections.abc import Iterator

from scalebayes import laws
from scalebayes.laws.law import Law
from scalebayes.parameters.priors import prior_text

COMMAND = "python -m scalebayes.laws.page > LAWS.md"
HEAD = f"""# Scaling laws

`{COMMAND}` makes this page from the records of the laws.

A law is fitted by its name: `sb.fit(runs, law="chinchilla")`. A law with settings is made first:
`sb.laws.get("broken_power", breaks=2)`. Inputs are positive unless the table says otherwise.

Priors are on parameters in reference units. There each input is divided by its geometric mean in the runs. The
observable is divided by its geometric mean too, or by its root mean square where it may be negative; an observable
between two numbers is taken as it is. The laws from the end of the runs take these means over the largest tenth of the
runs, the others over all runs. The brackets after a prior have the parameter's dimension, in which `loss` is the unit
of the observable.

`law.with_priors("literature")` takes the priors from published fits, where there are some. `law.with_priors(E=...)`
gives a law with other priors, `law.fix(alpha=0.5)` one with a fixed parameter, and `law.tie("alpha", "beta")` one with
two equal parameters.
"""


def page() -> str:
    """The page as Markdown; each group of laws has a section with a table of its laws and their parameters.

    >>> "## N and D" in page()
    True
    """
    return "\n".join([HEAD, *(line for group, members in laws.GROUPS.items() for line in section(group, members))])


def section(group: str, members: tuple[str, ...]) -> Iterator[str]:
    """The lines of the page of laws on one group of laws."""
    group_laws = [laws.get(name) for name in members]
    yield f"## {group}\n"
    yield "| law | formula | inputs | observable, noise | reference |"
    yield "|---|---|---|---|---|"
    for law in group_laws:
        settings = "".join(f", `{name}={value!r}`" for name, value in law.settings.items())
        cells = (
            f"`{law.name}`{settings}",
            law.formula,
            inputs_text(law),
            f"{observable_text(law)}; {law.noise}",
            law.reference,
        )
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |"
    yield ""
    for law in group_laws:
        yield from parameters(law)


def parameters(law: Law) -> Iterator[str]:
    """The lines of the page of laws on one law's parameters and published values."""
    priors = [f"{name} {prior_text(param.prior)}{dimension(param.dimension)}" for name, param in law.params.items()]
    yield f"**{law.name}.** " + "; ".join(priors) + "."
    known = [f"`{name}`" for name, preset in laws.PRESETS.items() if preset.law.name == law.name]
    if known:
        yield f"Published values: {', '.join(known)}."
    for name, entry in law.literature.items():
        yield f"From the literature: {name} {prior_text(entry.prior.prior)}, from {entry.sources}."
    yield ""


def inputs_text(law: Law) -> str:
    """The inputs of a law for the page of laws: also the values of one that need not be positive, and a shared unit.

    >>> inputs_text(laws.get("sparse_moe")), inputs_text(laws.get("data_constrained"))
    ('N, D, S (0 <= S < 1, as it is)', 'N, D, U (in the unit of D)')
    """
    return ", ".join(_input(law, name) for name in law.inputs)


def _input(law: Law, name: str) -> str:
    low, high = law.domains.get(name, (0.0, math.inf))
    within = (
        "any number" if math.isinf(low) else f"{low:g} or more" if math.isinf(high) else f"{low:g} <= {name} < {high:g}"
    )
    base = law.bases[name]
    unit = {name: "", "": "as it is", "loss": f"in the unit of {law.observable}"}.get(base, f"in the unit of {base}")
    note = ", ".join(part for part in (within if name in law.domains else "", unit) if part)
    return f"{name} ({note})" if note else name


def observable_text(law: Law) -> str:
    """The observable of a law for the page of laws, with its range where it can't be every positive number.

    >>> observable_text(laws.get("chinchilla")), observable_text(laws.get("repeated_sampling"))
    ('loss', 'coverage between 0 and 1')
    """
    low, high = law.range
    if law.has_scale:
        return law.observable if low == 0 else f"{law.observable} of either sign"
    return f"{law.observable} between {low:g} and {high:g}"


def dimension(text: str | None) -> str:
    """A parameter's dimension on the page of laws, in brackets as Markdown; "" for a pure number."""
    return f" ({text})".replace("*", "\\*") if text else ""


if __name__ == "__main__":
    print(page(), end="")
