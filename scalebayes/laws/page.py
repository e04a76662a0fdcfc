"""The page of all laws, made from their records: `python -m scalebayes.laws.page > LAWS.md`."""

import math
from collections.abc import Iterator

from scalebayes import laws
from scalebayes.laws.law import Law
from scalebayes.parameters.priors import prior_text

COMMAND = "python -m scalebayes.laws.page > LAWS.md"
HEAD = f"""# Scaling laws

Made from the records of the laws by `{COMMAND}`. A law is fitted by its name,
`sb.fit(runs, law="chinchilla")`; one with settings by `sb.laws.get("broken_power", breaks=2)`. Inputs are positive
unless it says otherwise. Priors are on parameters in reference units: inputs and observable over their geometric mean
in the runs (root mean square of an observable that may be negative); an observable between two numbers is taken as it
is. In brackets after a prior is the parameter's dimension, in which `loss` is the unit of the observable.

`law.with_priors("literature")` takes the priors from published fits where there are some; `law.with_priors(E=...)`,
`law.fix(alpha=0.5)` and `law.tie("alpha", "beta")` give a law with other priors, fixed or equal parameters.
"""


def page() -> str:
    """The page as Markdown: a section a group, a table of its laws, and each law's parameters.

    >>> "## N and D" in page()
    True
    """
    return "\n".join([HEAD, *(line for group, members in laws.GROUPS.items() for line in section(group, members))])


def section(group: str, members: tuple[str, ...]) -> Iterator[str]:
    """The lines of one group of laws."""
    found = [laws.get(name) for name in members]
    yield f"## {group}\n"
    yield "| law | formula | inputs | observable, noise | reference |"
    yield "|---|---|---|---|---|"
    for law in found:
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
    for law in found:
        yield from parameters(law)


def parameters(law: Law) -> Iterator[str]:
    """The lines of one law's parameters and published values."""
    told = [f"{name} {prior_text(param.prior)}{dimension(param.dimension)}" for name, param in law.params.items()]
    yield f"**{law.name}.** " + "; ".join(told) + "."
    known = [f"`{name}`" for name, preset in laws.PRESETS.items() if preset.law.name == law.name]
    if known:
        yield f"Published values: {', '.join(known)}."
    for name, one in law.literature.items():
        yield f"From the literature: {name} {prior_text(one.prior.prior)}, of {one.sources}."
    yield ""


def inputs_text(law: Law) -> str:
    """The inputs of a law, with the values of one that need not be positive and the unit of one that isn't its own.

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
    told = ", ".join(one for one in (within if name in law.domains else "", unit) if one)
    return f"{name} ({told})" if told else name


def observable_text(law: Law) -> str:
    """The observable of a law, with its range where it isn't any positive number.

    >>> observable_text(laws.get("chinchilla")), observable_text(laws.get("repeated_sampling"))
    ('loss', 'coverage between 0 and 1')
    """
    low, high = law.range
    if law.has_scale:
        return law.observable if low == 0 else f"{law.observable} of either sign"
    return f"{law.observable} between {low:g} and {high:g}"


def dimension(text: str | None) -> str:
    return f" ({text})".replace("*", "\\*") if text else ""


if __name__ == "__main__":
    print(page(), end="")
