"""The history of an order includes the events and notices that were sent."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from cli.commands.inspecting import _events as shown_events
from orders_pipeline.base.model import EventType, RefundKind
from orders_pipeline.console.page_data.order_story import history_of
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.requests.request import Requested
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line
from tests.notices import ADA, NoticeBench, ordered
from tests.refund_bench import EVE, RefundBench, asked
from tests.servers.mailboxes import Mailbox, mailbox
from tests.webhooks import Receiver, add, receiving, relay


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def test_the_timeline_has_deliveries_of_events_and_the_notice_to_the_customer(
    bench: ImportBench, receiver: Receiver, box: Mailbox
) -> None:
    shop = NoticeBench.on(bench, box)
    _, receiver.secret = add(bench.engine, receiver.url, EventType.ORDER_COMPLETED)
    receiver.answer = lambda events: 204 if events[0]["data"]["number"] == "1" else 500
    shop.import_orders(Line("1", date=ordered()), Line("2", date=ordered()))
    shop.send()
    relay(bench.engine).deliver_due()
    with reading(bench.engine) as connection:
        (sent,), (waiting,) = (find_orders(connection, number, None) for number in ("1", "2"))
    (event,), (notice,) = sent["events"], sent["notices"]
    (delivery,) = event["deliveries"]
    assert (event["type"], event["attempt"]) == ("order.completed", 1)
    assert (delivery["webhook"], delivery["status"], delivery["tries"]) == (1, "delivered", 1)
    assert (notice["type"], notice["channel"], notice["status"]) == ("order.completed", "smtp", "sent")
    assert ADA not in str(sent)
    texts = {moment.text: moment.detail for moment in history_of(sent)}
    assert texts["Event sent to webhook 1"] == "order.completed"
    assert texts["Notice sent to the customer"] == "order.completed"
    assert "Event waits to be sent to webhook 1" in {moment.text for moment in history_of(waiting)}
    shown = " ".join(shown_events(sent))
    assert "event order.completed delivered: webhook 1" in shown
    assert "notice 1 of order.completed sent" in shown


def test_a_dispute_that_is_won_does_not_look_like_a_failed_refund(lone_bench: ImportBench) -> None:
    shop = RefundBench(lone_bench)
    lone_bench.import_lines(Line("1"))
    (booked,) = shop.request(asked("1", amount="4.00", kind=RefundKind.DISPUTE, reference="du_1"))
    assert isinstance(booked, Requested)
    shop.act(RefundAction.REVERSE, booked.refund_id, because="won")
    with reading(lone_bench.engine) as connection:
        (story,) = find_orders(connection, "1", None)
    last = history_of(story)[-1]
    assert (last.text, last.detail, last.tone) == ("The disputed amount was returned", "won", "good")
    assert shown_events(story)[-1].endswith(f"dispute {booked.refund_id} reversed: won")


def test_a_large_refund_tells_whose_approval_it_waits_for_and_has(lone_bench: ImportBench) -> None:
    lone_bench.set(refund_limit=Decimal(3))
    shop = RefundBench(lone_bench)
    lone_bench.import_lines(Line("1"))
    (large,) = shop.request(asked("1", amount="4.00", reason="late"))
    assert isinstance(large, Requested)
    assert last_shown(lone_bench).endswith(
        "requested by cli:ada: late, waits for another operator's approval"
    )
    shop.act(RefundAction.APPROVE, large.refund_id, actor=EVE)
    assert last_shown(lone_bench).endswith("requested by cli:ada: late, approved by cli:eve")


def last_shown(bench: ImportBench) -> str:
    """The last event that `orders show` lists, which the console shows as well."""
    with reading(bench.engine) as connection:
        (story,) = find_orders(connection, "1", None)
    shown = shown_events(story)[-1]
    assert history_of(story)[-1].detail.rpartition(", ")[2] == shown.rpartition(", ")[2]
    return shown
