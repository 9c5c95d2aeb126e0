"""Computes what is refunded for the lines of an order, in integers and rounded half up.

The goods of an order (its total without shipping, fees and tips) are divided among its lines in proportion to
each line's total less its discount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeVar

import polars as pl

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import LINE_DIGITS

Number = TypeVar("Number", int, pl.Expr)


class LineBack(NamedTuple):
    """Units of a line that are returned, in 1/1,000, and the amount refunded for them, in minor units."""

    line: int
    quantity: int
    amount: int


@dataclass(slots=True)
class LineLeft:
    """A line of an order, and the part of it that was refunded. Open refunds count as refunded.

    Attributes:
        units: in 1/1,000; the same for `refunded_units`.
        net: the line's total less its discount, in 1/10,000.
        refunded: the refunded amount, in the currency's minor unit.
    """

    line: int
    units: int
    net: int
    refunded_units: int = 0
    refunded: int = 0
    product: int = 0

    @property
    def units_left(self) -> int:
        """Units that were not refunded yet, in 1/1,000."""
        return self.units - self.refunded_units


@dataclass(slots=True)
class OrderLeft:
    """What an order owed for its lines, and what can still be refunded of them.

    Attributes:
        goods: the order's total without shipping, fees and tips, in 1/10,000.
        lines: the lines by their number.
        net: the sum of `net` over all lines, in 1/10,000.
    """

    currency: str
    goods: int
    lines: Mapping[int, LineLeft]
    net: int = field(init=False)

    def __post_init__(self) -> None:
        self.net = sum(line.net for line in self.lines.values())

    def amount_of(self, line: LineLeft, units: int) -> int:
        """Returns the amount for these additional units of a line, in minor units of the currency.

        It is the value of all units returned so far, including these, less the amount already refunded for
        the line. So the amounts of several refunds add up to the value of the line.
        """
        worth = self._worth(line, line.refunded_units + units)
        return max(worth - line.refunded, 0)

    def _worth(self, line: LineLeft, units: int) -> int:
        if not self.net:
            return 0
        exact = self.goods * line.net * units
        return half_up(exact, self.net * line.units * minor_unit(self.currency))


@cache
def minor_unit(currency: str) -> int:
    """Returns the currency's minor unit in 1/10,000: 100 for USD, 10,000 for JPY."""
    return int(10 ** (LINE_DIGITS - minor_digits(currency)))


def half_up(number: Number, divisor: Number) -> Number:
    """Returns a quotient rounded half up, of non-negative integers or columns of such."""
    return (2 * number + divisor) // (2 * divisor)


def fitted(amounts: Iterable[int], most: int) -> list[int]:
    """Returns amounts whose sum is at most `most`: if it is larger, they are reduced in proportion.

    Less than the value of its lines can be left of an order if an amount was refunded before, or if only a
    part was paid of an order that was paid elsewhere.
    """
    wanted = list(amounts)
    total = sum(wanted)
    if total <= most:
        return wanted
    shares, so_far, given = [], 0, 0
    for amount in wanted:
        so_far += amount
        up_to_here = half_up(most * so_far, total)
        shares.append(up_to_here - given)
        given = up_to_here
    return shares
