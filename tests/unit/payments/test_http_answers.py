"""How HTTP responses of a gateway are interpreted: only a clear decline counts as a decline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from orders_pipeline.payments.backends.http.answers import (
    NotNow,
    OutcomeUnknown,
    outcome_of_answer,
    outcome_of_attempts,
    retry_after,
)
from orders_pipeline.payments.backends.http.documents import (
    CHARGES,
    KEY_LENGTH,
    REFUNDS,
    ChargeDocument,
    wire_key,
)
from orders_pipeline.payments.gateway import (
    Charge,
    Declined,
    GatewayRefusedError,
    Outcome,
    Paid,
    Refund,
    Refunded,
    RefundFailed,
    refusal,
)

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
REFUND = Refund(1, "refund/abc/1", "txn_1", 200, "USD", asked_before=False)
REFUND_DOCUMENT = {
    "id": "re_1",
    "status": "succeeded",
    "amount": 200,
    "currency": "USD",
    "reference": "refund/abc/1",
    "charge": "txn_1",
    "transaction_id": "txn_9",
    "failure_reason": None,
}


def answer(status: int, document: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=document, headers=headers)


def test_a_succeeded_charge_is_paid_and_a_card_error_with_its_charge_is_a_decline() -> None:
    assert outcome_of_answer(CHARGES, CHARGE, answer(200, DOCUMENT)) == Paid(CHARGE, "txn_1")
    assert outcome_of_answer(CHARGES, CHARGE, answer(402, {"error": {"charge": DECLINE}})) == Declined(
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
    assert outcome_of_answer(CHARGES, CHARGE, response) is None


def test_too_many_requests_is_not_now() -> None:
    with pytest.raises(NotNow) as raised:
        outcome_of_answer(CHARGES, CHARGE, httpx.Response(429, headers={"Retry-After": "7"}))
    assert raised.value.retry_after == 7


@pytest.mark.parametrize("change", [{"amount": 501}, {"currency": "EUR"}, {"reference": "default/2/1"}])
def test_another_charge_under_the_key_refuses_this_one(change: dict[str, Any]) -> None:
    shown = DOCUMENT | change
    held = f"{shown['amount']} {shown['currency']} for {shown['reference']} (txn_1)"
    assert outcome_of_answer(CHARGES, CHARGE, answer(200, shown)) == Declined(
        CHARGE, refusal(f"the gateway has {held} under this key")
    )


ERROR = {"error": {"code": "some_code", "message": "Some words."}}


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_permanently_fails_alone_with_the_words_of_the_gateway(status: int) -> None:
    outcome = outcome_of_answer(REFUNDS, REFUND, answer(status, ERROR))
    assert outcome == RefundFailed(REFUND, refusal(f"{status} some_code: Some words."))


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_a_gateway_that_refuses_everything_declines_nothing(status: int) -> None:
    with pytest.raises(GatewayRefusedError, match="some_code: Some words"):
        outcome_of_answer(CHARGES, CHARGE, answer(status, ERROR))


def test_a_refund_goes_through_or_fails_as_its_document_says() -> None:
    failed = REFUND_DOCUMENT | {"status": "failed", "transaction_id": None, "failure_reason": "expired_card"}
    pending = REFUND_DOCUMENT | {"status": "pending", "transaction_id": None}
    answers = [
        outcome_of_answer(REFUNDS, REFUND, answer(200, one)) for one in (REFUND_DOCUMENT, failed, pending)
    ]
    assert answers == [Refunded(REFUND, "txn_9"), RefundFailed(REFUND, "expired_card"), None]


def of_attempts(*documents: dict[str, Any]) -> Outcome | None:
    retry = CHARGE._replace(key="default/1/2", asked_before=True)
    listed = [ChargeDocument.model_validate(one) for one in documents]
    found = outcome_of_attempts(CHARGES, retry, listed)
    assert found is None or found.charge == retry
    return found


def attempt(number: int, document: dict[str, Any] = DOCUMENT, **changes: Any) -> dict[str, Any]:
    return document | {"reference": f"default/1/{number}"} | changes


@pytest.mark.parametrize("documents", [[], [attempt(1, DECLINE)], [attempt(1, DECLINE), attempt(7, DECLINE)]])
def test_a_retry_is_sent_if_the_gateway_took_nothing_for_the_order(documents: list[dict[str, Any]]) -> None:
    assert of_attempts(*documents) is None


@pytest.mark.parametrize("paid", [1, 2, 9])
def test_money_that_any_attempt_took_pays_the_order(paid: int) -> None:
    found = of_attempts(attempt(2, DECLINE), attempt(paid))
    assert isinstance(found, Paid)
    assert found.transaction_id == "txn_1"


def test_a_decline_of_the_attempt_itself_stays_its_outcome() -> None:
    found = of_attempts(attempt(1, DECLINE, decline_reason="lost_card"), attempt(2, DECLINE))
    assert isinstance(found, Declined)
    assert found.reason == "expired_card"


def test_an_attempt_that_is_pending_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        of_attempts(attempt(1, status="pending", transaction_id=None), attempt(2, DECLINE))


def test_an_attempt_that_took_another_amount_refuses_the_retry() -> None:
    found = of_attempts(attempt(1, amount=700))
    assert isinstance(found, Declined)
    assert found.reason == refusal("the gateway has 700 USD for default/1/1 (txn_1) already")


def test_orders_whose_numbers_begin_alike_are_distinguished() -> None:
    assert (
        of_attempts(DOCUMENT | {"reference": "default/1/7/1"}, DOCUMENT | {"reference": "default/1/x"})
        is None
    )


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
