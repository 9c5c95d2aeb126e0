"""Options as data: a field of a frozen value, with what commands and forms need in order to offer it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be said, as it is offered to people.

    Args:
        about: one line of help.
        is_number: a whole number; else a text.
        least: the smallest number allowed.
        at_launch: whether a launch of a file that is already staged may still say it.
    """

    name: str
    about: str
    is_number: bool
    least: int | None
    at_launch: bool


def option(about: str, *, least: int | None = None, at_launch: bool = True) -> Any:
    """A field of a dataclass that is None unless somebody says otherwise; arguments as of `Option`."""
    return field(default=None, metadata={"about": about, "least": least, "at_launch": at_launch})


def options_of(owner: type) -> Iterator[Option]:
    """The fields of a dataclass that `option` made."""
    kinds = get_type_hints(owner)
    for one in fields(owner):
        if one.metadata:
            yield Option(name=one.name, is_number=int in get_args(kinds[one.name]), **one.metadata)
