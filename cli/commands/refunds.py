"""`orders refunds`: lists refunds, and acts on them."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page, wrong_usage
from cli.pages.refund_page import refunds_table, show_refund
from cli.runs.refund_orders import give_back, publish_refunds
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.refunds.actions import Acted, RefundAction, act, preview, refund_ids_of
from orders_pipeline.refunds.listing import RefundFilter, list_refunds, refund_document, refund_documents
from orders_pipeline.store.engine import reading

Ids = Annotated[list[str], typer.Argument(help="Ids of refunds; `orders refunds list` shows them.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, but change nothing.")]
DONE = {
    RefundAction.CANCEL: "cancelled",
    RefundAction.APPROVE: "approved",
    RefundAction.RETRY: "retried",
    RefundAction.REVERSE: "reversed",
}


@command
def show_list(
    status: Annotated[RefundStatus | None, typer.Option(help="Only refunds with this status.")] = None,
    kind: Annotated[RefundKind | None, typer.Option(help="Only refunds of this kind.")] = None,
    order: Annotated[str | None, typer.Option(help="Only refunds of the order with this number.")] = None,
    source: Annotated[str | None, typer.Option(help="Only refunds of orders from this source.")] = None,
    awaiting: Annotated[
        bool, typer.Option("--awaiting-approval", help="Only refunds that wait for approval.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of refunds, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List refunds and disputes, newest first."""
    wanted = RefundFilter(status, kind, order, source, awaiting)
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_refunds(connection, wanted, limit)
    if as_json:
        emit(found)
    else:
        page.print(refunds_table(found) if found else "No matching refunds.")


@command
def show(
    refund_id: Annotated[str, typer.Argument(help="Id of a refund.")], as_json: JsonOption = False
) -> None:
    """Show one refund or dispute."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        document = refund_document(connection, refund_id)
    if as_json:
        emit(document)
    else:
        show_refund(document)


@command
def cancel(ids: Ids, dry: DryOption = False, as_json: JsonOption = False) -> None:
    """Cancel pending refunds. Their amounts can be refunded again."""
    _act(RefundAction.CANCEL, ids, dry, as_json)


@command
def approve(ids: Ids, dry: DryOption = False, as_json: JsonOption = False) -> None:
    """Approve and send refunds above ORDERS_REFUND_LIMIT that another operator requested."""
    _act(RefundAction.APPROVE, ids, dry, as_json)


@command
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of failed refunds.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All failed refunds.")] = False,
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Try failed refunds again."""
    if bool(ids) == every:
        wrong_usage("nothing_chosen", "Name refunds, or use --all.", as_json)
    _act(RefundAction.RETRY, ids or [], dry, as_json, every=every)


@command
def reverse(
    ids: Ids,
    because: Annotated[
        str, typer.Option(help="Reason, which becomes the reason of the failure. Default: won, or returned.")
    ] = "",
    dry: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Reverse completed refunds: disputes that were won, or refunds that did not arrive."""
    _act(RefundAction.REVERSE, ids, dry, as_json, because=because)


def _act(
    action: RefundAction,
    refund_ids: list[str],
    dry: bool,
    as_json: bool,
    *,
    because: str = "",
    every: bool = False,
) -> None:
    settings = load_settings()
    with open_store(settings) as engine:
        if every:
            with reading(engine) as connection:
                refund_ids = refund_ids_of(connection, RefundStatus.FAILED)
        if dry:
            acted = preview(engine, action, refund_ids, actor())
        else:
            acted = act(engine, action, refund_ids, actor(), because)
            ids = [one.id for one in acted.done]
            if action in (RefundAction.APPROVE, RefundAction.RETRY):
                give_back(settings, engine, ids)
            elif action is RefundAction.REVERSE and ids:
                publish_refunds(settings, engine, ids)
        with reading(engine) as connection:
            documents = refund_documents(connection, [one.refund_id for one in acted.done])
    done = f"{counted(len(acted.done), 'refund')} {'would be ' if dry else ''}{DONE[action]}."
    if acted.refused and not every:
        raise _refusal(acted, done)
    if as_json:
        emit({"dry_run": dry, **acted.counted(), "list": documents})
    else:
        page.print(done)
        page.print(refunds_table(documents) if documents else "")


def _refusal(acted: Acted, done: str) -> CommandFailed:
    first = acted.refused[0]
    messages = " ".join(refused.message for refused in acted.refused)
    return CommandFailed(first.code, f"{messages} {done}", first.hint)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    refunds = typer.Typer(help="Refunds and disputes.", no_args_is_help=True)
    refunds.command("list")(show_list)
    refunds.command("show")(show)
    refunds.command("cancel")(cancel)
    refunds.command("approve")(approve)
    refunds.command("retry")(retry)
    refunds.command("reverse")(reverse)
    app.add_typer(refunds, name="refunds")
