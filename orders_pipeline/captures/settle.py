"""Claims captures and voids, sends them to the gateway, and saves each outcome as it arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import AuthorizationStatus, EndKind, Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.captures.completion import Ended, end, is_final, reopen
from orders_pipeline.lifecycle.batch import BatchKey, batch_work
from orders_pipeline.payments.claims import ClaimedWork, Claims, claimed_at_once
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    Charge,
    Declined,
    Paid,
    PaymentGateway,
    Void,
    Voided,
    VoidFailed,
    end_key,
    idempotency_key,
)
from orders_pipeline.store.schema import authorizations, orders, payments, sources
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys

WAITING = authorizations.c.status == AuthorizationStatus.PENDING
CLAIMS = Claims(authorizations, authorizations.c.order_id, WAITING)
within, open_windows, any_waiting = CLAIMS.within, CLAIMS.open_windows, CLAIMS.any_waiting


class Asked(NamedTuple):
    """A capture or void that this process sends to the gateway, and its order."""

    request: Capture | Void
    charge: Charge
    batch: BatchKey


class CaptureWork(ClaimedWork):
    """How captures and voids are sent to the gateway."""

    @classmethod
    def of(cls, settings: Settings, engine: Engine, gateway: PaymentGateway) -> CaptureWork:
        """Returns the work with the settings of a home."""
        return cls(engine=engine, gateway=gateway, at_once=claimed_at_once(settings))

    def settle(self, chosen: ColumnElement[bool]) -> str | None:
        """Sends the captures and voids that wait, and looks up outcomes that were not saved.

        Args:
            chosen: condition on the table `authorizations`.

        Returns:
            Why outcomes are still unknown; None if all are known. A later call requests them with the same
            keys.

        Raises:
            GatewayRefusedError: the gateway refuses all requests.
        """
        return self.settle_claims(CLAIMS, chosen, _requests, self._ask)

    def _ask(self, claimed: Sequence[Asked]) -> str | None:
        asking = _Asking(self.engine, claimed)
        requests = {one.request.order_id: one.request for one in claimed}
        unknown = self.ask_in_tries(requests, self._streams, asking.save)
        asking.save_refused(self.gateway)
        return unknown

    def _streams(self, wanted: Sequence[Capture | Void]) -> Iterator[AsyncGenerator[Sequence[Ended], None]]:
        captures = [one for one in wanted if isinstance(one, Capture)]
        voids = [one for one in wanted if isinstance(one, Void)]
        if captures:
            yield self.gateway.capture(captures)
        if voids:
            yield self.gateway.void(voids)


class _Asking:
    """The requests that were sent to the gateway, and what it refused."""

    def __init__(self, engine: Engine, claimed: Iterable[Asked]) -> None:
        self._engine = engine
        self._asked = {one.request.order_id: one for one in claimed}
        self._refused: list[CaptureDeclined | VoidFailed] = []

    def save(self, outcomes: Sequence[Ended]) -> list[int]:
        """Saves final outcomes; refusals are collected for `save_refused`. Returns the ids of the orders."""
        final = [outcome for outcome in outcomes if is_final(outcome)]
        self._refused += [
            outcome
            for outcome in outcomes
            if isinstance(outcome, CaptureDeclined | VoidFailed) and not is_final(outcome)
        ]
        self._end(final)
        return [_request_of(outcome).order_id for outcome in outcomes]

    def save_refused(self, gateway: PaymentGateway) -> None:
        """Saves refused requests: the charge's outcome, or open if the gateway still holds the money."""
        stand = [(outcome, self._as_it_stands(gateway, outcome)) for outcome in self._refused]
        self._end([found for _, found in stand if found])
        for outcome in (outcome for outcome, found in stand if not found):
            one = self._asked[_request_of(outcome).order_id]
            with self._engine.begin() as connection, batch_work(connection, one.batch, _window([outcome])):
                reopen(connection, outcome, one.charge.attempt)

    def _as_it_stands(self, gateway: PaymentGateway, refused: CaptureDeclined | VoidFailed) -> Ended | None:
        """The outcome of a charge that was captured or released directly at the gateway."""
        request = _request_of(refused)
        charge = self._asked[request.order_id].charge
        if gateway.holds(Authorized(charge, request.transaction_id)):
            return None
        if gateway.holds(Paid(charge, request.transaction_id)):
            return Captured(_as_capture(request), request.transaction_id)
        if not gateway.holds(Declined(charge, VOIDED)):
            return None
        if isinstance(refused, CaptureDeclined):
            return CaptureDeclined(refused.capture, VOIDED)
        return Voided(refused.void, request.transaction_id)

    def _end(self, outcomes: Iterable[Ended]) -> None:
        for batch, group in self._by_batch(outcomes).items():
            with self._engine.begin() as connection, batch_work(connection, batch, _window(group)) as work:
                end(work, [(outcome, self._attempt(outcome)) for outcome in group], now_us())

    def _by_batch(self, outcomes: Iterable[Ended]) -> dict[BatchKey, list[Ended]]:
        groups: dict[BatchKey, list[Ended]] = defaultdict(list)
        for outcome in outcomes:
            groups[self._asked[_request_of(outcome).order_id].batch].append(outcome)
        return groups

    def _attempt(self, outcome: Ended) -> int:
        return self._asked[_request_of(outcome).order_id].charge.attempt


def _requests(connection: Connection, claimed: Sequence[int]) -> list[Asked]:
    a = authorizations.c
    of_authorization = and_(payments.c.order_id == a.order_id, payments.c.attempt == a.attempt)
    query = (
        select(a.order_id, a.attempt, a.wanted, a.round, payments.c.amount, payments.c.transaction_id)
        .add_columns(orders.c.currency, orders.c.number, orders.c.import_id, orders.c.batch)
        .add_columns(sources.c.name.label("source"))
        .add_columns(CLAIMS.asked_before(a.authorized_at))
        .join(payments, of_authorization)
        .join(orders, orders.c.id == a.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(a.settled_at.is_(None))
        .order_by(a.order_id)
    )
    with by_keys(connection):
        rows = [
            row
            for part in parts(claimed)
            for row in connection.execute(query.where(among(connection, a.order_id, part)))
        ]
    return [_asked(*row) for row in rows]


def _asked(
    order_id: int,
    attempt: int,
    wanted: EndKind,
    number: int,
    amount: int,
    transaction_id: str,
    currency: str,
    order: str,
    import_id: int,
    batch: int,
    source: str,
    asked_before: bool | int,
) -> Asked:
    key = idempotency_key(source, order, attempt)
    make = Capture if wanted == EndKind.CAPTURE else Void
    end = end_key(wanted, key, number)
    request = make(order_id, end, transaction_id, amount, currency, bool(asked_before))
    return Asked(request, Charge(order_id, attempt, key, amount, currency), BatchKey(import_id, batch))


def _request_of(outcome: Ended) -> Capture | Void:
    return outcome.capture if isinstance(outcome, Captured | CaptureDeclined) else outcome.void


def _as_capture(request: Capture | Void) -> Capture:
    return Capture._make(request)


def _window(outcomes: Iterable[Ended]) -> Window:
    ids = [_request_of(outcome).order_id for outcome in outcomes]
    return Window(min(ids), max(ids))
