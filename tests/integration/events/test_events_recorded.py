"""Events are recorded in the transaction that causes them, if a webhook subscribed to them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from orders_pipeline.base.model import EventType
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.events.documents import event_documents
from orders_pipeline.imports.arrival.quarantine import add_quarantined
from orders_pipeline.payments.backends import simulated
from orders_pipeline.stock.low_stock import set_low_stock
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.webhooks import recorded, subscribe

ORDER_TYPES = [EventType.ORDER_COMPLETED, EventType.ORDER_FAILED, EventType.ORDER_ROLLED_BACK]


def test_each_settled_order_has_one_event(bench: ImportBench) -> None:
    subscribe(bench.engine, *ORDER_TYPES, EventType.IMPORT_FINISHED)
    bench.stock(MOUSE=2)
    bench.reject_unknown_products()
    report = bench.import_lines(Line("a"), Line("b", sku="GONE"), Line("c"), Line("d"))
    found = [(one["type"], one["attempt"]) for one in recorded(bench.engine)]
    assert found == [
        ("order.failed", 1),
        ("order.failed", 1),
        ("order.completed", 1),
        ("order.completed", 1),
        ("import.finished", None),
    ]
    finished = recorded(bench.engine)[-1]
    assert finished["subject"] == report.partition
    assert finished["data"]["statuses"] == {"completed": 2, "rollback": 0, "failed": 2}


def test_a_declined_order_has_its_event(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, *ORDER_TYPES)
    lone_bench.set(payment_success_rate=0)
    lone_bench.import_lines(Line("a"))
    assert [one["type"] for one in recorded(lone_bench.engine)] == ["order.rolled_back"]


def test_a_payment_that_the_customer_has_to_confirm_has_an_event_before_that_of_its_order(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(lone_bench.engine, EventType.PAYMENT_REQUIRES_ACTION, EventType.ORDER_ROLLED_BACK)
    lone_bench.set(payment_success_rate=0)
    lone_bench.import_lines(Line("declined"), name="1.csv")
    monkeypatch.setattr(simulated, "REASONS", ("authentication_required",))
    lone_bench.import_lines(Line("unconfirmed"), name="2.csv")
    found = recorded(lone_bench.engine)
    assert [one["type"] for one in found] == [
        "order.rolled_back",
        "payment.requires_action",
        "order.rolled_back",
    ]
    with reading(lone_bench.engine) as connection:
        document = json.loads(event_documents(connection, [found[1]["id"]])[found[1]["id"]])
    assert document["subject"] == "default/unconfirmed"
    assert document["data"]["detail"] == "authentication_required"
    assert document["data"]["status"] == "rollback"


def test_a_step_that_runs_again_records_nothing(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, *ORDER_TYPES, EventType.IMPORT_FINISHED)
    report = lone_bench.import_lines(Line("a"))
    lone_bench.settle(report.partition)
    assert [one["type"] for one in recorded(lone_bench.engine)] == ["order.completed", "import.finished"]


def test_nothing_is_recorded_without_a_subscription(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, EventType.ORDER_REFUNDED)
    lone_bench.import_lines(Line("a"))
    assert recorded(lone_bench.engine) == []


def test_a_retried_order_has_an_event_for_each_attempt(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, *ORDER_TYPES)
    lone_bench.stock(MOUSE=0)
    report = lone_bench.import_lines(Line("a"))
    with lone_bench.engine.begin() as connection:
        restock(connection, "MOUSE", Decimal(5))
    lone_bench.retry("a")
    lone_bench.settle(report.partition)
    found = [(one["type"], one["attempt"]) for one in recorded(lone_bench.engine)]
    assert found == [("order.failed", 1), ("order.completed", 2)]


def test_refunds_and_their_failures_are_reported(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, EventType.ORDER_REFUNDED, EventType.REFUND_FAILED)
    lone_bench.import_lines(Line("1", quantity=3))
    shop = RefundBench(lone_bench)
    shop.refund(asked("1", amount="5.00"))
    lone_bench.set(refund_success_rate=0)
    shop.refund(asked("1", amount="7.00"))
    given, failed = recorded(lone_bench.engine)
    assert (given["type"], failed["type"]) == ("order.refunded", "refund.failed")
    assert (given["data"]["amount"], failed["data"]["amount"]) == ("5.00", "7.00")
    assert given["data"]["transaction_id"].startswith("txn_")
    assert failed["data"]["failure"]
    assert given["order_id"] == failed["order_id"]


def test_refused_and_quarantined_files_are_reported(lone_bench: ImportBench) -> None:
    subscribe(lone_bench.engine, EventType.IMPORT_REFUSED, EventType.FILE_QUARANTINED)
    key = lone_bench.stage(lone_bench.write(Line("a"), Line("b", quantity="x")), max_rejects="0")
    with pytest.raises(FileRefused):
        lone_bench.steps.parse(key, "run-1")
    refused = FileRefused("file_empty", "It is empty.", "Export it again.")
    for _ in range(2):
        with lone_bench.engine.begin() as connection:
            add_quarantined(connection, "x.csv", "x.csv", 0, refused)
    found = [(one["type"], one["subject"], one["data"]["code"]) for one in recorded(lone_bench.engine)]
    assert found == [
        ("import.refused", key, "too_many_rejects"),
        ("file.quarantined", "x.csv", "file_empty"),
    ]


def test_low_stock_is_reported_when_it_becomes_low(bench: ImportBench) -> None:
    subscribe(bench.engine, EventType.STOCK_LOW)
    bench.set(low_stock=8)
    bench.stock(MOUSE=10, CABLE=10)
    with bench.engine.begin() as connection:
        set_low_stock(connection, "CABLE", Decimal("2.5"))
    bench.import_lines(Line("a"), Line("b", "CABLE", 2), name="1.csv")
    assert recorded(bench.engine) == []
    bench.import_lines(Line("c"), Line("d", "CABLE", 6), name="2.csv")
    bench.import_lines(Line("e"), name="3.csv")
    found = {one["subject"]: one["data"] for one in recorded(bench.engine)}
    assert len(recorded(bench.engine)) == len(found)
    assert found == {
        "MOUSE": {"sku": "MOUSE", "on_hand": 8, "low_stock": 8},
        "CABLE": {"sku": "CABLE", "on_hand": 2, "low_stock": 2.5},
    }
