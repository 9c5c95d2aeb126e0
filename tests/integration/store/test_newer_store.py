"""Every command and the API refuse a store of a newer version, and name the remedy."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.main import get_command

from cli.main import app
from orders_pipeline.api.app import create_app
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.base.version import VERSION
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import StoreRefused, revision_of
from tests.e2e.orders_command import environment, orders
from tests.import_bench import many_orders, write_orders
from tests.integration.stack.test_stack_import import skip_dagster
from tests.servers.api_server import serving
from tests.services import create_database
from tests.warm_processes import warm_python

NEWER = "9999"
FILE, KEY = "FILE", "orders.csv-0123456789ab"
REFUSED: dict[str, list[str]] = {
    "stage": [FILE],
    "import": [FILE],
    "files": [],
    "results": [KEY],
    "list": [],
    "export": ["orders"],
    "rejects": [KEY],
    "show": ["1001"],
    "verify": [],
    "failed": [],
    "retry": ["1001"],
    "cancel": ["1001"],
    "capture": ["1001"],
    "refund": ["1001"],
    "refunds list": [],
    "refunds show": ["1"],
    "refunds cancel": ["1"],
    "refunds approve": ["1"],
    "refunds retry": ["1"],
    "refunds reverse": ["1"],
    "payouts import": [FILE],
    "reconcile": [],
    "journal": [],
    "payouts files": [],
    "payouts rejects": ["1"],
    "kpis daily": [],
    "kpis range": ["--start", "2025-11-10", "--end", "2025-11-11"],
    "kpis rebuild": [],
    "kpis take-over": [],
    "leaderboard customers": [],
    "leaderboard products": [],
    "figures grant": ["ada"],
    "products import": [str(PROJECT_ROOT / "data" / "products.csv")],
    "products restock": ["MOUSE", "1"],
    "products threshold": ["MOUSE", "1"],
    "webhooks add": ["https://8.8.8.8/", "--events", "all"],
    "webhooks list": [],
    "webhooks remove": ["1"],
    "webhooks rotate": ["1"],
    "webhooks test": ["1"],
    "webhooks failed": [],
    "webhooks replay": ["1"],
    "webhooks dismiss": ["1"],
    "notifications list": [],
    "notifications stats": [],
    "notifications resend": ["1"],
    "notifications preview": ["order.completed", "1"],
    "notifications unsubscribe": ["c1"],
    "notifications subscribe": ["c1"],
    "customers export": ["c1"],
    "customers erase": ["c1"],
    "quarantine list": [],
    "quarantine retry": ["1"],
    "quarantine dismiss": ["1"],
    "products list": [],
    "up": [],
    "restart": [],
    "status": [],
    "smoke": [],
    "alerts": [],
    "pause": [],
    "resume": [],
    "backup": [FILE],
    "upgrade": [],
    "clean": [],
    "audit": [],
    "keys create": ["ada", "--scope", "read"],
    "keys list": [],
    "keys revoke": ["ada"],
    "profile check": [FILE],
    "profile save": [FILE],
    "profile list": [],
    "profile remove": ["my_shop"],
    "users add": ["ada", "--role", "viewer", "--no-password"],
    "users list": [],
    "users remove": ["ada"],
    "users role": ["ada", "viewer"],
    "users password": ["ada", "--password-file", FILE],
    "users sign-out": ["ada"],
    "users link": ["ada"],
    "console": [],
    "demo": [],
}
NOT_REFUSED = {
    "down": "stops what runs, which is a part of the way out",
    "doctor": "reports the store among its findings",
    "restore": "puts the newer store aside",
    "profile new": "reads no store",
    "gateway": "reads no store",
    "config": "reads no store",
    "figures schema": "reads no store",
    "report": "reads what was published",
    "logs": "reads no store",
}
ONLY_TEXT = {"demo"}


def set_revision(url: str, revision: str) -> None:
    engine = open_engine(url)
    ensure_current(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def newer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose order store was upgraded by a future version."""
    home = tmp_path_factory.mktemp("newer") / "home"
    url = f"sqlite:///{home / 'orders.db'}"
    if request.param == "postgresql":
        url = create_database(request.getfixturevalue("postgres_server"), "newer_store")
    settings = Settings(home=home, database_url=url)
    skip_dagster(settings)
    set_revision(url, NEWER)
    return settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_orders(tmp_path / "orders.csv", many_orders(2))


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
        return
    for name in below:
        yield from leaves(below[name], (*path, name))


def test_every_command_is_known_here() -> None:
    assert sorted(leaves(get_command(app))) == sorted([*REFUSED, *NOT_REFUSED])


@pytest.mark.parametrize("name", REFUSED)
def test_a_command_refuses_a_newer_store(name: str, newer: Settings, file: Path) -> None:
    arguments = [str(file) if one == FILE else one for one in REFUSED[name]]
    if name not in ONLY_TEXT:
        error = orders(newer, *name.split(), *arguments, "--json").error
        assert error["code"] == "store_newer"
        assert f"revision {NEWER}" in error["message"]
        assert f"orders-pipeline {VERSION}" in error["message"]
        assert "Install that version, or restore a backup" in error["hint"]
    done = orders(newer, *name.split(), *arguments)
    assert done.code == 1
    assert done.out == ""
    assert f"revision {NEWER}" in " ".join(done.err.split())
    assert "Traceback" not in done.err
    engine = open_engine(newer.store_url)
    assert revision_of(engine) == NEWER
    engine.dispose()


def test_the_doctor_finds_a_newer_store(newer: Settings) -> None:
    found = orders(newer, "doctor", "--json")
    assert found.code == 1
    (tables,) = [one for one in found.document["findings"] if one["name"] == "migrations"]
    assert tables["level"] == "error"
    assert f"revision {NEWER}" in tables["detail"]
    assert "restore a backup" in tables["mend"]


def test_down_stops_what_runs_with_a_newer_store(newer: Settings) -> None:
    assert orders(newer, "down", "--json").document["stopped"] is False


def test_the_api_does_not_start_on_a_newer_store(newer: Settings) -> None:
    app = create_app(newer, dict)

    async def start() -> None:
        async with app.router.lifespan_context(app):
            pass

    with pytest.raises(StoreRefused, match=f"revision {NEWER}"):
        asyncio.run(start())


def test_an_api_whose_store_was_upgraded_is_unhealthy_and_changes_nothing(
    store_url: str, tmp_path: Path, redis_url: str
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=store_url, redis_url=redis_url, api_key="k" * 20)
    with serving(settings) as ask:
        assert ask("/health").status_code == 200
        set_revision(store_url, NEWER)
        health = ask("/health")
        assert health.status_code == 503
        assert f"revision {NEWER}" in health.json()["services"]["database"]["message"]
        assert ask("/ready").json()["checks"]["store"] is False
        key = {"Authorization": f"Bearer {settings.api_key}"}
        refused = ask("/intake/pause", "POST", headers=key, json={"because": "an upgrade"})
        assert refused.status_code == 503
        assert f"revision {NEWER}" in refused.json()["message"]


def test_a_worker_ends_on_a_newer_store_and_says_why(newer: Settings, redis_url: str) -> None:
    settings = newer.model_copy(update={"redis_url": redis_url})
    command = [warm_python(), "-m", "celery", "-A", "jobs.celery_app", "worker", "--pool", "solo"]
    ended = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env=os.environ | environment(settings) | {"ORDERS_REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert f"The order store has tables of revision {NEWER}" in ended.stderr
