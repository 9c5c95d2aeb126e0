"""Failed work and the intake over HTTP: listed, retried after a preview, cancelled, paused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from orders_pipeline.access.api_keys import create_key
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.model import ImportStatus, Scope
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.engine import open_engine, reading
from tests.import_bench import HEADER, ImportBench, Line, many_orders
from tests.servers.api_server import Get, serving

KEY = {"Authorization": "Bearer open sesame, open"}
ACTIONS = [
    "/failed/retry",
    "/failed/cancel",
    "/intake/pause",
    "/intake/resume",
    "/quarantine/retry",
    "/quarantine/dismiss",
]


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home in which two orders are out of stock and one payment was declined."""
    settings = Settings(
        home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key="open sesame, open"
    )
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key="open sesame, open")
    bench.stock(MOUSE=0, CABLE=10)
    bench.set(payment_success_rate=0)
    bench.import_lines(Line("1"), Line("2"), Line("3", "CABLE"))
    yield bench
    engine.dispose()


@pytest.fixture
def send(bench: ImportBench) -> Iterator[Get]:
    with serving(bench.settings) as sent:
        yield sent


def act(send: Get, path: str, **body: Any) -> requests.Response:
    return send(path, "POST", headers=KEY, json=body)


def data(response: requests.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_what_failed_is_listed_filtered_and_counted(send: Get) -> None:
    listed = data(send("/failed?reason=out_of_stock&limit=1"))
    assert listed["counts"] == {
        "orders": {"out_of_stock": 2, "declined": 1},
        "steps": {},
        "imports": {},
        "files": {},
    }
    (item,) = listed["orders"]
    assert (item["order_id"], item["attempts"], item["file"]) == ("2", 1, "orders.csv")
    assert data(send("/failed?since=2999-01-01T00:00:00Z"))["orders"] == []


def test_a_retry_is_previewed_then_done_and_the_request_does_not_wait_for_it(
    send: Get, bench: ImportBench
) -> None:
    (key,) = bench.keys().values()
    before = bench.everything()
    planned = data(act(send, "/failed/retry", reason="out_of_stock", dry_run=True))
    wanted = {"orders": 2, "by_reason": {"out_of_stock": 2}, "by_file": {key: 2}, "imports": [key]}
    assert planned == {"dry_run": True, **wanted}
    assert bench.everything() == before
    assert data(act(send, "/failed/retry", reason="out_of_stock")) == {"dry_run": False, **wanted}
    assert bench.statuses() == {"1": "pending", "2": "pending", "3": "rollback"}
    assert bench.found(key).status is ImportStatus.RUNNING
    with reading(bench.engine) as connection:
        (action,) = list_actions(connection)
    assert (action.actor, action.action) == ("key:home", "orders.retry")
    assert action.detail == {"found": 2, "chosen": {"reason": "out_of_stock"}}


def test_one_or_all_are_tried_again(send: Get, bench: ImportBench) -> None:
    assert data(act(send, "/failed/retry", orders=["3"]))["orders"] == 1
    assert data(act(send, "/failed/retry", all=True))["orders"] == 2
    assert set(bench.statuses().values()) == {"pending"}


def test_a_stalled_import_is_opened_again(send: Get, bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(2), name="stalled.csv")
    with bench.engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "no progress")
    assert data(act(send, "/failed/retry", stalled=True, dry_run=True))["imports"] == [key]
    assert bench.found(key).status is ImportStatus.STALLED
    assert data(act(send, "/failed/retry", stalled=True, file=key))["imports"] == [key]
    assert bench.found(key).status is ImportStatus.RUNNING


def test_orders_that_are_not_charged_are_cancelled_with_a_preview(send: Get, bench: ImportBench) -> None:
    act(send, "/failed/retry", orders=["1", "2"])
    assert data(act(send, "/failed/cancel", orders=["1"], dry_run=True))["orders"] == 1
    assert bench.statuses()["1"] == "pending"
    assert data(act(send, "/failed/cancel", orders=["1"], because="they called"))["orders"] == 1
    assert bench.statuses() == {"1": "failed", "2": "pending", "3": "rollback"}
    assert data(send("/failed?reason=cancelled"))["orders"][0]["message"] == "they called"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/failed/retry", {}, 422),
        ("/failed/retry", {"orders": ["none such"]}, 404),
        ("/failed/retry", {"file": "none-such"}, 404),
        ("/failed/retry", {"reason": "bad luck"}, 422),
        ("/failed/retry", {"stalled": True, "reason": "declined"}, 422),
        ("/failed/retry", {"all": True, "al": True}, 422),
        ("/failed/cancel", {"source": "shop"}, 422),
    ],
)
def test_what_cannot_be_meant_is_refused(
    send: Get, bench: ImportBench, path: str, body: dict[str, Any], status: int
) -> None:
    before = bench.everything()
    refused = act(send, path, **body)
    assert (refused.status_code, refused.json()["success"]) == (status, False)
    assert bench.everything() == before


@pytest.mark.parametrize("path", ACTIONS)
def test_acting_needs_a_key_that_may_operate(send: Get, bench: ImportBench, path: str) -> None:
    with bench.engine.begin() as connection:
        reader = create_key(connection, "reader", Scope.READ)
    before = bench.everything()
    body = {"all": True} if path == "/failed/retry" else {}
    assert send(path, "POST", json=body).status_code == 401
    wrong_scope = {"Authorization": f"Bearer {reader}"}
    assert send(path, "POST", headers=wrong_scope, json=body).status_code == 403
    assert bench.rows("intake_pause") == before["intake_pause"]
    assert bench.statuses() == {"1": "failed", "2": "failed", "3": "rollback"}


def test_the_intake_is_paused_and_resumed_and_everybody_sees_it(send: Get) -> None:
    assert data(send("/intake"))["paused"] is False
    paused = data(act(send, "/intake/pause", because="stocktaking"))
    assert (paused["paused"], paused["by"], paused["because"]) == (True, "key:home", "stocktaking")
    assert data(send("/intake")) == paused
    assert data(act(send, "/intake/resume"))["paused"] is False
    assert data(send("/intake"))["paused"] is False


def quarantine(bench: ImportBench, *names: str) -> None:
    """Drops files that cannot be imported into the inbox."""
    folder = bench.settings.inbox_folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("")
    take_in(bench)


def take_in(bench: ImportBench) -> None:
    DroppedFiles(Inbox(bench.settings.inbox_folder, stable_seconds=0)).take_in(bench.engine, bench.staging)


def test_files_in_quarantine_are_listed_retried_by_the_inbox_and_dismissed(
    bench: ImportBench, send: Get
) -> None:
    quarantine(bench, "a.csv", "b.csv")
    b, a = data(send("/quarantine"))
    assert (a["file_name"], a["code"], a["closed_as"]) == ("a.csv", "file_empty", None)
    assert data(send("/failed?kind=files"))["counts"]["files"] == {"file_empty": 2}
    (bench.settings.inbox_folder / "quarantine" / "a.csv").write_text(f"{HEADER}\n{Line('7')}\n")
    (asked,) = data(act(send, "/quarantine/retry", ids=[a["id"]], profile="default"))
    assert asked["retry_asked_at"]
    assert asked["retry_as"] == {"profile": "default"}
    take_in(bench)
    assert (
        data(act(send, "/quarantine/dismiss", ids=[b["id"]], because="a test"))[0]["closed_as"] == "dismissed"
    )
    assert data(send("/quarantine")) == []
    closed = {file["file_name"]: file["closed_as"] for file in data(send("/quarantine?closed=true"))}
    assert closed == {"a.csv": "retried", "b.csv": "dismissed"}
    with reading(bench.engine) as connection:
        trail = [(one.action, one.actor, one.target) for one in list_actions(connection)]
    assert trail[:2] == [
        ("quarantine.dismiss", "key:home", "b.csv"),
        ("quarantine.retry", "key:home", "a.csv"),
    ]


def test_actions_on_files_name_what_is_wrong(bench: ImportBench, send: Get) -> None:
    quarantine(bench, "a.csv")
    (file,) = data(send("/quarantine"))
    for path, body, status in (
        ("/quarantine/dismiss", {}, 422),
        ("/quarantine/dismiss", {"ids": [999]}, 404),
        ("/quarantine/dismiss", {"imports": ["nosuch"]}, 404),
        ("/quarantine/dismiss", {"imports": [next(iter(bench.keys().values()))]}, 422),
        ("/quarantine/retry", {"ids": []}, 422),
        ("/quarantine/retry", {"ids": [file["id"]], "profile": "../secret"}, 422),
    ):
        response = act(send, path, **body)
        assert (response.status_code, response.json()["success"]) == (status, False), (path, body)
    assert data(send("/quarantine")) == [file]
