"""Events from the payment gateway: applied once, in any order, or stored until they can be applied."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from sqlalchemy import Connection, Select, select, text
from standardwebhooks import Webhook

from orders_pipeline.base.model import GatewayEventStatus, RefundKind
from orders_pipeline.payments.gateway import refund_key
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.gateway_events.gateway_events import (
    SentEvent,
    carry_out_events,
    list_events,
    store_events,
    try_waiting_events,
)
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import customer_totals, orders, payments, refunds
from tests.chaos.taken_up_again import Work
from tests.import_bench import ImportBench, Line, many_orders
from tests.refund_bench import RefundBench, asked
from tests.servers.api_server import Get, running_server, serving, wait_for_events
from tests.servers.gateway_server import GatewayServer

SECRET = "whsec_" + "c2VjcmV0" * 5
WAITING, APPLIED, IGNORED = GatewayEventStatus
CRASHES = 12  # `make sweep` tries every point
CHARGE, DISPUTE = "default/1/1", "du_1"


@pytest.fixture
def shop(bench: ImportBench) -> RefundBench:
    return shop_of(bench)


@pytest.fixture
def lone_shop(lone_bench: ImportBench) -> RefundBench:
    return shop_of(lone_bench)


@pytest.fixture
def send(lone_shop: RefundBench, redis_url: str) -> Iterator[Get]:
    with serving(listening(lone_shop.bench, redis_url).settings) as sent:
        yield sent


def shop_of(bench: ImportBench) -> RefundBench:
    """A home with a completed order of 3 x 10.00."""
    bench.stock(MOUSE=100)
    bench.import_lines(Line("1", quantity=3))
    return RefundBench(bench)


def listening(bench: ImportBench, redis_url: str) -> ImportBench:
    """A home that accepts events."""
    store = str(bench.engine.url)
    bench.set(database_url=store, redis_url=redis_url, payment_webhook_secret=SECRET)
    return bench


def tell(shop: RefundBench, event_id: str, kind: str, **data: Any) -> GatewayEventStatus:
    body = json.dumps({"type": kind, "data": data})
    event = SentEvent.read(event_id, body)
    store_events(shop.bench.engine, [event])
    carry_out_events(shop.bench.engine, shop.terms, [event.subject])
    return store_events(shop.bench.engine, [event])[event_id].status


def dispute(shop: RefundBench, **changes: Any) -> dict[str, Any]:
    with reading(shop.bench.engine) as connection:
        charge = connection.execute(select(payments.c.transaction_id)).scalar_one()
    about = {"id": DISPUTE, "reference": CHARGE, "charge": charge, "amount": 1000, "currency": "USD"}
    return about | {"fee": 1500, "reason": "fraudulent"} | changes


def refund(shop: RefundBench, **changes: Any) -> dict[str, Any]:
    """The document of the newest refund at the gateway."""
    query = select(refunds).order_by(refunds.c.id.desc())
    with reading(shop.bench.engine) as connection:
        row = connection.execute(query).mappings().first()
    assert row
    about = {"id": "re_1", "reference": refund_key(row["refund_id"], row["round"]), "charge": "txn_1"}
    return about | {"amount": row["amount"], "currency": "USD", "transaction_id": "txn_2"} | changes


def signed(body: bytes, at: datetime, secret: str = SECRET, event_id: str = "evt_1") -> dict[str, str]:
    signature = Webhook(secret).sign(event_id, at, body.decode())
    stamp = str(int(at.timestamp()))
    return {"webhook-id": event_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def post(send: Get, body: bytes, headers: dict[str, str]) -> requests.Response:
    return send("/gateway/events", "POST", data=body, headers=headers)


def test_a_dispute_is_booked_once_and_won_once(shop: RefundBench) -> None:
    for event_id in ("evt_1", "evt_1", "evt_2"):
        assert tell(shop, event_id, "dispute.opened", **dispute(shop)) is APPLIED
    (opened,) = shop.of("1")
    assert (opened["kind"], opened["status"], opened["amount"], opened["fee"]) == (
        "dispute",
        "completed",
        10.0,
        15.0,
    )
    for event_id in ("evt_3", "evt_3", "evt_4"):
        assert tell(shop, event_id, "dispute.won", **dispute(shop)) is APPLIED
    # An event for opening that arrives late changes nothing.
    assert tell(shop, "evt_5", "dispute.opened", **dispute(shop)) is APPLIED
    (won,) = shop.of("1")
    assert (won["status"], won["failure"]) == ("failed", "won")
    assert shop.bench.broken_checks() == set()


def test_a_dispute_that_a_person_booked_is_the_one_that_the_gateway_tells_of(shop: RefundBench) -> None:
    by_hand = asked("1", amount="10.00", fee="15.00", kind=RefundKind.DISPUTE, reference=DISPUTE)
    shop.request(by_hand)
    assert tell(shop, "evt_1", "dispute.opened", **dispute(shop)) is APPLIED
    assert shop.refused(by_hand) == "dispute_booked_before"
    assert [one["amount"] for one in shop.of("1")] == [10.0]
    assert shop.bench.broken_checks() == set()
    assert tell(shop, "evt_2", "dispute.won", **dispute(shop)) is APPLIED
    assert [one["status"] for one in shop.of("1")] == ["failed"]
    assert shop.refused(by_hand) == "dispute_booked_before"
    assert shop.bench.broken_checks() == set()


def test_a_dispute_that_a_person_booked_for_another_order_is_booked_for_its_own(shop: RefundBench) -> None:
    opened = dispute(shop)
    shop.bench.import_lines(Line("2", quantity=3))
    shop.request(asked("2", amount="10.00", kind=RefundKind.DISPUTE, reference=DISPUTE))
    assert tell(shop, "evt_1", "dispute.opened", **opened) is APPLIED
    shop.act(RefundAction.REVERSE, shop.of("2")[0]["refund_id"])
    assert [one["status"] for one in (*shop.of("1"), *shop.of("2"))] == ["completed", "failed"]
    assert shop.bench.broken_checks() == set()


def test_a_dispute_that_is_won_leaves_one_that_was_booked_for_another_order(shop: RefundBench) -> None:
    first = dispute(shop)
    shop.bench.import_lines(Line("2", quantity=3))
    shop.request(asked("2", amount="10.00", kind=RefundKind.DISPUTE, reference=DISPUTE))
    with reading(shop.bench.engine) as connection:
        charge = connection.execute(payments_of("2")).one().transaction_id
    second = first | {"id": "du_2", "reference": "default/2/1", "charge": charge}
    for kind in ("dispute.opened", "dispute.won"):
        events = [event(f"{kind}_{one['id']}", kind, **one) for one in (first, second)]
        store_events(shop.bench.engine, events)
        assert try_waiting_events(shop.bench.engine, shop.terms) == 0
    statuses = {(number, one["transaction_id"]): one["status"] for number in "12" for one in shop.of(number)}
    assert statuses == {("1", "du_1"): "failed", ("2", "du_2"): "failed", ("2", "du_1"): "completed"}


def test_a_dispute_that_is_won_before_it_is_opened_waits_for_that(shop: RefundBench) -> None:
    assert tell(shop, "evt_2", "dispute.won", **dispute(shop)) is WAITING
    assert tell(shop, "evt_1", "dispute.opened", **dispute(shop)) is APPLIED
    assert [one["status"] for one in shop.of("1")] == ["failed"]
    with reading(shop.bench.engine) as connection:
        assert list_events(connection, WAITING, 10) == []


def test_a_completed_refund_that_fails_later_brings_totals_and_stock_back(shop: RefundBench) -> None:
    shop.refund(asked("1", 1))
    assert shop.customer() == (3000, 3000)
    for event_id in ("evt_1", "evt_1", "evt_2"):
        assert tell(shop, event_id, "refund.failed", **refund(shop, failure_reason="closed")) is APPLIED
    # The gateway made the refund before it failed.
    assert tell(shop, "evt_3", "refund.succeeded", **refund(shop)) is APPLIED
    (failed,) = shop.of("1")
    assert (failed["status"], failed["failure"]) == ("failed", "closed")
    assert (shop.customer(), shop.taken("1")) == ((3000, 0), 0)
    assert shop.bench.shelf()["MOUSE"] == (97, 0, 3)
    assert shop.bench.broken_checks() == set()


@pytest.mark.parametrize(("kind", "status"), [("refund.succeeded", "completed"), ("refund.failed", "failed")])
def test_a_refund_whose_outcome_was_unknown_ends_with_its_event(
    shop: RefundBench, kind: str, status: str
) -> None:
    shop.request(asked("1", amount="5.00"))
    shop.die_before_asking()
    assert tell(shop, "evt_1", kind, **refund(shop, failure_reason="closed")) is APPLIED
    assert shop.statuses() == {status: 1}
    assert shop.settle() is None
    assert shop.statuses() == {status: 1}


@pytest.mark.parametrize(("success", "status"), [(1, "completed"), (0, "failed")])
def test_a_refund_that_succeeded_after_it_had_failed_ends_as_the_gateway_has_it(
    shop: RefundBench, success: float, status: str
) -> None:
    shop.request(asked("1", 1))
    shop.die_before_asking()
    assert tell(shop, "evt_1", "refund.failed", **refund(shop, failure_reason="closed")) is APPLIED
    for event_id in ("evt_2", "evt_3"):
        assert tell(shop, event_id, "refund.succeeded", **refund(shop)) is APPLIED
    shop.bench.set(refund_success_rate=success)
    assert shop.settle() is None
    assert [one["status"] for one in shop.of("1")] == [status]
    amount = 3000 * int(success)
    assert (shop.customer(), shop.taken("1")) == ((3000, amount), amount)
    assert shop.bench.broken_checks() == set()


def test_only_the_gateway_decides_a_refund_about_which_events_disagree(shop: RefundBench) -> None:
    shop.request(asked("1", 1))
    shop.die_before_asking()
    failed = refund(shop, failure_reason="closed")
    assert tell(shop, "evt_1", "refund.failed", **failed) is APPLIED
    assert tell(shop, "evt_2", "refund.succeeded", **refund(shop)) is APPLIED
    assert tell(shop, "evt_3", "refund.failed", **failed) is APPLIED
    assert shop.settle() is None
    assert shop.statuses() == {"completed": 1}
    assert shop.bench.broken_checks() == set()


def test_a_refund_that_succeeded_after_another_took_its_place_waits_for_a_person(shop: RefundBench) -> None:
    shop.request(asked("1", 1))
    shop.die_before_asking()
    about = refund(shop)
    assert tell(shop, "evt_1", "refund.failed", **about | {"failure_reason": "closed"}) is APPLIED
    shop.refund(asked("1", 1))
    assert tell(shop, "evt_2", "refund.succeeded", **about) is WAITING
    assert shop.statuses() == {"failed": 1, "completed": 1}
    assert shop.bench.broken_checks() == {"gateway_agrees_with_refunds"}


@pytest.fixture
def two_refunds(
    migrated_postgres_url: str, tmp_path: Path
) -> Iterator[tuple[RefundBench, list[dict[str, Any]]]]:
    """A home on PostgreSQL, and the documents of the refunds of two orders, which a process has claimed."""
    engine = open_engine(migrated_postgres_url)
    shop = RefundBench(ImportBench.at(engine, tmp_path))
    shop.bench.stock(MOUSE=100)
    shop.bench.import_lines(Line("1", quantity=3), Line("2", quantity=3))
    documents = []
    for number in ("1", "2"):
        shop.request(asked(number, 1))
        documents.append(refund(shop))
    shop.die_before_asking()
    yield shop, documents
    engine.dispose()


def payments_of(number: str) -> Select[Any]:
    order = select(orders.c.id).where(orders.c.number == number).scalar_subquery()
    return select(payments).where(payments.c.order_id == order)


@contextmanager
def waiting_for(shop: RefundBench, number: str, *events: SentEvent) -> Iterator[Connection]:
    """A transaction that holds the payment of an order while these events wait for it."""
    engine = shop.bench.engine
    store_events(engine, events)
    with ThreadPoolExecutor() as pool, engine.begin() as other:
        other.execute(payments_of(number).with_for_update())
        done = pool.submit(carry_out_events, engine, shop.terms, [one.subject for one in events])
        waiting = text("SELECT FROM pg_locks WHERE NOT granted")
        while not done.done() and other.execute(waiting).first() is None:
            pass
        yield other
    done.result()


def test_events_lock_payments_before_totals_as_requests_for_refunds_do(
    two_refunds: tuple[RefundBench, list[dict[str, Any]]],
) -> None:
    shop, documents = two_refunds
    assert tell(shop, "evt_1", "refund.failed", **documents[1]) is APPLIED
    events = [event(f"evt_{at}", "refund.succeeded", **one) for at, one in enumerate(documents, 2)]
    with waiting_for(shop, "2", *events) as other:
        other.execute(select(customer_totals).with_for_update(nowait=True))
    assert shop.statuses() == {"completed": 1, "processing": 1}


def test_events_lock_payments_in_the_order_of_their_orders(
    two_refunds: tuple[RefundBench, list[dict[str, Any]]],
) -> None:
    shop, documents = two_refunds
    assert tell(shop, "evt_1", "refund.succeeded", **documents[0]) is APPLIED
    events = [event(f"evt_{at}", "refund.failed", **one) for at, one in enumerate(documents, 2)]
    with waiting_for(shop, "1", *events) as other:
        other.execute(payments_of("2").with_for_update(nowait=True))
    assert shop.statuses() == {"failed": 2}


def test_what_concerns_nothing_known_waits_and_is_carried_out_later(shop: RefundBench) -> None:
    unknown = dispute(shop, charge="txn_unknown")
    assert tell(shop, "evt_1", "dispute.opened", **unknown) is WAITING
    assert tell(shop, "evt_2", "refund.failed", **dispute(shop, reference="refund/00/1")) is WAITING
    assert tell(shop, "evt_3", "dispute.opened", id="du_3") is WAITING
    assert tell(shop, "evt_4", "dispute.opened", **dispute(shop, id="du_4", amount=3001)) is WAITING
    assert tell(shop, "evt_5", "payout.paid", id="po_1") is IGNORED
    assert shop.of("1") == []
    assert try_waiting_events(shop.bench.engine, shop.terms) == 4
    with shop.bench.engine.begin() as connection:
        connection.execute(payments.update().values(transaction_id="txn_unknown"))
    assert try_waiting_events(shop.bench.engine, shop.terms) == 3
    assert [one["status"] for one in shop.of("1")] == ["completed"]


def test_an_event_that_fails_holds_up_no_other_and_waits_with_its_reason(shop: RefundBench) -> None:
    shop.bench.import_lines(*many_orders(4))
    shop.refund(*(asked(f"n{number}", amount="1.00") for number in range(4)))
    with shop.bench.engine.begin() as connection:
        rows = connection.execute(select(refunds).order_by(refunds.c.id)).mappings().all()
        # Because of the refund of n1, the reversal would make the refunded amount negative.
        changed = payments.c.order_id == rows[1]["order_id"]
        connection.execute(payments.update().where(changed).values(refunded=0))
    events = [
        event(f"evt_{at}", "refund.failed", **refund_like(row) | {"charge": "txn", "id": "re"})
        for at, row in enumerate(rows)
    ]
    store_events(shop.bench.engine, events)
    for _ in range(2):
        carry_out_events(shop.bench.engine, shop.terms, [one.subject for one in events])
    verdicts = store_events(shop.bench.engine, events)
    assert [verdicts[one.id].status for one in events] == [APPLIED, WAITING, APPLIED, APPLIED]
    assert (
        verdicts["evt_1"].reason == "It could not be carried out (IntegrityError). The log has the details."
    )
    assert shop.statuses() == {"failed": 3, "completed": 1}


def refund_like(row: Mapping[Any, Any]) -> dict[str, Any]:
    key = refund_key(row["refund_id"], row["round"])
    return {"reference": key, "amount": row["amount"], "currency": "USD"}


def test_an_id_that_no_index_can_hold_is_not_valid(shop: RefundBench) -> None:
    # Random, because PostgreSQL would compress other data.
    about = dispute(shop, id=secrets.token_hex(8_000))
    assert tell(shop, "evt_1", "dispute.opened", **about) is WAITING
    with reading(shop.bench.engine) as connection:
        assert [one["reason"] for one in list_events(connection, WAITING, 2)] == ["Not valid: id."]


def test_events_that_wait_forever_keep_no_other_from_its_turn(
    shop: RefundBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders_pipeline.refunds.gateway_events.gateway_events.TRIED_AT_ONCE", 2)
    tell(shop, "evt_1", "dispute.opened", **dispute(shop, charge="txn_later"))
    for number in range(2, 5):
        tell(shop, f"evt_{number}", "dispute.opened", **dispute(shop, id=f"du_{number}", charge="txn_never"))
    with shop.bench.engine.begin() as connection:
        connection.execute(payments.update().values(transaction_id="txn_later"))
    tried = (try_waiting_events(shop.bench.engine, shop.terms) for _ in range(100))
    assert any(left == 1 for left in tried)


def test_an_event_of_an_earlier_round_does_not_end_the_next(shop: RefundBench) -> None:
    shop.request(asked("1", amount="5.00"))
    about = refund(shop)
    with shop.bench.engine.begin() as connection:
        connection.execute(refunds.update().values(round=2))
    assert tell(shop, "evt_1", "refund.failed", **about) is IGNORED
    assert shop.statuses() == {"pending": 1}


def test_a_forged_stale_or_broken_event_is_refused(lone_shop: RefundBench, send: Get) -> None:
    now = datetime.now(UTC)
    body = json.dumps({"type": "dispute.opened", "data": dispute(lone_shop)}).encode()
    other = "whsec_" + "b3RoZXJz" * 5
    assert post(send, body, signed(body, now, other)).status_code == 401
    assert post(send, body + b" ", signed(body, now)).status_code == 401
    for at in (now - timedelta(minutes=6), now + timedelta(minutes=6)):
        assert post(send, body, signed(body, at)).status_code == 401
    garbled = signed(body, now) | {"webhook-signature": "v1"}
    assert post(send, body, garbled).status_code == 401
    for missing in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        headers = signed(body, now)
        del headers[missing]
        assert post(send, body, headers).status_code == 400
    for broken in (b"{", b"[]", b'{"type": 1}', b"\xff", b'{"type": "a", "data": {"id": "\\u0000"}}'):
        stamp = signed(broken if broken != b"\xff" else b"", now)
        assert post(send, broken, stamp).status_code == 400
    large = b"x" * (64 * 1024 + 1)
    assert post(send, large, signed(large, now)).status_code == 413
    assert lone_shop.of("1") == []
    assert post(send, body, signed(body, now)).json()["data"]["status"] == "waiting"
    wait_for_events(send)
    assert post(send, body, signed(body, now)).json()["data"]["status"] == "applied"
    assert [one["type"] for one in send("/gateway/events").json()["data"]] == ["dispute.opened"]
    assert len(lone_shop.of("1")) == 1


def test_who_sends_many_forged_events_has_to_wait_but_the_gateway_is_still_heard(
    lone_shop: RefundBench, send: Get
) -> None:
    now = datetime.now(UTC)
    statuses = [post(send, b"{}", signed(b"", now)).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    body = json.dumps({"type": "dispute.opened", "data": dispute(lone_shop)}).encode()
    assert post(send, body, signed(body, now)).status_code == 200
    wait_for_events(send)
    assert len(lone_shop.of("1")) == 1


def test_events_that_come_at_once_twice_and_in_any_order_are_each_carried_out_once(
    lone_bench: ImportBench, redis_url: str
) -> None:
    bench = listening(lone_bench, redis_url)
    events = many_events(bench)
    sent = [*events, *events]
    random.Random(18).shuffle(sent)  # noqa: S311 no secret
    with serving(bench.settings) as send, ThreadPoolExecutor(16) as senders:
        answers = list(senders.map(lambda event: post(send, *signed_request(event)), sent))
        assert {one.status_code for one in answers} == {200}
        wait_for_events(send)
    assert_each_once(bench)


def test_events_broken_off_at_any_commit_are_each_carried_out_once(store_url: str, tmp_path: Path) -> None:
    assert Work(many_events, take_events, assert_each_once).break_off(store_url, tmp_path, CRASHES) > 8


def many_events(bench: ImportBench) -> list[SentEvent]:
    """Events of ten orders: disputes that are opened and won, and refunds that succeed and then fail."""
    if not bench.statuses():
        bench.set(payment_success_rate=1)
        bench.stock(MOUSE=100)
        bench.import_lines(*many_orders(10, quantity=2))
        RefundBench(bench).refund(*(asked(f"n{number}", (1, 1)) for number in range(5)))
    with reading(bench.engine) as connection:
        charges = dict(
            connection.execute(
                select(orders.c.number, payments.c.transaction_id).join(
                    payments, payments.c.order_id == orders.c.id
                )
            ).all()
        )
        made = connection.execute(select(refunds).where(refunds.c.kind == "refund")).mappings().all()
    found = []
    for number in range(5, 10):
        about = {"id": f"du_{number}", "charge": charges[f"n{number}"], "amount": 500, "currency": "USD"}
        found += [event(f"evt_{kind}_{number}", f"dispute.{kind}", **about) for kind in ("won", "opened")]
    for row in made:
        about = {
            "id": f"re_{row['id']}",
            "reference": refund_key(row["refund_id"], row["round"]),
            "charge": "txn",
        }
        about |= {"amount": row["amount"], "currency": "USD", "transaction_id": "txn_2"}
        found += [event(f"{kind}_{row['id']}", f"refund.{kind}", **about) for kind in ("failed", "succeeded")]
    return found


def take_events(bench: ImportBench) -> None:
    events = many_events(bench)
    store_events(bench.engine, events)
    carry_out_events(bench.engine, RefundTerms.of(bench.settings), [one.subject for one in events])


def assert_each_once(bench: ImportBench) -> object:
    assert bench.broken_checks() == set()
    shop = RefundBench(bench)
    booked = [(one["kind"], one["status"], one["failure"]) for at in range(10) for one in shop.of(f"n{at}")]
    assert booked == [("refund", "failed", "failed")] * 5 + [("dispute", "failed", "won")] * 5
    with reading(bench.engine) as connection:
        statuses = {one["status"] for one in list_events(connection, None, 100)}
    assert statuses == {APPLIED}
    assert shop.customer() == (20_000, 0)
    return bench.shelf(), bench.rows("product_totals")


def event(event_id: str, kind: str, **data: Any) -> SentEvent:
    return SentEvent.read(event_id, json.dumps({"type": kind, "data": data}))


def signed_request(sent: SentEvent) -> tuple[bytes, dict[str, str]]:
    body = sent.body.encode()
    return body, signed(body, datetime.now(UTC), event_id=sent.id)


def test_without_a_secret_no_event_is_taken(lone_bench: ImportBench, redis_url: str) -> None:
    listening(lone_bench, redis_url).set(payment_webhook_secret="")
    with serving(lone_bench.settings) as send:
        assert post(send, b"{}", signed(b"{}", datetime.now(UTC))).status_code == 404


def test_the_simulator_tells_of_disputes_and_refunds_that_fail_later(
    lone_bench: ImportBench, redis_url: str, tmp_path: Path
) -> None:
    bench = listening(lone_bench, redis_url)
    bench.stock(MOUSE=100)
    with running_server(bench.settings) as url, simulator(tmp_path, f"{url}/api/gateway/events") as server:
        bench.set(payment_url=server.url)
        bench.import_lines(Line("1", quantity=3))
        shop = RefundBench(bench)
        shop.refund(asked("1", 1))
        made, charged = shop.of("1")[0]["transaction_id"], server.journal()[CHARGE][2]
        for kind, transaction in (
            ("refund.failed", made),
            ("dispute.opened", charged),
            ("dispute.won", charged),
        ):
            wanted = {"type": kind, "transaction_id": transaction}
            answer = httpx.post(f"{server.url}/control/events", json=wanted, timeout=30).json()
            assert answer["accepted"], answer
        with requests.Session() as session:
            wait_for_events(lambda path: session.get(f"{url}/api{path}", timeout=30))
        ended = [(one["kind"], one["failure"]) for one in shop.of("1")]
        assert ended == [("refund", "account_closed"), ("dispute", "won")]
        assert bench.broken_checks() == set()


@contextmanager
def simulator(folder: Path, events: str) -> Iterator[GatewayServer]:
    server = GatewayServer(folder / "gateway", ["--events", events], webhook_secret=SECRET)
    server.success_rate = server.refund_success_rate = 1.0
    server.start()
    try:
        yield server
    finally:
        server.stop()
