"""The output of commands about refunds for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.output import page
from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.base.text.numbers import counted

COLUMNS = ("refund_id", "order", "source", "amount", "currency", "kind", "status", "requested_at", "reason")


def show_refund(document: dict[str, Any]) -> None:
    """Prints one refund."""
    name = document["refund_id"] or "(dry run)"
    page.print(
        f"[bold]{document['kind'].capitalize()} {name}[/] of order {escape(document['order'])} "
        f"({escape(document['source'])}): [bold]{shown_status(document)}[/]",
        highlight=False,
    )
    currency = document["currency"]
    page.print(f"  {_money(document['amount'], currency)} {currency}", highlight=False)
    for line in document["lines"]:
        amount = _money(line["amount"], currency)
        units = counted(line["quantity"], "unit")
        page.print(f"  line {line['line']}: {units}, {amount}", highlight=False)
    for label in ("shipping", "fee"):
        if document[label]:
            page.print(f"  {label} {_money(document[label], currency)}", highlight=False)
    for label in ("reason", "transaction_id", "failure"):
        if document[label]:
            page.print(f"  {label.removesuffix('_id')} {escape(document[label])}", highlight=False)
    if document["needs_approval"] and not document["approved_by"]:
        approve = f"`orders refunds approve {name}`"
        page.print(f"  Above ORDERS_REFUND_LIMIT: another operator has to run {approve}.", highlight=False)


def refunds_table(documents: Sequence[dict[str, Any]]) -> Table:
    """Returns a table of refunds; times are in UTC."""
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        title = name.removesuffix("_id").replace("_", " ")
        table.add_column(title, overflow="fold", justify="right" if name == "amount" else "left")
    for document in documents:
        table.add_row(*(_cell(name, document) for name in COLUMNS))
    return table


def shown_status(document: dict[str, Any]) -> str:
    """Returns the status of a refund or dispute; the shop has won a dispute that was reversed."""
    is_won = (document["kind"], document["status"]) == (RefundKind.DISPUTE, RefundStatus.FAILED)
    return "reversed" if is_won else str(document["status"])


def _cell(name: str, document: dict[str, Any]) -> str:
    value = document[name]
    if name == "status":
        return shown_status(document)
    if name == "amount":
        return _money(value, document["currency"])
    return str(value)[:19].replace("T", " ") if name == "requested_at" else escape(str(value))


def _money(amount: float, currency: str) -> str:
    return f"{amount:.{minor_digits(currency)}f}"
