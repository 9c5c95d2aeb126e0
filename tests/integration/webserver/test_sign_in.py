"""Access to a guarded webserver: with a key that has the scope, or by a link that `orders up` printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cli.webserver.keys import Keys
from cli.webserver.links import LIVES_SECONDS, make_link
from cli.webserver.sign_in import SignIn
from orders_pipeline.access.api_keys import create_key, revoke_key
from orders_pipeline.base.model import Scope
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from tests.servers.served import serving

HOME_KEY = "the key of the home"
HTML = {"Accept": "text/html"}


async def echo(_: Request) -> PlainTextResponse:
    return PlainTextResponse("passed")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    ensure_current(opened)
    yield opened
    opened.dispose()


Open = Callable[[Scope], httpx.Client]


@pytest.fixture
def guarded(tmp_path: Path, engine: Engine) -> Iterator[Open]:
    """A client of a separate webserver that requires a key with this scope."""
    with ExitStack() as opened:

        def start(scope: Scope) -> httpx.Client:
            app = Starlette(routes=[Route("/{path:path}", echo)])
            door = SignIn(app, Keys(tmp_path, HOME_KEY, engine, scope), "orders_3000")
            url = f"http://127.0.0.1:{opened.enter_context(serving(door))}"
            return opened.enter_context(httpx.Client(base_url=url))

        yield start


@pytest.fixture
def client(guarded: Open) -> httpx.Client:
    return guarded(Scope.OPERATE)


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def key_of(engine: Engine, name: str, scope: Scope) -> str:
    with engine.begin() as connection:
        return create_key(connection, name, scope)


def test_nothing_passes_without_a_key_and_browsers_see_where_to_sign_in(client: httpx.Client) -> None:
    assert client.get("/runs").status_code == 401
    page = client.get("/runs?status=<b>", headers=HTML)
    assert (page.status_code, 'action="/sign-in"' in page.text, "<b>" in page.text) == (401, True, False)
    for wrong in ("x", "wrong", HOME_KEY[:-1], "orders_deadbeef_x"):
        assert client.get("/runs", headers=bearing(wrong)).status_code == 401


def test_a_browser_signs_in_once_with_the_home_key_and_out_again(client: httpx.Client) -> None:
    answer = client.post("/sign-in", data={"key": HOME_KEY, "next": "/runs"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("orders_3000=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert HOME_KEY not in cookie
    assert client.get("/runs").text == "passed"
    session = dict(client.cookies)
    client.get("/sign-out")
    client.cookies.update(session)
    assert client.get("/runs").status_code == 401


@pytest.mark.parametrize("path", ["//evil.example.com", "/\\evil.example.com", "https://evil.example.com"])
def test_signing_in_leads_to_no_other_site(client: httpx.Client, path: str) -> None:
    answer = client.post("/sign-in", data={"key": HOME_KEY, "next": path})
    assert answer.headers["location"] == "/"


def test_a_link_signs_in_once(client: httpx.Client, tmp_path: Path, guarded: Open) -> None:
    link = f"/sign-in?once={make_link(tmp_path)}"
    assert client.get(link).status_code == 303
    assert client.get("/runs").text == "passed"
    assert guarded(Scope.OPERATE).get(link).status_code == 401


def test_a_command_passes_once_by_a_token_that_is_no_key(client: httpx.Client, tmp_path: Path) -> None:
    token = make_link(tmp_path)
    assert [client.get("/", headers=bearing(token)).status_code for _ in range(2)] == [200, 401]


def test_a_link_that_nobody_used_for_ten_minutes_is_void_and_removed(
    client: httpx.Client, tmp_path: Path
) -> None:
    token = make_link(tmp_path)
    (file,) = (tmp_path / "links").iterdir()
    os.utime(file, (0, file.stat().st_mtime - LIVES_SECONDS - 1))
    assert client.get(f"/sign-in?once={token}").status_code == 401
    make_link(tmp_path)
    assert not file.exists()


def test_a_key_that_may_only_read_opens_only_the_read_only_webserver(
    client: httpx.Client, guarded: Open, engine: Engine
) -> None:
    reader, operator = key_of(engine, "bi", Scope.READ), key_of(engine, "ops", Scope.OPERATE)
    viewer = guarded(Scope.READ)
    assert [client.get("/", headers=bearing(key)).status_code for key in (reader, operator)] == [401, 200]
    assert [viewer.get("/", headers=bearing(key)).status_code for key in (reader, operator)] == [200, 200]


def test_a_session_ends_with_its_key(client: httpx.Client, engine: Engine) -> None:
    client.post("/sign-in", data={"key": key_of(engine, "ops", Scope.OPERATE)})
    assert client.get("/").status_code == 200
    with engine.begin() as connection:
        revoke_key(connection, "ops")
    assert client.get("/").status_code == 401


def test_a_form_without_end_is_not_read(client: httpx.Client) -> None:
    assert client.post("/sign-in", content=b"key=" + b"x" * 100_000).status_code == 401
