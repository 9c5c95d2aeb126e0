"""`orders notifications` and `/api/notifications`: what was sent, and the actions of operators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import SettingsError, load_settings
from orders_pipeline.retention.notifications import remove_notifications
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import notifications
from tests.import_bench import ImportBench, Line
from tests.notices import ADA, NoticeBench, ordered
from tests.servers.api_server import serving
from tests.servers.mailboxes import Mailbox, mailbox

HOME_KEY = "open sesame, open"
KEY = {"Authorization": f"Bearer {HOME_KEY}"}
BOB = "bob@shop-customer.example"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as started:
        yield started


@pytest.fixture
def home(lone_bench: ImportBench, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> NoticeBench:
    """A home as commands find it, with one notice that was sent and one that was refused."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", lone_bench.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    shop = NoticeBench.on(lone_bench, box)
    box.content = lambda address: "554 5.7.1 No" if address == BOB else "250 OK"
    shop.import_orders(
        Line("1", date=ordered()),
        Line("2/b", customer="c2", date=ordered()),
        emails=(ADA, BOB),
        language="de",
    )
    shop.send()
    return shop


def run(*arguments: str, code: int = 0) -> Any:
    shown = CliRunner().invoke(app, ["notifications", *arguments, "--json"])
    assert shown.exit_code == code, shown.output
    assert ADA not in shown.output
    return json.loads(shown.stdout)


def test_what_was_sent_is_listed_counted_and_sent_again(home: NoticeBench, box: Mailbox) -> None:
    refused, sent = run("list")
    assert (sent["order_number"], sent["status"], sent["reason"]) == ("1", "sent", None)
    assert (refused["order_number"], refused["status"], refused["reason"]) == (
        "2/b",
        "failed",
        "554 5.7.1 No",
    )
    today = datetime.now(UTC).date().isoformat()
    chosen = ("--type", "order.completed", "--channel", "smtp", "--status", "failed", "--customer", "c2")
    assert run("list", *chosen, "--order", "2/b", "--source", "default", "--start", today) == [refused]
    assert run("list", "--end", "2000-01-01") == []
    counted = run("stats")
    assert (counted["total"], counted["by_status"]["failed"], counted["sent_today"]) == (2, 1, 1)
    box.content = lambda _: "250 OK"
    assert [one["status"] for one in run("resend", "2")] == ["queued"]
    assert run("resend", "2", code=1)["error"]["code"] == "notice_open"
    assert run("resend", "99", code=1)["error"]["code"] == "unknown_notice"
    home.send()
    assert box.subjects()[-1] == f"{BOB}: Ihre Bestellung 2/b ist bestätigt"


def test_a_notice_is_previewed_and_a_customer_is_unsubscribed(home: NoticeBench) -> None:
    shown = run("preview", "order.refunded", "1")
    assert shown["subject"] == "Ihre Erstattung zur Bestellung 1"
    assert "10,00" in shown["text"]
    assert "<table" in run("preview", "order.failed", "1", "--language", "en")["html"]
    assert run("preview", "order.failed", "99", code=1)["error"]["code"] == "unknown_order"
    run("preview", "order.lost", "1", code=2)
    assert run("unsubscribe", "--notice", "1") == {"unsubscribed": "c1"}
    home.import_orders(Line("3", date=ordered()), name="3.csv")
    home.send()
    assert home.notices()[-1][2:] == ("skipped", "unsubscribed")
    assert run("subscribe", "c1") == {"subscribed": "c1"}
    assert run("subscribe", "nobody", code=1)["error"]["code"] == "unknown_contact"
    run("unsubscribe", code=2)
    with reading(home.bench.engine) as connection:
        done = [one.action for one in list_actions(connection, ActionFilter(action="notifications"))]
    assert done == ["notifications.subscribe", "notifications.unsubscribe"]


def test_notices_over_http(home: NoticeBench, redis_url: str) -> None:
    bench = home.bench
    url = bench.engine.url.render_as_string(hide_password=False)
    bench.set(database_url=url, redis_url=redis_url, rate_limit=0, api_key=HOME_KEY)
    with serving(bench.settings) as send:
        first = send("/notifications?limit=1").json()
        assert [one["id"] for one in first["data"]] == [2]
        rest = send(f"/notifications?limit=1&before={first['next']}").json()
        assert ([one["id"] for one in rest["data"]], rest["next"]) == ([1], None)
        chosen = "type=order.completed&channel=smtp&status=sent&customer_id=c1&from_date=2000-01-01"
        assert [one["id"] for one in send(f"/notifications?{chosen}").json()["data"]] == [1]
        assert send("/notifications?to_date=2000-01-01").json()["data"] == []
        assert [one["id"] for one in send("/notifications/order/2/b").json()["data"]] == [2]
        assert send("/notifications/stats").json()["data"]["by_type"] == {"order.completed": 2}
        assert len(send("/notifications/recent?limit=5").json()["data"]) == 2
        assert send("/notifications/2/resend", "POST").status_code == 401
        assert send("/notifications/2/resend", "POST", headers=KEY).json()["data"]["status"] == "queued"
        assert send("/notifications/2/resend", "POST", headers=KEY).status_code == 409
        assert send("/notifications/9/resend", "POST", headers=KEY).status_code == 404
        assert ADA not in send("/notifications").text


def test_the_history_of_notices_is_removed_by_age(home: NoticeBench) -> None:
    with home.bench.engine.begin() as connection:
        connection.execute(update(notifications).where(notifications.c.id == 1).values(created_at=1))
    assert remove_notifications(home.bench.engine, now_us() - 10**9, dry=True) == 1
    assert remove_notifications(home.bench.engine, now_us() - 10**9, dry=False) == 1
    assert len(home.contacts()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"NOTIFICATIONS": "smtp", "SMTP_URL": ""},
        {"NOTIFICATIONS_EVENTS": "order.lost"},
        {"NOTIFICATIONS_SENDER": "nobody"},
        {"NOTIFICATIONS_UNSUBSCRIBE": "http://shop.example"},
        {"NOTIFICATIONS_UNSUBSCRIBE": "a@b.example>, <x"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(f"ORDERS_{name}", value)
    with pytest.raises(SettingsError):
        load_settings()
