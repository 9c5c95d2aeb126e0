"""Events as Stripe sends and signs them, received by the API."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import select

from orders_pipeline.payments.backends.stripe.events import OTHER_MODE
from orders_pipeline.payments.gateway import refund_key
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import payments, refunds
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.servers.api_server import serving, wait_for_events

SECRET = "whsec_test_secret"  # noqa: S105
Send = Callable[..., requests.Response]


@pytest.fixture
def shop(lone_bench: ImportBench, redis_url: str) -> RefundBench:
    store = str(lone_bench.engine.url)
    lone_bench.set(stripe_webhook_secret=SECRET, redis_url=redis_url, database_url=store)
    lone_bench.stock(MOUSE=100)
    lone_bench.import_lines(Line("1", quantity=3))
    return RefundBench(lone_bench)


@pytest.fixture
def send(shop: RefundBench) -> Iterator[Send]:
    with serving(shop.bench.settings) as found:
        yield found


def post(send: Send, event: dict[str, Any], secret: str = SECRET, at: int | None = None) -> requests.Response:
    body, stamp = json.dumps(event), at or int(time.time())
    signature = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return send(
        "/gateway/events", "POST", data=body, headers={"Stripe-Signature": f"t={stamp},v1={signature}"}
    )


def event(kind: str, about: dict[str, Any], event_id: str = "evt_1") -> dict[str, Any]:
    return {"id": event_id, "object": "event", "type": kind, "data": {"object": about}}


def dispute(shop: RefundBench, status: str) -> dict[str, Any]:
    with reading(shop.bench.engine) as connection:
        charge = connection.execute(select(payments.c.transaction_id)).scalar_one()
    return {
        **{"id": "dp_1", "object": "dispute", "payment_intent": charge, "status": status, "metadata": {}},
        **{"amount": 1000, "currency": "usd", "reason": "fraudulent"},
        "balance_transactions": [balance_transaction(1500, "usd")],
    }


def balance_transaction(fee: int, currency: str) -> dict[str, Any]:
    return {"id": "txn_1", "object": "balance_transaction", "fee": fee, "currency": currency}


def status_of(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["status"])


def becomes(send: Send, event: dict[str, Any]) -> str:
    """Status of an event after it was tried."""
    post(send, event)
    wait_for_events(send)
    return status_of(post(send, event))


def test_a_dispute_is_booked_once_with_its_fee_and_comes_back_when_it_is_won(
    shop: RefundBench, send: Send
) -> None:
    won = event("charge.dispute.closed", dispute(shop, "won"), "evt_2")
    assert becomes(send, won) == "waiting"
    opened = event("charge.dispute.funds_withdrawn", dispute(shop, "needs_response"))
    assert [becomes(send, one) for one in (opened, opened, won)] == ["applied"] * 3
    (booked,) = shop.of("1")
    assert (booked["kind"], booked["amount"], booked["fee"]) == ("dispute", 10.0, 15.0)
    assert (booked["status"], booked["failure"]) == ("failed", "won")


def test_an_inquiry_takes_no_money_until_the_funds_are_withdrawn(shop: RefundBench, send: Send) -> None:
    asked_about = dispute(shop, "warning_needs_response") | {"balance_transactions": []}
    assert becomes(send, event("charge.dispute.created", asked_about)) == "ignored"
    closed = dispute(shop, "warning_closed") | {"balance_transactions": []}
    assert becomes(send, event("charge.dispute.closed", closed, "evt_2")) == "ignored"
    assert shop.of("1") == []
    withdrawn = event("charge.dispute.funds_withdrawn", dispute(shop, "needs_response"), "evt_3")
    assert becomes(send, withdrawn) == "applied"
    assert [one["amount"] for one in shop.of("1")] == [10.0]


def test_a_fee_in_another_currency_is_not_booked_as_one_in_the_currency_of_the_order(
    shop: RefundBench, send: Send
) -> None:
    fees = [balance_transaction(1500, "usd"), balance_transaction(2300, "jpy")]
    opened = dispute(shop, "needs_response") | {"balance_transactions": fees}
    assert becomes(send, event("charge.dispute.funds_withdrawn", opened)) == "applied"
    assert [one["fee"] for one in shop.of("1")] == [15.0]


def test_events_of_the_other_mode_and_disputes_of_other_charges_change_nothing(shop: RefundBench) -> None:
    shop.bench.set(stripe_key="sk_live_1")
    with serving(shop.bench.settings) as send:
        of_test_mode = event("charge.dispute.funds_withdrawn", dispute(shop, "needs_response"))
        answer = post(send, of_test_mode | {"livemode": False}).json()["data"]
        assert (answer["status"], answer["reason"]) == ("ignored", OTHER_MODE)
        of_no_intent = dispute(shop, "needs_response") | {"payment_intent": None}
        opened = event("charge.dispute.funds_withdrawn", of_no_intent, "evt_2")
        assert becomes(send, opened | {"livemode": True}) == "ignored"
    assert shop.of("1") == []


def test_a_refund_that_fails_late_is_taken_back(shop: RefundBench, send: Send) -> None:
    shop.refund(asked("1", 1))
    with reading(shop.bench.engine) as connection:
        row = connection.execute(select(refunds)).mappings().one()
    about = {
        **{"id": "re_1", "object": "refund", "payment_intent": "pi_1", "status": "failed"},
        **{"amount": row["amount"], "currency": "usd", "failure_reason": "expired_or_canceled_card"},
        "metadata": {"orders_key": refund_key(row["refund_id"], row["round"])},
    }
    assert becomes(send, event("refund.failed", about)) == "applied"
    (failed,) = shop.of("1")
    assert (failed["status"], failed["failure"]) == ("failed", "expired_or_canceled_card")
    by_hand = {**about, "id": "re_2", "metadata": {}}
    assert status_of(post(send, event("refund.failed", by_hand, "evt_2"))) == "ignored"


def test_forged_and_old_events_are_refused_and_others_change_nothing(shop: RefundBench, send: Send) -> None:
    opened = event("charge.dispute.funds_withdrawn", dispute(shop, "needs_response"))
    assert post(send, opened, SECRET[:-1]).status_code == 401
    assert post(send, opened, at=int(time.time()) - 3600).status_code == 401
    assert post(send, {"no": "event"}).status_code == 401
    assert status_of(post(send, event("payment_intent.created", {"id": "pi_1"}))) == "ignored"
    assert shop.of("1") == []
