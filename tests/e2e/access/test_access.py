"""Permissions over HTTP, and what the audit trail records: real keys, a real server, real stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, select, update

from orders_pipeline.access.api_keys import create_key, list_keys, note_use, revoke_key
from orders_pipeline.access.audit import ActionFilter, list_actions, record_action
from orders_pipeline.api.callers.rate_limit import WRONG_KEYS_PER_MINUTE
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import ApiReads, Settings, load_settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.schema import api_keys
from tests.e2e.orders_command import orders
from tests.servers.api_server import Get, serving

REBUILD = "/leaderboard/rebuild"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return load_settings().model_copy(
        update={"redis_url": redis_url, "rate_limit": 0, "api_key": "the home's own key"}
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings.store_url)
    ensure_current(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def get(settings: Settings, engine: Engine) -> Iterator[Get]:  # noqa: ARG001 its tables are there first
    with serving(settings) as send:
        yield send


def new_key(engine: Engine, name: str, scope: Scope, lifetime: timedelta | None = None) -> str:
    with engine.begin() as connection:
        return create_key(connection, name, scope, lifetime)


def bearing(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


def refusal(response: requests.Response) -> tuple[int, str]:
    body = response.json()
    assert list(body) == ["success", "message"]
    assert body["success"] is False
    return response.status_code, body["message"]


def test_only_a_key_that_may_operate_changes_anything(get: Get, engine: Engine) -> None:
    reader, operator = (new_key(engine, scope, scope) for scope in (Scope.READ, Scope.OPERATE))
    assert refusal(get(REBUILD, "POST"))[0] == 401
    assert get(REBUILD, "POST").headers["WWW-Authenticate"] == "Bearer"
    assert refusal(get(REBUILD, "POST", **bearing(operator[:-1])))[0] == 401
    assert refusal(get(REBUILD, "POST", **bearing("orders_")))[0] == 401
    status, message = refusal(get(REBUILD, "POST", **bearing(reader)))
    assert (status, "operate" in message) == (403, True)
    with engine.connect() as connection:
        assert list_actions(connection) == []
    assert get(REBUILD, "POST", **bearing(operator)).status_code == 200
    assert get(REBUILD, "POST", **bearing("the home's own key")).status_code == 200
    with engine.connect() as connection:
        done = [(one.actor, one.action) for one in list_actions(connection)]
    assert done == [("key:home", "leaderboards.rebuild"), ("key:operate", "leaderboards.rebuild")]


@pytest.mark.parametrize("left", ["", "abc"])
def test_an_empty_or_incomplete_key_of_the_home_opens_nothing(settings: Settings, left: str) -> None:
    file = settings.home / "run" / "api.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(left)
    with serving(settings.model_copy(update={"api_key": ""})) as get:
        for header in ("Bearer", "Bearer ", "Bearer  ", f"Bearer {left}"):
            refused = get(REBUILD, "POST", headers={"Authorization": header})
            assert refusal(refused)[0] == 401
        assert get(REBUILD, "POST", **bearing(file.read_text())).status_code == 200


def test_a_revoked_or_expired_key_is_refused(get: Get, engine: Engine) -> None:
    short, lost = (new_key(engine, name, Scope.READ, timedelta(days=1)) for name in ("short", "lost"))
    assert get("/key", **bearing(short)).json()["data"] == {"name": "short", "scopes": ["read"]}
    with engine.begin() as connection:
        connection.execute(update(api_keys).where(api_keys.c.name == "short").values(expires_at=1))
        revoke_key(connection, "lost")
    assert {refusal(get("/key", **bearing(key)))[0] for key in (short, lost)} == {401}


def test_what_is_stored_is_of_no_use_to_who_reads_it(get: Get, engine: Engine) -> None:
    key = new_key(engine, "deploy", Scope.OPERATE)
    with engine.connect() as connection:
        row = connection.execute(select(api_keys)).one()
    secret = key.rpartition("_")[2]
    assert len(key) > 40
    assert all(secret not in repr(value) for value in row)
    for stored in (row.prefix, row.digest.hex(), f"orders_{row.prefix}_{row.digest.hex()}"):
        assert get("/key", **bearing(stored)).status_code == 401


def test_the_last_use_of_a_key_is_noted_once_an_hour(settings: Settings, engine: Engine) -> None:
    key = new_key(engine, "deploy", Scope.READ)
    with serving(settings) as get:
        assert get("/key", **bearing(key)).status_code == 200
    with engine.begin() as connection:
        (noted,) = list_keys(connection)
        assert noted.last_used_at is not None
        note_use(connection, "deploy")
        assert list_keys(connection) == [noted]


def test_reads_can_be_closed_to_those_without_a_key(settings: Settings, engine: Engine) -> None:
    reader = new_key(engine, "bi", Scope.READ)
    closed = settings.model_copy(update={"api_reads": ApiReads.KEY})
    with serving(closed) as get:
        for path in ("/stats", "/imports", "/orders/1", "/queue", "/audit"):
            assert refusal(get(path))[0] == 401
        assert get("/../live").status_code == 401
        assert get("/health").status_code == 200
        assert get("/stats", **bearing(reader)).status_code == 200


def test_who_shows_wrong_keys_has_to_wait_and_others_do_not(settings: Settings, engine: Engine) -> None:
    key = new_key(engine, "deploy", Scope.READ)
    with serving(settings.model_copy(update={"rate_limit": 1000})) as get:
        guesses = [
            get("/key", **bearing(f"orders_{n:08}_guess")) for n in range(WRONG_KEYS_PER_MINUTE * 2 + 1)
        ]
        assert {guess.status_code for guess in guesses} == {401, 429}
        refused = next(guess for guess in guesses if guess.status_code == 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert get("/stats").status_code == 200
        assert key not in refused.text


def test_each_key_has_a_rate_limit_of_its_own(settings: Settings, engine: Engine) -> None:
    eager, calm = (new_key(engine, name, Scope.READ) for name in ("eager", "calm"))
    with serving(settings.model_copy(update={"rate_limit": 3})) as get:
        answers = {get("/stats", **bearing(eager)).status_code for _ in range(7)}
        assert answers == {200, 429}
        assert get("/stats", **bearing(calm)).status_code == 200
        assert get("/stats").status_code == 200


def test_the_trail_is_for_those_with_a_key_and_comes_in_pages(get: Get, engine: Engine) -> None:
    key = new_key(engine, "auditor", Scope.READ)
    with engine.begin() as connection:
        for number in range(3):
            record_action(connection, "cli:alice", "products.restock", f"SKU-{number}", units=number)
        record_action(connection, "key:deploy", "orders.retry", "file-1", orders=7)

    def trail(query: str) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = get(f"/audit{query}", **bearing(key)).json()["data"]
        return shown

    assert refusal(get("/audit"))[0] == 401
    first, second = trail("?limit=2")
    assert (first["actor"], first["action"], first["target"]) == ("key:deploy", "orders.retry", "file-1")
    assert first["detail"] == {"orders": 7}
    assert [one["target"] for one in trail(f"?before={second['id']}")] == ["SKU-1", "SKU-0"]
    assert [one["target"] for one in trail("?actor=cli:alice&target=SKU-1")] == ["SKU-1"]
    assert [one["id"] for one in trail("?action=orders")] == [first["id"]]
    assert trail("?action=%25retry") == []
    assert trail("?since=2999-01-01T00:00:00Z") == []
    assert refusal(get("/audit?since=2999-01-01", **bearing(key)))[0] == 422


def test_every_answer_tells_browsers_what_not_to_do(get: Get, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sources RENAME TO gone")
    pages = {path: get(f"/../{path}") for path in ("", "look/live.js", "look/nothing", "docs", "redoc")}
    answers = {
        path: get(path) for path in ("/key", "/health", "/kpis/realtime", "/openapi.json", "/orders/1")
    }
    statuses = [response.status_code for response in (*pages.values(), *answers.values())]
    assert statuses == [503, 200, 404, 404, 404, 401, 200, 200, 200, 503]
    for response in (*pages.values(), *answers.values()):
        headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Cache-Control"] in {"no-store", "no-cache"}


def test_commands_make_list_and_revoke_keys_and_leave_their_trail(settings: Settings, get: Get) -> None:
    made = orders(
        settings, "keys", "create", "deploy", "--scope", "operate", "--days", "2", "--json"
    ).document
    assert get(REBUILD, "POST", **bearing(made["key"])).status_code == 200
    assert (
        orders(settings, "keys", "create", "deploy", "--scope", "read", "--json").error["code"]
        == "key_exists"
    )
    assert orders(settings, "keys", "create", "home", "--scope", "read", "--json").error["code"] == "bad_name"
    listed = orders(settings, "keys", "list", "--json")
    assert [(one["name"], one["scope"], one["expired"]) for one in listed.document] == [
        ("deploy", "operate", False)
    ]
    assert made["key"] not in listed.out
    assert orders(settings, "keys", "revoke", "deploy", "--json").document == {"revoked": "deploy"}
    assert orders(settings, "keys", "revoke", "deploy", "--json").error["code"] == "unknown_key"
    assert get(REBUILD, "POST", **bearing(made["key"])).status_code == 401
    trail = orders(settings, "audit", "--action", "keys", "--json")
    assert [(one["action"], one["target"]) for one in trail.document] == [
        ("keys.revoke", "deploy"),
        ("keys.create", "deploy"),
    ]
    assert made["key"] not in trail.out


def test_what_commands_change_in_the_product_list_is_in_the_trail(settings: Settings, engine: Engine) -> None:
    listed = settings.home / "list.csv"
    listed.write_text("sku,name,price,stock_quantity\nSKU-1,Mouse,1.00,5\n")
    assert orders(settings, "products", "import", listed).code == 0
    assert orders(settings, "products", "restock", "SKU-1", "3").code == 0
    assert orders(settings, "products", "restock", "SKU-2", "3").code == 1
    with engine.connect() as connection:
        done = list_actions(connection, ActionFilter(action="products."))
    assert [(one.action, one.target, one.detail) for one in done] == [
        ("products.restock", "SKU-1", {"units": 3, "on_hand": 8}),
        ("products.import", "list.csv", {"added": 1, "updated": 0, "unchanged": 0}),
    ]
    assert all(one.actor.startswith("cli:") for one in done)
