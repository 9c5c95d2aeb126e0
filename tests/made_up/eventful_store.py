"""An order store with everything that can happen to orders, for tests of `orders verify`."""

from __future__ import annotations

import json

from sqlalchemy import select, text

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import EventType
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.lifecycle.expiry import expire_reservations
from orders_pipeline.refunds.gateway_events.gateway_events import SentEvent, carry_out_events, store_events
from orders_pipeline.retention.imports import remove_rejects
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import due_versions, mark_published
from orders_pipeline.store.schema import orders, payments
from tests.capture_bench import CaptureBench
from tests.import_bench import RUN, ImportBench, Line, many_orders
from tests.refund_bench import RefundBench, asked
from tests.webhooks import subscribe

PROFILE = """
[columns]
order_number = "order"
customer_id = "customer"
sku = "sku"
quantity = "quantity"
unit_price = "price"
ordered_at = "date"

[amounts]
discount = "off"
shipping = "post"
total = "sum"

[payment]
column = "state"
recorded = ["paid"]
charge = ["open"]
reference = "ref"
"""
SHOP = """order,customer,sku,quantity,price,date,off,post,sum,state,ref
shop-charged,c1,MUG,2,10.00,2025-11-12,3.00,4.00,21.00,open,
shop-paid,c1,MUG,1,10.00,2025-11-12,,,10.00,paid,ch_7
shop-paid-gone,c2,GONE,1,10.00,2025-11-12,,,10.00,paid,ch_8
shop-free,c2,MUG,1,10.00,2025-11-12,10.00,,0.00,open,
"""
# A query for the id of the order or import of each story.
STORIES = {
    "completed": "SELECT MIN(id) FROM orders WHERE number LIKE 'n%' AND status = 'completed' AND attempt = 1",
    "declined": "SELECT MIN(id) FROM orders WHERE number LIKE 'n%' AND status = 'rollback' AND attempt = 1",
    "failed": "SELECT id FROM orders WHERE number = 'gone'",
    "guest": "SELECT MIN(id) FROM orders WHERE status = 'completed' AND customer_id IS NULL",
    "retried": "SELECT MIN(o.id) FROM orders o JOIN failures f ON f.order_id = o.id AND f.attempt = 1"
    " WHERE o.attempt = 2 AND f.reason = 'declined'",
    "failed_retried": "SELECT id FROM orders WHERE number = 'gone-again' AND attempt = 2",
    "expired_retried": "SELECT id FROM orders WHERE number = 'slow-again' AND attempt = 2",
    "cancelled_retried": "SELECT id FROM orders WHERE number = 'stop-again' AND attempt = 2",
    "free": "SELECT id FROM orders WHERE number = 'shop-free' AND status = 'completed'",
    "recorded": "SELECT id FROM orders WHERE number = 'shop-paid' AND status = 'completed'",
    "recorded_failed": "SELECT id FROM orders WHERE number = 'shop-paid-gone' AND status = 'failed'",
    "pending": "SELECT MIN(id) FROM orders WHERE status = 'pending'",
    "reserved": "SELECT MIN(id) FROM orders WHERE status = 'reserved'",
    "being_charged": "SELECT MIN(id) FROM orders WHERE status = 'payment_processing'",
    "refund": "SELECT MIN(refund) FROM refund_lines WHERE refund IN"
    " (SELECT id FROM refunds WHERE status = 'completed')",
    "open_refund": "SELECT id FROM refunds WHERE status = 'pending'",
    "dispute": "SELECT id FROM refunds WHERE kind = 'dispute' AND status = 'completed'",
    "authorized": "SELECT id FROM orders WHERE number = 'held-0'",
    "captured": "SELECT id FROM orders WHERE number = 'held-1'",
    "voided": "SELECT id FROM orders WHERE number = 'held-2'",
    "capture_declined": "SELECT id FROM orders WHERE number = 'held-3'",
    "finished_import": "SELECT id FROM imports WHERE file_name = 'first.csv' AND status = 'finished'",
    "import_with_rejects": "SELECT id FROM imports WHERE file_name = 'second.csv' AND status = 'finished'",
    "running_import": "SELECT id FROM imports WHERE file_name = 'pending.csv' AND status = 'running'",
    "refused_import": "SELECT id FROM imports WHERE status = 'refused'",
}


def let_everything_happen(bench: ImportBench) -> dict[str, int]:
    """Fills an empty store. Returns the id of an order or import for each of `STORIES`."""
    subscribe(bench.engine, *EventType)
    # The first file gets two batches.
    bench.set(payment_success_rate=0.5, reservation_minutes=0, batch_lines=200)
    bench.stock(MOUSE=100, CABLE=2, GONE=0)
    _receive_stock(bench)
    _import_with_retries(bench)
    remove_rejects(bench.engine, now_us(), dry=False)
    _import_known_orders(bench)
    _import_shop(bench)
    _import_returns(bench)
    _let_reservations_expire(bench)
    _cancel(bench)
    _refund(bench)
    _import_return_of_order(bench)
    _capture_later(bench)
    mark_published(bench.engine, due_versions(bench.engine))
    _refuse(bench)
    _stop_half_way(bench)
    with reading(bench.engine) as connection:
        return {name: connection.execute(text(query)).scalar_one() for name, query in STORIES.items()}


def _receive_stock(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        restock(connection, "CABLE", 3)


def _import_with_retries(bench: ImportBench) -> None:
    """Sales, declines and orders without stock; some of them get a second attempt."""
    first = [*many_orders(30), Line("cables", "CABLE", customer="c2"), Line("euros", currency="EUR")]
    first += [Line("gone", "GONE"), Line("gone-again", "GONE"), Line("bad", quantity=0), Line("bad")]
    first += [Line(f"guest{number}", customer="", name="") for number in range(5)]
    key = bench.stage(bench.write(*first, name="first.csv"))
    bench.settle(key)
    declined = [number for number, status in bench.statuses().items() if status == "rollback"]
    bench.retry(*declined[::2], "gone-again")
    bench.settle(key)


def _import_known_orders(bench: ImportBench) -> None:
    """Duplicates, conflicts and rejects."""
    known = [*many_orders(3), Line("n4", quantity=2), Line("n4", "CABLE"), Line("worse", quantity=-1)]
    bench.import_lines(*known, Line("worse"), Line("a", "MOUSE", 2, "0.3333", "c2"), name="second.csv")
    bench.import_lines(Line("none", quantity=-1), name="nothing-good.csv")


def _import_returns(bench: ImportBench) -> None:
    """Returns that name no order: new ones, a known one, and a known one with other content."""
    bench.settle(bench.stage_with_returns(Line("R1", quantity=-2), Line("R2", quantity=-1), name="back.csv"))
    again = (Line("R1", quantity=-2), Line("R2", quantity=-3), Line("R3", "CABLE", -1))
    bench.settle(bench.stage_with_returns(*again, name="back-again.csv"))


def _import_return_of_order(bench: ImportBench) -> None:
    """Returns that name an order: one is booked as a refund, the other one's order is unknown."""
    completed = [number for number, status in bench.statuses().items() if status == "completed"]
    order = max(number for number in completed if number.startswith("n"))
    named = {"S1": order, "S2": "nowhere"}
    key = bench.stage_with_returns(
        *(Line(number, quantity=-1) for number in named), name="returns-of-orders.csv", named=named
    )
    bench.settle(key)


def _import_shop(bench: ImportBench) -> None:
    """Amounts in addition to lines, payments made elsewhere, and an order that owes nothing."""
    profile, file = bench.folder / "shop.toml", bench.folder / "shop.csv"
    profile.write_text(PROFILE)
    file.write_text(SHOP)
    bench.settle(bench.stage(file, profile=str(profile)))


def _let_reservations_expire(bench: ImportBench) -> None:
    key = bench.parsed(Line("slow"), Line("slow-again"), name="slow.csv")
    for number in bench.steps.parse(key, RUN):
        bench.up_to("reserve", key, number)
    expire_reservations(bench.engine, 0, bench.settings.transaction_orders, lambda: None)
    bench.settle(key)
    bench.retry("slow-again")
    bench.settle(key)


def _cancel(bench: ImportBench) -> None:
    """Orders cancelled before and after their stock was reserved."""
    size = bench.settings.transaction_orders
    key = bench.parsed(Line("stop"), Line("stop-again"), name="stopped.csv")
    numbers = bench.steps.parse(key, RUN)
    for number in numbers:
        bench.step("load", key, number)
    cancel_orders(bench.engine, Chosen(("stop",)), "a mistake", size, "cli:ada")
    for number in numbers:
        bench.step("reserve", key, number)
    cancel_orders(bench.engine, Chosen(("stop-again",)), "a mistake", size, "cli:ada")
    bench.settle(key)
    bench.retry("stop-again")
    bench.settle(key)


def _refund(bench: ImportBench) -> None:
    """Refunds of a line and of an amount, and one that is still open."""
    statuses = bench.statuses().items()
    sold = [number for number, status in statuses if number.startswith("n") and status == "completed"]
    refunds = RefundBench(bench)
    refunds.refund(asked(sold[-1], (1, 1)), asked(sold[-2], amount="1.00"))
    refunds.request(asked(sold[-3]))
    _dispute(refunds, lost=sold[-4], won=sold[-5])


def _dispute(shop: RefundBench, lost: str, won: str) -> None:
    """Disputes reported by the gateway, on a day without orders; one of them is won."""
    query = select(orders.c.number, payments.c.transaction_id).join(
        payments, payments.c.order_id == orders.c.id
    )
    with reading(shop.bench.engine) as connection:
        charges = dict(connection.execute(query.where(orders.c.number.in_((lost, won)))).all())
    about = {number: {"id": f"du_{number}", "amount": 500, "currency": "USD"} for number in charges}
    for event_id, kind, number in (("1", "opened", lost), ("2", "opened", won), ("3", "won", won)):
        data = about[number] | {"charge": charges[number]}
        event = SentEvent.read(event_id, json.dumps({"type": f"dispute.{kind}", "data": data}))
        store_events(shop.bench.engine, [event])
        carry_out_events(shop.bench.engine, shop.terms, [event.subject])


def _capture_later(bench: ImportBench) -> None:
    """Orders that are authorized, captured, voided, and declined at capture."""
    before = bench.settings
    captures = CaptureBench.on(bench, payment_success_rate=1)
    bench.import_lines(*many_orders(4, "held-", customer="c3"), name="held.csv")
    captures.capture("held-1")
    captures.cancel("held-2")
    captures.settle()
    bench.set(capture_success_rate=0)
    captures.capture("held-3")
    captures.settle()
    bench.settings = before


def _refuse(bench: ImportBench) -> None:
    file = bench.write(Line("refused"), Line("refused-bad", quantity=0), name="refused.csv")
    key = bench.stage(file, max_rejects="0")
    try:
        bench.steps.parse(key, RUN)
    except FileRefused:
        return
    raise AssertionError("a file with too many rejects was not refused")


def _stop_half_way(bench: ImportBench) -> None:
    """Imports whose orders are pending, reserved and being charged."""
    for last in ("load", "reserve", "charge"):
        status = {"load": "pending", "reserve": "reserved", "charge": "charged"}[last]
        lines = [*many_orders(2, f"{status}-", date="2025-11-13"), Line(f"{status}-bad", quantity=0)]
        key = bench.parsed(*lines, name=f"{status}.csv")
        for number in bench.steps.parse(key, RUN):
            bench.up_to("reserve" if last == "charge" else last, key, number)
            if last == "charge":
                bench.steps.request_payments(key, number)
