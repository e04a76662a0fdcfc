"""Declares the options of the commands that plan: the cost of a run, its limits, and the budget in money or time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalebayes.cli.parse import number, numbers
from scalebayes.errors import InputError, unknown

if TYPE_CHECKING:
    from scalebayes.planning.costs.record import Cost

COSTS = (SIX_ND := "6nd", "moe", "transformer")


CostTyped = Annotated[
    str,
    typer.Option(
        metavar="COST",
        help="The cost of a run: 6nd; moe:active=37e9,total=671e9; or "
        "transformer:aspect=128,vocabulary=32000,context=2048.",
        autocompletion=lambda: list(COSTS),
    ),
]


def cost_typed(text: str) -> "Cost":
    """Return the cost that was typed.

    Raises:
        InputError: It isn't known, or a setting of it isn't.
    """
    from scalebayes.cli.parse import named
    from scalebayes.planning import costs

    name, settings = named(text, "--cost", "moe:active=37e9,total=671e9")
    if name not in COSTS:
        raise unknown("cost", name, COSTS)
    if name == SIX_ND and settings:
        raise InputError("--cost 6nd takes no settings; leave out what follows the colon")
    try:
        found: Cost = costs.six_nd if name == SIX_ND else getattr(costs, name)(**settings)
    except TypeError as error:
        raise InputError(f"--cost {text}: {error}; see scalebayes plan --help") from error
    return found


@dataclass(frozen=True)
class CostOptions:
    """What a run costs."""

    cost: CostTyped = SIX_ND
    inference_tokens: Annotated[
        str | None,
        typer.Option(metavar="TOKENS", help="Tokens that the model will serve: 2 N FLOPs each are added to the cost."),
    ] = None

    def chosen(self) -> "Cost":
        """Return the cost that was typed, with that of serving.

        Raises:
            InputError: It isn't known, or a setting of it isn't.
        """
        found = cost_typed(self.cost)
        if self.inference_tokens is None:
            return found
        from scalebayes.planning import costs

        return costs.with_inference(number(self.inference_tokens, "--inference-tokens"), found)


@dataclass(frozen=True)
class LimitOptions:
    """What the optimum is subject to."""

    max_N: Annotated[str | None, typer.Option("--max-N", metavar="N", help="The largest model, such as 8B.")] = None
    min_N: Annotated[str | None, typer.Option("--min-N", metavar="N", help="The smallest model.")] = None
    max_D: Annotated[str | None, typer.Option("--max-D", metavar="D", help="The most tokens, such as 3T.")] = None
    min_D: Annotated[str | None, typer.Option("--min-D", metavar="D", help="The fewest tokens.")] = None
    max_D_per_N: Annotated[
        str | None, typer.Option("--max-D-per-N", metavar="X", help="The most tokens for each parameter.")
    ] = None
    min_D_per_N: Annotated[
        str | None, typer.Option("--min-D-per-N", metavar="X", help="The fewest tokens for each parameter.")
    ] = None
    fixed_N: Annotated[
        str | None, typer.Option("--fixed-N", metavar="N", help="The model's size is given, and D follows.")
    ] = None
    fixed_D: Annotated[
        str | None, typer.Option("--fixed-D", metavar="D", help="The tokens are given, and N follows.")
    ] = None
    N_in: Annotated[
        str | None, typer.Option("--N-in", metavar="N,N,...", help="The sizes that can be trained, such as 1B,7B,70B.")
    ] = None
    unique_tokens: Annotated[
        str | None,
        typer.Option(
            "--unique-tokens", metavar="U", help="Number of unique tokens of the training corpus, such as 118M."
        ),
    ] = None

    def named(self) -> dict[str, Any]:
        """Return the limits that were typed, by the names that `sb.optimum` has for them."""
        names = {"fixed_N": "N", "fixed_D": "D"}
        typed = {name: text for name, text in vars(self).items() if text is not None}
        flags = {name: "--" + name.replace("_", "-") for name in typed}
        return {
            names.get(name, name): numbers(text, flags[name]) if name == "N_in" else number(text, flags[name])
            for name, text in typed.items()
        }


@dataclass(frozen=True)
class BudgetOptions:
    """The budget, in one of four units."""

    budget: Annotated[
        str | None,
        typer.Option("--budget", "--C", metavar="C", help="Compute in FLOPs, such as 1e23 or 1e22:1e24:3."),
    ] = None
    dollars: Annotated[str | None, typer.Option(metavar="USD", help="Dollars, such as 2M; with --on.")] = None
    gpu_hours: Annotated[str | None, typer.Option(metavar="H", help="Hours of one device; with --on.")] = None
    days: Annotated[str | None, typer.Option(metavar="DAYS", help="Days on --devices; with --on.")] = None
    on: Annotated[
        str | None,
        typer.Option(
            metavar="HARDWARE",
            help="The hardware: h100, h200, b200, a100, tpu_v5p or tpu_v4.",
            autocompletion=lambda: ["h100", "h200", "b200", "a100", "tpu_v5p", "tpu_v4"],
        ),
    ] = None
    devices: Annotated[str | None, typer.Option(metavar="COUNT", help="The number of devices, for --days.")] = None

    def settings(self) -> dict[str, Any]:
        """Return the settings of `sb.optimum` for what was typed."""
        found: dict[str, Any] = {
            {"budget": "C"}.get(name, name): numbers(text, f"--{name.replace('_', '-')}")
            for name in ("budget", "dollars", "gpu_hours", "days")
            if (text := getattr(self, name)) is not None
        }
        if not found:
            raise InputError(
                "say how much there is: --budget 1e23, --dollars 2M --on h100, or --days 30 --devices 512 --on h100"
            )
        if self.on is not None:
            found["on"] = self.on
        if self.devices is not None:
            found["devices"] = number(self.devices, "--devices")
        return found
