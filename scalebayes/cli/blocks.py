"""Lets a command take a block of options as one argument, whose type is a dataclass with one field per option."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each argument of a command that is a block by the options of the block, as typer needs them.

    Args:
        command: The function of the command. An argument whose type is a dataclass is a block.

    Returns:
        A function that takes the options of all blocks as arguments of its own, in the order of the arguments.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Size:
    ...     width: int = 80
    >>> def show(text: str, *, size: Size, loud: bool = False) -> None:
    ...     print(text, size.width, loud)
    >>> list(inspect.signature(flat(show)).parameters)
    ['text', 'width', 'loud']
    >>> flat(show)(text="a", width=100, loud=True)
    a 100 True
    """
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    blocks = {name: hints[name] for name in signature.parameters if is_dataclass(hints[name])}
    taken: list[inspect.Parameter] = []
    for name, own in signature.parameters.items():
        if name in blocks:
            taken += _options(blocks[name])
        else:
            taken.append(own.replace(annotation=hints[name], kind=own.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {name: of(**{one.name: given.pop(one.name) for one in fields(of)}) for name, of in blocks.items()}
        command(**given, **made)

    run.__signature__ = signature.replace(parameters=taken)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in taken}
    return run


def _options(block: Any) -> list[inspect.Parameter]:
    """Return the fields of a block as parameters of a function."""
    hints = get_type_hints(block, include_extras=True)
    return [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(block)
    ]
