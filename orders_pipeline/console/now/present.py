"""The present state: today's figures, running imports, and problems that need a person.

Shared by all open pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from orders_pipeline.api.context import ApiContext
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.console.now.file_work import at_work, in_list
from orders_pipeline.console.texts import texts
from orders_pipeline.events.failed import failing_endpoints
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.imports.import_row import imports_in, list_imports
from orders_pipeline.monitoring.alerts.alert_rows import alert_document, open_alerts, title
from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from orders_pipeline.refunds.listing import refunds_to_attend
from orders_pipeline.stock.low_stock import count_low_stock
from orders_pipeline.store.engine import reading

FILES_SHOWN, RUNNING_SHOWN = 5, 5


@dataclass(frozen=True, slots=True)
class Attention:
    """A problem that needs a person: a title, details, and the page on which to solve it."""

    tone: str
    text: str
    detail: str
    link: str


@dataclass(frozen=True, slots=True)
class Present:
    """The present state for the overview. `waiting` is None while the broker is down."""

    currency: str
    live: dict[str, Any]
    refunded: float
    waiting: int | None
    running: list[dict[str, Any]]
    recent: list[dict[str, Any]]
    attention: list[Attention]


def present(context: ApiContext, currency: str) -> Present:
    """Reads the state from the store, Redis and the broker."""
    live = context.figures.live.figures(currency)
    with reading(context.engine) as connection:
        refunds = refunds_to_attend(connection, context.today(), currency)
        running = imports_in(connection, ImportStatus.RUNNING)[:RUNNING_SHOWN]
        return Present(
            currency=currency,
            live=live,
            refunded=refunds["refunded_today"],
            waiting=_waiting(context),
            running=[at_work(connection, found, live["orders_per_second"]) for found in running],
            recent=[in_list(connection, found) for found in list_imports(connection, FILES_SHOWN)],
            attention=list(_attention(context, connection, refunds)),
        )


def _waiting(context: ApiContext) -> int | None:
    try:
        return sum(context.queue_sizes().values())
    except ConnectionError:
        return None


def _attention(context: ApiContext, connection: Connection, refunds: dict[str, Any]) -> Iterator[Attention]:
    t = texts().attention
    # All files in quarantine are one entry, which leads to them.
    alerts = (one for one in open_alerts(connection) if one.name != AlertName.QUARANTINED_FILE)
    for alert in alerts:
        document = alert_document(alert)
        yield Attention(
            "bad", f"{title(alert.name)} ({alert.subject})", document["detail"], "/operations#alerts"
        )
    counts = {
        kind: failed_work(connection, Wanted(kind), 1)["counts"][kind] for kind in (Kind.FILES, Kind.IMPORTS)
    }
    events = sum(one.failed for one in failing_endpoints(connection))
    low = count_low_stock(connection, context.settings.low_stock)
    for number, one, several, detail, link in (
        (sum(counts[Kind.FILES].values()), *t.quarantined, "/failed#files"),
        (sum(counts[Kind.IMPORTS].values()), *t.imports, "/failed#imports"),
        (refunds["failed"], *t.refunds, "/refunds?status=failed&kind=refund"),
        (refunds["awaiting_approval"], *t.approval, "/refunds?status=pending"),
        (events, *t.webhooks, "/operations#webhooks"),
        (low, *t.stock, "/products?low=true"),
    ):
        if number:
            yield Attention("warn", counted(number, one, several), detail, link)
