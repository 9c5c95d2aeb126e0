"""Imports orders of customers with addresses, and sends notices in this process, on an `ImportBench`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from orders_pipeline.base.model import Notifications
from orders_pipeline.events.spread import spread_events
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.notifications.queue import queueing
from orders_pipeline.notifications.sender import NoticeSender
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import customer_contacts, notification_sender, notifications, orders
from tests.import_bench import HEADER, ImportBench, Line
from tests.servers.mailboxes import Mailbox

ADA = "ada.canary@shop-customer.example"
SHOP = "Muster Shop <orders@shop.example>"


def ordered(days_ago: float = 0) -> str:
    """The date of an order."""
    return (datetime.now(UTC) - timedelta(days=days_ago, minutes=1)).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(slots=True)
class NoticeBench:
    """A bench whose customers get notices."""

    bench: ImportBench

    @classmethod
    def on(cls, bench: ImportBench, box: Mailbox | None, **settings: Any) -> NoticeBench:
        if box:
            settings = {"notifications": Notifications.SMTP, "smtp_url": box.url, **settings}
        bench.set(notifications_sender=SHOP, **settings)
        return cls(bench)

    def import_orders(
        self, *lines: Line, emails: Sequence[str] = (ADA,), language: str = "", name: str = "orders.csv"
    ) -> ImportReport:
        """Imports orders placed a minute ago unless a line says otherwise; the last address is repeated."""
        file = self.bench.write(*lines, name=name)
        _, *rows = file.read_text("utf-8").splitlines()
        addresses = [*emails, *[emails[-1]] * len(rows)]
        with_contacts = [f"{row},{address},{language}" for row, address in zip(rows, addresses, strict=False)]
        file.write_text(
            "\n".join([f"{HEADER},customer_email,customer_language", *with_contacts, ""]), "utf-8"
        )
        return self.bench.settle(self.bench.stage(file))

    @property
    def terms(self) -> NoticeTerms:
        return NoticeTerms.of(self.bench.settings)

    def queue(self) -> None:
        """Creates the notices for all events so far."""
        while spread_events(self.bench.engine, queueing(self.terms)):
            pass

    def sender(self) -> NoticeSender:
        return NoticeSender(self.bench.engine, self.terms)

    def send(self) -> int:
        """Creates notices and sends those that are due."""
        self.queue()
        return self.sender_let_go()

    def sender_let_go(self) -> int:
        """Sends what is due, like a process that took over."""
        with self.bench.engine.begin() as connection:
            connection.execute(update(notification_sender).values(holder=None, paused_until=None))
        return self.sender().send_due()

    def make_due(self) -> None:
        """Makes all waiting notices due."""
        with self.bench.engine.begin() as connection:
            connection.execute(update(notifications).values(next_try_at=0))

    def notices(self) -> list[tuple[str, str, str, str | None]]:
        """Order number, type, status and reason of each notice."""
        n = notifications.c
        query = select(orders.c.number, n.type, n.status, n.reason).join(orders, orders.c.id == n.order_id)
        with reading(self.bench.engine) as connection:
            return [tuple(row) for row in connection.execute(query.order_by(n.id))]

    def statuses(self) -> list[str]:
        """Status of each notice."""
        return [status for _, _, status, _ in self.notices()]

    def contacts(self) -> dict[str, tuple[str, str | None]]:
        """Address and language by customer."""
        c = customer_contacts.c
        with reading(self.bench.engine) as connection:
            rows = connection.execute(select(c.customer_id, c.email, c.language))
            return {customer: (address, language) for customer, address, language in rows}
