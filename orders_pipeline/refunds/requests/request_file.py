"""Reads a file of refunds: CSV with `order,amount,reason` or `order,line,quantity,reason`."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from orders_pipeline.base.amounts.money import MOST_DIGITS, read_decimal
from orders_pipeline.base.collecting import uncollected
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked, RefundRefused

BY_AMOUNT, BY_LINE = ("order", "amount", "reason"), ("order", "line", "quantity", "reason")
OPTIONAL = ("source",)
HINT = f"Use the columns {','.join(BY_AMOUNT)} or {','.join(BY_LINE)}; a column source may be added."
DIGEST_DIGITS = 12


class AskedRow(NamedTuple):
    """A row of a file: its request, or why it cannot be read.

    Attributes:
        line: number of the line on which the row ends.
    """

    line: int
    order: str
    asked: RefundAsked | RefundRefused


def read_requests(file: Path, same: RefundAsked, key: str | None) -> list[AskedRow]:
    """Returns the requests of a file. Each row has its own key, so that the file can safely be sent again.

    Args:
        same: values that are the same for all rows.
        key: prefix of the keys; by default, it is computed from the file's content.

    Raises:
        FileRefused: the file cannot be read as CSV, or has other columns.
    """
    try:
        content = file.read_bytes()
        rows = csv.reader(content.decode("utf-8-sig").splitlines(keepends=True), strict=True)
        header = tuple(name.strip().lower() for name in next(rows, ()))
        needed = tuple(name for name in header if name not in OPTIONAL)
        if needed not in (BY_AMOUNT, BY_LINE) or len(set(header)) < len(header):
            raise FileRefused("columns_unknown", f"The file {file} has the columns {','.join(header)}.", HINT)
        at = {name: place for place, name in enumerate(header)}
        prefix = key or hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]
        with uncollected():
            return [
                _row(rows.line_num, f"{prefix}/{number}", at, cells, same)
                for number, cells in enumerate(filter(None, rows), start=1)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"The file {file} cannot be read: {reason}."
        raise FileRefused("refunds_unreadable", message, "Save it as CSV in UTF-8.") from error


def _row(line: int, key: str, at: Mapping[str, int], cells: list[str], same: RefundAsked) -> AskedRow:
    """Returns the request of a row.

    Args:
        at: positions of the columns.
    """
    cells += [""] * (len(at) - len(cells))
    order = cells[at["order"]].strip()
    try:
        if not order:
            raise RefundRefused("order_missing", "The row names no order.")
        if len(cells) > len(at):
            raise RefundRefused("too_many_cells", "The row has more cells than the header.")
        return AskedRow(line, order, _asked(order, key, at, cells, same))
    except RefundRefused as refused:
        return AskedRow(line, order, refused)


def _asked(
    order: str, key: str, at: Mapping[str, int], cells: Sequence[str], same: RefundAsked
) -> RefundAsked:
    reason = cells[at["reason"]].strip() or same.reason
    source = same.source
    if "source" in at:
        source = cells[at["source"]].strip() or source
    if "amount" in at:
        amount = _number(cells[at["amount"]], "amount")
        return same._replace(order=order, key=key, reason=reason, source=source, amount=amount)
    quantity = cells[at["quantity"]].strip()
    lines = (LineAsked(_whole(cells[at["line"]]), _number(quantity, "quantity") if quantity else None),)
    return same._replace(order=order, key=key, reason=reason, source=source, lines=lines)


def _number(text: str, column: str) -> Decimal:
    number = read_decimal(text)
    if number is None:
        raise RefundRefused(f"{column}_invalid", f"{text!r} is no {column}.", "Write a number such as 12.50.")
    return number


def _whole(text: str) -> int:
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > MOST_DIGITS:
        message = f"{text!r} is not a line number."
        raise RefundRefused("line_invalid", message, "`orders show` numbers the lines of an order.")
    return int(digits)
