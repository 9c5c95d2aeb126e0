"""Claims rows that wait for the gateway, such as refunds, and keeps them while the gateway works on them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, func, or_, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.collecting import uncollected
from orders_pipeline.base.meanwhile import meanwhile
from orders_pipeline.base.model import RefundStatus, Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.gateway import Capture, GatewayUnavailableError, PaymentGateway, Refund, Void
from orders_pipeline.payments.saving import save_as_they_arrive
from orders_pipeline.store.engine import STORE_FAILED
from orders_pipeline.store.schema import home
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys

# More would not be faster, and would block SQLite's other writers for longer than a second.
CLAIMED_AT_ONCE = 20_000
# The largest number of workers that share the work if it exceeds a small window.
SMALL_WINDOW = 5_000
SHARED_BY = 4
TRIES = 3
PAUSE_SECONDS = 1.0
# A process that asks the gateway says so every half a minute. After two minutes, it counts as dead.
ASKED_AGAIN_AFTER_SECONDS = 120.0
RENEWED_EVERY_SECONDS = 30.0
# A process that saves an outcome tells the leaderboards at once.
PUBLISHED_AGAIN_AFTER_SECONDS = 30.0
MICROSECONDS = 1_000_000
# Authorizations have the same name for it.
PROCESSING = RefundStatus.PROCESSING.value
log = logging.getLogger(__name__)

Claimed = TypeVar("Claimed")
Outcome = TypeVar("Outcome")
Request = TypeVar("Request", Refund, Capture | Void)


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """The rows of a table that wait for the gateway. One process at a time works on each of them.

    Attributes:
        id: column by which rows are claimed; only one row of each id is not settled.
        waiting: condition that a row was not sent to the gateway yet and may be sent.
    """

    table: Table
    id: Column[int]
    waiting: ColumnElement[bool]

    def within(self, window: Window) -> ColumnElement[bool]:
        """Condition that the id of a row lies in a range."""
        return self.id.between(window.first, window.last)

    def open_windows(self, connection: Connection, size: int) -> list[Window]:
        """Returns ranges of ids with a limited number of rows that wait for the gateway or the leaderboards.

        They are smaller if that gives work to several workers.
        """
        ids = list(connection.scalars(select(self.id).where(self._open()).order_by(self.id)))
        size = min(size, max(SMALL_WINDOW, -(-len(ids) // SHARED_BY)))
        starts = range(0, len(ids), size)
        return [Window(ids[start], ids[min(start + size, len(ids)) - 1]) for start in starts]

    def any_waiting(self, connection: Connection) -> bool:
        """Whether a row waits for the gateway or the leaderboards, and no process works on it."""
        return connection.execute(select(self.id).where(self._open()).limit(1)).first() is not None

    def claim(
        self, connection: Connection, chosen: ColumnElement[bool], now: int, patience: float, at_once: int
    ) -> list[int]:
        """Stores the intent to ask for rows; only one process gets each of them."""
        ready = and_(chosen, self._may_be_asked(now, patience))
        query = (
            select(self.id).where(ready).order_by(self.id).limit(at_once).with_for_update(skip_locked=True)
        )
        row = self.table.c
        claim = update(self.table).values(status=PROCESSING, asked_at=now, tries=row.tries + 1)
        with by_keys(connection):
            # Not one statement: PostgreSQL would at times compare each row with each of the chosen ids.
            ids = connection.scalars(query).all()
            for part in parts(ids):
                these = among(connection, self.id, part)
                connection.execute(claim.where(these, row.settled_at.is_(None)))
        return list(ids)

    @contextmanager
    def renewing(self, engine: Engine, claimed: Sequence[int], asked_at: int, every: float) -> Iterator[None]:
        """Keeps others from claiming these rows, which this process claimed at `asked_at`."""

        def renew(ended: threading.Event) -> None:
            last = asked_at
            while not ended.wait(every):
                last = self._renew(engine, Window(claimed[0], claimed[-1]), last)

        with meanwhile(renew):
            yield

    def _renew(self, engine: Engine, window: Window, asked_at: int) -> int:
        """Claims again what this process claimed at `asked_at`; returns when."""
        row, now = self.table.c, now_us()
        # Only what this process claimed has exactly this time.
        own = and_(self.within(window), row.status == PROCESSING, row.asked_at == asked_at)
        # A locked row is being saved, so its claim need not be extended.
        ids = select(self.id).where(own).order_by(self.id).with_for_update(skip_locked=True)
        try:
            with engine.begin() as connection:
                connection.execute(update(self.table).where(self.id.in_(ids), own).values(asked_at=now))
        except STORE_FAILED as error:
            # The work itself meets the same error and reports it.
            log.warning("claims of %s could not be renewed: %s", self.table.name, error)
            return asked_at
        return now

    def asked_before(self, since: Column[int]) -> ColumnElement[bool]:
        """Column `asked_before`: whether the gateway may have got a request before this claim.

        Args:
            since: time of the request. A restored store may have lost the record that it was sent.
        """
        restored = func.coalesce(select(home.c.restored_at).scalar_subquery(), 0)
        return or_(self.table.c.tries > 1, since < restored).label("asked_before")

    def _may_be_asked(self, now: int, patience: float) -> ColumnElement[bool]:
        """Condition that the gateway is to be asked, and that no living process does so."""
        row = self.table.c
        left_alone = and_(row.status == PROCESSING, row.asked_at <= now - int(patience * MICROSECONDS))
        return and_(row.settled_at.is_(None), or_(self.waiting, left_alone))

    def _open(self) -> ColumnElement[bool]:
        now, row = now_us(), self.table.c
        unpublished = row.settled_at <= now - int(PUBLISHED_AGAIN_AFTER_SECONDS * MICROSECONDS)
        return or_(self._may_be_asked(now, ASKED_AGAIN_AFTER_SECONDS), and_(row.boards_due, unpublished))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedWork:
    """How claimed rows are sent to the gateway.

    Attributes:
        at_once: rows that are claimed together, and of one transaction, at most.
        patience: seconds for which a row is reserved for the process that last claimed it.
        tries: how often the gateway is queried for an unknown outcome.
        pause: seconds before the second try; they double with each further one.
        renewed_every: seconds after which a process that waits for the gateway says that it lives.
    """

    engine: Engine
    gateway: PaymentGateway
    at_once: int
    patience: float = ASKED_AGAIN_AFTER_SECONDS
    tries: int = TRIES
    pause: float = PAUSE_SECONDS
    renewed_every: float = RENEWED_EVERY_SECONDS

    def once(self) -> Self:
        """Returns the same work for a waiting person: one try, without waiting for other processes."""
        return replace(self, tries=1, patience=0.0)

    def settle_claims(
        self,
        claims: Claims,
        chosen: ColumnElement[bool],
        read: Callable[[Connection, Sequence[int]], list[Claimed]],
        ask: Callable[[list[Claimed]], str | None],
    ) -> str | None:
        """Claims the chosen rows, some at a time, and asks for them until an outcome stays unknown.

        Args:
            read: reads rows by their ids, in the transaction that claims them.
            ask: asks the gateway for rows; returns why outcomes are unknown, None if none is.
        """
        with uncollected():
            while True:
                now = now_us()
                with self.engine.begin() as connection:
                    ids = claims.claim(connection, chosen, now, self.patience, self.at_once)
                    claimed = read(connection, ids) if ids else []
                if not claimed:
                    return None
                with claims.renewing(self.engine, ids, now, self.renewed_every):
                    unknown = ask(claimed)
                if unknown:
                    return unknown

    def ask_in_tries(
        self,
        requests: Mapping[int, Request],
        ask: Callable[[list[Request]], Iterable[AsyncGenerator[Sequence[Outcome], None]]],
        save: Callable[[Sequence[Outcome]], Iterable[int]],
    ) -> str | None:
        """Asks the gateway for requests, and again for those that it does not answer.

        Args:
            requests: by id.
            ask: hands requests to the gateway, which streams their outcomes.
            save: saves outcomes, and returns the ids of their requests.

        Returns:
            Why outcomes are still unknown; None if none is.
        """
        left = dict(requests)

        def save_known(outcomes: Sequence[Outcome]) -> None:
            for known in save(outcomes):
                left.pop(known, None)

        unknown: str | None = None
        for number in range(self.tries):
            if number:
                time.sleep(self.pause * 2 ** (number - 1))
            for outcomes in ask(list(left.values())):
                try:
                    asyncio.run(save_as_they_arrive(outcomes, save_known, self.at_once))
                except GatewayUnavailableError as error:
                    unknown = str(error)
                    log.warning("try %s of %s: %s", number + 1, self.tries, error)
            if not left:
                return None
            # The gateway may have received them: they are looked up before they are sent again.
            left = {id: request._replace(asked_before=True) for id, request in left.items()}
        return unknown


def claimed_at_once(settings: Settings) -> int:
    """Returns the largest number of rows that a process claims together."""
    return min(settings.transaction_orders, CLAIMED_AT_ONCE)
