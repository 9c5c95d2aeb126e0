"""Webhooks are added, tested, rotated and removed; failed events are listed, replayed and dismissed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.base.model import EventType
from orders_pipeline.retention.events import remove_events
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import deliveries, events, webhook_endpoints
from orders_pipeline.verify.store_checks import check_rows
from tests.import_bench import ImportBench, Line, many_orders
from tests.servers.api_server import serving
from tests.webhooks import Receiver, add, make_due, receiving, recorded, relay

HOME_KEY = "open sesame, open"
KEY = {"Authorization": f"Bearer {HOME_KEY}"}
COMPLETED = EventType.ORDER_COMPLETED


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """A home as commands find it, which may send to this machine."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", lone_bench.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    monkeypatch.setenv("ORDERS_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    return lone_bench


def run(*arguments: str, code: int = 0) -> Any:
    shown = CliRunner().invoke(app, ["webhooks", *arguments, "--json"])
    assert shown.exit_code == code, shown.output
    return json.loads(shown.stdout)


def failed_event(bench: ImportBench, receiver: Receiver, *lines: Line, batch_size: int = 1) -> None:
    """Events that are listed as failed."""
    _, receiver.secret = add(bench.engine, receiver.url, COMPLETED, batch_size=batch_size)
    receiver.answer = lambda _: 500
    bench.import_lines(*lines)
    work = relay(bench.engine)
    work.deliver_due()
    with bench.engine.begin() as connection:
        connection.execute(update(deliveries).values(tries=9))
    make_due(bench.engine)
    work.deliver_due()


def test_a_webhook_from_its_addition_to_its_removal(home: ImportBench, receiver: Receiver) -> None:
    added = run("add", receiver.url, "--events", "order.completed, stock.low")
    receiver.secret = added["secret"]
    assert added["events"] == ["order.completed", "stock.low"]
    assert run("test", "1") == {"webhook": 1, "error": None}
    assert [event["type"] for _, event in receiver.got] == ["webhook.test"]
    (listed,) = run("list")
    assert "secret" not in listed
    renewed = run("rotate", "1", "--overlap-hours", "1")["secret"]
    run("test", "1")
    receiver.secret = renewed
    run("test", "1")
    with home.engine.begin() as connection:
        connection.execute(update(webhook_endpoints).values(previous_until=now_us()))
    run("test", "1")
    assert len(receiver.requests[-1]["webhook-signature"].split(" ")) == 1
    run("remove", "1")
    assert run("list") == []
    assert run("test", "1", code=1)["error"]["code"] == "unknown_webhook"
    with reading(home.engine) as connection:
        done = list_actions(connection)
    assert [one.action for one in reversed(done)] == ["webhooks.add", "webhooks.rotate", "webhooks.remove"]
    assert receiver.url not in str(done)
    assert added["secret"] not in str(done)


def test_a_test_event_that_is_not_accepted_says_why(home: ImportBench, receiver: Receiver) -> None:
    receiver.secret = run("add", receiver.url, "--events", "all")["secret"]
    receiver.answer = lambda _: 404
    assert run("test", "1", code=1) == {"webhook": 1, "error": "it answered 404"}
    assert recorded(home.engine) == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://10.0.0.1/", "ftp://a.example/"])
@pytest.mark.usefixtures("home")
def test_a_forbidden_destination_is_refused(url: str) -> None:
    assert run("add", url, "--events", "all", code=1)["error"]["code"] == "forbidden_destination"
    assert run("list") == []


@pytest.mark.usefixtures("home")
def test_an_unknown_type_of_event_is_wrong_usage_and_not_a_crash() -> None:
    done = CliRunner().invoke(app, ["webhooks", "add", "https://8.8.8.8/", "--events", "order.complete"])
    assert done.exit_code == 2
    assert "order.complete" in done.stderr
    assert "Traceback" not in done.stderr


def test_failed_events_are_sent_again_as_they_were(home: ImportBench, receiver: Receiver) -> None:
    failed_event(home, receiver, *many_orders(3), batch_size=2)
    listed = run("failed")
    assert [(one["event"], one["subject"], one["tries"]) for one in listed] == [
        (3, "default/n2", 10),
        (2, "default/n1", 10),
        (1, "default/n0", 10),
    ]
    before = {headers["webhook-id"] for headers in receiver.requests}
    receiver.answer = lambda _: 204
    assert run("replay", "1", "--event", "2") == {"replayed": 2}
    relay(home.engine).deliver_due()
    assert sorted(receiver.numbers()) == ["n0", "n1"]
    assert run("replay", "1") == {"replayed": 1}
    relay(home.engine).deliver_due()
    assert {webhook_id for webhook_id, _ in receiver.got} == before
    assert run("replay", "1", "--since", "2020-01-01") == {"replayed": 3}
    relay(home.engine).deliver_due()
    assert len(receiver.got) == 6
    assert run("failed") == []


def test_failed_events_are_dismissed(home: ImportBench, receiver: Receiver) -> None:
    failed_event(home, receiver, Line("a"))
    assert run("dismiss", "1") == {"dismissed": 1}
    assert run("failed") == []


def test_old_events_are_removed_with_their_deliveries(home: ImportBench, receiver: Receiver) -> None:
    failed_event(home, receiver, Line("a"), Line("b"))
    with home.engine.begin() as connection:
        connection.execute(update(events).where(events.c.id == 1).values(at=1))
    before = now_us() - duration_us(timedelta(days=1))
    assert remove_events(home.engine, before, dry=True) == 1
    assert remove_events(home.engine, before, dry=False) == 1
    assert [one["id"] for one in recorded(home.engine)] == [2]
    assert [one["event"] for one in run("failed")] == [2]


def test_verify_finds_an_event_of_what_did_not_happen(home: ImportBench, receiver: Receiver) -> None:
    add(home.engine, receiver.url, COMPLETED)
    home.import_lines(Line("a"))
    for values in ({"type": "order.failed"}, {"attempt": 2}, {"order_id": 99}):
        with home.engine.connect() as connection:
            connection.execute(update(events).values(values))
            broken = {check.name for check in check_rows(connection) if not check.ok}
        assert broken == {"events_match_orders"}


def test_webhooks_over_http(home: ImportBench, redis_url: str, receiver: Receiver) -> None:
    url = home.engine.url.render_as_string(hide_password=False)
    home.set(database_url=url, redis_url=redis_url, rate_limit=0, api_key=HOME_KEY)
    home.set(webhook_allowed_networks="127.0.0.0/8")
    new = {"url": receiver.url, "events": ["order.completed"]}
    with serving(home.settings) as send:
        assert send("/webhooks").status_code == 401
        assert send("/webhooks", "POST", json=new).status_code == 401
        added = send("/webhooks", "POST", json=new, headers=KEY)
        receiver.secret = added.json()["data"]["secret"]
        assert added.status_code == 201
        assert Webhook(receiver.secret)
        refused = send("/webhooks", "POST", json=new | {"url": "http://10.0.0.1/"}, headers=KEY)
        assert (refused.status_code, refused.json()["success"]) == (422, False)
        assert send("/webhooks/1/test", "POST", headers=KEY).json()["data"]["error"] is None
        assert send("/webhooks/1/rotate", "POST", headers=KEY).json()["data"]["secret"] != receiver.secret
        assert send("/webhooks/1/replay", "POST", json={}, headers=KEY).json()["data"] == {"events": 0}
        assert send("/webhooks/1/dismiss", "POST", headers=KEY).json()["data"] == {"events": 0}
        assert send("/webhooks/failed", headers=KEY).json()["data"] == []
        assert [one["id"] for one in send("/webhooks", headers=KEY).json()["data"]] == [1]
        assert send("/webhooks/1", "DELETE", headers=KEY).status_code == 200
        assert send("/webhooks/1", "DELETE", headers=KEY).status_code == 404
