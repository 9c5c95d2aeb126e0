"""Refunds over HTTP: requested once per key, refused with a message, listed, and approved by another key."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from decimal import Decimal
from typing import Any

import pytest
import requests
from sqlalchemy import select

from orders_pipeline.access.api_keys import create_key
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.model import Scope
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import payments
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench
from tests.servers.api_server import Get, serving

HOME_KEY = "open sesame, open"
FIELDS = {
    *("refund_id", "order", "source", "number", "amount", "currency", "kind", "status", "reason"),
    *("requested_at", "settled_at", "transaction_id"),
}
REFUSED: list[tuple[dict[str, Any], tuple[int, str | None]]] = [
    ({"order": "9"}, (404, "order_unknown")),
    ({"order": "3"}, (422, "not_completed")),
    ({"amount": "32.51"}, (422, "refund_exceeds_captured")),
    ({"amount": 1.001}, (422, "amount_invalid")),
    ({"amount": "-1"}, (422, "amount_invalid")),
    ({"lines": [{"line": 3}]}, (422, "line_unknown")),
    ({"lines": [{"line": 1}, {"line": 1}]}, (422, None)),
    ({"lines": [{"line": 1}], "amount": 1}, (422, None)),
    ({"fee": 1}, (422, None)),
    ({"amount": True}, (422, None)),
    ({"amount": "1e999999"}, (422, None)),
    ({"reason": "a\0b"}, (422, None)),
    ({"ammount": 1}, (422, None)),
]


@pytest.fixture
def shop(bench: ImportBench, store_url: str, redis_url: str) -> RefundBench:
    """A home with completed orders of 3 x 10.00 + 2.50 and of 40.00, and one that is out of stock."""
    bench.set(database_url=store_url, redis_url=redis_url, rate_limit=0)
    bench.set(api_key=HOME_KEY, refund_limit=Decimal(30))
    bench.stock(MOUSE=100, CABLE=100, LAMP=0)
    bench.import_lines(
        Line("1", quantity=3), Line("1", "CABLE", 1, "2.50"), Line("2", price="40.00"), Line("3", "LAMP")
    )
    return RefundBench(bench)


@pytest.fixture
def send(shop: RefundBench) -> Iterator[Get]:
    with serving(shop.bench.settings) as sent:
        yield sent


def post(send: Get, path: str, body: Any = None, key: str = HOME_KEY, **headers: str) -> requests.Response:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(f"/refunds{path}", "POST", headers={"Authorization": f"Bearer {key}", **shown}, json=body)


def refund(send: Get, idempotency_key: str, order: str = "1", **body: Any) -> requests.Response:
    return post(send, "", {"order": order, "reason": "late", **body}, Idempotency_Key=idempotency_key)


def data(response: requests.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


def refusal(response: requests.Response) -> tuple[int, str | None]:
    """Status and code of a refusal."""
    body = response.json()
    assert body["success"] is False
    assert body["message"]
    return response.status_code, body.get("code")


def test_a_request_is_entered_once_and_its_repetitions_tell_what_became_of_it(
    send: Get, shop: RefundBench
) -> None:
    created = data(refund(send, "a", amount=10.1), 201)
    assert created.keys() >= FIELDS
    wanted = {"order": "1", "number": "1", "amount": 10.1, "currency": "USD", "kind": "refund"}
    wanted |= {"status": "pending", "reason": "late", "settled_at": None, "transaction_id": None}
    assert {name: created[name] for name in wanted} == wanted
    assert data(refund(send, "a", amount="10.10"), 201) == created
    assert refusal(refund(send, "a", amount=10.2)) == (422, "key_reused")
    assert shop.taken("1") == 1010
    shop.settle()
    settled = data(refund(send, "a", amount=10.1), 201)
    assert (settled["refund_id"], settled["status"]) == (created["refund_id"], "completed")
    assert settled["transaction_id"]
    assert data(send(f"/refunds/{created['refund_id']}")) == settled
    with reading(shop.bench.engine) as connection:
        (action,) = list_actions(connection)
    assert (action.actor, action.action) == ("key:home", "refunds.request")
    assert action.target == created["refund_id"]
    (shown,) = data(send("/audit", headers={"Authorization": f"Bearer {HOME_KEY}"}))
    assert shown["detail"]["amount"] == "10.10"


def test_lines_shipping_and_a_dispute_are_taken_as_said(send: Get, shop: RefundBench) -> None:
    lines = data(refund(send, "a", lines=[{"line": 1, "quantity": 2}, {"line": 2}], restock=False), 201)
    assert [(line["line"], line["quantity"], line["amount"]) for line in lines["lines"]] == [
        (1, 2, 20.0),
        (2, 1, 2.5),
    ]
    dispute = data(refund(send, "b", kind="dispute", amount="5", fee="15.00", reference="du_1"), 201)
    assert (dispute["status"], dispute["fee"], dispute["transaction_id"]) == ("completed", 15.0, "du_1")
    shop.settle()
    assert shop.bench.broken_checks() == set()


def test_what_cannot_be_refunded_is_refused(send: Get, shop: RefundBench) -> None:
    assert [refusal(refund(send, "a", **body)) for body, _ in REFUSED] == [
        expected for _, expected in REFUSED
    ]
    assert not shop.statuses()


def test_numbers_are_exact(send: Get, shop: RefundBench) -> None:
    body = '{"order": "1", "reason": "", "amount": 10.000000000000000001}'
    headers = {"Authorization": f"Bearer {HOME_KEY}", "Idempotency-Key": "a"}
    response = send("/refunds", "POST", headers=headers | {"Content-Type": "application/json"}, data=body)
    assert response.status_code == 422
    assert not shop.statuses()


def test_a_body_that_is_not_json_is_a_bad_request(send: Get, shop: RefundBench) -> None:
    headers = {
        "Authorization": f"Bearer {HOME_KEY}",
        "Idempotency-Key": "a",
        "Content-Type": "application/json",
    }
    response = send("/refunds", "POST", headers=headers, data='{"order":')
    assert (response.status_code, response.json()["message"]) == (400, "The body is not JSON.")
    assert not shop.statuses()


def test_the_headers_are_checked_before_the_body(send: Get, shop: RefundBench) -> None:
    assert refusal(post(send, "", {"order": "1", "reason": "late"})) == (400, None)
    assert refusal(post(send, "", {}, Idempotency_Key="k" * 256)) == (400, None)
    assert refusal(post(send, "", {}, key="wrong", Idempotency_Key="a")) == (401, None)
    with shop.bench.engine.begin() as connection:
        reader = create_key(connection, "reader", Scope.READ)
    assert refusal(post(send, "", {"order": "1"}, key=reader, Idempotency_Key="a")) == (403, None)
    assert not shop.statuses()


def test_a_repetition_while_the_first_request_is_at_work_is_refused(send: Get, shop: RefundBench) -> None:
    with ThreadPoolExecutor() as threads:
        with shop.bench.engine.begin() as connection:
            connection.execute(select(payments.c.order_id).with_for_update())
            sent = as_completed([threads.submit(refund, send, "a", amount=5) for _ in range(2)])
            assert refusal(next(sent).result()) == (409, "key_at_work")
        created = data(next(sent).result(), 201)
    assert shop.taken("1") == 500
    assert data(refund(send, "a", amount=5), 201) == created


def test_refunds_are_listed_by_page_and_by_condition(send: Get, shop: RefundBench) -> None:
    ids = [data(refund(send, f"key {n}", amount=n), 201)["refund_id"] for n in (1, 2, 3)]
    shop.settle()
    other = data(refund(send, "other", order="2", amount=4), 201)["refund_id"]
    listed = [other, *reversed(ids)]

    def found(query: str) -> list[str]:
        return [one["refund_id"] for one in data(send(f"/refunds?{query}"))]

    assert found("limit=2") == listed[:2]
    assert found(f"limit=2&before={listed[1]}") == listed[2:]
    assert found("status=pending") == [other]
    assert found("order=1&status=completed&currency=usd") == listed[1:]
    assert found("currency=EUR") == found("kind=dispute") == []
    assert found("start_date=2025-01-01") == listed
    assert found("end_date=2025-01-01") == []
    assert refusal(send("/refunds?start_date=2025-01-02&end_date=2025-01-01"))[0] == 422
    assert refusal(send("/refunds?before=nosuch"))[0] == 422
    assert refusal(send("/refunds/nosuch"))[0] == 404
    stats = data(send("/refunds/stats"))
    assert stats["refunds"] == {"pending": 1, "processing": 0, "completed": 3, "failed": 0, "cancelled": 0}
    assert stats["amounts"]["completed"] == stats["refunded"] == {"USD": 6.0}
    assert stats["amounts"]["pending"] == {"USD": 4.0}
    (day,) = stats["today"]
    assert (day["currency"], day["refunds"], day["refunded"], day["disputed"]) == ("USD", 3, 6.0, 0.0)


def test_a_pending_refund_is_cancelled_and_a_failed_one_retried(send: Get, shop: RefundBench) -> None:
    first, second = (data(refund(send, key, amount=5), 201)["refund_id"] for key in "ab")
    assert data(post(send, f"/{first}/cancel"))["status"] == "cancelled"
    assert refusal(post(send, f"/{first}/cancel")) == (409, "not_cancellable")
    assert refusal(post(send, f"/{second}/retry")) == (409, "not_retryable")
    assert refusal(post(send, "/nosuch/cancel")) == (404, None)
    shop.bench.set(refund_success_rate=0)
    shop.settle()
    assert data(send(f"/refunds/{second}"))["status"] == "failed"
    assert data(post(send, f"/{second}/retry"))["status"] == "pending"
    assert shop.taken("1") == 500


def test_a_large_refund_is_approved_by_another_key(send: Get, shop: RefundBench) -> None:
    large = data(refund(send, "a", order="2"), 201)
    assert large["needs_approval"] is True
    path = f"/{large['refund_id']}/approve"
    assert refusal(post(send, path)) == (403, "same_operator")
    with shop.bench.engine.begin() as connection:
        second = create_key(connection, "second", Scope.OPERATE)
    shop.settle()
    assert shop.statuses() == {"pending": 1}
    assert data(post(send, path, key=second))["approved_by"] == "key:second"
    shop.settle()
    assert shop.statuses() == {"completed": 1}
