"""Requests captures and voids of authorized orders: records them; `settle.py` calls the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import AuthorizationStatus, EndKind, FailureReason, OrderStatus
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, orders, sources
from orders_pipeline.store.statements.order_sets import of_current_attempt
from orders_pipeline.store.statements.planner import by_keys

OPEN, PENDING = AuthorizationStatus.OPEN, AuthorizationStatus.PENDING
# A requested capture can be cancelled until it is sent to the gateway.
NOT_ASKED = or_(
    authorizations.c.status == OPEN,
    and_(authorizations.c.status == PENDING, authorizations.c.wanted == EndKind.CAPTURE),
)
AN_HOUR_US = 3_600_000_000
BY_ITSELF = "authorizations"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Captures or voids that were requested together: how many, when and by whom."""

    orders: int
    at: int
    actor: str

    @property
    def chosen(self) -> ColumnElement[bool]:
        """Condition on the table `authorizations`: it is one of these requests."""
        return and_(authorizations.c.wanted_at == self.at, authorizations.c.wanted_by == self.actor)


@dataclass(frozen=True, slots=True)
class Held:
    """Authorized orders that can be captured: their number, and their sums by currency as decimal strings."""

    orders: int
    amounts: dict[str, str]


def held(connection: Connection, chosen: ColumnElement[bool]) -> Held:
    """The authorized orders of a selection for which neither a capture nor a void was requested.

    Args:
        chosen: condition on the table `orders`.
    """
    query = (
        select(orders.c.currency, func.count(), func.sum(orders.c.total))
        .join(authorizations, of_current_attempt(authorizations))
        .where(chosen, orders.c.status == OrderStatus.AUTHORIZED, authorizations.c.status == OPEN)
        .group_by(orders.c.currency)
        .order_by(orders.c.currency)
    )
    rows = connection.execute(query).all()
    amounts = {currency: decimal_string(int(total), currency) for currency, _, total in rows}
    return Held(sum(number for _, number, _ in rows), amounts)


def request_captures(
    engine: Engine, chosen: ColumnElement[bool], selection: dict[str, object], actor: str
) -> Wanted:
    """Requests the capture of the authorized orders of a selection.

    Args:
        chosen: condition on the table `orders`.
        selection: the conditions of `chosen`, for the audit trail.
        actor: who requested it, as in the audit trail.
    """
    with engine.begin() as connection:
        found = _want(connection, chosen, authorizations.c.status == OPEN, EndKind.CAPTURE, actor)
        record_action(connection, actor, "orders.capture", "", chosen=selection, found=found.orders)
    return found


def request_voids(connection: Connection, chosen: ColumnElement[bool], because: str, actor: str) -> Wanted:
    """Requests the void of cancelled orders, except those that may have reached the gateway.

    Args:
        chosen: condition on the table `orders`.
        because: why they are cancelled.
    """
    why = {"reason": FailureReason.CANCELLED, "detail": because}
    return _want(connection, chosen, NOT_ASKED, EndKind.VOID, actor, **why)


def can_be_voided() -> ColumnElement[bool]:
    """Condition on the table `orders`: it is authorized, and no capture or void was sent yet."""
    not_asked = select(authorizations.c.order_id).where(of_current_attempt(authorizations), NOT_ASKED)
    return and_(orders.c.status == OrderStatus.AUTHORIZED, not_asked.correlate(orders).exists())


def void_overdue(engine: Engine, hours: float) -> int:
    """Requests the void of authorizations that were not captured within `hours`; returns their number."""
    with reading(engine) as connection:
        if not any_overdue(connection, hours):
            return 0
    why = {"reason": FailureReason.NOT_CAPTURED, "detail": f"not captured within {hours:g} hours"}
    every = orders.c.status == OrderStatus.AUTHORIZED
    with engine.begin() as connection:
        return _want(connection, every, is_overdue(hours), EndKind.VOID, BY_ITSELF, **why).orders


def any_overdue(connection: Connection, hours: float) -> bool:
    """Whether an authorization must be voided because it was not captured in time."""
    overdue = select(authorizations.c.order_id).where(is_overdue(hours)).limit(1)
    return connection.execute(overdue).first() is not None


def is_overdue(hours: float) -> ColumnElement[bool]:
    """Condition on the table `authorizations`: it must be voided now.

    A failed void is tried again after an hour.
    """
    now, a = now_us(), authorizations.c
    return and_(
        a.settled_at.is_(None),
        a.status == OPEN,
        a.authorized_at <= now - int(hours * AN_HOUR_US),
        or_(a.asked_at.is_(None), a.asked_at <= now - AN_HOUR_US),
    )


def _want(
    connection: Connection,
    chosen: ColumnElement[bool],
    possible: ColumnElement[bool],
    wanted: EndKind,
    actor: str,
    **why: str,
) -> Wanted:
    of_orders = select(orders.c.id).where(chosen, orders.c.status == OrderStatus.AUTHORIZED)
    a = authorizations.c
    # Locked in the order of ids, so that two requests cannot cause a deadlock.
    ids = select(a.order_id).where(a.settled_at.is_(None), possible, a.order_id.in_(of_orders))
    locked = ids.order_by(a.order_id).with_for_update()
    now = now_us()
    asked = (
        update(authorizations)
        .where(a.order_id.in_(locked), possible)
        .values(status=PENDING, wanted=wanted, wanted_at=now, wanted_by=actor, tries=0, **why)
    )
    with by_keys(connection):
        return Wanted(connection.execute(asked).rowcount, now, actor)


def ends_of(connection: Connection, wanted: Wanted) -> dict[str, int]:
    """Returns the number of authorizations in each status, of those that were requested together."""
    query = select(authorizations.c.status, func.count()).where(wanted.chosen)
    return dict(connection.execute(query.group_by(authorizations.c.status)).all())


def not_capturable(connection: Connection, chosen: ColumnElement[bool]) -> list[tuple[str, str, str]]:
    """Number, source and status of the orders of a selection that are neither authorized nor completed."""
    fine = (OrderStatus.AUTHORIZED, OrderStatus.COMPLETED)
    query = (
        select(orders.c.number, sources.c.name, orders.c.status)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(chosen, orders.c.status.not_in(fine))
        .order_by(sources.c.name, orders.c.number)
    )
    return [(number, source, status) for number, source, status in connection.execute(query)]
