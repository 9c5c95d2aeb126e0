"""The example receiver updates orders of WooCommerce and Shopify. A stand-in answers like their APIs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from orders_pipeline.base.model import EventType
from orders_pipeline.base.settings import PROJECT_ROOT
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.webhooks import add, make_due, relay

TYPES = (EventType.ORDER_COMPLETED, EventType.ORDER_FAILED, EventType.ORDER_REFUNDED)
Respond = Callable[[str, str, Any], Any]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Shop:
    """A shop's API: records requests, and answers with the function's result; None is a failure."""

    def __init__(self, respond: Respond) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.logins: set[str] = set()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                sent = json.loads(body) if body else None
                shop.logins.add(self.headers["authorization"] or self.headers["x-shopify-access-token"])
                shop.asked.append((self.command, self.path.partition("?")[0], sent))
                answer = respond(*shop.asked[-1])
                text = json.dumps(answer).encode()
                self.send_response(500 if answer is None else 200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = respond

            def log_message(self, format: str, *args: object) -> None: ...

        self.handler = Handler


@pytest.fixture(scope="module")
def example() -> ModuleType:
    file = PROJECT_ROOT / "deploy" / "examples" / "webhook_receiver.py"
    spec = importlib.util.spec_from_file_location("webhook_receiver", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def deliver(bench: ImportBench, example: ModuleType, shop: Shop, kind: str, key: str, rounds: int) -> None:
    """Sends the events of two orders, one of which is completed and refunded, to the example."""
    secret: list[str] = []
    with serving(shop.handler) as url:
        apply = example.connect(kind, url, key)

        class Handler(example.handler("whsec_" + "A" * 32, apply)):  # type: ignore[misc, name-defined]
            def status_of(self, body: bytes) -> int:
                real = example.handler(secret[0], apply)
                return int(real.status_of(self, body))

        with serving(Handler) as receiver:
            secret.append(add(bench.engine, receiver, *TYPES)[1])
            bench.stock(MOUSE=5, GONE=0)
            bench.import_lines(Line("1001", quantity=3), Line("1002", "GONE"))
            RefundBench(bench).refund(asked("1001", amount="5.00"))
            for _ in range(rounds):
                make_due(bench.engine)
                relay(bench.engine).deliver_due()


def test_a_woocommerce_order_is_paid_failed_or_refunded_once(
    lone_bench: ImportBench, example: ModuleType
) -> None:
    refunds: list[dict[str, Any]] = []

    def respond(method: str, path: str, sent: Any) -> Any:
        if not path.endswith("/refunds"):
            return {}
        if method == "POST":
            refunds.append(sent)
            # The shop accepts the refund, but its response fails.
            return None
        return refunds

    shop = Shop(respond)
    deliver(lone_bench, example, shop, "woocommerce", "ck_1:cs_1", rounds=3)
    changes = [(path, sent) for method, path, sent in shop.asked if method == "PUT"]
    orders = "/wp-json/wc/v3/orders"
    assert dict(changes)[f"{orders}/1002"] == {"status": "failed"}
    paid = dict(changes)[f"{orders}/1001"]
    assert paid.pop("transaction_id").startswith("txn_")
    assert paid == {"status": "processing", "set_paid": True}
    assert [(one["amount"], one["api_refund"]) for one in refunds] == [("5.00", False)]
    assert shop.logins == {"Basic Y2tfMTpjc18x"}


def test_a_shopify_order_is_marked_as_paid_or_tagged(lone_bench: ImportBench, example: ModuleType) -> None:
    def respond(_method: str, _path: str, sent: Any) -> Any:
        if "orders(" in sent["query"]:
            found = {"id": sent["variables"]["q"], "canMarkAsPaid": True}
            return {"data": {"orders": {"nodes": [found]}}}
        return {"data": {"anything": {"userErrors": []}}}

    shop = Shop(respond)
    deliver(lone_bench, example, shop, "shopify", "shpat_1", rounds=2)
    changes = [sent for _, _, sent in shop.asked if sent["query"].startswith("mutation")]
    assert {(one["query"].split("{ ")[1].split("(")[0], one["variables"]["id"]) for one in changes} == {
        ("orderMarkAsPaid", "name:1001"),
        ("tagsAdd", "name:1001"),
        ("tagsAdd", "name:1002"),
    }
    tags = [one["variables"]["tags"] for one in changes if "tags" in one["variables"]]
    assert sorted(tags) == [["order-failed"], ["order-refunded"]]
    assert shop.logins == {"shpat_1"}
    assert {path for _, path, _ in shop.asked} == {example.SHOPIFY_API}
