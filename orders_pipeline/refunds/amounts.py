"""What is refunded for the lines of an order, in integers and rounded half up.

A line's share of an order is that of its total, less its discount, in the sum over all lines. What is shared
is the order's total without shipping, fees and tips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeVar

import polars as pl

from orders_pipeline.base.currency import minor_digits
from orders_pipeline.base.money import LINE_DIGITS

Number = TypeVar("Number", int, pl.Expr)


class LineBack(NamedTuple):
    """Units of a line that come back, in 1/1,000, and what is paid for them in minor units."""

    line: int
    quantity: int
    amount: int


@dataclass(slots=True)
class LineLeft:
    """A line of an order, and what was refunded of it. Open refunds count as refunded.

    Attributes:
        units: in 1/1,000, as `refunded_units`.
        net: the line's total less its discount, in 1/10,000.
        refunded: in the currency's minor unit.
    """

    line: int
    units: int
    net: int
    refunded_units: int = 0
    refunded: int = 0
    product: int = 0

    @property
    def units_left(self) -> int:
        """Units that were not refunded, in 1/1,000."""
        return self.units - self.refunded_units


@dataclass(slots=True)
class OrderLeft:
    """What an order owed for its lines, and what is left of them.

    Attributes:
        goods: the order's total without shipping, fees and tips, in 1/10,000.
        lines: by their number.
        net: what their lines add up to.
    """

    currency: str
    goods: int
    lines: Mapping[int, LineLeft]
    net: int = field(init=False)

    def __post_init__(self) -> None:
        self.net = sum(line.net for line in self.lines.values())

    def amount_of(self, line: LineLeft, units: int) -> int:
        """What is refunded now for this many more units of a line, in minor units of the currency.

        It is what all units returned so far are worth, less what was refunded of the line. So the amounts
        of several refunds add up to the worth of the line.
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
    """The currency's minor unit in 1/10,000: 100 for USD, 10,000 for JPY."""
    return int(10 ** (LINE_DIGITS - minor_digits(currency)))


def half_up(number: Number, divisor: Number) -> Number:
    """A quotient, rounded half up; neither number is negative. Of columns of integers, too."""
    return (2 * number + divisor) // (2 * divisor)


def fitted(amounts: Iterable[int], most: int) -> list[int]:
    """Amounts that sum up to `most` at most: larger ones are reduced in proportion.

    The rest of an order can be less than the worth of its lines, if an amount was refunded before, or if an
    order that was paid elsewhere was paid only in part.
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
