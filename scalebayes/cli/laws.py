"""The command `scalebayes laws` lists the laws that can be fitted, or describes one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import format as show
from scalebayes.cli.options import Json
from scalebayes.cli.parse import named

if TYPE_CHECKING:
    from scalebayes.laws import Law


def laws(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The law to describe; settings follow a colon, as in broken_power:breaks=2; by default all laws are "
            "listed.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the laws, or describe one of them."""
    from scalebayes import laws as registry

    if name is None:
        groups = {group: [registry.get(one) for one in members] for group, members in registry.GROUPS.items()}
        if json:
            return show.document({"laws": [brief(law) for members in groups.values() for law in members]})
        wide = max(map(len, registry.names()))
        blocks = [
            "\n".join([group, *(show.fields({f"  {law.name:<{wide}}": line(law)}) for law in members)])
            for group, members in groups.items()
        ]
        print("\n\n".join(blocks).replace("\u00a0", " "))
        print("\nscalebayes laws NAME shows the inputs, priors and published values of one.")
        return
    chosen, settings = named(name, "NAME", "broken_power:breaks=2")
    law = registry.get(chosen, **settings)
    if json:
        return show.document(full(law))
    print("\n\n".join(described(law)))


def line(law: "Law") -> str:
    """Return a law's formula and, in brackets, its inputs, as one line of the command's output that isn't broken yet.

    The blanks between the inputs are non-breaking (U+00A0). `format.fields` breaks a line that is too long elsewhere,
    and then turns these blanks into ordinary ones.
    """
    return f"{law.formula}  [{',\u00a0'.join(law.inputs)}]"


def group_of(law: "Law") -> str:
    """Return the heading under which the command lists a law."""
    from scalebayes.laws import GROUPS

    return next(group for group, members in GROUPS.items() if law.name in members)


def brief(law: "Law") -> dict[str, Any]:
    """Return what the JSON of the command says about one law in the list."""
    return {
        "name": law.name,
        "group": group_of(law),
        "formula": law.formula,
        "inputs": list(law.inputs),
        "observable": law.observable,
        "reference": law.reference,
    }


def described(law: "Law") -> list[str]:
    """Return the blocks of text that the command prints of one law."""
    from scalebayes.laws.page import inputs_text, observable_text

    content = full(law)
    head = {
        "formula": law.formula,
        "inputs": inputs_text(law),
        "observable": observable_text(law),
        "noise": f"{law.noise}, unless another is asked for",
        "settings": ", ".join(f"{key}={value}" for key, value in law.settings.items()),
        "source": law.reference,
    }
    rows = [
        [p["name"], p["prior"], "-" if p["dimension"] is None else p["dimension"] or "1"] for p in content["parameters"]
    ]
    taken = "inputs over their geometric mean in the runs, and the observable as it is"
    if law.has_scale:
        mean = "geometric mean" if law.range[0] >= 0 else "mean (geometric; root mean square of the observable)"
        taken = f"inputs and {law.observable} over their {mean} in the runs"
    named_loss = law.observable != "loss" and any("loss" in row[2] for row in rows)
    also = f" In a dimension, loss is the unit of {law.observable}." if named_loss else ""
    note = show.prose(f"Priors are on parameters in reference units: {taken}.{also}")
    table = show.grid(["parameter", "prior", "dimension"], rows, left=3)
    literature = [
        show.fields({"literature": f"{key} {one['prior']}", "source": one["sources"]})
        for key, one in content["literature"].items()
    ]
    presets = [
        show.fields(
            {
                "preset": preset,
                "values": ", ".join(f"{key} = {show.full(value)}" for key, value in of["values"].items()),
                "units": ", ".join(f"{key} in {unit}" for key, unit in of["units"].items()),
                "source": of["reference"],
            }
        )
        for preset, of in content["presets"].items()
    ]
    return [
        f"{law.name}\n{show.fields({f'  {k}': v for k, v in head.items()})}",
        f"{table}\n{note}",
        *literature,
        *presets,
    ]


def full(law: "Law") -> dict[str, Any]:
    """Return the JSON that the command prints of a law: its parameters, priors, dimensions and published values."""
    from scalebayes.laws import PRESETS
    from scalebayes.parameters.priors import prior_text

    return {
        **brief(law),
        "range": list(law.range),
        "noise": law.noise,
        "units": dict(law.bases),
        "domains": {name: list(within) for name, within in law.domains.items()},
        "settings": dict(law.settings),
        "parameters": [
            {"name": name, "prior": prior_text(param.prior), "dimension": param.dimension}
            for name, param in law.params.items()
        ],
        "literature": {
            name: {"prior": prior_text(one.prior.prior), "sources": one.sources} for name, one in law.literature.items()
        },
        "presets": {
            name: {"values": dict(preset.values), "units": dict(preset.units), "reference": preset.reference}
            for name, preset in PRESETS.items()
            if preset.law.name == law.name
        },
    }
