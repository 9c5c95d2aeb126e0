"""`orders retry` and `orders cancel`: retry failed orders and cancel open ones."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.choosing import FileOption, SinceOption, SourceOption, TextOption, since_us
from cli.output import JsonOption, command, emit, error_object, page, wrong_usage
from cli.pages.import_page import show_runs
from cli.runs.capture_orders import take_to_gateway
from cli.runs.import_files import FileRun, ImportCommand
from orders_pipeline.base.model import FailureReason
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.failed_work.cancel import NotCancelled, cancel_orders, not_cancelled
from orders_pipeline.failed_work.chosen import Chosen, counted, preview, require_known
from orders_pipeline.failed_work.retry import left_open, retry_orders
from orders_pipeline.failed_work.stalled import retry_stalled, stalled_imports
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.store.engine import reading

Numbers = Annotated[list[str] | None, typer.Argument(help="Order numbers.", show_default=False)]
ReasonOption = Annotated[FailureReason | None, typer.Option(help="Only orders that failed for this reason.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, but change nothing.")]
Document = dict[str, Any]


@command
def retry(
    context: typer.Context,
    orders: Numbers = None,
    reason: ReasonOption = None,
    key: FileOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    text: TextOption = None,
    every: Annotated[bool, typer.Option("--all", help="All failed orders except cancelled ones.")] = False,
    stalled: Annotated[
        bool, typer.Option("--stalled", help="Retry stalled imports instead of failed orders.")
    ] = False,
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Retry failed and rolled-back orders, and wait until they are settled.

    With --stalled, retry imports that are no longer launched automatically.
    """
    settings = load_settings()
    chosen = Chosen(_unique(orders), source, key, reason, since_us(since, settings), text)
    if stalled and (orders or reason or since or text or every):
        wrong_usage("stalled_alone", "--stalled can be combined only with --file and --source.", as_json)
    if not stalled and not every and chosen == Chosen():
        wrong_usage("nothing_chosen", "Name orders, select them with an option, or use --all.", as_json)
    with open_store(settings) as engine:
        require_known(engine, chosen)
        if stalled:
            keys = stalled_imports(engine, key, source)
            document: Document = {"dry_run": dry, "stalled": keys}
        else:
            document = {"dry_run": dry, **counted(preview(engine, chosen.to_retry()))}
        if not as_json:
            _show(document, "would be retried" if dry else "are retried")
        failed = None
        if not dry:
            if stalled:
                reopened = retry_stalled(engine, keys, actor())
            else:
                reopened = _reopen(engine, chosen, settings, document, as_json)
            failed = _settle(settings, engine, reopened, context.obj, document, as_json)
    if as_json:
        emit(error_object(failed) if failed else document)
    if failed:
        raise typer.Exit(1)


def _reopen(
    engine: Engine, chosen: Chosen, settings: Settings, document: Document, as_json: bool
) -> list[str]:
    """Reopens orders; returns the keys of imports with open orders, of this retry or an interrupted one."""
    retried = retry_orders(engine, chosen, settings.transaction_orders, actor())
    document["orders"] = sum(retried.values())
    reopened = [key for key, number in retried.items() if number]
    left = [key for key in left_open(engine, chosen) if key not in reopened]
    if left and not as_json:
        page.print(f"Continues an earlier, interrupted retry: {', '.join(left)}.")
    return reopened + left


def _settle(
    settings: Settings,
    engine: Engine,
    keys: list[str],
    started_at: float,
    document: Document,
    as_json: bool,
) -> CommandFailed | None:
    """Runs the imports until they are settled; returns the error, if any."""
    with reading(engine) as connection:
        reopened = [get_import(connection, key) for key in keys]
    runs = ImportCommand(settings, engine, started_at).settle(reopened)
    document["imports"] = [run.document for run in runs]
    if not as_json:
        show_runs(runs)
    return _failure(runs)


def _failure(runs: list[FileRun]) -> CommandFailed | None:
    errors = [run.error for run in runs if run.error]
    if len(errors) < 2:
        return errors[0] if errors else None
    messages = " ".join(error.message for error in errors)
    return CommandFailed(
        "imports_failed", f"{len(errors)} of {len(runs)} imports failed: {messages}", errors[0].hint
    )


@command
def cancel(
    orders: Numbers = None,
    key: FileOption = None,
    source: SourceOption = None,
    because: Annotated[str, typer.Option(help="Reason, for the order's history.")] = "by an operator",
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cancel orders that are not charged or captured yet. Their reserved units return to stock."""
    if not (orders or key):
        wrong_usage("nothing_chosen", "Name orders, or select a file with --file.", as_json)
    chosen = Chosen(_unique(orders), source, key)
    settings = load_settings()
    with open_store(settings) as engine:
        require_known(engine, chosen)
        groups = preview(engine, chosen.to_cancel())
        document: Document = {"dry_run": dry, **counted(groups)}
        if not dry:
            cancelled = cancel_orders(engine, chosen, because, settings.transaction_orders, actor())
            document["orders"] = cancelled.orders
            if cancelled.voids:
                take_to_gateway(settings, engine, cancelled.voids)
        refused = _left_over(engine, chosen) if chosen.numbers else []
    _tell_cancelled(document, refused, as_json)


def _left_over(engine: Engine, chosen: Chosen) -> list[NotCancelled]:
    """Returns the named orders that could not be cancelled, because they were charged or settled already."""
    return [one for one in not_cancelled(engine, chosen) if not one.was_cancelled]


def _tell_cancelled(document: Document, refused: list[NotCancelled], as_json: bool) -> None:
    done = f"{document['orders']:,} orders {'would be ' if document['dry_run'] else ''}cancelled."
    if refused:
        raise _refusal(refused, done)
    if as_json:
        emit(document)
    else:
        page.print(done)


def _refusal(refused: list[NotCancelled], done: str) -> CommandFailed:
    reasons = "; ".join(f"{one.order_id} of {one.source}: {one.reason}" for one in refused)
    return CommandFailed(
        "not_cancellable",
        f"{len(refused)} of the named orders cannot be cancelled: {reasons}. {done}",
        "Only pending, reserved and authorized orders can be cancelled. See `orders show ORDER`.",
    )


def _unique(numbers: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(numbers or ()))


def _show(document: Document, what: str) -> None:
    if "stalled" in document:
        listed = ", ".join(document["stalled"])
        page.print(f"{len(document['stalled'])} imports {what}" + (f": {listed}." if listed else "."))
        return
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in document["by_reason"].items())
    page.print(f"{document['orders']:,} orders {what}" + (f": {reasons}." if reasons else "."))


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("retry")(retry)
    app.command("cancel")(cancel)
