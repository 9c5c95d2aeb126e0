"""Events of Stripe and Mollie that were not received, read from the provider's own lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from orders_pipeline.payments.backends.mollie.gateway import MollieGateway
from orders_pipeline.payments.backends.mollie.requests import MollieAccount
from orders_pipeline.payments.backends.stripe.gateway import StripeGateway
from orders_pipeline.payments.backends.stripe.requests import StripeAccount
from orders_pipeline.payments.gateway import EventSource, GatewayUnavailableError, ProviderEvent, refund_key
from orders_pipeline.refunds.gateway_events.gateway_events import SentEvent, carry_out_events, store_events
from orders_pipeline.refunds.gateway_events.missed_events import read_events
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, payments, refunds
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.servers import mollie_server, stripe_server
from tests.servers.mollie_server import now
from tests.servers.small_server import running

# A warning of httpx about how Stripe's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
STORE = "a-store"


@pytest.fixture
def shop(lone_bench: ImportBench) -> RefundBench:
    """A store with a completed order that was refunded in part."""
    lone_bench.stock(MOUSE=100)
    lone_bench.import_lines(Line("1", quantity=3))
    found = RefundBench(lone_bench)
    found.refund(asked("1", 1))
    return found


def charge_of(shop: RefundBench) -> str:
    with reading(shop.bench.engine) as connection:
        return str(connection.execute(select(payments.c.transaction_id)).scalar_one())


def refund_of(shop: RefundBench) -> dict[str, Any]:
    with reading(shop.bench.engine) as connection:
        return dict(connection.execute(select(refunds)).mappings().one())


def booked(shop: RefundBench) -> list[tuple[str, str, str | None]]:
    return sorted((one["kind"], one["status"], one["failure"]) for one in shop.of("1"))


def read(shop: RefundBench, source: EventSource) -> int:
    return read_events(shop.bench.engine, shop.terms, source)


def stripe_events(shop: RefundBench) -> list[dict[str, Any]]:
    row = refund_of(shop)
    failed = {
        **{"id": "re_1", "object": "refund", "payment_intent": "pi_1", "status": "failed"},
        **{"amount": row["amount"], "currency": "usd", "failure_reason": "expired_or_canceled_card"},
        "metadata": {"orders_key": refund_key(row["refund_id"], row["round"])},
    }
    dispute = {
        **{"id": "dp_1", "object": "dispute", "payment_intent": charge_of(shop), "status": "needs_response"},
        **{"amount": 1000, "currency": "usd", "reason": "fraudulent", "metadata": {}},
        "balance_transactions": [],
    }
    return [
        {"id": event_id, "object": "event", "type": kind, "created": 1, "data": {"object": about}}
        for event_id, kind, about in (
            ("evt_2", "refund.failed", failed),
            ("evt_1", "charge.dispute.funds_withdrawn", dispute),
        )
    ]


@pytest.fixture
def stripe_lists(shop: RefundBench) -> Iterator[tuple[StripeGateway, list[dict[str, str]]]]:
    """Stripe with two events per page, and the requests; every first response is an error."""
    events, queries, broken = stripe_events(shop), list[dict[str, str]](), set[str]()

    async def listed(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        after = request.query.get("starting_after", "")
        if after not in broken:
            broken.add(after)
            return web.json_response({"error": {"type": "api_error", "message": "broken"}}, status=500)
        page = [events[1]] if after == "evt_2" else [events[0]]
        return web.json_response({"object": "list", "data": page, "has_more": not after, "url": "/v1/events"})

    with running([web.get("/v1/events", listed)]) as url:
        yield StripeGateway(StripeAccount(stripe_server.TEST_KEY, url, 5), STORE), queries


def test_events_that_did_not_arrive_are_carried_out_once(
    shop: RefundBench, stripe_lists: tuple[StripeGateway, list[dict[str, str]]]
) -> None:
    gateway, queries = stripe_lists
    assert read(shop, gateway) == 2
    wanted = [("dispute", "completed", None), ("refund", "failed", "expired_or_canceled_card")]
    assert booked(shop) == wanted
    assert read(shop, gateway) == 2
    assert booked(shop) == wanted
    since = [int(one["created[gte]"]) for one in queries]
    assert since[-1] - since[0] == pytest.approx((7 - 2) * 24 * 3_600, abs=60)
    assert "charge.dispute.closed" in queries[0].values()


def test_an_event_that_arrived_is_not_carried_out_again(
    shop: RefundBench, stripe_lists: tuple[StripeGateway, list[dict[str, str]]]
) -> None:
    gateway, _ = stripe_lists
    arrived = next(one for one in gateway.events(0) if one.id == "evt_1")
    event = SentEvent.read(arrived.id, arrived.body or "")
    store_events(shop.bench.engine, [event])
    carry_out_events(shop.bench.engine, shop.terms, [event.subject])
    read(shop, gateway)
    assert [kind for kind, _, _ in booked(shop)].count("dispute") == 1


def test_an_event_that_cannot_be_read_holds_up_no_other(shop: RefundBench) -> None:
    class Source:
        def events(self, _since: int) -> Iterator[ProviderEvent]:
            yield ProviderEvent("evt_1", '{"type": "dispute.opened"}')
            about = {"id": "dp_1", "charge": charge_of(shop), "amount": 1000, "currency": "USD"}
            yield ProviderEvent("evt_2", json.dumps({"type": "dispute.opened", "data": about}))

    assert read(shop, Source()) == 1
    assert ("dispute", "completed", None) in booked(shop)


def test_a_provider_that_is_away_is_asked_again_from_the_same_time(shop: RefundBench) -> None:
    away = StripeGateway(StripeAccount(stripe_server.TEST_KEY, "http://127.0.0.1:9", 1), STORE)
    with pytest.raises(GatewayUnavailableError):
        read(shop, away)
    with reading(shop.bench.engine) as connection:
        assert connection.execute(select(home.c.events_read_until)).scalar_one() is None


def test_chargebacks_and_late_failures_at_mollie_are_carried_out_once(shop: RefundBench) -> None:
    charge, row = charge_of(shop), refund_of(shop)
    with mollie_server.mollie() as server:
        tags = {"orders_store": STORE, "orders_key": refund_key(row["refund_id"], row["round"])}
        common = {**server.common(), "amount": {"currency": "USD", "value": "10.00"}}
        refund = {"resource": "refund", "paymentId": charge, "description": "Refund", "metadata": tags}
        amount = {"currency": "USD", "value": f"{row['amount'] / 100:.2f}"}
        server.refunds["re_1"] = {**common, **refund, "id": "re_1", "status": "failed", "amount": amount}
        for name, store in ((charge, STORE), ("tr_other", "another")):
            paid = {"resource": "payment", "id": name, "status": "paid", "profileId": "pfl_1"}
            paid |= {"description": "1", "sequenceType": "recurring", "metadata": {"orders_store": store}}
            server.payments[name] = {**common, **paid}
            back = {"resource": "chargeback", "id": f"chb_{store}", "paymentId": name}
            server.chargebacks[back["id"]] = {**common, **back}
        gateway = MollieGateway(MollieAccount(mollie_server.TEST_KEY, server.url, 5), STORE)
        assert read(shop, gateway) == 2
        wanted = [("dispute", "completed", None), ("refund", "failed", "failed")]
        assert booked(shop) == wanted
        server.chargebacks[f"chb_{STORE}"]["reversedAt"] = now()
        assert read(shop, gateway) == 3
        assert booked(shop) == [("dispute", "failed", "won"), ("refund", "failed", "failed")]
