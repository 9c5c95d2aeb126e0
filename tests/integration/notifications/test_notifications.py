"""Notices by mail go only to customers: one for each order and event, even after failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.model import Notifications, NotificationStatus
from orders_pipeline.events.schedule import WAITS
from orders_pipeline.notifications.actions import StillOpenError, resend, subscribe, unsubscribe
from orders_pipeline.notifications.listing import notification_stats
from orders_pipeline.notifications.sender import NoticeSender
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import customer_contacts, events, notification_sender, notifications
from tests.capture_bench import CaptureBench
from tests.chaos.commit_points import CommitPoints, lose_connection
from tests.import_bench import ImportBench, Line
from tests.notices import ADA, NoticeBench, ordered
from tests.refund_bench import RefundBench, asked
from tests.servers.mailboxes import Mailbox, mailbox
from tests.servers.tls_servers import make_authority
from tests.stores import open_test_engine
from tests.webhooks import recorded

BOB = "bob@shop-customer.example"
# Commits: queueing until there is no more, claiming, before a notice's message is sent, and its outcome.
COMMITS_OF_SENDING = 5


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as started:
        yield started


def test_a_customer_reads_what_became_of_the_order(bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(bench, box)
    lines = [Line("a 1", quantity=2, date=ordered()), Line("a 1", "CABLE", 1, "4.50", date=ordered())]
    shop.import_orders(*lines)
    assert shop.send() == 1
    (message,) = box.taken
    assert message["From"] == "Muster Shop <orders@shop.example>"
    assert message["To"] == ADA
    assert message["Subject"] == "Your order a 1 is confirmed"
    assert message["List-Unsubscribe"] == "<mailto:orders@shop.example?subject=unsubscribe%201>"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    for part in (text, html):
        assert "Hello Ada," in part
        assert "2 \N{MULTIPLICATION SIGN} Mouse" in part
        assert "$20.00" in part
        assert "$24.50" in part
    assert "Muster Shop" in html
    assert shop.notices() == [("a 1", "order.completed", "sent", None)]
    assert shop.send() == 0
    assert len(box.taken) == 1


def test_notices_are_in_the_language_that_the_file_tells_and_escape_what_it_contains(
    lone_bench: ImportBench, box: Mailbox
) -> None:
    shop = NoticeBench.on(lone_bench, box)
    evil = "<b>Maus</b> {{ shop }}"
    shop.import_orders(Line("1", product=evil, date=ordered(), currency="EUR"), language="de-AT")
    shop.import_orders(
        Line("2", customer="c2", name="Win at www.evil.example", date=ordered()),
        language="xx",
        name="2.csv",
    )
    shop.send()
    german, other = box.taken
    assert german["Subject"] == "Ihre Bestellung 1 ist bestätigt"
    html = german.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;b&gt;Maus&lt;/b&gt; {{ shop }}" in html
    assert "10,00\N{NO-BREAK SPACE}€" in html
    text = other.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert text.splitlines()[0] == "Hello,"
    assert "evil" not in text


def test_each_event_has_its_notice(lone_bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(lone_bench, box)
    lone_bench.stock(MOUSE=1, CABLE=100)
    shop.import_orders(Line("sold", date=ordered()), Line("gone", date=ordered()))
    lone_bench.set(payment_success_rate=0)
    shop.import_orders(Line("declined", "CABLE", date=ordered()), name="2.csv")
    lone_bench.set(payment_success_rate=1)
    refunds = RefundBench(lone_bench)
    refunds.refund(asked("sold", amount="4.00"))
    refunds.request(asked("sold", amount="1.00", kind="dispute", recorded=True))
    lone_bench.set(refund_success_rate=0)
    refunds.refund(asked("sold", amount="3.00"))
    CaptureBench.on(lone_bench)
    shop.import_orders(Line("held", "CABLE", date=ordered()), name="3.csv")
    shop.send()
    assert [(number, kind) for number, kind, _, _ in shop.notices()] == [
        ("gone", "order.failed"),
        ("sold", "order.completed"),
        ("declined", "order.rolled_back"),
        ("sold", "order.refunded"),
        ("sold", "refund.failed"),
        ("held", "order.authorized"),
    ]
    texts = [one.get_body(("plain",)).get_content() for one in box.taken]  # type: ignore[union-attr]
    parts = (
        "Not all items are in stock",
        "$10.00",
        "could not collect",
        "refunded $4.00",
        "$3.00",
        "reserved",
    )
    assert all(part in text for part, text in zip(parts, texts, strict=True))


def test_addresses_are_stored_only_while_notices_are_on(bench: ImportBench) -> None:
    shop = NoticeBench.on(bench, None)
    shop.import_orders(Line("off", date=ordered()))
    assert shop.contacts() == {}
    assert recorded(bench.engine) == []
    bench.set(notifications=Notifications.LOG)
    shop.import_orders(
        Line("1", customer="c1", date=ordered()),
        Line("2", customer="c2", date=ordered()),
        Line("3", customer="", date=ordered()),
        Line("4", customer="c4", date=ordered()),
        emails=(ADA, "two@a.example, b@b.example", "guest@shop-customer.example", ""),
        language="de",
        name="on.csv",
    )
    assert shop.contacts() == {"c1": (ADA, "de")}
    assert len(recorded(bench.engine)) == 1
    report = shop.import_orders(Line("5", date=ordered()), emails=("NEW@shop.example",), name="new.csv")
    assert report.warnings == []
    assert shop.contacts() == {"c1": ("NEW@shop.example", "de")}
    odd = shop.import_orders(Line("6", date=ordered()), emails=("a@b",), name="odd.csv")
    assert [(one["code"], one["count"]) for one in odd.warnings] == [("email_unreadable", 1)]
    assert "a@b" not in str(odd.warnings)


def test_the_log_channel_names_no_customer(lone_bench: ImportBench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shop = NoticeBench.on(lone_bench, None, notifications=Notifications.LOG)
    shop.import_orders(Line("1", customer=ADA, date=ordered()))
    assert shop.send() == 1
    assert "Your order 1 is confirmed" in caplog.text
    assert ADA not in caplog.text
    assert shop.statuses() == ["sent"]


def test_who_gets_no_notice_is_left_out_with_the_reason(bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(bench, box)
    people = [Line(f"{number}", customer=f"c{number}", date=ordered()) for number in range(4)]
    shop.import_orders(*people, Line("old", customer="c9", date=ordered(days_ago=30)))
    shop.queue()
    with bench.engine.begin() as connection:
        unsubscribe(connection, "c0", "cli:ada")
        connection.execute(delete(customer_contacts).where(customer_contacts.c.customer_id == "c1"))
        connection.execute(
            update(customer_contacts).where(customer_contacts.c.customer_id == "c2").values(bounced_at=1)
        )
    shop.send()
    assert {(number, status, reason) for number, _, status, reason in shop.notices()} == {
        ("0", "skipped", "unsubscribed"),
        ("1", "skipped", "no_address"),
        ("2", "skipped", "bounced"),
        ("3", "sent", None),
        ("old", "skipped", "order_too_old"),
    }
    shop.import_orders(Line("5", customer="c0", date=ordered()), name="later.csv")
    shop.queue()
    assert shop.notices()[-1][2:] == ("skipped", "unsubscribed")
    with bench.engine.begin() as connection:
        subscribe(connection, "c0", "cli:ada")
        resend(connection, 1, "cli:ada")
    shop.send()
    assert shop.notices()[0][2] == "sent"


def test_an_address_that_the_server_does_not_know_is_used_no_more(bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(bench, box)
    box.recipient = lambda address: f"550 5.1.1 <{address}>: no mailbox of ada.canary here"
    shop.import_orders(Line("1", date=ordered()))
    shop.import_orders(Line("2", customer="c2", date=ordered()), emails=(BOB,), name="2.csv")
    shop.send()
    box.recipient = lambda _: "250 OK"
    shop.import_orders(Line("3", date=ordered()), name="3.csv")
    shop.send()
    reasons = [reason for *_, reason in shop.notices()]
    assert reasons[0] == "550 5.1.1 <…>: no mailbox of … here"
    assert reasons[2] == "bounced"
    shop.import_orders(Line("4", date=ordered()), emails=("new.ada@shop-customer.example",), name="4.csv")
    shop.send()
    assert shop.statuses() == ["failed", "failed", "skipped", "sent"]


def test_what_a_server_does_not_take_now_is_tried_again_with_growing_waits(
    bench: ImportBench, box: Mailbox
) -> None:
    shop = NoticeBench.on(bench, box)
    box.recipient = lambda address: "451 4.7.1 Greylisted" if address == ADA else "250 OK"
    shop.import_orders(Line("1", date=ordered()), Line("2", customer="c2", date=ordered()), emails=(ADA, BOB))
    shop.send()
    assert shop.statuses() == ["queued", "sent"]
    assert shop.send() == 0
    for _ in WAITS:
        shop.make_due()
        shop.send()
    assert shop.notices()[0][2:] == ("failed", "given up after three days: 451 4.7.1 Greylisted")


def test_a_server_that_dies_before_it_answers_leaves_the_outcome_unknown(
    bench: ImportBench, box: Mailbox
) -> None:
    shop = NoticeBench.on(bench, box)
    box.content = lambda _: None
    shop.import_orders(Line("1", date=ordered()))
    shop.send()
    assert shop.statuses() == ["unknown"]
    box.content = lambda _: "250 OK"
    shop.make_due()
    assert shop.send() == 0
    assert len(box.taken) == 1
    with bench.engine.begin() as connection:
        resend(connection, 1, "cli:ada")
        with pytest.raises(StillOpenError):
            resend(connection, 1, "cli:ada")
    shop.send()
    with bench.engine.begin() as connection:
        resend(connection, 1, "cli:ada")
    shop.send()
    first, again, other = (one["Message-ID"] for one in box.taken)
    assert first == again != other
    assert shop.statuses() == ["sent"]


def test_a_message_that_the_server_refuses_has_failed(lone_bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(lone_bench, box)
    box.content = lambda _: "554 5.7.1 This looks like spam"
    shop.import_orders(Line("1", date=ordered()))
    shop.send()
    assert shop.notices()[0][2:] == ("failed", "554 5.7.1 This looks like spam")


def test_notices_wait_for_a_server_that_cannot_be_reached(lone_bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(lone_bench, box, smtp_url="smtp://127.0.0.1:9?tls=off")
    shop.import_orders(Line("1", date=ordered()))
    for _ in range(12):
        shop.send()
    with reading(lone_bench.engine) as connection:
        stats = notification_stats(connection, to_datetime(0).date(), lone_bench.settings.zone)
    assert "Connection refused" in stats["last_error"]
    assert stats["failing_since"]
    assert shop.sender().send_due() == 0
    lone_bench.set(smtp_url=box.url)
    shop.send()
    assert shop.statuses() == ["sent"]


def test_mail_is_encrypted_for_a_server_whose_certificate_is_valid(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    with mailbox(authority) as box:
        shop = NoticeBench.on(lone_bench, box, smtp_url=f"smtp://localhost:{box.port}")
        shop.import_orders(Line("1", date=ordered()))
        shop.send()
        assert box.taken == []
        lone_bench.set(smtp_ca=authority.ca)
        shop.send()
        assert len(box.taken) == 1


def test_no_more_are_sent_in_a_minute_than_allowed(lone_bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(lone_bench, box, notifications_per_minute=2)
    shop.import_orders(*(Line(f"{number}", date=ordered()) for number in range(5)))
    shop.send()
    shop.send()
    assert len(box.taken) == 2
    with lone_bench.engine.begin() as connection:
        connection.execute(update(notifications).values(tried_at=1))
    shop.send()
    assert len(box.taken) == 4


def test_two_senders_at_once_send_each_notice_once(bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(bench, box)
    shop.import_orders(*(Line(f"{number}", date=ordered()) for number in range(30)))
    shop.queue()

    def send(at: ImportBench) -> int:
        sender = NoticeSender(at.engine, shop.terms)
        return sum(sender.send_due() for _ in range(3))

    bench.race(send, send)
    assert len(box.taken) == 30
    assert len({one["Message-ID"] for one in box.taken}) == 30


def test_sending_that_breaks_off_at_any_commit_sends_nothing_twice_and_loses_nothing_unnoticed(
    bench: ImportBench, box: Mailbox
) -> None:
    shop = NoticeBench.on(bench, box)
    shop.import_orders(Line("1", date=ordered()))
    for point in range(COMMITS_OF_SENDING * 2):
        box.taken.clear()
        with bench.engine.begin() as connection:
            connection.execute(delete(notifications))
            connection.execute(update(events).values(spread_at=None))
            connection.execute(update(notification_sender).values(holder=None))
        _send_brokenly(shop, point)
        with bench.engine.begin() as connection:
            connection.execute(update(notification_sender).values(held_until=0))
        shop.queue()
        for _ in range(2):
            shop.sender().send_due()
        (status,) = shop.statuses()
        # Before the message is sent, nothing is lost. After that, its status says that it may have arrived.
        assert (len(box.taken), status) in {(1, "sent"), (1, "unknown"), (0, "unknown")}
        assert (status == "unknown") == (point in {7, 8}), point


def _send_brokenly(shop: NoticeBench, point: int) -> None:
    """Sending by a process that loses its connection at a commit, and leaves the sending claimed."""
    engine = open_test_engine(shop.bench.engine.url.render_as_string(hide_password=False))
    commits = CommitPoints(engine, point, lose_connection)
    broken = NoticeBench(ImportBench(engine, shop.bench.folder, shop.bench.settings))
    with suppress(OperationalError):
        broken.queue()
        broken.sender().send_due()
    assert commits.points > point
    engine.dispose()


def test_a_shop_has_its_own_templates(lone_bench: ImportBench, box: Mailbox) -> None:
    shop = NoticeBench.on(lone_bench, box)
    folder = lone_bench.settings.home / "notices" / "en"
    folder.mkdir(parents=True)
    (folder / "order.completed.txt").write_text(
        "Subject: Hurray, {{ order.number }}!\n\nIt is {{ order.total | money }}.\n"
    )
    shop.import_orders(Line("1", date=ordered()))
    shop.send()
    (message,) = box.taken
    assert message["Subject"] == "Hurray, 1!"
    (folder / "order.completed.txt").write_text("Subject: {{ order.__class__.__mro__ }}\n")
    shop.import_orders(Line("2", date=ordered()), name="2.csv")
    shop.send()
    assert len(box.taken) == 1
    number, _, status, reason = shop.notices()[-1]
    assert (number, status) == ("2", NotificationStatus.FAILED)
    assert reason
    assert reason.startswith("en/order.completed: SecurityError")
