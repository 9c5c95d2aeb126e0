"""The command-line options for reading order files, the same for every command that reads them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any

import typer

from orders_pipeline.order_files.option import Option
from orders_pipeline.order_files.reading_instructions import all_options, instructions_from

ARGUMENT = "instructions"
Command = Callable[..., None]


def reading_options(*left_out: str) -> Callable[[Command], Command]:
    """Replaces the argument `instructions` of a command with these options, and passes their values in it.

    Args:
        left_out: options that the command does not need.
    """
    offered = [one for one in all_options() if one.name not in left_out]

    def decorated(function: Command) -> Command:
        own = inspect.signature(function, eval_str=True)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            said = instructions_from({one.name: kwargs.pop(one.name) for one in offered})
            function(*args, **{ARGUMENT: said}, **kwargs)

        added = [_parameter(one) for one in offered]
        parts = [added if name == ARGUMENT else [one] for name, one in own.parameters.items()]
        parameters = list(chain.from_iterable(parts))
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorated


def _parameter(one: Option) -> inspect.Parameter:
    kind = int if one.is_number else str
    offered = Annotated[kind | None, typer.Option(help=one.about, min=one.least)]  # type: ignore[valid-type]
    return inspect.Parameter(
        one.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=offered
    )
