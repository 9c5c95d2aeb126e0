"""Compares the gateway's own journal with the store, without the code of `orders verify`."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy import Engine, select

from orders_pipeline.base.model import AuthorizationStatus, EndKind, PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.payments.gateway import end_key, idempotency_key, refund_key
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, orders, payments, refunds, sources
from tests.servers.gateway_server import GatewayServer

Entries = set[tuple[str, int, str | None]]
ABOVE_CAPTURED = """
SELECT c.reference FROM charges c JOIN refunds r ON r.charge = c.transaction_id
WHERE r.transaction_id IS NOT NULL AND r.came_back IS NULL
GROUP BY c.reference HAVING SUM(r.amount) > MIN(c.amount)
"""
ENDED = {EndKind.CAPTURE: AuthorizationStatus.CAPTURED, EndKind.VOID: AuthorizationStatus.VOIDED}


def journal_differences(engine: Engine, gateway: GatewayServer) -> list[str]:
    """The differences between gateway and store about money that was refunded, captured or released."""
    found = _differences("refunds", _made(gateway.refunds()), _refunds(engine))
    for kind in EndKind:
        found += _differences(f"{kind}s", _made(gateway.ends(kind)), _ends(engine, kind))
    with closing(sqlite3.connect(gateway.folder / "journal.db")) as journal:
        found += [f"refunded above captured: {row[0]}" for row in journal.execute(ABOVE_CAPTURED)]
    return found


def _made(journal: dict[str, tuple[int, str, str | None]]) -> Entries:
    return {(key, amount, made) for key, (amount, _, made) in journal.items() if made is not None}


def _differences(what: str, journal: Entries, store: Entries) -> list[str]:
    only = [("gateway", journal - store), ("store", store - journal)]
    return [f"{what} that only the {where} has: {sorted(found)[:3]}" for where, found in only if found]


def _refunds(engine: Engine) -> Entries:
    r = refunds.c
    query = select(r.refund_id, r.round, r.amount, r.transaction_id).where(
        r.status == RefundStatus.COMPLETED,
        r.kind == RefundKind.REFUND,
        r.method == PaymentMethod.GATEWAY,
        r.amount > 0,
    )
    with reading(engine) as connection:
        return {(refund_key(row[0], row[1]), row[2], row[3]) for row in connection.execute(query)}


def _ends(engine: Engine, kind: EndKind) -> Entries:
    a, p = authorizations.c, payments.c
    query = (
        select(sources.c.name, orders.c.number, a.attempt, a.round, p.amount, a.transaction_id)
        .select_from(authorizations)
        .join(payments, (p.order_id == a.order_id) & (p.attempt == a.attempt))
        .join(orders, orders.c.id == a.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(a.status == ENDED[kind])
    )
    with reading(engine) as connection:
        return {
            (end_key(kind, idempotency_key(source, number, attempt), asked), amount, transaction)
            for source, number, attempt, asked, amount, transaction in connection.execute(query)
        }
