"""`orders refund`: refunds completed orders."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import Engine

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page, wrong_usage
from cli.pages.refund_page import show_refund
from cli.runs.refund_orders import give_back
from orders_pipeline.base.amounts.money import decimal_string, read_decimal
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.refunds.listing import planned_document, refund_document, sums_of
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.request import (
    Answer,
    Planned,
    Requested,
    preview_refunds,
    request_refunds,
)
from orders_pipeline.refunds.requests.request_file import AskedRow, read_requests
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading

REJECTS_SHOWN = 20


def _decimal(text: str | Decimal) -> Decimal:
    # Typer also passes default values.
    number = read_decimal(str(text))
    if number is None:
        raise typer.BadParameter(f"{text!r} is not an amount such as 12.50.")
    return number


def _line(text: str) -> LineAsked:
    number, _, quantity = text.partition(":")
    if not number.isdecimal() or (":" in text and not quantity):
        raise typer.BadParameter(f"{text!r} is not a line such as 2, or 2:1 for one unit of line 2.")
    return LineAsked(int(number), _decimal(quantity) if quantity else None)


@command
def refund(
    order: Annotated[
        str | None, typer.Argument(help="Order number in the order file.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="CSV of many refunds: order,amount,reason or order,line,quantity,reason."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Source of the order, if several sources have this number.")
    ] = None,
    amount: Annotated[
        Decimal | None,
        typer.Option(parser=_decimal, metavar="A", help="Amount to refund. No units are returned."),
    ] = None,
    lines: Annotated[
        list[LineAsked] | None,
        typer.Option(
            "--line",
            parser=_line,
            metavar="N[:QTY]",
            help="Line to refund: QTY units, or all that are not refunded yet. Repeat for several lines.",
        ),
    ] = None,
    shipping: Annotated[
        Decimal,
        typer.Option(
            parser=_decimal,
            metavar="A",
            help="Shipping to refund, in addition to lines. With --amount: the part of it that is shipping.",
        ),
    ] = Decimal(0),
    fee: Annotated[
        Decimal,
        typer.Option(parser=_decimal, metavar="A", help="Fee of a dispute, in addition to its amount."),
    ] = Decimal(0),
    reason: Annotated[str, typer.Option(help="Reason, for the order's history.")] = "",
    kind: Annotated[
        RefundKind, typer.Option(help="dispute: the customer's bank took the money back.")
    ] = RefundKind.REFUND,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="The refund was made elsewhere. Nothing is sent to the gateway."),
    ] = False,
    reference: Annotated[
        str | None, typer.Option(help="Reference of the refund that was made elsewhere, or of the dispute.")
    ] = None,
    no_restock: Annotated[
        bool, typer.Option("--no-restock", help="Returned units do not go back into stock.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: the same request with the same key is made only once."),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be refunded, but change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Refund completed orders. Without an amount, line or shipping: all that is left, with all units."""
    if bool(order) == bool(file):
        wrong_usage("nothing_chosen", "Name an order, or a file with --file.", as_json)
    asked = RefundAsked(
        order=order or "",
        source=source,
        amount=amount,
        lines=tuple(lines or ()),
        shipping=shipping,
        fee=fee,
        reason=reason,
        kind=kind,
        recorded=recorded,
        reference=reference,
        restock=not no_restock,
        key=key,
    )
    if misuse := _misuse(asked, file):
        wrong_usage("wrong_options", misuse, as_json)
    settings = load_settings()
    with open_store(settings) as engine:
        if file:
            _refund_file(settings, engine, read_requests(file, asked, key), file, dry, as_json)
        elif dry:
            _preview(settings, engine, asked, as_json)
        else:
            _refund_one(settings, engine, asked, as_json)


def _misuse(asked: RefundAsked, file: Path | None) -> str | None:
    """Returns why options cannot be combined."""
    if file and (asked.amount is not None or asked.lines or asked.shipping):
        return "The file says what to refund, so --amount, --line and --shipping cannot be combined with it."
    return asked.contradiction


def _preview(settings: Settings, engine: Engine, asked: RefundAsked, as_json: bool) -> None:
    (planned,) = preview_refunds(engine, [asked])
    if isinstance(planned, RefundRefused):
        raise planned
    document = {"dry_run": True, **planned_document(planned, RefundTerms.of(settings), actor())}
    if as_json:
        emit(document)
    else:
        show_refund(document)


def _refund_one(settings: Settings, engine: Engine, asked: RefundAsked, as_json: bool) -> None:
    (answer,) = request_refunds(engine, [asked], RefundTerms.of(settings), actor())
    if isinstance(answer, RefundRefused):
        raise answer
    give_back(settings, engine, [answer.id])
    with reading(engine) as connection:
        document = refund_document(connection, answer.refund_id)
    if document["status"] == RefundStatus.FAILED:
        raise CommandFailed(
            "refund_failed",
            f"The gateway did not make the refund: {document['failure']}.",
            f"`orders refunds retry {answer.refund_id}` tries again.",
        )
    if as_json:
        emit(document)
    else:
        show_refund(document)


@dataclass(slots=True)
class FileReport:
    """The outcome of a file of refunds.

    Attributes:
        known: number of rows whose refund was already stored.
        refunds: number of refunds of the file by status; empty for a dry run.
        amounts: sums as decimal strings by currency, including failed and cancelled refunds.
    """

    file: str
    dry_run: bool
    rows: int
    known: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, str] = field(default_factory=dict)
    rejects_by_code: dict[str, int] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def _refund_file(
    settings: Settings, engine: Engine, rows: list[AskedRow], file: Path, dry: bool, as_json: bool
) -> None:
    began = time.monotonic()
    report = FileReport(file.name, dry, len(rows))
    readable = [row for row in rows if isinstance(row.asked, RefundAsked)]
    wanted = [row.asked for row in readable if isinstance(row.asked, RefundAsked)]
    answers: list[Answer] | list[Planned | RefundRefused]
    if dry:
        answers = preview_refunds(engine, wanted)
        _sum_planned(report, [one for one in answers if isinstance(one, Planned)])
    else:
        answers = request_refunds(engine, wanted, RefundTerms.of(settings), actor())
        entered = [one for one in answers if isinstance(one, Requested)]
        report.known = sum(one.known for one in entered)
        give_back(settings, engine, [one.id for one in entered])
        with reading(engine) as connection:
            report.refunds, report.amounts = sums_of(connection, [one.id for one in entered])
    _add_rejects(report, rows, readable, answers)
    report.seconds = round(time.monotonic() - began, 3)
    if as_json:
        emit(asdict(report))
    else:
        _show_report(report)


def _sum_planned(report: FileReport, planned: list[Planned]) -> None:
    sums: Counter[str] = Counter()
    for one in planned:
        sums[one.left.order.currency] += one.decided.amount
    report.amounts = {currency: decimal_string(amount, currency) for currency, amount in sums.items()}
    report.refunds = {RefundStatus.PENDING.value: len(planned)} if planned else {}


def _add_rejects(report: FileReport, rows: list[AskedRow], readable: list[AskedRow], answers: Any) -> None:
    refused = {id(row): row.asked for row in rows if isinstance(row.asked, RefundRefused)}
    refused |= {
        id(row): answer
        for row, answer in zip(readable, answers, strict=True)
        if isinstance(answer, RefundRefused)
    }
    for row in rows:
        if reject := refused.get(id(row)):
            details = {"line": row.line, "order": row.order, "code": reject.code}
            report.rejects.append({**details, "message": reject.message, "hint": reject.hint})
    report.rejects_by_code = dict(Counter(one["code"] for one in report.rejects))


def _show_report(report: FileReport) -> None:
    counts = ", ".join(f"{number:,} {status}" for status, number in report.refunds.items()) or "none"
    would = " (dry run)" if report.dry_run else ""
    page.print(f"[bold]{escape(report.file)}[/]: {report.rows:,} rows{would}", highlight=False)
    page.print(f"  refunds     {counts}", highlight=False)
    for currency, amount in report.amounts.items():
        page.print(f"  amount      {amount} {currency}", highlight=False)
    if report.known:
        page.print(f"  known       {report.known:,} rows were refunded or requested before", highlight=False)
    for reject in report.rejects[:REJECTS_SHOWN]:
        line = f"  line {reject['line']}, order {escape(reject['order'] or '(none)')}: {reject['code']}"
        page.print(f"{line}. {escape(reject['message'])}", highlight=False)
    if len(report.rejects) > REJECTS_SHOWN:
        page.print(f"  ... {len(report.rejects):,} rows rejected; --json lists all.", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("refund")(refund)
