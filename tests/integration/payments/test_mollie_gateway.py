"""The gateway at Mollie, beyond what all gateways have in common."""

from __future__ import annotations

from orders_pipeline.base.model import EndKind
from orders_pipeline.payments.backends.mollie.gateway import MollieGateway
from orders_pipeline.payments.backends.mollie.requests import MollieAccount
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    CaptureDeclined,
    Charge,
    end_key,
    idempotency_key,
)
from tests.servers import mollie_server
from tests.servers.gateway_backends import collect


def test_a_part_that_was_captured_at_mollie_is_not_the_whole_amount() -> None:
    key = idempotency_key("s", "A-0", 1)
    charge = Charge(1, 1, key, 1000, "EUR", capture=False, customer=mollie_server.CUSTOMERS["good"])
    with mollie_server.mollie() as server:
        gateway = MollieGateway(MollieAccount(mollie_server.TEST_KEY, server.url, timeout=20), "a-store")
        (held,) = collect(gateway.charge([charge]))
        assert isinstance(held, Authorized)
        part = {"currency": "EUR", "value": "4.00"}
        server.payments[held.transaction_id].update(status="paid", amountCaptured=part)
        capture_key = end_key(EndKind.CAPTURE, key, 1)
        capture = Capture(1, capture_key, held.transaction_id, 1000, "EUR", asked_before=True)
        (declined,) = collect(gateway.capture([capture]))
    reason = "refused: 4.00 EUR of 10.00 EUR were captured at the provider"
    assert declined == CaptureDeclined(capture, reason)
