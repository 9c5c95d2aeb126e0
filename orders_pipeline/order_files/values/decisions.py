"""Decides from whole columns how to read their numbers and dates."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.values.amount_columns import amount_columns
from orders_pipeline.order_files.values.amounts import AmountEvidence, DecimalSeparator
from orders_pipeline.order_files.values.cleaning import Characters
from orders_pipeline.order_files.values.dates import DateEvidence, DateRules, OpenDates, given_dates


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decimal separators and date rules for a file's prices, quantities and dates.

    `signed`: the file contains a plus sign, so a spreadsheet may have damaged ids, as in `1.5E+12`.
    """

    price: DecimalSeparator
    quantity: DecimalSeparator
    dates: DateRules
    signed: bool


@dataclass(slots=True)
class ColumnEvidence:
    """Collects evidence about number and date formats, frame by frame."""

    identified: Identified
    price: AmountEvidence = field(default_factory=AmountEvidence)
    quantity: AmountEvidence = field(default_factory=AmountEvidence)
    dates: DateEvidence = field(default_factory=DateEvidence)
    characters: Characters = field(default_factory=Characters)

    def add(self, frame: pl.DataFrame) -> None:
        """Adds the valid records of `frame`."""
        whole = frame["problem"].null_count() == frame.height
        sound = frame if whole else frame.filter(pl.col("problem").is_null())
        gatherers = {
            self.identified.profile.price_field: self.price.add,
            OrderField.QUANTITY: self.quantity.add,
            OrderField.ORDERED_AT: self.dates.add,
        }
        for name, gather in gatherers.items():
            if name.value in sound.columns:
                gather(sound[name.value])
        for column in amount_columns(self.identified.profile):
            if column in sound.columns:
                self.price.add(sound[column])

    def decide(self) -> Decisions:
        """Decides from the options, the profile and the values, in this order.

        Raises:
            FileRefused: every value of a column can be read in two ways.
        """
        given = self.identified.options.decimal or self.identified.profile.decimal
        stated = None if given is None else DecimalSeparator(_decimal_separator(given))
        # A given separator applies to prices. Quantities may use another one: pandas writes 6.0 next to a
        # price of 2,55. So quantities are read with the separator that they show.
        price = self._certain(stated or self.price.decide(), self.price, "price")
        quantity = stated if stated and not self.quantity.settled else self.quantity.decide()
        if quantity is None and self.price.settled and self.identified.profile.quantity.decimals:
            # Quantities that do not show their separator are read with the prices' one.
            quantity = price
        return Decisions(
            price=price,
            quantity=self._certain(quantity, self.quantity, "quantity"),
            dates=self._dates(),
            signed=self.characters.plus,
        )

    def _certain(
        self, decided: DecimalSeparator | None, evidence: AmountEvidence, what: str
    ) -> DecimalSeparator:
        if decided is not None:
            return decided
        name = self.identified.file_name
        message = (
            f"{name}: each {what}, such as {evidence.example}, can be read with thousands or with decimals."
        )
        hint = "Set the decimal separator to `.` or `,`."
        raise FileRefused("decimal_ambiguous", message, hint)

    def _dates(self) -> DateRules:
        profile = self.identified.profile
        given = given_dates(self.identified.options.date_format or "|".join(profile.date_format) or None)
        decided = self.dates.decide(given, profile.date_order, profile.short_date_order)
        if not isinstance(decided, OpenDates):
            return decided
        orders = " or ".join(order.value for order in decided.orders)
        name = self.identified.file_with(OrderField.ORDERED_AT)
        raise FileRefused(
            "dates_ambiguous",
            f"{name}: each order date, such as {decided.example}, can be read as {orders}.",
            f"Set the date format to {orders}.",
        )


def _decimal_separator(given: str) -> str:
    if given not in {".", ","}:
        message = f"The decimal separator {given!r} is not valid."
        raise FileRefused("option_invalid", message, "Use `.` or `,`.")
    return given
