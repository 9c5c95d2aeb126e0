"""Options as data: a dataclass field with the help text and limits that commands and forms need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class Option:
    """An option as users see it.

    Args:
        about: help text of one line.
        is_number: whether the value is a whole number; otherwise it is text.
        least: the smallest allowed number.
        at_launch: whether a launch in Dagster can still set the option for a file that is already staged.
    """

    name: str
    about: str
    is_number: bool
    least: int | None
    at_launch: bool


def option(about: str, *, least: int | None = None, at_launch: bool = True) -> Any:
    """Returns a dataclass field for an option with the default None; the arguments are those of `Option`."""
    return field(default=None, metadata={"about": about, "least": least, "at_launch": at_launch})


def options_of(owner: type) -> Iterator[Option]:
    """Yields the options among the fields of a dataclass."""
    kinds = get_type_hints(owner)
    for one in fields(owner):
        if one.metadata:
            yield Option(name=one.name, is_number=int in get_args(kinds[one.name]), **one.metadata)
