"""The sections `[amounts]` and `[payment]` of a profile: amounts of an order, and payments made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid")
Columns = Annotated[tuple[str, ...], Field(min_length=1)]

# In `skip` and in lists of payment values: any value.
ANY_VALUE = "*"
# Columns of a layout: whether prices contain the tax, and the discount of a line in percent.
TAX_TREATMENT = "tax_treatment"
DISCOUNT_PERCENT = "line_discount_percent"


class OrderAmount(StrEnum):
    """An amount of an order as a whole."""

    DISCOUNT = "discount"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"
    TIP = "tip"
    TOTAL = "total"
    SUBTOTAL = "subtotal"


class LineAmount(StrEnum):
    """An amount of one line."""

    LINE_DISCOUNT = "line_discount"
    LINE_TAX = "line_tax"


class TaxByColumn(BaseModel):
    """Tells by the value of a column whether the prices of an order contain the tax.

    Values are compared without case. An order with taxes whose value is in no list is rejected.

    Attributes:
        included: values of orders whose prices contain the tax.
        added: values of orders whose tax is added to the prices.
    """

    model_config = _STRICT

    column: str
    included: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _decided(self) -> Self:
        both = _plain_values(self.included) & _plain_values(self.added)
        if both:
            raise ValueError(f"{min(both)!r} is in included and in added")
        return self

    def answers(self) -> dict[str, bool]:
        """Returns whether prices contain the tax, by value in lower case."""
        return dict.fromkeys(_plain_values(self.included), True) | dict.fromkeys(
            _plain_values(self.added), False
        )


class AmountColumns(BaseModel):
    """The section `[amounts]`: columns with amounts, and how they add up to what the customer owes.

    Several columns for one amount are added. Discounts may be written with or without a minus.

    Attributes:
        total: the order's total in the file; the amounts of every order must add up to it.
        subtotal: the sum of the order's lines in the file, before or after discounts.
        line_discount_percent: the discount of a line in percent of its price.
        optional: amounts whose columns may be missing.
        per_line: amounts that are divided among the lines of an order; the parts are added.
        tax_included: whether prices contain the tax; `auto` decides by the total of each order, a table by
            the value of a column.
        line_level: `add`: discounts and taxes of lines are added to those of the order; `contained`: they are
            already contained in them.
        scale: number of units in the file that make one unit of the currency, such as 100 for cents.
        round: decimals to which all amounts are rounded, to remove binary float errors.
        tolerance: allowed difference from the total, in minor units of the currency.
        trust: `total`: the customer owes the total in the file, whatever the amounts add up to.
    """

    model_config = _STRICT

    discount: Columns | None = None
    shipping: Columns | None = None
    tax: Columns | None = None
    fee: Columns | None = None
    tip: Columns | None = None
    total: Columns | None = None
    subtotal: Columns | None = None
    line_discount: Columns | None = None
    line_tax: Columns | None = None
    line_discount_percent: str | None = None
    optional: tuple[OrderAmount | LineAmount | Literal["line_discount_percent"], ...] = ()
    per_line: tuple[OrderAmount, ...] = ()
    tax_included: bool | Literal["auto"] | TaxByColumn | None = None
    line_level: Literal["add", "contained"] | None = None
    scale: Literal[1, 10, 100, 1000, 10000] = 1
    round: Annotated[int, Field(ge=0, le=4)] | None = None
    tolerance: Annotated[int, Field(ge=0)] = 0
    trust: Literal["total"] | None = None

    @field_validator(*OrderAmount, *LineAmount, mode="before")
    @classmethod
    def _single_names(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _decided(self) -> Self:
        of_lines = {
            LineAmount.LINE_DISCOUNT: self.line_discount or self.line_discount_percent,
            LineAmount.LINE_TAX: self.line_tax,
        }
        self.check_levels([kind for kind, named in of_lines.items() if named])
        if self.total is None and (self.trust or self.tax_included == "auto"):
            setting = "trust = 'total'" if self.trust else "tax_included = 'auto'"
            raise ValueError(f"{setting} needs the column of the total")
        return self

    def check_levels(self, of_lines: Iterable[LineAmount]) -> None:
        """Checks that `line_level` is set if lines and orders have amounts of the same kind.

        Raises:
            ValueError: `line_level` is needed but not set.
        """
        pairs = {LineAmount.LINE_DISCOUNT: OrderAmount.DISCOUNT, LineAmount.LINE_TAX: OrderAmount.TAX}
        both = [pairs[kind] for kind in of_lines if getattr(self, pairs[kind])]
        if both and self.line_level is None:
            raise ValueError(
                f"{both[0]} is named for orders and for lines: say line_level = 'add' or 'contained'"
            )

    @property
    def taxes(self) -> bool | Literal["auto"] | TaxByColumn:
        """Whether prices contain the tax. If the profile does not set this, the totals in the file decide."""
        if self.tax_included is None:
            return "auto" if self.total else False
        return self.tax_included

    def named(self) -> Iterator[tuple[str, str]]:
        """Yields the name of each wanted column, such as `shipping+0`, and its header."""
        for kind in (*OrderAmount, *LineAmount):
            for number, header in enumerate(getattr(self, kind) or ()):
                yield f"{kind}+{number}", header
        if self.line_discount_percent:
            yield DISCOUNT_PERCENT, self.line_discount_percent
        if isinstance(self.tax_included, TaxByColumn):
            yield TAX_TREATMENT, self.tax_included.column

    def required(self) -> Iterator[str]:
        """Yields the headers that a file must have."""
        for name, header in self.named():
            if name.partition("+")[0] not in self.optional:
                yield header


class PaymentColumns(BaseModel):
    """The section `[payment]`: which orders are paid elsewhere, by the values of a column.

    Values are compared without case; `*` in a list means any other value. A blank value is replaced with the
    value of another line of the same order. An order whose value is in no list is rejected.

    Attributes:
        recorded: values of orders whose money the shop already has; they are never charged.
        partly: values of orders that are paid in part; the column `paid` or `outstanding` contains the
            amount.
        charge: values of orders to charge.
        skip: values of orders to skip.
        refunded: values of orders that were paid and refunded. They are recorded if returns are accepted, and
            skipped otherwise.
        refunded_amount: column with the refunded amount of a recorded order. A file may lack it.
        reference: column with the reference of the payment, such as the provider's transaction id.
        paid: column with the amount that is paid.
        outstanding: column with the amount that is not paid yet.
        required: false if a file may lack `column`.
        without: what happens with the orders of a file that lacks `column`.
    """

    model_config = _STRICT

    column: str
    recorded: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    charge: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    refunded: tuple[str, ...] = ()
    refunded_amount: str | None = None
    reference: str | None = None
    paid: str | None = None
    outstanding: str | None = None
    required: bool = True
    without: Literal["charge", "recorded"] = "charge"

    @model_validator(mode="after")
    def _decided(self) -> Self:
        lists = self._lists()
        seen: dict[str, str] = {}
        for name, values in lists.items():
            for value in values:
                other = seen.setdefault(value.strip().casefold(), name)
                if other != name:
                    raise ValueError(f"{value!r} is in {other} and in {name}")
        if not seen:
            raise ValueError("list the values of the column in recorded, partly, charge or skip")
        if self.partly and not (self.paid or self.outstanding):
            raise ValueError("partly needs the column paid or outstanding, which says how much is paid")
        return self

    def ways(self) -> dict[str, str]:
        """Returns what happens with each value of the column, by value in lower case."""
        return {value.strip().casefold(): name for name, values in self._lists().items() for value in values}

    @property
    def tells_refunds(self) -> bool:
        """Whether a file shows which orders were refunded."""
        return bool(self.refunded or self.refunded_amount)

    def without_refunds(self) -> Self:
        """Returns the columns as they are read when returns are not accepted."""
        skip = (*self.skip, *self.refunded)
        return self.model_copy(update={"skip": skip, "refunded": (), "refunded_amount": None})

    def _lists(self) -> dict[str, tuple[str, ...]]:
        names = ("recorded", "partly", "charge", "skip", "refunded")
        return {name: getattr(self, name) for name in names}

    def named(self) -> Iterator[tuple[str, str]]:
        """Yields the name of each wanted column, such as `payment_paid`, and its header."""
        for name in ("column", "reference", "paid", "outstanding", "refunded_amount"):
            if header := getattr(self, name):
                yield f"payment_{name}", header

    def needed(self) -> Iterator[str]:
        """Yields the headers that a file must have."""
        if self.required:
            yield from (header for name, header in self.named() if name != "payment_refunded_amount")


def _plain_values(values: tuple[str, ...]) -> set[str]:
    return {value.strip().casefold() for value in values}
