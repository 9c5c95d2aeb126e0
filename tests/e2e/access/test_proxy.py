"""The shipped reverse proxy in front of real servers: TLS, logins, permissions, websockets."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import websockets.sync.client
from playwright.sync_api import Browser, expect
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine
from standardwebhooks import Webhook
from websockets.exceptions import InvalidStatus

from orders_pipeline.access.api_keys import create_key
from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import Settings, UnknownUsers
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from tests.e2e.access.proxy import PASSWORD, Proxy, running_proxy
from tests.e2e.browser import browser

__all__ = ["browser"]
OPERATOR, VIEWER = ("olga", PASSWORD), ("victor", PASSWORD)
DELETE_RUN = {"query": 'mutation { deletePipelineRun(runId: "unknown") { __typename } }'}
VERSION = {"query": "{ version }"}
LOGS = 'subscription { pipelineRunLogs(runId: "unknown") { __typename } }'
GATEWAY_SECRET = "whsec_" + "c2VjcmV0" * 5
Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Settings:
    home = tmp_path_factory.mktemp("home")
    return Settings(
        home=home,
        redis_url=redis_server,
        rate_limit=60,
        trusted_proxies="127.0.0.1",
        proxy_user_header="x-orders-user",
        unknown_users=UnknownUsers.VIEWER,
        payment_webhook_secret=GATEWAY_SECRET,
        _env_file=None,
    )


@pytest.fixture(scope="module")
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings.store_url)
    ensure_current(opened)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def proxy(settings: Settings, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:  # noqa: ARG001 its tables are there first
    with running_proxy(settings, tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="module")
def key(engine: Engine) -> str:
    with engine.begin() as connection:
        return create_key(connection, "deploy", Scope.OPERATE)


@pytest.fixture
def ask(proxy: Proxy, redis_url: str) -> Iterator[Ask]:  # noqa: ARG001 each test has the whole rate limit
    with requests.Session() as session:
        session.verify = str(proxy.certificate)
        session.trust_env = False

        def send(port: int, path: str, method: str = "GET", **options: Any) -> requests.Response:
            return session.request(method, proxy.url(port, path), timeout=60, **options)

        yield send


def bearing(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


def test_nothing_is_served_without_a_login(ask: Ask, proxy: Proxy) -> None:
    pages = [(proxy.api, path) for path in ("/", "/look/live.js", "/api/stats", "/live", "/nothing")]
    pages += [(proxy.dagster, path) for path in ("/", "/server_info", "/nothing")]
    for wrong in ({}, {"auth": ("olga", "wrong")}, {"auth": ("nobody", PASSWORD)}, bearing("wrong")):
        answers = [ask(port, path, **wrong) for port, path in pages]
        assert {answer.status_code for answer in answers} == {401}
        assert all("Basic" in answer.headers["WWW-Authenticate"] for answer in answers)
        assert ask(proxy.dagster, "/graphql", "POST", json=VERSION, **wrong).status_code == 401
    assert ask(proxy.api, "/api/stats").json()["success"] is False
    assert ask(proxy.api, "/_key", auth=OPERATOR).status_code == 404


def test_the_payment_gateway_sends_events_without_a_login_and_nobody_reads_them_so(
    ask: Ask, proxy: Proxy
) -> None:
    path, now = "/api/gateway/events", datetime.now(UTC)
    body = json.dumps({"type": "payment.seen", "data": {}})
    signature = Webhook(GATEWAY_SECRET).sign("evt_1", now, body)
    signed = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp()))}
    taken = ask(proxy.api, path, "POST", data=body, headers=signed | {"webhook-signature": signature})
    assert (taken.status_code, taken.json()["data"]["status"]) == (200, "waiting")
    assert ask(proxy.api, path, "POST", data=body, headers=signed).status_code == 400
    assert ask(proxy.api, path).status_code == 401
    assert [one["id"] for one in ask(proxy.api, path, auth=VIEWER).json()["data"]] == ["evt_1"]


def test_plain_http_leads_to_https_and_browsers_remember_it(ask: Ask, proxy: Proxy) -> None:
    plain = requests.post(f"http://localhost:{proxy.http}/api/stats?x=1", allow_redirects=False, timeout=60)
    assert (plain.status_code, plain.headers["Location"]) == (308, "https://localhost/api/stats?x=1")
    for port, path in ((proxy.api, "/"), (proxy.api, "/api/stats"), (proxy.dagster, "/server_info")):
        answer = ask(port, path, auth=VIEWER)
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "nginx/" not in answer.headers["Server"]


def test_only_operators_reach_the_webserver_that_changes_things(ask: Ask, proxy: Proxy) -> None:
    def delete(who: tuple[str, str]) -> str:
        answer = ask(proxy.dagster, "/graphql", "POST", json=DELETE_RUN, auth=who)
        assert answer.status_code == 200
        done: str = answer.json()["data"]["deletePipelineRun"]["__typename"]
        return done

    assert (delete(OPERATOR), delete(VIEWER)) == ("RunNotFoundError", "UnauthorizedError")
    assert ask(proxy.dagster, "/graphql", "POST", json=VERSION, auth=VIEWER).json()["data"]["version"]


def test_live_updates_of_dagster_pass_for_those_with_a_login(proxy: Proxy) -> None:
    trusted = ssl.create_default_context(cafile=str(proxy.certificate))
    url = proxy.url(proxy.dagster, "/graphql").replace("https", "wss")

    def connect(who: tuple[str, str], **more: Any) -> websockets.sync.client.ClientConnection:
        login = requests.auth._basic_auth_str(*who)
        headers = {"Authorization": login, **more}
        return websockets.sync.client.connect(
            url, ssl=trusted, additional_headers=headers, subprotocols=["graphql-ws"], proxy=None
        )

    with connect(VIEWER) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": LOGS}}))
        answer = json.loads(socket.recv())
        assert (
            answer["payload"]["data"]["pipelineRunLogs"]["__typename"] == "PipelineRunLogsSubscriptionFailure"
        )
    with pytest.raises(InvalidStatus, match="401"):
        connect(("olga", "wrong"))
    with pytest.raises(InvalidStatus, match="403"):
        connect(OPERATOR, Origin="https://evil.example.com")


def test_another_sites_page_cannot_use_the_login_of_who_looks_at_it(ask: Ask, proxy: Proxy) -> None:
    for port, path in ((proxy.dagster, "/graphql"), (proxy.api, "/api/leaderboard/rebuild")):
        for origin in ("https://evil.example.com", "null", proxy.url(proxy.flower)):
            foreign = ask(port, path, "POST", json=VERSION, auth=OPERATOR, headers={"Origin": origin})
            assert foreign.status_code == 403
    own = {"Origin": proxy.url(proxy.dagster)}
    assert ask(proxy.dagster, "/graphql", "POST", json=VERSION, auth=VIEWER, headers=own).status_code == 200


PLAIN = {"Content-Type": "text/plain"}
DISGUISED = {"Content-Type": "text/plain; application/json"}
RELOAD = "mutation { reloadWorkspace { __typename } }"


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/graphql", {"params": {"query": RELOAD}}, 415),
        ("GET", "/gr%61phql", {"params": {"query": RELOAD}}, 415),
        ("POST", "/graphql", {"params": {"query": RELOAD}}, 415),
        ("POST", "/graphql", {"params": {"query": RELOAD}, "headers": PLAIN}, 415),
        ("POST", "/graphql", {"data": json.dumps({"query": RELOAD}), "headers": DISGUISED}, 415),
        ("POST", "/graphql", {"json": VERSION, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ("POST", "/graphql", {"json": VERSION, "headers": {"Sec-Fetch-Site": "same-site"}}, 403),
        ("POST", "/report_asset_materialization/orders", {}, 403),
        ("POST", "/report_asset_check/orders", {"json": {}}, 403),
        ("POST", "/runs", {}, 403),
        ("GET", "/runs", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 200),
        ("POST", "/graphql", {"json": VERSION, "headers": {"Sec-Fetch-Site": "same-origin"}}, 200),
        ("POST", "/graphql", {"json": VERSION}, 200),
    ],
)
def test_dagster_takes_graphql_as_json_of_its_own_site_and_no_reports(
    ask: Ask, proxy: Proxy, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    assert ask(proxy.dagster, path, method, auth=OPERATOR, **more).status_code == status


@pytest.mark.parametrize(
    ("host", "known"), [("evil.example.com", False), ("ORDERS.example.com", True), ("127.0.0.1", True)]
)
def test_only_its_own_names_are_answered(ask: Ask, proxy: Proxy, host: str, known: bool) -> None:
    for port, path in ((proxy.api, "/api/stats"), (proxy.dagster, "/server_info")):
        answer = ask(port, path, auth=VIEWER, headers={"Host": f"{host}:{port}"})
        assert answer.status_code == (200 if known else 421)
    plain = requests.get(
        f"http://localhost:{proxy.http}/", headers={"Host": host}, allow_redirects=False, timeout=60
    )
    assert plain.status_code == (308 if known else 421)


def test_the_api_sends_to_a_path_because_it_does_not_know_the_proxy_s_name(ask: Ask, proxy: Proxy) -> None:
    sent = ask(proxy.api, "/api/stats/", auth=VIEWER, allow_redirects=False)
    assert (sent.status_code, sent.headers["Location"]) == (307, proxy.url(proxy.api, "/api/stats"))


def test_who_has_logged_in_is_the_user_of_the_console_and_nobody_else(ask: Ask, proxy: Proxy) -> None:
    named = {"X-Orders-User": "olga"}
    for headers in ({}, named):
        shown = ask(proxy.api, "/api/key", auth=VIEWER, headers=headers)
        assert shown.json()["data"] == {"name": "victor", "scopes": ["read"]}
    html = {"Accept": "text/html"}
    assert ask(proxy.api, "/settings/audit", auth=VIEWER, headers=html).status_code == 200
    # A session's cookie is not a login, so it cannot be combined with another user's name.
    for wrong in ({}, {"auth": ("olga", "wrong")}):
        assert ask(proxy.api, "/api/key", headers=named, **wrong).status_code == 401


def test_programs_show_a_key_in_the_place_of_a_login(
    ask: Ask, proxy: Proxy, engine: Engine, key: str
) -> None:
    assert ask(proxy.api, "/api/stats", **bearing(key)).status_code == 200
    assert ask(proxy.api, "/", **bearing(key)).status_code == 401
    assert ask(proxy.dagster, "/server_info", **bearing(key)).status_code == 401
    assert ask(proxy.api, "/api/leaderboard/rebuild", "POST", auth=OPERATOR).status_code == 403
    done = ask(proxy.api, "/api/leaderboard/rebuild", "POST", data="x" * 20, **bearing(key))
    assert done.status_code == 200
    with engine.connect() as connection:
        done = list_actions(connection, ActionFilter(action="leaderboards"))
    assert [one.actor for one in done] == ["key:deploy"]
    refused = {ask(proxy.api, "/api/stats", **bearing("wrong")).status_code for _ in range(25)}
    assert refused == {401}


class FromElsewhere(HTTPAdapter):
    """Sends from another address of this machine."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=("127.0.0.2", 0), **kwargs)


def test_the_rate_limit_counts_the_user_and_not_the_proxy(ask: Ask, proxy: Proxy, settings: Settings) -> None:
    with requests.Session() as elsewhere:
        elsewhere.mount("https://", FromElsewhere())
        elsewhere.verify, elsewhere.auth, elsewhere.trust_env = str(proxy.certificate), VIEWER, False
        many = range(2 * settings.rate_limit + 1)
        lies = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in many]
        url = f"https://127.0.0.1:{proxy.api}/api/queue"
        answers = [elsewhere.get(url, headers={"Host": "localhost", **lie}, timeout=60) for lie in lies]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert ask(proxy.api, "/api/queue", auth=OPERATOR).status_code == 200


@pytest.mark.usefixtures("redis_url")
def test_the_console_is_live_in_a_browser_that_has_logged_in(browser: Browser, proxy: Proxy) -> None:
    login: Any = {"username": "victor", "password": PASSWORD}
    context = browser.new_context(http_credentials=login, ignore_https_errors=True)
    page, errors = context.new_page(), list[str]()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    with page.expect_response(lambda response: response.url.partition("?")[0].endswith("/live")) as stream:
        page.goto(proxy.url(proxy.api, "/"))
    assert stream.value.headers["content-type"].startswith("text/event-stream")
    expect(page.get_by_role("status").first).to_contain_text("All services answer")
    context.close()
    assert errors == []
