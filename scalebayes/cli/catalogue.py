"""scalebayes laws: what can be fitted."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli import show
from scalebayes.cli.options import Json

if TYPE_CHECKING:
    from scalebayes.laws import Law


def laws(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A law, to show all there is of it.")] = None,
    json: Json = False,
) -> None:
    """List the laws, or show the priors of one."""
    from scalebayes import laws as registry

    if name is None:
        found = [registry.get(one) for one in registry.names()]
        if json:
            return show.document({"laws": [brief(law) for law in found]})
        print("\n\n".join(f"{law.name}\n" + indented(law) for law in found))
        print("\nscalebayes laws NAME shows the priors and the published values of one.")
        return
    law = registry.get(name)
    if json:
        return show.document(full(law))
    print(f"{law.name}\n{indented(law)}\n")
    content = full(law)
    rows = [
        [p["name"], p["prior"], "-" if p["dimension"] is None else p["dimension"] or "1"] for p in content["parameters"]
    ]
    print(show.grid(["parameter", "prior", "dimension"], rows, left=3))
    print(
        show.prose(
            "Priors are on parameters in reference units: inputs and loss over their geometric mean in the runs."
        )
    )
    for preset, of in content["presets"].items():
        values = ", ".join(f"{key} = {show.full(value)}" for key, value in of["values"].items())
        print("\n" + show.fields({"preset": preset, "values": values, "source": of["reference"]}))


def brief(law: "Law") -> dict[str, Any]:
    """What the list says of a law."""
    return {"name": law.name, "formula": law.formula, "inputs": list(law.inputs), "reference": law.reference}


def indented(law: "Law") -> str:
    """The lines under the name of a law."""
    return show.fields({"  formula": law.formula, "  inputs": ", ".join(law.inputs), "  source": law.reference})


def full(law: "Law") -> dict[str, Any]:
    """All there is of a law: parameters with their priors and dimensions, and published values."""
    from scalebayes.laws import PRESETS
    from scalebayes.priors import prior_text

    return {
        **brief(law),
        "parameters": [
            {"name": name, "prior": prior_text(param.prior), "dimension": param.dimension}
            for name, param in law.params.items()
        ],
        "presets": {
            name: {"values": dict(preset.values), "units": dict(preset.units), "reference": preset.reference}
            for name, preset in PRESETS.items()
            if preset.law.name == law.name
        },
    }
