"""The gateway of an order store, as the page of payment settings shows it."""

from __future__ import annotations

from typing import Any

import pytest

from orders_pipeline.console.texts import texts
from orders_pipeline.payments.connect import PROVIDERS, GatewayKind
from orders_pipeline.payments.in_effect import gateway_in_effect
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench
from tests.servers import mollie_server, stripe_server


@pytest.mark.parametrize(
    ("settings", "provider", "has_event_secret"),
    [
        ({}, "", None),
        ({"payment_url": "http://127.0.0.1:9"}, "", False),
        ({"stripe_key": stripe_server.TEST_KEY, "stripe_webhook_secret": "whsec_secret"}, "Stripe", True),
        ({"mollie_key": mollie_server.TEST_KEY}, "Mollie", None),
    ],
    ids=list(GatewayKind),
)
def test_it_is_named_and_says_whether_its_signed_events_are_accepted(
    lone_bench: ImportBench, settings: dict[str, Any], provider: str, has_event_secret: bool | None
) -> None:
    lone_bench.set(**settings)
    with reading(lone_bench.engine) as connection:
        found = gateway_in_effect(connection, lone_bench.settings)
    assert (found.provider, found.has_event_secret) == (provider, has_event_secret)


def test_the_page_has_a_name_for_each_gateway_that_is_no_provider() -> None:
    assert vars(texts().settings.payments.kinds).keys() == set(GatewayKind) - set(PROVIDERS)
