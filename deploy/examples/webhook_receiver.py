"""Example: receives events of orders-pipeline, and updates the orders of a WooCommerce or Shopify shop.

    pip install httpx standardwebhooks
    WEBHOOK_SECRET=whsec_... SHOP=woocommerce SHOP_URL=https://shop.example.com SHOP_KEY=ck_...:cs_... \
        python webhook_receiver.py
    orders webhooks add https://receiver.example.com/ --events \
        order.completed,order.failed,order.rolled_back,order.refunded

It listens on 127.0.0.1:8100, behind a proxy with TLS. Events arrive at least once, so each change can be made
twice without harm. After an error it answers 500, so that the event is sent again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

Event = dict[str, Any]
Apply = Callable[[Event], None]
SHOPIFY_API = "/admin/api/2025-10/graphql.json"
FIND = "query($q: String!) { orders(first: 1, query: $q) { nodes { id canMarkAsPaid } } }"
MARK_PAID = "mutation($id: ID!) { orderMarkAsPaid(input: {id: $id}) { userErrors { message } } }"
ADD_TAGS = (
    "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { message } } }"
)
log = logging.getLogger("receiver")


def woocommerce(client: httpx.Client) -> Apply:
    """Updates a WooCommerce shop, whose order numbers are ids. `SHOP_KEY` is CONSUMER_KEY:CONSUMER_SECRET."""

    def apply(event: Event) -> None:
        data = event["data"]
        order = f"/wp-json/wc/v3/orders/{data['number']}"
        if event["type"] == "order.completed":
            paid = {"status": "processing", "set_paid": True, "transaction_id": data["transaction_id"] or ""}
            client.put(order, json=paid).raise_for_status()
        elif event["type"] in ("order.failed", "order.rolled_back"):
            client.put(order, json={"status": "failed"}).raise_for_status()
        elif event["type"] == "order.refunded":
            refund(order, data)

    def refund(order: str, data: Event) -> None:
        note = f"{data['reason']} (refund {data['refund_id']})"
        known = client.get(f"{order}/refunds", params={"per_page": 100}).raise_for_status().json()
        if all(one["reason"] != note for one in known):
            # The money was already refunded, so the shop only records the refund.
            given = {"amount": data["amount"], "reason": note, "api_refund": False}
            client.post(f"{order}/refunds", json=given).raise_for_status()

    return apply


def shopify(client: httpx.Client) -> Apply:
    """Updates a Shopify shop. `SHOP_KEY` is an Admin API access token with `write_orders`."""

    def apply(event: Event) -> None:
        found = ask(FIND, {"q": f"name:{event['data']['number']}"})["orders"]["nodes"]
        if not found:
            raise LookupError(f"the shop has no order {event['data']['number']}")
        (order,) = found
        if event["type"] != "order.completed":
            ask(ADD_TAGS, {"id": order["id"], "tags": [event["type"].replace(".", "-")]})
        elif order["canMarkAsPaid"]:
            ask(MARK_PAID, {"id": order["id"]})

    def ask(query: str, variables: Event) -> Event:
        answer = client.post(SHOPIFY_API, json={"query": query, "variables": variables})
        answered: Event = answer.raise_for_status().json()
        wrong = [
            one["message"]
            for part in (answered.get("data") or {}).values()
            for one in part.get("userErrors", [])
        ]
        if wrong or "errors" in answered:
            raise ValueError(f"the shop refuses: {wrong or answered['errors']}")
        data: Event = answered["data"]
        return data

    return apply


def connect(shop: str, url: str, key: str) -> Apply:
    """Returns the function that updates this shop."""
    if shop == "woocommerce":
        user, _, password = key.partition(":")
        return woocommerce(httpx.Client(base_url=url, auth=(user, password), timeout=10))
    return shopify(httpx.Client(base_url=url, headers={"X-Shopify-Access-Token": key}, timeout=10))


def handler(secret: str, apply: Apply) -> type[BaseHTTPRequestHandler]:
    """Returns a handler for requests that contain one event each."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(self.status_of(body))
            self.send_header("content-length", "0")
            self.end_headers()

        def status_of(self, body: bytes) -> int:
            try:
                event = Webhook(secret).verify(body, dict(self.headers.items()))
                if event["type"].startswith("order."):
                    apply(event)
            except WebhookVerificationError:
                return 401
            except (httpx.HTTPError, LookupError, ValueError):
                log.exception("the event was not applied; it will be sent again")
                return 500
            return 204

        def log_message(self, format: str, *args: object) -> None: ...

    return Handler


if __name__ == "__main__":
    given = os.environ
    update = connect(given["SHOP"], given["SHOP_URL"], given["SHOP_KEY"])
    ThreadingHTTPServer(("127.0.0.1", 8100), handler(given["WEBHOOK_SECRET"], update)).serve_forever()
