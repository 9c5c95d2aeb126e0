"""A stand-in for Mollie's API v2 that answers in the shapes of its reference (docs.mollie.com/reference).

It forgets idempotency keys at once, and carries out captures and releases after its answer, as Mollie may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from aiohttp import web

from tests.servers.small_server import running

TEST_KEY = "test_dHar4XY7LxsDOtmnkVtjNVWXLSlXsM"
PROFILE = "pfl_v9hTwCvYqw"
# The outcome of a payment, by its customer.
CUSTOMERS = {"good": "cst_good", "declined": "cst_declined", "asks": "cst_asks", "slow": "cst_slow"}
FAILURES = {"cst_declined": "insufficient_funds", "cst_asks": "authentication_required"}
CONTENT = "application/hal+json"


@dataclass(slots=True)
class MollieServer:
    """Payments and refunds of one profile, the newest last."""

    url: str = ""
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    chargebacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def routes(self) -> list[web.RouteDef]:
        one = "/v2/payments/{payment}"
        return [
            web.get("/v2/profiles/me", self.profile),
            web.post("/v2/payments", self.create_payment),
            web.get("/v2/payments", self.list_payments),
            web.get(one, self.get_payment),
            web.post(f"{one}/captures", self.capture),
            web.post(f"{one}/release-authorization", self.release),
            web.post(f"{one}/refunds", self.create_refund),
            web.get(f"{one}/refunds", self.list_refunds),
            web.get("/v2/refunds", self.list_refunds),
            web.get("/v2/chargebacks", self.list_chargebacks),
        ]

    async def profile(self, _request: web.Request) -> web.Response:
        words = {"name": "Shop", "website": "https://shop.example", "email": "shop@shop.example"}
        more = {"phone": "+31201234567", "businessCategory": "OTHER_MERCHANDISE", "status": "verified"}
        return answer(200, {"resource": "profile", "id": PROFILE, **words, **more, **self.common()})

    async def create_payment(self, request: web.Request) -> web.Response:
        asked = await request.json()
        customer = asked.get("customerId", "")
        if customer not in CUSTOMERS.values():
            return refuse(422, "The customer id is invalid", "customerId")
        made = {
            "resource": "payment",
            "id": f"tr_{next(self.numbers):06}",
            **{name: asked[name] for name in ("amount", "description", "metadata", "sequenceType")},
            "profileId": PROFILE,
            "customerId": customer,
            "mandateId": asked.get("mandateId", "mdt_h3gAaD5zP"),
            "method": "creditcard",
            **self.common(),
            **outcome(customer, asked.get("captureMode") == "manual"),
        }
        if made["status"] == "authorized":
            made["amountCaptured"] = asked["amount"] | {"value": "0.00"}
        self.payments[made["id"]] = made
        return answer(201, made)

    async def list_payments(self, request: web.Request) -> web.Response:
        return self.page(request, "payments", self.payments)

    async def get_payment(self, request: web.Request) -> web.Response:
        return answer(200, self.payment(request))

    async def capture(self, request: web.Request) -> web.Response:
        paid = self.payment(request)
        if paid["status"] != "authorized":
            return refuse(422, "The payment is not authorized")
        captured = {"status": "paid", "paidAt": now(), "amountCaptured": paid["amount"]}
        asyncio.get_running_loop().call_later(0.05, paid.update, captured)
        made = {"resource": "capture", "id": f"cpt_{next(self.numbers)}", "amount": paid["amount"]}
        return answer(201, {**made, "status": "pending", "paymentId": paid["id"], **self.common()})

    async def release(self, request: web.Request) -> web.Response:
        held = self.payment(request)
        if held["status"] != "authorized":
            return refuse(422, "The payment is not authorized")
        asyncio.get_running_loop().call_later(0.05, held.update, {"status": "canceled", "canceledAt": now()})
        return web.Response(status=202)

    async def create_refund(self, request: web.Request) -> web.Response:
        asked, paid = await request.json(), self.payment(request)
        given = sum(
            Decimal(one["amount"]["value"])
            for one in self.refunds.values()
            if one["paymentId"] == paid["id"] and one["status"] != "failed"
        )
        if given + Decimal(asked["amount"]["value"]) > Decimal(paid["amount"]["value"]):
            return refuse(422, "The amount is higher than the maximum", "amount")
        made = {
            "resource": "refund",
            "id": f"re_{next(self.numbers):06}",
            **{name: asked[name] for name in ("amount", "description", "metadata")},
            "paymentId": paid["id"],
            "status": "pending",
            **self.common(),
        }
        self.refunds[made["id"]] = made
        return answer(201, made)

    async def list_refunds(self, request: web.Request) -> web.Response:
        payment = self.payment(request)["id"] if "payment" in request.match_info else None
        found = {key: one for key, one in self.refunds.items() if payment in (None, one["paymentId"])}
        return self.page(request, "refunds", found)

    async def list_chargebacks(self, request: web.Request) -> web.Response:
        return self.page(request, "chargebacks", self.chargebacks)

    def payment(self, request: web.Request) -> dict[str, Any]:
        found = self.payments.get(request.match_info["payment"])
        if found is None:
            answered = refuse(404, "No payment exists with this token.").text
            raise web.HTTPNotFound(text=answered, content_type=CONTENT)
        return found

    def page(self, request: web.Request, name: str, entries: dict[str, dict[str, Any]]) -> web.Response:
        newest = sorted(entries, reverse=True)
        start = newest.index(request.query["from"]) if "from" in request.query else 0
        end = start + int(request.query.get("limit", 50))
        links: dict[str, Any] = {"self": link(self.url), "previous": None, "next": None}
        links["documentation"] = link(self.url)
        if newest[end:]:
            links["next"] = link(f"{self.url}{request.path}?from={newest[end]}&limit={end - start}")
        listed = [entries[key] for key in newest[start:end]]
        return answer(200, {"count": len(listed), "_embedded": {name: listed}, "_links": links})

    def common(self) -> dict[str, Any]:
        names = ("self", "dashboard", "payment", "documentation")
        return {"mode": "test", "createdAt": now(), "_links": {name: link(self.url) for name in names}}


def outcome(customer: str, held: bool) -> dict[str, Any]:
    if reason := FAILURES.get(customer):
        return {"status": "failed", "failedAt": now(), "details": {"failureReason": reason}}
    if customer == CUSTOMERS["slow"]:
        return {"status": "pending"}
    return {"status": "authorized", "authorizedAt": now()} if held else {"status": "paid", "paidAt": now()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def link(url: str) -> dict[str, str]:
    return {"href": url, "type": CONTENT}


def answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.json_response(body, status=status, content_type=CONTENT)


def refuse(status: int, detail: str, about: str | None = None) -> web.Response:
    body = {"status": status, "title": "Refused", "detail": detail, "field": about}
    return answer(status, {**body, "_links": {"documentation": link("https://docs.mollie.com/errors")}})


@web.middleware
async def known_key(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.headers.get("Authorization") != f"Bearer {TEST_KEY}":
        return refuse(401, "Missing authentication, or failed to authenticate")
    found: web.StreamResponse = await handler(request)
    return found


@contextmanager
def mollie() -> Iterator[MollieServer]:
    """A stand-in with an empty profile."""
    server = MollieServer()
    with running(server.routes(), [known_key]) as server.url:
        yield server
