"""Roles on each route of the API and each page: every route is requested with every role."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from orders_pipeline.api.callers import access
from orders_pipeline.base.model import Role, Scope
from orders_pipeline.base.settings import ApiReads, Settings
from orders_pipeline.console.site import create_site
from orders_pipeline.store.engine import open_engine
from tests.servers.api_server import running_server
from tests.stores import prepare_store
from tests.visitors import Visitor, add_one_of_each_role, visitor

NOBODY, SIGN_OUT = "nobody", "/sign-out"
# The scope that each route needs. A route that is not listed needs READ, or OPERATE for changes.
OPEN = {
    ("GET", "/api/health"),
    ("GET", "/api/live"),
    ("GET", "/api/ready"),
    # The payment gateway signs these.
    ("POST", "/api/gateway/events"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-in/link"),
    ("GET", "/sign-in/provider"),
    ("GET", "/sign-in/provider/back"),
    ("POST", SIGN_OUT),
    ("GET", "/api/openapi.json"),
}
ADMIN = (
    "/api/webhooks",
    "/settings/users",
    "/settings/keys",
    "/settings/webhooks",
    "/settings/payments",
    "/settings/configuration",
)
# Dialogs before a change, and files that are not imported yet.
OPERATE = ("/actions", "/files/new", "/uploads")
# A user's own account, whatever the role.
OWN = "/account"
# These streams never end.
STREAMS = ("/live",)


def needed(method: str, path: str) -> Scope | None:
    """The scope that a route needs; None for an open route."""
    if (method, path) in OPEN:
        return None
    if path.startswith(ADMIN):
        return Scope.ADMIN
    if path.startswith(OPERATE):
        return Scope.OPERATE
    return Scope.READ if method == "GET" or path.startswith(OWN) else Scope.OPERATE


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of each route."""
    found = iter_route_contexts(app.routes)
    listed = {(method, str(one.path)) for one in found for method in one.methods or () if method != "HEAD"}
    assert len(listed) > 60
    return sorted((method, path) for method, path in listed if path not in STREAMS)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, redis_url=redis_server, rate_limit=0, api_reads=ApiReads.KEY, _env_file=None)


@pytest.fixture(scope="module")
def visitors(settings: Settings) -> Iterator[dict[str, Visitor]]:
    """Clients: a signed-in user of each role, and one without a sign-in."""
    engine = open_engine(settings.store_url)
    prepare_store(engine)
    add_one_of_each_role(engine)
    engine.dispose()
    with running_server(settings) as url:
        made = {who: Visitor(url) for who in (NOBODY, *Role)}
        for role in Role:
            assert made[role].sign_in(role).status_code == 303
        yield made
        for one in made.values():
            one.session.close()


def outcome(who: Visitor, method: str, path: str) -> str:
    """Whether the caller is authorized. An error about the request itself also shows that."""
    address = re.sub(r"\{\w+(:\w+)?\}", "1", path)
    token = who.token() if who.cookie else ""
    kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
    headers = {"Accept": "text/html", "Content-Type": kind, "X-CSRF-Token": token}
    body = "{}" if path.startswith("/api") else "x=y"
    answer = who.session.request(
        method,
        who.url + address,
        headers=headers,
        data=None if method == "GET" else body,
        allow_redirects=False,
        timeout=60,
    )
    asked = answer.status_code == 401 or (
        path != SIGN_OUT and answer.headers.get("Location", "").startswith("/sign-in")
    )
    return "unknown" if asked else "refused" if answer.status_code == 403 else "let in"


def expected(role: Role | None, scope: Scope | None) -> str:
    """The response that a role should get from a route."""
    if scope is None:
        return "let in"
    if role is None:
        return "unknown"
    return "let in" if scope in role.scope.with_lower() else "refused"


@pytest.mark.parametrize("who", [NOBODY, *Role])
def test_each_role_reaches_what_it_needs_and_nothing_else(
    settings: Settings, visitors: dict[str, Visitor], who: str
) -> None:
    role = None if who == NOBODY else Role(who)
    wrong = {}
    for method, path in routes(create_site(settings, dict)):
        if (method, path) in OPEN and role is not None:
            # Signing in or out would change the user of the request.
            continue
        if (method, path) in {("POST", "/account/password"), ("POST", "/account/sessions/end")}:
            # test_sign_in covers their own forms.
            continue
        found, wanted = outcome(visitors[who], method, path), expected(role, needed(method, path))
        if (method, path) in OPEN and found == "refused":
            # Sent without its own form or signature.
            continue
        if found != wanted:
            wrong[f"{method} {path}"] = (found, wanted)
    assert wrong == {}


def test_a_page_that_asks_for_a_sign_in_leads_back_afterwards(settings: Settings) -> None:
    with running_server(settings) as url, visitor(url) as one:
        assert (
            one.get("/settings/audit?actor=a").headers["Location"]
            == "/sign-in?next=%2Fsettings%2Faudit%3Factor%3Da"
        )
        part = one.get("/settings/audit", headers={"HX-Request": "true", "HX-Current-URL": f"{url}/x?y=1"})
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in?next=%2Fx%3Fy%3D1")


def test_a_stream_ends_soon_after_its_session(
    settings: Settings, visitors: dict[str, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.api_reads is ApiReads.KEY
    monkeypatch.setattr(access, "LOOK_AGAIN_SECONDS", 0.0)
    with visitor(visitors[Role.VIEWER].url) as one:
        one.sign_in("viewer")
        streamed = one.session.get(f"{one.url}/live", stream=True, timeout=30)
        assert streamed.status_code == 200
        lines = streamed.iter_lines()
        assert next(lines)
        assert one.post("/sign-out", one.token()).status_code == 303
        # It would last as long as the session.
        assert all(isinstance(line, bytes) for line in lines)
