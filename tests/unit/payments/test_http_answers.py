"""What HTTP answers of a gateway mean: nothing but a clear decline is a decline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from orders_pipeline.payments.backends.http.answers import (
    KEY_LENGTH,
    NotNow,
    outcome_of_answer,
    retry_after,
    wire_key,
)
from orders_pipeline.payments.gateway import Charge, ChargeRefusedError, Declined, Paid

CHARGE = Charge(1, 1, "default/1/1", 500, "USD")
DOCUMENT = {
    "id": "ch_1",
    "status": "succeeded",
    "amount": 500,
    "currency": "USD",
    "reference": "default/1/1",
    "transaction_id": "txn_1",
    "decline_reason": None,
}
DECLINE = DOCUMENT | {"status": "declined", "transaction_id": None, "decline_reason": "expired_card"}


def answer(status: int, document: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=document, headers=headers)


def test_a_succeeded_charge_is_paid_and_a_card_error_with_its_charge_is_a_decline() -> None:
    assert outcome_of_answer(CHARGE, answer(200, DOCUMENT)) == Paid(CHARGE, "txn_1")
    assert outcome_of_answer(CHARGE, answer(402, {"error": {"charge": DECLINE}})) == Declined(
        CHARGE, "expired_card"
    )


@pytest.mark.parametrize(
    "response",
    [
        answer(202, DOCUMENT | {"status": "pending"}),
        answer(200, DOCUMENT | {"status": "pending"}),
        answer(200, DOCUMENT | {"status": "new to us"}),
        answer(200, DOCUMENT | {"transaction_id": None}),
        answer(200, ["not", "a", "charge"]),
        httpx.Response(200, text="<html>a proxy's page</html>"),
        answer(402, {"error": {"message": "no charge shown"}}),
        answer(402, {"error": "declined"}),
        answer(408),
        answer(409, {"error": {"code": "idempotency_key_in_use"}}),
        answer(500),
        answer(503),
        httpx.Response(302, headers={"Location": "https://status.example.com"}),
        httpx.Response(403, html="<html>Back soon.</html>"),
        httpx.Response(404, html="<html>Not found</html>"),
        answer(404, {"detail": "Not Found"}),
    ],
)
def test_any_other_answer_leaves_the_outcome_unknown(response: httpx.Response) -> None:
    assert outcome_of_answer(CHARGE, response) is None


def test_too_many_requests_is_not_now() -> None:
    with pytest.raises(NotNow) as raised:
        outcome_of_answer(CHARGE, httpx.Response(429, headers={"Retry-After": "7"}))
    assert raised.value.retry_after == 7


@pytest.mark.parametrize("change", [{"amount": 501}, {"currency": "EUR"}, {"reference": "default/2/1"}])
def test_another_charge_under_the_key_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ChargeRefusedError, match="another charge"):
        outcome_of_answer(CHARGE, answer(200, DOCUMENT | change))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_a_refused_request_is_no_decline(status: int) -> None:
    with pytest.raises(ChargeRefusedError):
        outcome_of_answer(CHARGE, answer(status, {"error": {"code": "some_code", "message": "Some words."}}))


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    assert retry_after({"Retry-After": "120"}) == 120
    assert 90 < (retry_after({"Retry-After": format_datetime(soon, usegmt=True)}) or 0) <= 100
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²"])
def test_an_unreadable_retry_after_asks_for_nothing(value: str) -> None:
    assert retry_after({"Retry-After": value}) is None
    assert retry_after({}) is None


def test_any_key_becomes_a_header_of_its_own() -> None:
    keys = [
        "default/1/1",
        "default/1%2F1",
        "a b",
        "a\r\nb",
        "\x00",
        "Größe",
        "x" * 300,
        "x" * 301,
        "sha256:abc",
    ]
    wired = [wire_key(key) for key in keys]
    assert len(set(wired)) == len(keys)
    assert all(key.isascii() and key.isprintable() and len(key) <= KEY_LENGTH for key in wired)
    assert wired[0] == "default/1/1"
