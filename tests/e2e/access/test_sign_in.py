"""Sign-in to the console, and attacks on it: over a real socket, with the forms of the real pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine, update

from orders_pipeline.access import users
from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.access.sign_in_links import make_link
from orders_pipeline.api.callers.proxies import SCOPE_KEY, ProxyHeaders, TrustedProxies
from orders_pipeline.api.callers.sign_in_limits import TRIES_OF_ONE_NAME
from orders_pipeline.base.model import Role
from orders_pipeline.base.settings import ApiReads, Settings, UnknownUsers
from orders_pipeline.store.schema import user_sessions
from tests.servers.api_server import running_server
from tests.visitors import PASSWORD, Visitor, engine, url, visitor

__all__ = ["engine", "url"]
PAUSE = "/intake/pause"
# The headers of browsers when a page of another site, or of another port of this host, sends a request.
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example.com"},
    {"Origin": "null"},
]


@pytest.fixture
def settings(tmp_path: Any, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0)


@pytest.fixture
def one(url: str) -> Iterator[Visitor]:
    with visitor(url) as made:
        yield made


@pytest.fixture
def other(url: str) -> Iterator[Visitor]:
    with visitor(url) as made:
        yield made


def test_who_has_signed_in_acts_under_the_own_name(one: Visitor, engine: Engine) -> None:
    signed = one.sign_in("Operator", next="/settings/audit")
    assert (signed.status_code, signed.headers["Location"]) == (303, "/settings/audit")
    assert one.ask("/key").json()["data"] == {"name": "operator", "scopes": ["operate", "read"]}
    paused = one.ask(PAUSE, "POST", json={"because": "x"}, headers={"X-CSRF-Token": one.token()})
    assert paused.status_code == 200
    with engine.connect() as connection:
        done = [(action.actor, action.action) for action in list_actions(connection)]
    assert done == [("user:operator", "intake.pause"), ("user:operator", "users.sign_in")]


def test_cookies_are_for_no_script_and_behind_tls_for_no_other_host(
    settings: Settings, engine: Engine
) -> None:
    assert engine.url.database
    with running_server(settings.model_copy(update={"trusted_proxies": "127.0.0.1"})) as url:
        for scheme, beginning in (("http", "orders_session_"), ("https", "__Host-orders_session=")):
            with visitor(url) as one:
                one.session.headers["X-Forwarded-Proto"] = scheme
                form = one.get("/sign-in")
                given = form.headers["Set-Cookie"].partition(";")[0]
                token = form.text.partition('csrf_token" value="')[2].partition('"')[0]
                fields = {"name": "viewer", "password": PASSWORD, "csrf_token": token}
                signed = one.post("/sign-in", headers={"Cookie": given}, **fields)
            cookie = next(part for part in signed.raw.headers.getlist("Set-Cookie") if "session" in part)
            assert cookie.startswith(beginning)
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert ("Secure" in cookie) == (scheme == "https")
            assert "Path=/" in cookie
            assert "Domain" not in cookie


def test_wrong_names_and_wrong_passwords_get_the_same_answer(one: Visitor) -> None:
    wrong = one.sign_in("viewer", "not the password")
    nobody = one.sign_in("nobody", "not the password")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace("viewer", "nobody") == nobody.text
    assert one.cookie == ""


def test_a_session_that_a_person_planted_before_is_not_the_one_that_is_opened(
    one: Visitor, other: Visitor
) -> None:
    other.sign_in("viewer")
    planted = other.cookie
    port = one.url.rpartition(":")[2]
    one.session.cookies.set(f"orders_session_{port}", planted, domain="127.0.0.1", path="/")
    assert one.post("/sign-in", one.token(), name="admin", password=PASSWORD).status_code == 303
    assert one.cookie != planted
    assert one.ask("/key").json()["data"]["name"] == "admin"
    assert other.ask("/key").status_code == 401


@pytest.mark.parametrize("changed", ["", "x", "orders_0123_key", "\u00e4"])
def test_a_cookie_that_was_changed_opens_nothing(one: Visitor, changed: str) -> None:
    one.sign_in("viewer")
    port = one.url.rpartition(":")[2]
    altered = one.cookie[: -len(changed)] + changed if changed else ""
    sent = {"Cookie": f"orders_session_{port}={altered}".encode("latin-1")}
    one.session.cookies.clear()
    assert one.ask("/key", headers=sent).status_code == 401


def test_a_change_by_a_session_needs_the_token_of_this_session(one: Visitor, other: Visitor) -> None:
    one.sign_in("operator")
    other.sign_in("operator")
    for token in ("", "0" * 64, other.token()):
        refused = one.ask(PAUSE, "POST", json={"because": "x"}, headers={"X-CSRF-Token": token})
        assert refused.status_code == 403, token
        assert one.post("/account/sessions/end-others", token).status_code == 403
    assert other.ask("/key").status_code == 200
    # A plain form of another site could send a body of another type.
    typed = {"Content-Type": "text/plain"}
    plain = one.session.post(
        f"{one.url}/account/sessions/end-others", f"csrf_token={one.token()}", headers=typed
    )
    assert plain.status_code == 403
    assert one.post("/account/sessions/end-others", one.token()).status_code == 303
    assert other.ask("/key").status_code == 401


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_cookie_counts_for_nothing_that_another_site_asks_for(
    one: Visitor, headers: dict[str, str]
) -> None:
    one.sign_in("operator")
    token = {"X-CSRF-Token": one.token()}
    assert one.ask(PAUSE, "POST", json={"because": "x"}, headers=headers | token).status_code == 401
    assert one.ask("/key", headers=headers).status_code == 401
    assert one.post("/account/sessions/end-others", one.token(), headers=headers).status_code == 401


def test_a_link_on_another_site_opens_a_page_and_reads_no_api(one: Visitor) -> None:
    one.sign_in("viewer")
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert one.get("/account", headers=followed).status_code == 200
    assert one.ask("/key", headers=followed).status_code == 401
    assert one.get("/account", headers=followed | {"Sec-Fetch-Dest": "iframe"}).status_code == 303


def test_the_sign_in_form_of_another_site_signs_nobody_in(one: Visitor, other: Visitor) -> None:
    fields = {"name": "viewer", "password": PASSWORD}
    assert one.post("/sign-in", **fields).status_code == 403
    assert one.post("/sign-in", other.token("/sign-in"), **fields).status_code == 403
    token = one.token("/sign-in")
    for headers in ELSEWHERE:
        assert one.post("/sign-in", token, headers=headers, **fields).status_code == 403
    assert one.post("/sign-in", token, **fields).status_code == 303


def test_a_link_that_was_used_opens_nothing_again(one: Visitor, other: Visitor, engine: Engine) -> None:
    with engine.begin() as connection:
        link = make_link(connection, users.get_user(connection, "admin"), one.url)
    assert one.follow(link).status_code == 303
    assert one.ask("/key").json()["data"]["scopes"] == ["admin", "operate", "read"]
    assert other.follow(link).status_code == 401
    assert other.cookie == ""


@pytest.mark.parametrize(
    "after", ["//evil.example.com", "https://evil.example.com", "/\\evil", "/sign-in?next=/"]
)
def test_the_sign_in_leads_to_no_other_site(one: Visitor, after: str) -> None:
    assert one.sign_in("viewer", next=after).headers["Location"] == "/"


def test_signing_out_ends_the_session_permanently(one: Visitor) -> None:
    one.sign_in("viewer")
    kept, port = one.cookie, one.url.rpartition(":")[2]
    assert one.post("/sign-out", one.token()).status_code == 303
    assert one.cookie == ""
    assert one.ask("/key", headers={"Cookie": f"orders_session_{port}={kept}"}).status_code == 401


def test_a_new_role_counts_at_once_and_a_removed_user_is_out(one: Visitor, engine: Engine) -> None:
    one.sign_in("admin")
    with engine.begin() as connection:
        users.set_role(connection, "admin", Role.VIEWER)
    assert one.ask("/key").status_code == 401
    one.sign_in("admin")
    assert one.ask("/key").json()["data"]["scopes"] == ["read"]
    with engine.begin() as connection:
        users.remove_user(connection, "admin")
    assert one.ask("/key").status_code == 401


def test_a_session_that_nobody_used_has_ended(one: Visitor, engine: Engine) -> None:
    one.sign_in("viewer")
    with engine.begin() as connection:
        connection.execute(update(user_sessions).values(seen_at=1))
    assert one.ask("/key").status_code == 401
    assert one.get("/account").headers["Location"] == "/sign-in?next=%2Faccount"


def test_the_own_password_changes_and_ends_other_sessions(
    one: Visitor, other: Visitor, engine: Engine
) -> None:
    new = "a very different passphrase"
    one.sign_in("viewer")
    other.sign_in("viewer")
    fields = {"current": PASSWORD, "new": new, "again": new}
    for wrong in ({"current": "wrong"}, {"again": "other"}, {"new": "password1234", "again": "password1234"}):
        assert one.post("/account/password", one.token(), **(fields | wrong)).status_code == 422
    assert other.ask("/key").status_code == 200
    assert one.post("/account/password", one.token(), **fields).status_code == 303
    assert (one.ask("/key").status_code, other.ask("/key").status_code) == (200, 401)
    assert (other.sign_in("viewer").status_code, other.sign_in("viewer", new).status_code) == (401, 303)
    with engine.connect() as connection:
        changed = list_actions(connection, ActionFilter(action="users.password"))
    assert [(action.actor, action.target) for action in changed] == [("user:viewer", "viewer")]


def test_who_guesses_has_to_wait_and_locks_nobody_out(one: Visitor, other: Visitor) -> None:
    one.sign_in("viewer")
    one.post("/sign-out", one.token())
    guesses = [other.sign_in("viewer", "a guess").status_code for _ in range(TRIES_OF_ONE_NAME + 1)]
    assert guesses == [401] * TRIES_OF_ONE_NAME + [429]
    waiting = other.sign_in("viewer")
    assert waiting.status_code == 429
    assert 0 < int(waiting.headers["Retry-After"]) <= 300
    # Another name from that address, and this name from the browser in which the user signed in before.
    assert other.sign_in("operator").status_code == 303
    assert one.sign_in("viewer").status_code == 303


def test_reads_are_closed_once_the_api_is_reached_from_elsewhere(settings: Settings, engine: Engine) -> None:
    assert engine.url.database
    reached: list[dict[str, Any]] = [{"hosts": "orders.example.com"}, {"trusted_proxies": "10.0.0.1"}]
    with ExitStack() as running:
        local = running.enter_context(running_server(settings))
        elsewhere = [
            running.enter_context(running_server(settings.model_copy(update=more))) for more in reached
        ]
        spoken = {"api_reads": ApiReads.OPEN, "hosts": "orders.example.com"}
        opened = running.enter_context(running_server(settings.model_copy(update=spoken)))
        for url, expected in [(local, 200), (opened, 200), *((one, 401) for one in elsewhere)]:
            with visitor(url) as one:
                for path in ("/stats", "/orders", "/../metrics"):
                    assert one.ask(path).status_code == expected, (url, path)
                assert one.ask("/health").status_code == 200
                assert one.ask("/live").status_code == 200
                page = one.get("/design")
                assert page.status_code == (200 if expected == 200 else 303)
                one.sign_in("viewer")
                assert one.ask("/stats").status_code == 200
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            with visitor(local) as one:
                assert one.ask("/stats", headers={header: "192.0.2.1"}).status_code == 401


NAMED = {"X-Orders-User": "Operator"}


def behind_proxy(settings: Settings, proxies: str, **more: Any) -> Settings:
    named = {"trusted_proxies": proxies, "proxy_user_header": "x-orders-user"}
    return settings.model_copy(update=named | more)


def test_the_user_whom_a_trusted_proxy_names_is_signed_in(settings: Settings, engine: Engine) -> None:
    assert engine.url.database
    with running_server(behind_proxy(settings, "127.0.0.1")) as url, visitor(url) as one:
        one.session.headers.update(NAMED)
        assert one.ask("/stats").status_code == 200
        assert one.ask(PAUSE, "POST", json={"because": "x"}).status_code == 403
        opened = one.get("/account")
        assert (opened.status_code, opened.headers["Location"]) == (303, "/sign-in?next=%2Faccount")
        assert one.get("/sign-in?next=/account").headers["Location"] == "/account"
        token = {"X-CSRF-Token": one.token()}
        assert one.ask(PAUSE, "POST", json={"because": "x"}, headers=token).status_code == 200
        # The session of one login is not valid for another, and ends with its login.
        assert one.ask("/key", headers={"X-Orders-User": "viewer"}).json()["data"]["name"] == "viewer"
        del one.session.headers["X-Orders-User"]
        assert one.ask("/key").status_code == 401


@pytest.mark.parametrize(("proxies", "name"), [("10.0.0.1", "Operator"), ("127.0.0.1", "stranger")])
def test_a_forged_header_and_an_unknown_user_open_nothing(
    settings: Settings, engine: Engine, proxies: str, name: str
) -> None:
    assert engine.url.database
    with running_server(behind_proxy(settings, proxies)) as url, visitor(url) as one:
        one.session.headers.update({"X-Orders-User": name, "X-Forwarded-For": "10.0.0.1"})
        assert one.ask("/stats").status_code == one.ask("/key").status_code == 401
        assert one.get("/sign-in").status_code in {200, 403}
        assert one.cookie == ""


def test_unknown_users_of_the_proxy_may_read_if_they_are_welcome(settings: Settings, engine: Engine) -> None:
    welcome = behind_proxy(settings, "127.0.0.1", unknown_users=UnknownUsers.VIEWER)
    with running_server(welcome) as url, visitor(url) as one:
        one.session.headers["X-Orders-User"] = "stranger"
        assert one.ask("/key").json()["data"] == {"name": "stranger", "scopes": ["read"]}
        assert one.get("/sign-in").status_code == 303
        assert one.get("/account").status_code == 200
    with engine.connect() as connection:
        assert users.get_user(connection, "stranger").role is Role.VIEWER


def test_a_proxy_that_names_two_users_names_nobody() -> None:
    seen = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope.get(SCOPE_KEY))

    for client, named in (("10.0.0.1", [b"a"]), ("10.0.0.1", [b"a", b"b"]), ("192.0.2.1", [b"a"])):
        headers = [(b"x-orders-user", name) for name in named]
        scope = {"type": "http", "client": (client, 1), "headers": headers}
        anyio.run(TrustedProxies(app, ["10.0.0.0/8"], "x-orders-user"), scope, None, None)
    assert seen == [ProxyHeaders("a"), ProxyHeaders(None), None]
