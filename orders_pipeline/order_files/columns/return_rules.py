"""The section `[returns]` of a profile: which orders of a file are returns, and whether they are accepted."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.read_options import ReadOptions, Returns

# The name that the column `of` has in a layout.
NAMED = "return_of"


class ReturnRules(BaseModel):
    """The section `[returns]`.

    Attributes:
        number: pattern of the numbers of returns, such as `C*`; `*` and `?` are wildcards. Without it, a
            return is a number whose lines all have a quantity below zero.
        quantity: the sign of the quantities of returns.
        take: whether returns are accepted; the option `returns` overrides it.
        of: the column with the number of the order that is returned; a return without one names no order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[str, Field(min_length=1)] | None = None
    quantity: Literal["negative", "positive"] = "negative"
    take: bool = False
    of: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _recognizable(self) -> Self:
        if self.number is None and self.quantity == "positive":
            raise ValueError("returns with positive quantities need `number`, a pattern of their numbers")
        return self

    @property
    def number_expression(self) -> str | None:
        """The pattern of numbers as a regular expression."""
        if self.number is None:
            return None
        wildcards = {"*": ".*", "?": "."}
        return f"^(?s:{''.join(wildcards.get(sign, re.escape(sign)) for sign in self.number)})$"


def are_returns_taken(rules: ReturnRules | None, options: ReadOptions) -> bool:
    """Whether returns are accepted, by an option or by the profile."""
    return options.returns == Returns.TAKE if options.returns else bool(rules and rules.take)


def check_returns(rules: ReturnRules | None, options: ReadOptions, *, tells_refunds: bool) -> None:
    """Checks that returns are accepted only with a profile that describes them.

    Args:
        tells_refunds: whether the profile shows which orders were refunded.

    Raises:
        FileRefused: returns are to be accepted, but the profile describes neither returns nor refunds.
    """
    if rules is None and not tells_refunds and options.returns == Returns.TAKE:
        raise FileRefused(
            "option_invalid",
            "The column profile does not say which orders are returns.",
            "Add [returns] to the profile, or leave out --returns.",
        )
