"""Requests that would exhaust the API: large bodies, false addresses, many streams."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.requests import Request

from orders_pipeline.api.callers.rate_limit import WRONG_KEYS_PER_MINUTE, address_of
from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.streams import MOST_OF_ONE_CLIENT, MOST_STREAMS
from orders_pipeline.base.settings import ApiReads, Settings, SettingsError, load_settings
from orders_pipeline.console.now import live
from orders_pipeline.console.now.header import Header
from orders_pipeline.console.now.shared import SharedState
from orders_pipeline.imports.arrival.intake import pause_document
from tests.servers.api_server import running_server
from tests.waiting import eventually

KEY = "open sesame, open"
BEARER = {"Authorization": f"Bearer {KEY}"}
LARGE = 2 * 1024 * 1024


def settings_of(folder: Path, redis_url: str, **others: Any) -> Settings:
    return Settings(home=folder, redis_url=redis_url, api_key=KEY, **({"rate_limit": 0} | others))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[str]:
    with running_server(settings_of(tmp_path_factory.mktemp("home"), redis_server)) as running:
        yield running


def answer_without_body(url: str, *headers: str, path: str = "/api/failed/retry") -> bytes:
    """The first bytes of the response to a request whose body never arrives."""
    host, port = url.removeprefix("http://").split(":")
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", *headers]
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096)


@pytest.mark.parametrize("key", [(), ("Authorization: Bearer wrong",)])
@pytest.mark.parametrize("length", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_stranger_is_refused_before_the_body_is_read(url: str, key: tuple[str, ...], length: str) -> None:
    assert answer_without_body(url, length, *key).startswith(b"HTTP/1.1 401")


def test_every_route_with_a_body_asks_for_the_key_first(url: str) -> None:
    paths = requests.get(f"{url}/api/openapi.json", timeout=30).json()["paths"]
    writes = {path: verbs["post"] for path, verbs in paths.items() if "post" in verbs}
    # Events of the payment gateway have no key, because their signature covers the body.
    with_body = [path for path, write in writes.items() if {"requestBody", "security"} <= write.keys()]
    assert len(with_body) >= 5
    for path in with_body:
        assert answer_without_body(url, "Content-Length: 1000", path=path).startswith(b"HTTP/1.1 401"), path


@pytest.mark.parametrize("key", [(), (f"Authorization: Bearer {KEY}",)])
def test_a_body_that_is_said_to_be_large_is_refused_at_once(url: str, key: tuple[str, ...]) -> None:
    assert answer_without_body(url, f"Content-Length: {LARGE}", *key).startswith(b"HTTP/1.1 413")


def test_a_body_whose_length_is_not_said_is_read_up_to_the_limit(url: str) -> None:
    parts = (b" " * 65536 for _ in range(64))
    sent = requests.post(f"{url}/api/failed/retry", data=parts, headers=BEARER, timeout=30)
    assert (sent.status_code, sent.json()["message"]) == (413, "The body is larger than 1 MiB.")


def test_no_route_takes_a_large_body(url: str) -> None:
    paths = requests.get(f"{url}/api/openapi.json", timeout=30).json()["paths"]
    for path, verbs in paths.items():
        for verb in verbs:
            if (verb, path) in (("post", "/api/files"), ("post", "/api/payouts/files")):
                continue  # files are written to disk as they arrive
            sent = requests.request(verb, url + path, data=b"x" * LARGE, headers=BEARER, timeout=30)
            assert sent.status_code == 413, path
            assert sent.json() == {"success": False, "message": "The body is larger than 1 MiB."}


def statuses(url: str, path: str, headers: list[dict[str, str]]) -> list[int]:
    return [requests.get(f"{url}/api{path}", headers=one, timeout=30).status_code for one in headers]


def test_an_address_that_a_client_makes_up_does_not_get_it_round_the_limit(
    tmp_path: Path, redis_url: str
) -> None:
    lies = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(5)]
    with running_server(settings_of(tmp_path, redis_url, rate_limit=3)) as url:
        assert statuses(url, "/queue", lies).count(429) == 2


def test_the_address_that_a_trusted_proxy_names_counts(tmp_path: Path, redis_url: str) -> None:
    clients = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(5)]
    trusting = settings_of(
        tmp_path, redis_url, rate_limit=3, trusted_proxies="10.0.0.0/8, 127.0.0.1", api_reads=ApiReads.OPEN
    )
    with running_server(trusting) as url:
        assert set(statuses(url, "/queue", clients)) == {200}
        assert statuses(url, "/queue", clients[:1] * 4).count(429) == 2
        far = [{"X-Forwarded-For": f"192.0.2.{number}, 192.0.2.99"} for number in range(5)]
        assert statuses(url, "/queue", far).count(429) == 2


def test_trusted_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TRUSTED_PROXIES", "127.0.0.1, nginx")
    with pytest.raises(SettingsError, match=r"ORDERS_TRUSTED_PROXIES.*nginx"):
        load_settings()


@pytest.mark.parametrize(
    ("shown", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("made up", "unknown"),
    ],
)
def test_a_client_counts_with_all_addresses_that_it_has(shown: str, counted: str) -> None:
    assert address_of(Request({"type": "http", "client": (shown, 1)})) == counted


def test_who_guesses_keys_locks_out_nobody_whose_key_is_known(tmp_path: Path, redis_url: str) -> None:
    with running_server(settings_of(tmp_path, redis_url, rate_limit=1000)) as url:
        assert statuses(url, "/key", [BEARER]) == [200]
        guesses = [{"Authorization": f"Bearer guess-{n}"} for n in range(2 * WRONG_KEYS_PER_MINUTE)]
        assert statuses(url, "/key", guesses)[-1] == 429
        assert statuses(url, "/key", [BEARER]) == [200]
        assert statuses(url, "/key", guesses[-1:]) == [429]


def open_streams(opened: ExitStack, url: str, number: int, client: str = "") -> list[requests.Response]:
    headers = {"X-Forwarded-For": client} if client else {}

    def ask(_: int) -> requests.Response:
        return requests.get(f"{url}/live", stream=True, headers=headers, timeout=30)

    with ThreadPoolExecutor(number) as pool:
        streams = list(pool.map(ask, range(number)))
    for stream in streams:
        opened.callback(stream.close)
    return streams


def test_streams_are_limited_for_each_client_and_for_all(tmp_path: Path, redis_url: str) -> None:
    trusting = settings_of(tmp_path, redis_url, trusted_proxies="127.0.0.1", api_reads=ApiReads.OPEN)
    with running_server(trusting) as url:
        with ExitStack() as opened:
            first = open_streams(opened, url, MOST_OF_ONE_CLIENT, "192.0.2.1")
            assert {stream.status_code for stream in first} == {200}
            (refused,) = open_streams(opened, url, 1, "192.0.2.1")
            assert (refused.status_code, "open streams" in refused.text) == (429, True)
            second = open_streams(opened, url, MOST_STREAMS - MOST_OF_ONE_CLIENT, "192.0.2.2")
            assert {stream.status_code for stream in second} == {200}
            (refused,) = open_streams(opened, url, 1, "192.0.2.3")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")

        def is_free() -> bool:
            with ExitStack() as opened:
                return open_streams(opened, url, 1, "192.0.2.1")[0].status_code == 200

        eventually(is_free)


def test_streams_share_what_they_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[ApiContext] = []

    def counted(_shared: SharedState, context: ApiContext) -> Header:
        reads.append(context)
        return Header({}, len(reads), pause_document(None))

    monkeypatch.setattr(live, "header_of", counted)
    with ExitStack() as opened:
        streams = open_streams(opened, url, 20)
        lines = [stream.iter_lines() for stream in streams]
        for _ in range(3):
            events = {next(line) for line in lines for _ in range(3)}
            assert b"event: part" in events
    assert len(reads) <= 12


HOSTS = ["evil.example.com", "evil.example.com:8000", "127.0.0.1.evil.example.com", ""]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path", ["/", "/api/stats", "/api/health", "/api/live", "/metrics", "/look/icon.svg"]
)
def test_a_page_that_points_its_own_name_here_gets_nothing(url: str, path: str, host: str) -> None:
    refused = requests.get(url + path, headers={"Host": host, **BEARER}, timeout=30)
    assert (refused.status_code, refused.json()["success"]) == (421, False)
    assert "ORDERS_HOSTS" in refused.json()["message"]


def test_names_that_are_set_are_answered_to(tmp_path: Path, redis_url: str) -> None:
    named = settings_of(tmp_path, redis_url, hosts="Orders.example.com, orders", api_reads=ApiReads.OPEN)
    with running_server(named) as url:
        for host in ("orders.example.com:8000", "orders", "localhost", "[::1]", "192.0.2.7:80"):
            assert requests.get(f"{url}/api/stats", headers={"Host": host}, timeout=30).status_code == 200
