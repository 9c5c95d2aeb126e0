"""Dagster's webserver answers its own pages and programs, but no pages of other sites."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets.sync.client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus

from cli.webserver.own_site import OwnSiteOnly
from tests.servers.served import serving

OWN, EVIL = "http://localhost:3000", "https://evil.example.com"
JSON = {"Content-Type": "application/json"}


async def echo(_: Request) -> PlainTextResponse:
    return PlainTextResponse("passed")


async def accept(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    routes = [
        Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
        WebSocketRoute("/graphql", accept),
    ]
    with serving(OwnSiteOnly(Starlette(routes=routes), ("orders.example.com",))) as port:
        yield port


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Host": "localhost:3000"}) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/graphql", JSON, 200),
        ("POST", "/graphql", {"Content-Type": "Application/JSON; charset=utf-8", "Origin": OWN}, 200),
        ("POST", "/graphql", JSON | {"Sec-Fetch-Site": "same-origin", "Origin": OWN}, 200),
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site"}, 200),
        ("GET", "/graphql?query=mutation", {}, 405),
        ("GET", "/gr%61phql?query=mutation", {}, 405),
        ("POST", "/graphql", {"Content-Type": "text/plain"}, 415),
        ("POST", "/graphql", {"Content-Type": "text/plain; application/json"}, 415),
        ("POST", "/graphql", {"Content-Type": "application/graphql"}, 415),
        ("POST", "/graphql?query=mutation", {}, 415),
        ("POST", "/graphql", JSON | {"Origin": EVIL}, 403),
        ("POST", "/graphql", JSON | {"Origin": "null"}, 403),
        ("POST", "/graphql", JSON | {"Origin": "http://localhost:3001"}, 403),
        ("POST", "/graphql", JSON | {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", "/graphql", JSON | {"Sec-Fetch-Site": "none"}, 403),
        ("POST", "/report_asset_materialization/orders", JSON, 405),
        ("POST", "/report_asset_check/orders", {}, 405),
        ("DELETE", "/runs", {}, 405),
        ("OPTIONS", "/graphql", {"Origin": EVIL}, 403),
    ],
)
def test_only_json_of_the_own_site_is_posted_and_all_else_is_read(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert (answer.text == "passed") is (status == 200)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:3000", 200),
        ("127.0.0.1:3000", 200),
        ("[::1]:3000", 200),
        ("192.0.2.7", 200),
        ("ORDERS.example.com.", 200),
        ("evil.example.com:3000", 421),
        ("localhost.evil.example.com", 421),
        ("127.0.0.1.evil.example.com", 421),
        ("[broken", 421),
        ("", 421),
    ],
)
def test_a_name_that_a_person_points_to_this_machine_is_not_its_own(
    client: httpx.Client, host: str, status: int
) -> None:
    answer = client.get("/runs", headers={"Host": host})
    assert answer.status_code == status
    assert status == 200 or "ORDERS_HOSTS" in answer.text


@pytest.mark.parametrize(
    ("headers", "passes"), [({}, True), ({"Origin": OWN}, True), ({"Origin": EVIL}, False)]
)
def test_a_websocket_is_opened_by_the_own_site_and_by_programs(
    port: int, headers: dict[str, str], passes: bool
) -> None:
    def connect() -> None:
        own = {name: value.replace(":3000", f":{port}") for name, value in headers.items()}
        url = f"ws://localhost:{port}/graphql"
        with websockets.sync.client.connect(url, additional_headers=own, proxy=None):
            pass

    if passes:
        connect()
    else:
        with pytest.raises(InvalidStatus, match="403"):
            connect()


def test_no_other_site_shows_the_pages_in_a_frame(client: httpx.Client) -> None:
    assert client.get("/runs").headers["X-Frame-Options"] == "DENY"
