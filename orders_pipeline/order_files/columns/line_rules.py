"""The section `[lines]` of a profile: lines that are left out of their orders."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orders_pipeline.base.refusals import FileRefused

Values = Annotated[tuple[str, ...], Field(min_length=1)]


class LineKind(StrEnum):
    """A kind of lines that can be left out: with a price of zero, or with a quantity below zero."""

    FREE = "free"
    RETURNED = "returned"


class LineRules(BaseModel):
    """The section `[lines]`.

    Attributes:
        leave_out: kinds of lines, and tables that list values by column. A line is left out if it is of one
            of the kinds, or if it has a listed value in each column of one of the tables.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    leave_out: tuple[LineKind | dict[str, Values], ...] = ()

    @field_validator("leave_out", mode="before")
    @classmethod
    def _single_values(cls, value: object) -> object:
        return [_listed(one) for one in value] if isinstance(value, list | tuple) else value

    def tables(self) -> Iterator[dict[str, Values]]:
        """Yields the tables of columns with values."""
        yield from (rule for rule in self.leave_out if isinstance(rule, dict))

    def kinds(self) -> set[LineKind]:
        """Returns the kinds of lines that are left out."""
        return {rule for rule in self.leave_out if isinstance(rule, LineKind)}


def _listed(rule: object) -> object:
    if not isinstance(rule, dict):
        return rule
    if not rule:
        raise ValueError("a table in leave_out needs a column")
    return {name: (values,) if isinstance(values, str) else values for name, values in rule.items()}


def kinds_in(option: str | None) -> set[LineKind]:
    """Returns the kinds of lines that the option `leave_out` names.

    Raises:
        FileRefused: a name is not the name of a kind.
    """
    try:
        return {LineKind(name.strip().lower()) for name in option.split(",")} if option else set()
    except ValueError:
        message = f"The option leave_out {option!r} is not valid."
        raise FileRefused("option_invalid", message, "Use free, returned, or free,returned.") from None
