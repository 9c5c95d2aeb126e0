"""`orders retry` and `orders cancel`: what operators do about orders that did not go well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from cli.context import open_store
from cli.import_files import ImportCommand
from cli.import_page import show_runs
from cli.output import CommandFailed, JsonOption, command, emit, error_object, page, show_error
from orders_pipeline.model import FailureReason
from orders_pipeline.settings import Settings, load_settings
from orders_pipeline.store.engine import reading
from orders_pipeline.store.imports import get_import
from orders_pipeline.workflow.cancel import NotCancelled, cancel_orders, not_cancelled
from orders_pipeline.workflow.chosen import Chosen, Group, preview
from orders_pipeline.workflow.retry import retry_orders

Numbers = Annotated[list[str] | None, typer.Argument(help="Order numbers.", show_default=False)]
FileOption = Annotated[
    str | None, typer.Option("--file", help="Only orders of this file: its partition key.", metavar="KEY")
]
SourceOption = Annotated[str | None, typer.Option(help="Only orders of this source.")]
ReasonOption = Annotated[FailureReason | None, typer.Option(help="Only orders that failed for this reason.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, change nothing.")]
Document = dict[str, Any]


@command
def retry(
    context: typer.Context,
    orders: Numbers = None,
    reason: ReasonOption = None,
    key: FileOption = None,
    source: SourceOption = None,
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give failed and rolled back orders another attempt, and see it through."""
    chosen = _chosen(orders, source, key, reason, as_json)
    settings = load_settings()
    with open_store(settings) as engine:
        _require_known(engine, chosen)
        groups = preview(engine, chosen.to_retry())
        document: Document = {"dry_run": dry, **_counted(groups)}
        if not as_json:
            _show(groups, "would be tried again" if dry else "are tried again")
        failed = False if dry else _try_again(settings, engine, chosen, context.obj, document, as_json)
    if as_json:
        emit(document)
    if failed:
        raise typer.Exit(1)


def _try_again(
    settings: Settings,
    engine: Engine,
    chosen: Chosen,
    started_at: float,
    document: Document,
    as_json: bool,
) -> bool:
    """Whether an import failed."""
    retried = retry_orders(engine, chosen, settings.transaction_orders)
    with reading(engine) as connection:
        reopened = [get_import(connection, key) for key, number in retried.items() if number]
    runs = ImportCommand(settings, engine, started_at).settle(reopened)
    document["orders"] = sum(retried.values())
    document["imports"] = [run.document for run in runs]
    if not as_json:
        show_runs(runs)
    return any(run.error for run in runs)


@command
def cancel(
    orders: Numbers = None,
    key: FileOption = None,
    source: SourceOption = None,
    because: Annotated[str, typer.Option(help="Why, for the order's story.")] = "by an operator",
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cancel orders that are not charged yet; reserved units go back on the shelf."""
    chosen = _chosen(orders, source, key, None, as_json)
    settings = load_settings()
    with open_store(settings) as engine:
        _require_known(engine, chosen)
        groups = preview(engine, chosen.to_cancel())
        document: Document = {"dry_run": dry, **_counted(groups)}
        if not dry:
            document["orders"] = cancel_orders(engine, chosen, because, settings.transaction_orders)
        refused = _left_over(engine, chosen) if chosen.numbers else []
    document["refused"] = [asdict(one) for one in refused]
    _tell_cancelled(document, refused, as_json)


def _left_over(engine: Engine, chosen: Chosen) -> list[NotCancelled]:
    """The named orders that were charged, or had ended, before they could be cancelled."""
    return [one for one in not_cancelled(engine, chosen) if not one.was_cancelled]


def _tell_cancelled(document: Document, refused: list[NotCancelled], as_json: bool) -> None:
    failed = _refusal(refused) if refused else None
    if as_json:
        emit(document | (error_object(failed) if failed else {}))
    else:
        done = "would be cancelled" if document["dry_run"] else "cancelled"
        page.print(f"{document['orders']:,} orders {done}.")
        if failed:
            show_error(failed, as_json=False)
    if failed:
        raise typer.Exit(1)


def _refusal(refused: list[NotCancelled]) -> CommandFailed:
    told = "; ".join(f"{one.order_id} of {one.source}: {one.reason}" for one in refused[:5])
    return CommandFailed(
        "not_cancellable",
        f"{len(refused)} orders cannot be cancelled: {told}.",
        "Only orders that are pending or reserved can be; `orders show ORDER` tells an order's story.",
    )


def _chosen(
    numbers: list[str] | None,
    source: str | None,
    key: str | None,
    reason: FailureReason | None,
    as_json: bool,
) -> Chosen:
    if not (numbers or key or reason):
        failed = CommandFailed(
            "nothing_chosen", "Name orders, or choose them by an option.", "See --help for the options."
        )
        show_error(failed, as_json)
        raise typer.Exit(2)
    return Chosen(tuple(dict.fromkeys(numbers or ())), source, key, reason)


def _require_known(engine: Engine, chosen: Chosen) -> None:
    with reading(engine) as connection:
        if chosen.key:
            get_import(connection, chosen.key)
    for number in chosen.numbers:
        if not preview(engine, Chosen((number,), chosen.source, chosen.key).condition()):
            raise CommandFailed(
                "unknown_order", f"No order has the number {number!r}.", "Rejected? See `orders files`."
            )


def _counted(groups: Iterable[Group]) -> Document:
    by_reason: Counter[str] = Counter()
    by_file: Counter[str] = Counter()
    for group in groups:
        by_reason[group.reason or group.status] += group.orders
        by_file[group.key] += group.orders
    return {"orders": by_file.total(), "by_reason": dict(by_reason), "by_file": dict(by_file)}


def _show(groups: list[Group], what: str) -> None:
    counted = _counted(groups)
    told = ", ".join(f"{number:,} {reason}" for reason, number in counted["by_reason"].items())
    page.print(f"{counted['orders']:,} orders {what}" + (f": {told}." if told else "."))


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("retry")(retry)
    app.command("cancel")(cancel)
