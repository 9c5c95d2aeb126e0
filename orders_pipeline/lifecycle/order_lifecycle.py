r"""The life cycle of an order: each status change next to its undo.

    pending -> reserved -> payment_processing -> completed
       |          |            |  \-> rollback      payment declined
       |          |            \-> authorized       money is held, to be captured later
       |          \-> rollback                      reservation expired, or cancelled
       \-> failed                                   out of stock, unknown product, or cancelled
    authorized -> completed                         captured
          \-> rollback                              capture declined, cancelled, or not captured in time
    failed | rollback -> pending                    a new attempt

Each function moves the orders of one window of a batch, all of them in one statement, inside the transaction
that it is given. `moves.py` lists the possible moves; `steps.py` walks a batch window by window.
"""

from __future__ import annotations

import polars as pl
from sqlalchemy import ColumnElement, String, cast, false, insert, literal, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import (
    AuthorizationStatus,
    EventType,
    FailureReason,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
    ReservationStatus,
)
from orders_pipeline.events.recording import record_moves
from orders_pipeline.lifecycle.batch import BatchWork
from orders_pipeline.lifecycle.gathered import Gathered, gather, gather_paid, gather_with_payment
from orders_pipeline.lifecycle.moves import move
from orders_pipeline.lifecycle.totals import add_to_customer_totals, add_to_product_totals
from orders_pipeline.payments.gateway import AUTHENTICATION_REQUIRED
from orders_pipeline.stock.low_stock import record_low_stock
from orders_pipeline.stock.units import (
    Place,
    ScarceProduct,
    UnitsByProduct,
    demands_for,
    find_scarce,
    lock_products,
    move_reserved_units,
    move_units,
    refuse_unserved,
    sum_units,
)
from orders_pipeline.store.schema import (
    authorizations,
    failures,
    order_notes,
    orders,
    payments,
    recorded_payments,
    reservations,
)
from orders_pipeline.store.statements.bulk import insert_frame
from orders_pipeline.store.statements.order_sets import OrderSet, count_of, of_current_attempt

PENDING, RESERVED = OrderStatus.PENDING, OrderStatus.RESERVED
PAYMENT_PROCESSING, AUTHORIZED = OrderStatus.PAYMENT_PROCESSING, OrderStatus.AUTHORIZED
COMPLETED = OrderStatus.COMPLETED
FAILED, ROLLBACK = OrderStatus.FAILED, OrderStatus.ROLLBACK
OF_FAILURE = ["order_id", "attempt", "reason", "detail", "failed_at"]


# Reserve stock, all units of an order or none ...


def reserve(work: BatchWork, hold_us: int, low_stock: int | None) -> None:
    """pending -> reserved: its units leave the stock on hand. An order fails if too few units are left.

    Args:
        hold_us: how long a reservation holds, in microseconds.
        low_stock: low-stock threshold, in units on hand, of products without a threshold of their own.
    """
    pending = work.orders_in(PENDING)
    wanted = sum_units(work.connection, pending)
    if find_scarce(work.connection, wanted) or not _reserve_all(work, pending, wanted, hold_us, low_stock):
        _reserve_in_file_order(work, pending, wanted, hold_us, low_stock)


def _reserve_all(
    work: BatchWork, pending: OrderSet, wanted: UnitsByProduct, hold_us: int, low_stock: int | None
) -> bool:
    """Reserves all units of the pending orders, or changes nothing if too few are left.

    The products are locked last, so that batches with the same products hardly wait for each other.
    """
    with work.connection.begin_nested() as savepoint:
        _hold(work, pending, hold_us)
        if lock_products(work.connection, wanted):
            savepoint.rollback()
            return False
        move_units(work.connection, wanted, Place.ON_HAND, Place.RESERVED)
        record_low_stock(work.connection, wanted, low_stock)
    return True


def _reserve_in_file_order(
    work: BatchWork, pending: OrderSet, wanted: UnitsByProduct, hold_us: int, low_stock: int | None
) -> None:
    """Reserves units in file order until the scarce products run out; the other orders fail."""
    scarce = lock_products(work.connection, wanted)
    if scarce and _fail_unserved(work, pending, scarce):
        wanted = sum_units(work.connection, pending)
    if _hold(work, pending, hold_us):
        move_units(work.connection, wanted, Place.ON_HAND, Place.RESERVED)
        record_low_stock(work.connection, wanted, low_stock)


def _fail_unserved(work: BatchWork, pending: OrderSet, scarce: dict[int, ScarceProduct]) -> int:
    """pending -> failed: orders are served in file order until the scarce products run out."""
    refusals = refuse_unserved(demands_for(work.connection, pending, scarce), scarce)
    if not refusals:
        return 0
    rows = pl.DataFrame(refusals, schema=OF_FAILURE[:-1], orient="row")
    insert_frame(work.connection, failures, rows.with_columns(failed_at=pl.lit(now_us())))
    noted = select(failures.c.order_id).where(
        of_current_attempt(failures), pending.within(failures.c.order_id)
    )
    failed = gather(work, pending.that(noted.correlate(orders).exists()))
    return move(work, failed, PENDING, FAILED)


def _hold(work: BatchWork, pending: OrderSet, hold_us: int) -> int:
    now = now_us()
    held = select(
        orders.c.id, orders.c.attempt, literal(ReservationStatus.HELD), literal(now), literal(now + hold_us)
    ).where(pending.here)
    columns = ["order_id", "attempt", "status", "reserved_at", "expires_at"]
    work.connection.execute(insert(reservations).from_select(columns, held))
    return move(work, pending, PENDING, RESERVED)


# ... or undo it before the payment is charged: the reservation has expired, or the order is cancelled.


def release(work: BatchWork, chosen: ColumnElement[bool], reason: FailureReason, detail: str) -> int:
    """reserved -> rollback: units of the chosen orders go back into stock. Returns how many orders."""
    released = gather(work, work.orders_in(RESERVED).that(chosen))
    if released.count:
        _note_failures(work, released, reason, literal(detail))
        _roll_back(work, released, RESERVED)
    return released.count


def fail(work: BatchWork, chosen: ColumnElement[bool], reason: FailureReason, detail: str) -> int:
    """pending -> failed: the chosen orders hold nothing yet. Returns how many orders."""
    failed = gather(work, work.orders_in(PENDING).that(chosen))
    if failed.count:
        _note_failures(work, failed, reason, literal(detail))
        move(work, failed, PENDING, FAILED)
    return failed.count


# Charge the payment: first the intent is stored, then the gateway is asked (`charge.py`).


def request_payment(work: BatchWork) -> int:
    """reserved -> payment_processing: a payment row says that the gateway may have been asked.

    An order that is paid elsewhere gets its payment at once; one that owes nothing gets none.

    Returns:
        `requested_at` of the payment rows; no two transactions on a batch have the same.
    """
    now = now_us()
    reserved = work.orders_in(RESERVED)
    paid_elsewhere = _record_payments(work, reserved)
    to_charge = reserved.that(orders.c.total > 0)
    if paid_elsewhere:
        to_charge = to_charge.that(orders.c.id.not_in(select(recorded_payments.c.order_id)))
    intents = select(
        orders.c.id, orders.c.attempt, orders.c.total, literal(PaymentStatus.PROCESSING), literal(now)
    ).where(to_charge.here)
    columns = ["order_id", "attempt", "amount", "status", "requested_at"]
    asked = work.connection.execute(insert(payments).from_select(columns, intents)).rowcount
    moved = move(work, reserved, RESERVED, PAYMENT_PROCESSING)
    if moved > asked:
        work.count(answered=moved - asked)
    return now


def _record_payments(work: BatchWork, reserved: OrderSet) -> int:
    """Gives orders that are paid elsewhere their payment. Returns how many orders."""
    recorded = recorded_payments.c
    if not count_of(work.connection, select(recorded.order_id).where(reserved.within(recorded.order_id))):
        return 0
    now = literal(now_us())
    rows = (
        select(orders.c.id, orders.c.attempt, recorded.paid, literal(PaymentStatus.SUCCEEDED), now, now)
        .add_columns(recorded.reference, literal(PaymentMethod.RECORDED))
        .join(recorded_payments, recorded.order_id == orders.c.id)
        .where(reserved.here, reserved.within(recorded.order_id))
    )
    columns = ["order_id", "attempt", "amount", "status", "requested_at", "answered_at"]
    columns += ["transaction_id", "method"]
    return work.connection.execute(insert(payments).from_select(columns, rows)).rowcount


# Finalize an order that is paid ...


def complete(work: BatchWork) -> None:
    """payment_processing -> completed: units of paid orders are sold, and running totals grow."""
    _sell(work, gather_paid(work), PAYMENT_PROCESSING)


def _sell(work: BatchWork, paid: Gathered, source: OrderStatus) -> None:
    if paid.count:
        _close_reservations(work, paid, ReservationStatus.SOLD)
        move(work, paid, source, COMPLETED)
        # Rows that other batches also need are locked last, because locks are held until the transaction
        # ends.
        add_to_customer_totals(work.connection, paid)
        move_reserved_units(work.connection, paid, Place.SOLD)
        add_to_product_totals(work.connection, paid)


# ... or undo the reservation of one whose payment was declined.


def roll_back_declined(work: BatchWork) -> None:
    """payment_processing -> rollback: units of declined orders go back into stock."""
    declined = gather_with_payment(work, PAYMENT_PROCESSING, PaymentStatus.DECLINED)
    if declined.count:
        _tell_of_required_actions(work, declined)
        _roll_back_unpaid(work, declined, PAYMENT_PROCESSING)


def _tell_of_required_actions(work: BatchWork, declined: Gathered) -> None:
    """Records an event for the orders whose customers have to confirm the payment."""
    of = declined.table.c
    waiting = select(of.order_id).where(of.decline_reason == AUTHENTICATION_REQUIRED)
    record_moves(work.connection, declined.that(orders.c.id.in_(waiting)), EventType.PAYMENT_REQUIRES_ACTION)


def _roll_back_unpaid(work: BatchWork, declined: Gathered, source: OrderStatus) -> None:
    if declined.count:
        _note_failures(work, declined, FailureReason.DECLINED, declined.table.c.decline_reason)
        _roll_back(work, declined, source)


def _roll_back(work: BatchWork, undone: Gathered, source: OrderStatus) -> None:
    _close_reservations(work, undone, ReservationStatus.RELEASED)
    move(work, undone, source, ROLLBACK)
    move_reserved_units(work.connection, undone, Place.ON_HAND)


# With a later capture, the gateway only holds the money. The order keeps its units; no figure counts it ...


def authorize(work: BatchWork, at: int) -> None:
    """payment_processing -> authorized: `authorizations` records what happens to the money.

    Args:
        at: when the gateway answered, in microseconds.
    """
    held = gather_with_payment(work, PAYMENT_PROCESSING, PaymentStatus.AUTHORIZED)
    if held.count:
        of = held.table.c
        rows = select(of.order_id, of.attempt, literal(at), literal(AuthorizationStatus.OPEN))
        rows = rows.add_columns(literal(1), literal(0), false())
        columns = ["order_id", "attempt", "authorized_at", "status", "round", "tries", "boards_due"]
        work.connection.execute(insert(authorizations).from_select(columns, rows))
        move(work, held, PAYMENT_PROCESSING, AUTHORIZED)


# ... until it is captured ...


def complete_captured(work: BatchWork) -> None:
    """authorized -> completed: as `complete`, for orders whose payment was captured."""
    _sell(work, gather_with_payment(work, AUTHORIZED, PaymentStatus.SUCCEEDED), AUTHORIZED)


# ... or its capture is declined, or it is voided: it was cancelled, or not captured in time.


def roll_back_uncaptured(work: BatchWork) -> None:
    """authorized -> rollback: units of orders whose money is no longer held go back into stock."""
    declined = gather_with_payment(work, AUTHORIZED, PaymentStatus.CAPTURE_DECLINED)
    _roll_back_unpaid(work, declined, AUTHORIZED)
    voided = gather_with_payment(work, AUTHORIZED, PaymentStatus.VOIDED)
    if voided.count:
        _note_voids(work, voided)
        _roll_back(work, voided, AUTHORIZED)


def _note_voids(work: BatchWork, voided: Gathered) -> None:
    of, why = voided.table.c, authorizations.c
    rows = (
        select(of.order_id, of.attempt, why.reason, why.detail, literal(now_us()))
        .join(authorizations, (why.order_id == of.order_id) & (why.attempt == of.attempt))
        .where(voided.within(why.order_id))
    )
    work.connection.execute(insert(failures).from_select(OF_FAILURE, rows))


# Try an order again that has failed or was rolled back.


def reopen(work: BatchWork, chosen: ColumnElement[bool]) -> int:
    """failed | rollback -> pending: the chosen orders begin a new attempt. Returns how many orders."""
    again = gather(work, work.orders_in(FAILED, ROLLBACK).that(chosen))
    if again.count:
        _note_new_attempts(work, again)
        for source in (FAILED, ROLLBACK):
            move(work, again, source, PENDING)
        work.count(retried=again.count)
    return again.count


def _close_reservations(work: BatchWork, ending: Gathered, status: ReservationStatus) -> None:
    held = reservations.c.status == ReservationStatus.HELD
    work.connection.execute(
        update(reservations)
        .where(ending.has(reservations.c.order_id), held)
        .values(status=status, closed_at=now_us())
    )


def _note_failures(
    work: BatchWork, failed: Gathered, reason: FailureReason, detail: ColumnElement[str | None]
) -> None:
    of = failed.table.c
    rows = select(of.order_id, of.attempt, literal(reason), detail, literal(now_us()))
    work.connection.execute(insert(failures).from_select(OF_FAILURE, rows))


def _note_new_attempts(work: BatchWork, again: Gathered) -> None:
    said = literal("attempt ").concat(cast(orders.c.attempt + 1, String))
    said = said.concat(literal(" asked for, after ")).concat(failures.c.reason)
    notes = (
        select(orders.c.id, literal(now_us()), said)
        .join(failures, of_current_attempt(failures))
        .where(again.here)
    )
    work.connection.execute(insert(order_notes).from_select(["order_id", "noted_at", "note"], notes))
