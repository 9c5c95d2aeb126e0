"""Events reach their endpoints: signed, at least once, and in order for each order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, select, update
from sqlalchemy.exc import OperationalError

from orders_pipeline.base.model import EventType
from orders_pipeline.events import relay as relay_module
from orders_pipeline.events import rounds, spread
from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.documents import event_documents
from orders_pipeline.events.endpoints import remove_endpoint
from orders_pipeline.events.schedule import WAITS
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import store_id
from orders_pipeline.store.schema import deliveries, events, webhook_endpoints
from tests.chaos.commit_points import CommitPoints, lose_connection
from tests.import_bench import ImportBench, Line, many_orders
from tests.servers.raw_server import answering
from tests.servers.tls_servers import make_authority
from tests.stores import open_test_engine
from tests.webhooks import Receiver, add, make_due, receiving, relay

# Commits: distributing, claiming the endpoint, twice the requests of a round and their outcomes, releasing.
COMMITS_OF_DELIVERY = 7
COMPLETED, FAILED = EventType.ORDER_COMPLETED, EventType.ORDER_FAILED


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def waiting(bench: ImportBench) -> int:
    with reading(bench.engine) as connection:
        return len(
            connection.execute(select(deliveries.c.event_id).where(deliveries.c.settled_at.is_(None))).all()
        )


def retried_order(bench: ImportBench) -> None:
    """An order that fails, and is completed at its second attempt."""
    bench.stock(MOUSE=0)
    report = bench.import_lines(Line("a"))
    with bench.engine.begin() as connection:
        restock(connection, "MOUSE", Decimal(5))
    bench.retry("a")
    bench.settle(report.partition)


def test_a_completed_order_arrives_as_a_signed_cloud_event(bench: ImportBench, receiver: Receiver) -> None:
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED)
    report = bench.import_lines(Line("a 1", quantity=3))
    relay(bench.engine).deliver_due()
    ((webhook_id, event),) = receiver.got
    (headers,) = receiver.requests
    token = store_id(bench.engine)
    settled_at, transaction = event["data"].pop("settled_at"), event["data"].pop("transaction_id")
    assert transaction.startswith("txn_")
    assert event == {
        "specversion": "1.0",
        "id": "1",
        "source": f"/orders/{token}",
        "type": "order.completed",
        "subject": "default/a 1",
        "sequence": "00000000000000000001",
        "time": event["time"],
        "datacontenttype": "application/json",
        "data": {
            "number": "a 1",
            "source": "default",
            "status": "completed",
            "total": "30.00",
            "currency": "USD",
            "reason": None,
            "detail": None,
            "file": report.partition,
        },
    }
    assert settled_at.endswith("+00:00")
    assert webhook_id == f"msg_{token}_1_1"
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["host"] == receiver.url.split("/")[2]
    assert waiting(bench) == 0


def test_an_endpoint_gets_what_it_subscribed_to(lone_bench: ImportBench, receiver: Receiver) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, FAILED)
    with receiving() as other:
        _, other.secret = add(lone_bench.engine, other.url, COMPLETED, FAILED)
        retried_order(lone_bench)
        relay(lone_bench.engine).deliver_due()
        assert [event["type"] for _, event in receiver.got] == ["order.failed"]
        assert [event["type"] for _, event in other.got] == ["order.failed", "order.completed"]
    assert receiver.got[0][1]["data"]["reason"] == "out_of_stock"


def test_the_next_event_of_an_order_waits_for_the_one_before(bench: ImportBench, receiver: Receiver) -> None:
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED, FAILED)
    retried_order(bench)
    bench.import_lines(Line("b"), name="b.csv")
    receiver.answer = lambda sent: 500 if sent[0]["type"] == FAILED else 204
    work = relay(bench.engine)
    work.deliver_due()
    assert receiver.numbers() == ["b"]
    receiver.answer = lambda _: 204
    make_due(bench.engine)
    work.deliver_due()
    assert [(event["type"], event["data"]["number"]) for _, event in receiver.got] == [
        ("order.completed", "b"),
        ("order.failed", "a"),
        ("order.completed", "a"),
    ]


def test_after_three_days_an_event_is_listed_as_failed_and_the_next_one_goes(
    lone_bench: ImportBench, receiver: Receiver
) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED, FAILED)
    retried_order(lone_bench)
    receiver.answer = lambda sent: 410 if sent[0]["type"] == FAILED else 204
    work = relay(lone_bench.engine)
    for _ in range(len(WAITS) + 1):
        make_due(lone_bench.engine)
        work.deliver_due()
        assert receiver.got == []
    make_due(lone_bench.engine)
    work.deliver_due()
    assert [event["type"] for _, event in receiver.got] == ["order.completed"]
    assert len({headers["webhook-id"] for headers in receiver.requests}) == 2
    with reading(lone_bench.engine) as connection:
        query = select(deliveries.c.tries, deliveries.c.error).where(deliveries.c.failed_at.is_not(None))
        assert connection.execute(query).one() == (len(WAITS) + 1, "it answered 410")


def test_a_batch_keeps_its_events_and_its_id(bench: ImportBench, receiver: Receiver) -> None:
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED, batch_size=3)
    bench.import_lines(*many_orders(5))
    receiver.answer = lambda _: 503
    work = relay(bench.engine)
    work.deliver_due()
    bench.import_lines(Line("later"), name="later.csv")
    receiver.answer = lambda _: 204
    make_due(bench.engine)
    work.deliver_due()
    sizes: dict[str, int] = {}
    for webhook_id, _ in receiver.got:
        sizes[webhook_id] = sizes.get(webhook_id, 0) + 1
    assert sorted(sizes.values()) == [1, 2, 3]
    assert {headers["content-type"] for headers in receiver.requests} == {
        "application/cloudevents-batch+json"
    }
    assert {headers["webhook-id"] for headers in receiver.requests[:2]} < set(sizes)


@pytest.mark.parametrize("status", [None, 302, 500])
def test_a_failure_is_noted_with_its_reason(
    lone_bench: ImportBench, receiver: Receiver, status: int | None
) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
    receiver.answer = lambda _: status
    lone_bench.import_lines(Line("a"))
    relay(lone_bench.engine).deliver_due()
    with reading(lone_bench.engine) as connection:
        error = connection.execute(select(deliveries.c.error)).scalar_one()
    assert (str(status) in error) if status else error
    assert waiting(lone_bench) == 1


@pytest.mark.parametrize(
    ("start", "trickle"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 32_768),
        (b"", b""),
        (b"\xff\x00garbage\r\n\r\n", b"garbage"),
    ],
    ids=["slow", "large", "silent", "garbage"],
)
def test_a_receiver_that_answers_badly_holds_up_nobody(
    lone_bench: ImportBench, receiver: Receiver, start: bytes, trickle: bytes
) -> None:
    with answering(start, trickle) as url:
        add(lone_bench.engine, url, COMPLETED)
        _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
        lone_bench.import_lines(*many_orders(3))
        relay(lone_bench.engine, request_seconds=0.3, round_seconds=0.1).deliver_due()
    assert sorted(receiver.numbers()) == ["n0", "n1", "n2"]
    assert waiting(lone_bench) == 3


@pytest.mark.parametrize("name", ["localhost", "another.example"])
def test_the_certificate_must_have_the_name_of_the_url(
    lone_bench: ImportBench, tmp_path: Path, name: str
) -> None:
    authority = make_authority(tmp_path / "tls", name)
    work = relay(lone_bench.engine)
    work.certificates.load_verify_locations(authority.ca)
    work.reach = Reach.of(["127.0.0.0/8", "::1/128"])
    with receiving(authority=authority) as receiver:
        _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
        lone_bench.import_lines(Line("a"))
        work.deliver_due()
    with reading(lone_bench.engine) as connection:
        error = connection.execute(select(deliveries.c.error)).scalar_one()
    if name == "localhost":
        assert (receiver.numbers(), error) == (["a"], None)
        assert receiver.requests[0]["host"].startswith("localhost:")
    else:
        assert receiver.requests == []
        assert "certificate" in error


def test_an_endpoint_that_is_down_is_left_alone_and_gets_everything_when_it_is_back(
    lone_bench: ImportBench, receiver: Receiver
) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
    receiver.answer = lambda _: 503
    lone_bench.import_lines(*many_orders(220))
    work = relay(lone_bench.engine)
    work.deliver_due()
    begun = len(receiver.requests)
    assert begun <= 110
    work.deliver_due()
    assert len(receiver.requests) == begun
    receiver.answer = lambda _: 204
    with lone_bench.engine.begin() as connection:
        connection.execute(update(webhook_endpoints).values(paused_until=0))
    work.deliver_due()
    assert len(set(receiver.numbers())) == 220
    assert waiting(lone_bench) == 0


def test_events_that_were_never_tried_fail_with_an_endpoint_that_is_down_for_three_days(
    lone_bench: ImportBench, receiver: Receiver
) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
    receiver.answer = lambda _: 503
    lone_bench.import_lines(*many_orders(130))
    work = relay(lone_bench.engine)
    work.deliver_due()
    with lone_bench.engine.begin() as connection:
        connection.execute(update(webhook_endpoints).values(paused_until=0, failing_since=1))
        connection.execute(update(events).values(at=1))
    work.deliver_due()
    with reading(lone_bench.engine) as connection:
        tries = (
            connection.execute(select(deliveries.c.tries).where(deliveries.c.failed_at.is_not(None)))
            .scalars()
            .all()
        )
    assert set(tries) == {0}


def test_two_relays_share_the_work_and_neither_sends_what_the_other_has(
    bench: ImportBench, receiver: Receiver
) -> None:
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED)
    bench.import_lines(*many_orders(60))
    first, second = relay(bench.engine), relay(bench.engine)
    first._begin_due()
    second.deliver_due()
    first.deliver_due()
    second.deliver_due()
    assert len(receiver.got) == 60
    assert len(set(receiver.numbers())) == 60


def test_the_first_event_of_a_subject_is_found_by_an_index(bench: ImportBench) -> None:
    """PostgreSQL compared all pairs of deliveries while it had no statistics of them."""
    endpoint, _ = add(bench.engine, "http://127.0.0.1/hook", COMPLETED)
    bench.import_lines(Line("a"))
    asked: list[tuple[str, Any]] = []
    explain = "EXPLAIN QUERY PLAN " if bench.engine.dialect.name == "sqlite" else "EXPLAIN "
    with reading(bench.engine) as connection:
        event.listen(bench.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        rounds.plan_round(connection, endpoint)
        (question,) = [one for one in asked if "min(" in one[0]]
        plan = str(connection.exec_driver_sql(explain + question[0], question[1]).all())
    assert re.search(r"(Cond: |_waiting )\({1,2}endpoint_id ?=[^,]* AND \(?subject ?=", plan)


def test_a_round_is_not_sent_if_another_process_took_the_endpoint_after_it_was_planned(
    lone_bench: ImportBench, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
    lone_bench.import_lines(Line("a"))

    def deliver_first(connection: Connection, endpoint_id: int) -> rounds.Round:
        monkeypatch.undo()
        planned = rounds.plan_round(connection, endpoint_id)
        make_due(lone_bench.engine)
        relay(lone_bench.engine).deliver_due()
        return planned

    monkeypatch.setattr(relay_module, "plan_round", deliver_first)
    relay(lone_bench.engine).deliver_due()
    assert receiver.numbers() == ["a"]


def test_what_is_spread_is_sent_while_more_events_wait(
    lone_bench: ImportBench, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "EVENTS_AT_ONCE", 1)
    monkeypatch.setattr(relay_module, "EVENTS_AT_ONCE", 1)
    monkeypatch.setattr(relay_module, "PERIOD_SECONDS", 0)
    _, receiver.secret = add(lone_bench.engine, receiver.url, COMPLETED)
    lone_bench.import_lines(*many_orders(2))
    work, arrived = relay(lone_bench.engine), Event()
    spread_set, sets = work._spread_set, iter(range(2))

    def stop_after_the_first_request() -> bool:
        if next(sets):
            assert arrived.wait(60)
            work.stopping.set()
            return False
        return spread_set()

    def note(_: list[dict[str, Any]]) -> int:
        arrived.set()
        return 204

    receiver.answer = note
    monkeypatch.setattr(work, "_spread_set", stop_after_the_first_request)
    work.run()
    assert receiver.numbers() == ["n0"]


def test_spreading_pauses_longer_the_longer_a_set_takes(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So imports into SQLite wait only for a small share of the time."""
    work, pauses = relay(lone_bench.engine), []
    answers, clock = iter([True, True, False]), iter([0.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0])
    monkeypatch.setattr(work, "_spread_set", lambda: next(answers))
    monkeypatch.setattr(work.stopping, "wait", pauses.append)
    monkeypatch.setattr(relay_module, "monotonic", lambda: next(clock))
    work._spread(until=60)
    assert pauses == [relay_module.PAUSE_FACTOR, 2 * relay_module.PAUSE_FACTOR]


def test_the_store_can_be_written_while_the_bodies_of_a_round_are_made(
    bench: ImportBench, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, imports would wait for every round. The test removes the endpoint during that time."""
    endpoint, receiver.secret = add(bench.engine, receiver.url, COMPLETED)
    bench.import_lines(Line("a"))

    def remove_first(connection: Connection, ids: list[int]) -> dict[int, bytes]:
        with bench.engine.begin() as another:
            remove_endpoint(another, endpoint)
        return event_documents(connection, ids)

    monkeypatch.setattr(rounds, "event_documents", remove_first)
    relay(bench.engine).deliver_due()
    assert receiver.got == []
    assert waiting(bench) == 0


def test_a_delivery_that_breaks_off_at_any_commit_loses_nothing_and_keeps_the_order(
    bench: ImportBench, receiver: Receiver
) -> None:
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED, FAILED, batch_size=2)
    retried_order(bench)
    bench.import_lines(*many_orders(3))
    total = 5
    for point in range(COMMITS_OF_DELIVERY * 2):
        receiver.got.clear()
        with bench.engine.begin() as connection:
            connection.execute(delete(deliveries))
            connection.execute(update(events).values(spread_at=None))
        _deliver_brokenly(bench, point)
        make_due(bench.engine)
        relay(bench.engine).deliver_due()
        assert waiting(bench) == 0
        by_event = {event["id"]: webhook_id for webhook_id, event in receiver.got}
        assert len(by_event) == total
        assert {(event["id"], webhook_id) for webhook_id, event in receiver.got} == set(by_event.items())
        first = [event["type"] for _, event in receiver.got if event["data"]["number"] == "a"]
        assert list(dict.fromkeys(first)) == [FAILED, COMPLETED]


def _deliver_brokenly(bench: ImportBench, point: int) -> None:
    """Delivery by a process that loses its connection at a commit, and leaves its endpoint claimed."""
    engine = open_test_engine(bench.engine.url.render_as_string(hide_password=False))
    commits = CommitPoints(engine, point, lose_connection)
    with suppress(OperationalError):
        relay(engine).deliver_due()
    assert commits.points > point
    engine.dispose()
