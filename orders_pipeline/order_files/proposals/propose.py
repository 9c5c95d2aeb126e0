"""Drafts a profile for an unknown file and says which parts are uncertain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.order_files.columns.money_columns import OrderAmount
from orders_pipeline.order_files.columns.profile import OrderField, built_in_profiles
from orders_pipeline.order_files.proposals.column_guesses import Guess, decimal_separator, guess_columns
from orders_pipeline.order_files.proposals.companions import SecondFile, find_second_file
from orders_pipeline.order_files.proposals.draft import Draft
from orders_pipeline.order_files.proposals.items import Items, find_items
from orders_pipeline.order_files.proposals.known_names import amount_likeness, is_time, says_plainly
from orders_pipeline.order_files.proposals.reconcile import (
    Reconciled,
    in_cents,
    is_of_order,
    reconcile,
    scaled,
)
from orders_pipeline.order_files.proposals.statuses import Statuses, read_statuses
from orders_pipeline.order_files.proposals.table import Table, read_table
from orders_pipeline.order_files.proposals.trial import try_whole_file
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.amounts import SCALE, AmountCode, AmountEvidence, read_amounts
from orders_pipeline.order_files.values.dates import DateEvidence, DateRules, OpenDates

LOOKED_AT = 20_000
# The share of orders that may break a rule is one in this number.
EXCEPTIONS = 20
SURE = 0.75
POSSIBLE = 0.5
# Amounts with binary float errors are rounded to this number of decimals.
CENT_DECIMALS = 2

_NEEDED = (OrderField.ORDER_NUMBER, OrderField.SKU, OrderField.QUANTITY, OrderField.ORDERED_AT)
_OF_THE_ORDER = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.CURRENCY, OrderField.ORDERED_AT)
_PRICES = (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A profile as TOML text.

    Attributes:
        missing: fields to fill in by hand.
        doubts: sentences about the parts that a person must check.
        fits: names of the built-in profiles that already fit the file.
        orders: number of orders in the whole file that the draft accepts.
        rejects_by_code: number of lines that the draft rejects, by reject code.
        notes: the reason for each field or setting, by its key; most start with `sure` or `not sure`.
    """

    toml: str
    guesses: tuple[Guess, ...]
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    fits: tuple[str, ...]
    orders: int
    rejects_by_code: dict[str, int]
    notes: dict[str, str]


def propose_profile(path: Path, options: ReadOptions) -> Proposal:
    """Drafts a profile for a file and tries the draft on the whole file.

    Combinations of price, amount and total columns are tried with the importer's own rules. A combination is
    sure if the amounts of every order add up to its total; everything else is a doubt.

    Raises:
        FileRefused: the file is not a readable delimited file with a header row.
    """
    return _Proposing(path, read_table(path, options, limit=LOOKED_AT), options).proposal()


class _Proposing:
    """Collects the draft for one file, the notes for its lines, and the doubts."""

    def __init__(self, path: Path, table: Table, options: ReadOptions) -> None:
        self._path, self._table, self._options = path, table, options
        self._items = find_items(table)
        self._found = guess_columns(*self._beside_items())
        self._guesses = [guess for guess in self._found if guess.confidence >= POSSIBLE]
        self._values = {guess.field: self._column(guess.column) for guess in self._guesses}
        self._notes: dict[str, str] = {}
        self._doubts: list[str] = []

    def _beside_items(self) -> tuple[tuple[str, ...], pl.DataFrame]:
        """Returns the header and the rows without the columns that contain items."""
        used = self._items.used if self._items else ()
        places = [at for at, name in enumerate(self._table.header) if name not in used]
        header = tuple(self._table.header[at] for at in places)
        return header, self._table.rows.select(self._table.rows.columns[at] for at in places)

    def proposal(self) -> Proposal:
        statuses = read_statuses(self._table)
        draft, settings = self._without_price(statuses), dict(self._settings())
        draft = self._priced(replace(draft, settings=settings, decimals=self._decimals()))
        self._note_columns(draft)
        missing = self._missing(draft)
        orders, rejects = (0, {}) if missing else self._tried_on_all(draft)
        toml = draft.toml(f"Columns of {self._path.name}", self._notes)
        text = [toml.rstrip("\n"), *self._gaps(missing), *self._unused(draft)]
        header = self._table.header
        return Proposal(
            toml="\n".join(text) + "\n",
            guesses=tuple(guess for guess in self._guesses if draft.columns.get(guess.field) == guess.column),
            missing=tuple(missing),
            doubts=(*self._doubts, *statuses.doubts),
            fits=tuple(
                name
                for name, known in built_in_profiles().items()
                if known.fits(header) and not known.ambiguous(header)
            ),
            orders=orders,
            rejects_by_code=rejects,
            notes=self._notes,
        )

    def _column(self, name: str) -> pl.Series:
        return self._table.rows.to_series(self._table.header.index(name))

    def _without_price(self, statuses: Statuses) -> Draft:
        columns = {guess.field: guess.column for guess in self._guesses if guess.field not in _PRICES}
        fallback = self._fallback()
        if self._items:
            columns = {f: column for f, column in columns.items() if f not in self._items.fields}
        elif OrderField.SKU not in columns and OrderField.PRODUCT_NAME in columns:
            columns[OrderField.SKU] = columns[OrderField.PRODUCT_NAME]
            self._doubts.append(f"{columns[OrderField.SKU]} is used as sku: no column looks like a SKU")
        joined = self._date_and_time(columns)
        second = self._second_file(columns)
        of_orders = {*joined, *(second.columns if second else ())} - {OrderField.ORDER_NUMBER}
        return Draft(
            columns={f: column for f, column in columns.items() if f not in of_orders},
            items=self._items,
            second_file=second,
            inherit=tuple(self._inherited()),
            fallback=fallback,
            joined=joined,
            skip={**statuses.skip, **(self._skipped_there(second) if second else {})},
            payment=statuses.payment,
        )

    def _second_file(self, columns: dict[OrderField, str]) -> SecondFile | None:
        """Returns the file that contains the dates of the orders, if this file has none."""
        if OrderField.ORDERED_AT in columns or OrderField.ORDER_NUMBER not in columns:
            return None
        found = find_second_file(self._path, self._options, self._values[OrderField.ORDER_NUMBER])
        if found:
            self._doubts.append(f"the dates of the orders are read from a second file: {found.file}")
        return found

    def _skipped_there(self, second: SecondFile) -> dict[str, tuple[str, ...]]:
        """Returns the statuses of the second file to skip, by column.

        Whether an order is paid is read only from the first file, so a payment status here becomes a doubt.
        """
        said = second.statuses
        self._doubts += said.doubts
        if said.payment:
            self._doubts.append(
                f"{said.payment['column']} of the second file contains which orders are paid, but it is not"
                " read there: paid orders are charged again unless you add the column to the first file"
            )
        return {**said.skip, **said.skipped_payments()}

    def _fallback(self) -> dict[OrderField, OrderField]:
        sku = self._values.get(OrderField.SKU)
        if sku is None or OrderField.PRODUCT_NAME not in self._values or not _is_blank(sku).any():
            return {}
        self._notes["fallback"] = "some lines have no SKU"
        return {OrderField.SKU: OrderField.PRODUCT_NAME}

    def _date_and_time(self, columns: dict[OrderField, str]) -> dict[OrderField, tuple[str, ...]]:
        """Returns the columns of the date and the time of day, if they are two columns."""
        date = columns.get(OrderField.ORDERED_AT)
        time = next((name for name in self._table.header if name and is_time(name) and name != date), None)
        if date is None or time is None or self._column(date).str.contains(":").any():
            return {}
        return {OrderField.ORDERED_AT: (date, time)}

    def _inherited(self) -> Iterator[OrderField]:
        """Yields the fields that only the first line of an order contains."""
        numbers = self._values.get(OrderField.ORDER_NUMBER)
        if numbers is None:
            return
        if self._is_filled_down(numbers):
            yield OrderField.ORDER_NUMBER
            self._notes["inherit"] = "a blank value is read as the value of the line above"
        orders = self._orders()
        for field in _OF_THE_ORDER:
            if field in self._values and _stands_once(self._values[field], orders):
                yield field

    def _is_filled_down(self, numbers: pl.Series) -> bool:
        """Whether lines without an order number have no date and no customer either."""
        blank = _is_blank(numbers)
        if not blank.any() or blank[0]:
            return False
        others = [f for f in (OrderField.ORDERED_AT, OrderField.CUSTOMER_ID) if f in self._values]
        return any(bool(_is_blank(self._values[f]).filter(blank).all()) for f in others)

    def _orders(self) -> pl.Series:
        """Returns the order number of each row; a blank one becomes the number of the row above."""
        numbers = self._values[OrderField.ORDER_NUMBER].str.strip_chars()
        filled = pl.when(pl.col("number") != "").then(pl.col("number")).forward_fill()
        return numbers.to_frame("number").select(filled).to_series()

    def _settings(self) -> Iterator[tuple[str, str]]:
        """Yields settings for columns with an ambiguous format, and notes the doubt about each."""
        for field in _PRICES:
            if field in self._values:
                amounts = AmountEvidence()
                amounts.add(self._values[field])
                if amounts.decide() is None:
                    self._doubt(
                        "decimal",
                        f"prices such as {amounts.example}: is the separator one of thousands or decimals?",
                    )
                    yield "decimal", "."
                    break
        if OrderField.ORDERED_AT in self._values:
            dates = DateEvidence()
            dates.add(self._values[OrderField.ORDERED_AT])
            decided = dates.decide(DateRules(), None, None)
            if isinstance(decided, OpenDates):
                orders = " or ".join(order.value for order in decided.orders)
                self._doubt("date_order", f"dates such as {decided.example}: is the order {orders}?")
                yield "date_order", decided.orders[0].value

    def _decimals(self) -> int | None:
        """Returns the number of decimals to which prices are rounded; None if no price has more than four."""
        for field in set(_PRICES) & set(self._values):
            values = self._values[field]
            codes = read_amounts(values, decimal_separator(values))["code"]
            if (codes == AmountCode.TOO_PRECISE).any():
                self._doubt(
                    "round",
                    f"some amounts of {field.value} have more than four decimals: they are rounded to two",
                )
                return CENT_DECIMALS
        return None

    def _doubt(self, key: str, text: str) -> None:
        self._notes[key] = f"not sure: {text}"
        self._doubts.append(text)

    def _priced(self, draft: Draft) -> Draft:
        """Returns the draft with the prices and amounts that add up to a stated total.

        If no total fits, the draft gets the likeliest price.
        """
        reconciled = None
        counted = OrderField.QUANTITY in (self._items.fields if self._items else self._values)
        if OrderField.ORDER_NUMBER in self._values and counted:
            reconciled = reconcile(self._path, self._table, draft, self._orders(), self._options)
        if reconciled is not None:
            self._note_total(reconciled)
            return reconciled.draft
        return self._likely_price(draft)

    def _note_total(self, found: Reconciled) -> None:
        draft, trial = found.draft, found.trial
        price, total = draft.price or OrderField.UNIT_PRICE, draft.amounts[OrderAmount.TOTAL]
        if trial.disagree:
            number = trial.agree + trial.disagree
            self._doubt(
                "total", f"{total}: {trial.disagree:,} of {number:,} orders do not add up; {trial.example}"
            )
        else:
            self._notes["total"] = f"sure: all {trial.agree:,} orders add up to it"
        if trial.several:
            self._notes[price.value] = f"sure: with it, orders add up to {total}"
        else:
            self._doubt(
                price.value,
                f"{draft.price_column}: no order has several units of a product, so this may be the price of"
                " a unit or of a line",
            )

    def _likely_price(self, draft: Draft) -> Draft:
        """Returns the draft with the column that is a unit price or a line total by its name.

        If the file has both, the line total is used if it differs from unit price x quantity.
        """
        if self._items:
            return self._likely_item_price(draft, self._items)
        guesses = {guess.field: guess.column for guess in self._guesses if guess.field in _PRICES}
        if not guesses:
            return draft
        if len(guesses) == 2:
            price = self._of_two()
        else:
            (price,) = guesses
            self._doubt_unit_or_line(guesses[price], price)
        self._doubt_unused_amounts(guesses[price])
        if in_cents(guesses[price]):
            self._notes["scale"] = f"{guesses[price]} is read as cents"
        return scaled(replace(draft, columns={**draft.columns, price: guesses[price]}))

    def _likely_item_price(self, draft: Draft, items: Items) -> Draft:
        if not items.equal:
            field, key = OrderField.LINE_TOTAL, dict(items.stated)[OrderField.LINE_TOTAL]
            items = items.with_price(field, key)
            self._doubt(
                field.value,
                f"{key} of items differs from price x quantity: it is read as the total after discount",
            )
        draft = scaled(replace(draft, items=items))
        if draft.price and not says_plainly(draft.price, draft.price_column):
            self._doubt(
                draft.price.value,
                f"{items.place_of(draft.price)}: is this the price of a unit or of all units? Nothing in the"
                " file states their sum. Use unit_price or line_total",
            )
        self._doubt_unused_amounts(draft.price_column)
        return draft

    def _of_two(self) -> OrderField:
        unit, total = OrderField.UNIT_PRICE, OrderField.LINE_TOTAL
        if OrderField.QUANTITY not in self._values:
            return unit
        differing = self._differing_totals()
        count = self._table.rows.height
        if differing == 0:
            self._notes[unit.value] = "sure: times the quantity, it is the line's total on every line"
            return unit
        columns = {guess.field: guess.column for guess in self._guesses}
        if OrderField.ORDER_NUMBER in self._values and self._is_of_order(self._values[total]):
            return unit
        self._doubt(
            total.value,
            f"{columns[total]} differs from {columns[unit]} x quantity on {differing:,} of {count:,} lines:"
            " it is read as the total after discount",
        )
        return total

    def _is_of_order(self, column: pl.Series) -> bool:
        """Whether a column has at most one value in each order that has several lines."""
        orders = self._orders()
        several = orders.is_duplicated()
        return is_of_order(column.filter(several), orders.filter(several))

    def _differing_totals(self) -> int:
        fields = (OrderField.QUANTITY, *_PRICES)
        read = (read_amounts(self._values[f], decimal_separator(self._values[f]), 4)["units"] for f in fields)
        count, price, total = read
        return int((count * price // SCALE != total).sum())

    def _doubt_unit_or_line(self, column: str, price: OrderField) -> None:
        several = self._lines_of_several()
        if several and not says_plainly(price, column):
            self._doubt(
                price.value,
                f"{column}: is this the price of a unit or of the whole line? {several:,} lines have several"
                " units, and nothing in the file states their sum. Use unit_price or line_total",
            )

    def _lines_of_several(self) -> int:
        if OrderField.QUANTITY not in self._values:
            return 0
        values = self._values[OrderField.QUANTITY]
        return int((read_amounts(values, decimal_separator(values), 4)["units"] > SCALE).sum())

    def _doubt_unused_amounts(self, price: str) -> None:
        names = [
            name
            for name in self._table.header
            if name
            and name != price
            and name not in (self._items.used if self._items else ())
            and any(amount_likeness(k, name) >= POSSIBLE for k in OrderAmount)
        ]
        if names:
            self._doubts.append(
                f"{', '.join(names)}: not used, because the file has no total to check them against. Add"
                " those that the customer pays to [amounts]"
            )

    def _note_columns(self, draft: Draft) -> None:
        for guess in self._guesses:
            key = guess.field.value
            if draft.columns.get(guess.field) != guess.column or key in self._notes:
                continue
            sure = guess.confidence >= SURE
            self._notes[key] = f"{'sure' if sure else 'not sure'} ({guess.confidence:.0%}), {guess.reason}"
            if not sure:
                self._doubts.append(f"{guess.column} is used as {key}: {guess.reason}")

    def _missing(self, draft: Draft) -> list[str]:
        given = {*draft.columns, *draft.joined, *(draft.items.fields if draft.items else ())}
        given |= set(draft.second_file.columns if draft.second_file else ())
        missing = [field.value for field in _NEEDED if field not in given]
        return missing if draft.price else [*missing, OrderField.UNIT_PRICE.value]

    def _tried_on_all(self, draft: Draft) -> tuple[int, dict[str, int]]:
        outcome = try_whole_file(self._path, draft, self._options)
        if outcome.refusal:
            self._doubts.append(f"The file is refused with this draft: {outcome.refusal}")
        rejects = outcome.rejects_by_code or {}
        kinds = {RejectCode.PRICE_NOT_POSITIVE: "free", RejectCode.QUANTITY_NOT_POSITIVE: "returned"}
        for code, kind in kinds.items():
            if lines := rejects.get(code.value):
                self._doubts.append(
                    f"{lines:,} lines are {kind}, so their orders are rejected. To import the orders without"
                    f' these lines, add leave_out = ["{kind}"] to [lines]'
                )
        return outcome.orders, rejects

    def _gaps(self, missing: list[str]) -> Iterator[str]:
        for field in missing:
            maybe = next((guess.column for guess in self._found if guess.field.value == field), "?")
            yield f'# {field} = "{printable_line(maybe)}"  # required, but no column fits well'

    def _unused(self, draft: Draft) -> Iterator[str]:
        joined = {name for names in draft.joined.values() for name in names}
        used = {*draft.columns.values(), *draft.amounts.values(), *draft.skip, *joined}
        used.add(str(draft.payment.get("column", "")))
        used |= set(draft.items.used if draft.items else ())
        others = [" ".join(name.split()) for name in self._table.header if name and name not in used]
        if others:
            yield printable_line(f"# Not used: {', '.join(others)}")


def _is_blank(column: pl.Series) -> pl.Series:
    return column.fill_null("").str.strip_chars() == ""


def _stands_once(column: pl.Series, orders: pl.Series) -> bool:
    """Whether a column is filled on the first line of each order and blank on some other lines."""
    table = pl.DataFrame({"order": orders, "value": column})
    blank = pl.col("value").str.strip_chars() == ""
    found = table.group_by("order", maintain_order=True).agg(first=blank.first(), some=blank.any())
    # A few orders may break the rule: a summary line looks like an order that has only a number.
    return bool(found["some"].any()) and int(found["first"].sum()) <= max(1, found.height // EXCEPTIONS)
