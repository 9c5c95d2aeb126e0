"""An upgrade stops the home's programs, backs up and changes the tables; it refuses while others work."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from cli.stack.layout import Layout
from cli.stack.programs.workers import WORKER_ORDERS
from cli.stack.stack import stack_status, start_all, stop_all, upgrade_home
from cli.stack.supervision.leftovers import find_leftovers
from cli.stack.supervision.locks import membership
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.backup.restore import restore
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.monitoring.workers import KEY, Worker, note_worker, workers_there
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.revisions import OURS, Migrations, StoreRefused, revision_of
from resources.order_store import OrderStore
from tests.e2e.orders_command import environment, orders
from tests.import_bench import ImportBench, many_orders
from tests.integration.stack.test_stack_import import skip_dagster
from tests.made_up.made_up_migrations import NEXT, one_more
from tests.waiting import eventually
from tests.warm_processes import warm_python

APP = "tests.integration.stack.fake_worker"


@pytest.fixture
def migrations(tmp_path: Path) -> Migrations:
    return one_more(tmp_path)


@pytest.fixture
def settings(store_url: str, tmp_path: Path, redis_url: str) -> Iterator[Settings]:
    """A home with orders whose store is one revision behind `migrations`."""
    url = "" if store_url.startswith("sqlite") else store_url
    settings = Settings(home=tmp_path / "home", database_url=url, redis_url=redis_url, worker_processes=1)
    skip_dagster(settings)
    engine = open_engine(settings.store_url)
    ImportBench.at(engine, tmp_path).import_lines(*many_orders(3))
    engine.dispose()
    yield settings
    stop_all(settings)
    assert find_leftovers(settings.home) == []


def revision(settings: Settings) -> str | None:
    engine = open_engine(settings.store_url)
    try:
        return revision_of(engine)
    finally:
        engine.dispose()


def refused(settings: Settings, migrations: Migrations) -> str:
    """Why an upgrade is refused. Nothing has changed then."""
    with pytest.raises(StoreRefused) as refusal:
        upgrade_home(settings, migrations=migrations, celery_app=APP)
    assert refusal.value.code == "store_in_use"
    assert revision(settings) == OURS.head
    assert not (settings.home / "backups").exists()
    return str(refusal.value)


def test_an_upgrade_backs_up_the_old_store_first(settings: Settings, migrations: Migrations) -> None:
    made = upgrade_home(settings, migrations=migrations)
    assert made
    assert (made.before, made.after, made.stopped) == (OURS.head, NEXT, ())
    assert revision(settings) == NEXT
    assert made.backup
    assert made.backup.parent == settings.home / "backups"
    assert upgrade_home(settings, migrations=migrations) is None
    if settings.database_url:
        return
    # The way back: the older code sets the newer store aside.
    restored = restore(made.backup, settings, replace=True, actor="cli:tester")
    assert restored.put_aside
    assert restored.manifest.rows["orders"] == 3
    assert revision(settings) == OURS.head


def test_an_upgrade_stops_what_runs_of_the_home_and_starts_it_again(
    settings: Settings, migrations: Migrations
) -> None:
    start_all(settings, [WORKER_ORDERS], celery_app=APP)
    before = stack_status(settings).programs
    made = upgrade_home(settings, migrations=migrations, celery_app=APP)
    assert made
    assert made.stopped == (WORKER_ORDERS,)
    after = stack_status(settings).programs
    assert [program.name for program in after] == [program.name for program in before]
    assert [program.pid for program in after] != [program.pid for program in before]
    assert revision(settings) == NEXT


def test_an_upgrade_that_fails_names_the_programs_that_it_has_stopped(
    settings: Settings, migrations: Migrations, tmp_path: Path
) -> None:
    (tmp_path / "no folder").touch()
    settings = settings.model_copy(update={"backup_folder": tmp_path / "no folder"})
    start_all(settings, [WORKER_ORDERS], celery_app=APP)
    said: list[str] = []
    with pytest.raises(BackupError):
        upgrade_home(settings, migrations=migrations, celery_app=APP, say=said.append)
    assert f"Still stopped: {WORKER_ORDERS}." in said[-1]
    assert revision(settings) == OURS.head


def test_an_upgrade_waits_for_no_command_that_is_at_work(settings: Settings, migrations: Migrations) -> None:
    with membership(Layout(settings.home).run):
        assert f"(process {os.getpid()})" in refused(settings, migrations)


SIGNS_OF_OLDER_CODE = {
    "as 0.1.0 writes it": {"processes": 2, "busy": 0, "queues": ["orders"]},
    "of another revision": {**asdict(Worker("", 2, 0, ("orders",), "0.1.9", "0000"))},
}


@pytest.mark.parametrize("sign", SIGNS_OF_OLDER_CODE.values(), ids=SIGNS_OF_OLDER_CODE.keys())
def test_an_upgrade_is_refused_while_a_worker_of_older_code_sends_heartbeats(
    settings: Settings, migrations: Migrations, sign: dict[str, object]
) -> None:
    with closing(open_redis(settings.redis_url)) as client:
        at, _ = client.time()  # type: ignore[misc]
        client.hset(KEY, "worker-orders@far", json.dumps({"at": at, **sign}))
        message = refused(settings, migrations)
        assert "worker-orders@far" in message
        assert "orders down" in message
        client.hdel(KEY, "worker-orders@far")
    assert upgrade_home(settings, migrations=migrations)


def test_a_worker_whose_code_needs_the_new_tables_keeps_no_upgrade_from_being_made(
    settings: Settings, migrations: Migrations
) -> None:
    with closing(open_redis(settings.redis_url)) as client:
        note_worker(client, Worker("worker-orders@far", 1, 0, ("orders",), "0.3.0", NEXT))
    assert upgrade_home(settings, migrations=migrations)


@contextmanager
def running_older_worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker of another machine, with the heartbeat of older code."""
    command = [
        warm_python(),
        "-m",
        "celery",
        "-A",
        "tests.integration.stack.older_worker",
        "worker",
        "-Q",
        "orders",
    ]
    variables = os.environ | environment(settings) | {"OLDER_REVISION": OURS.head}
    with subprocess.Popen(
        [*command, "--pool", "solo", "-n", "old@far"], cwd=PROJECT_ROOT, env=variables
    ) as worker:
        try:
            yield worker
        finally:
            worker.terminate()


def test_an_upgrade_is_refused_while_a_worker_of_older_code_runs_and_made_once_it_has_ended(
    settings: Settings, migrations: Migrations
) -> None:
    with closing(open_redis(settings.redis_url)) as client, running_older_worker(settings) as worker:
        eventually(lambda: bool(workers_there(client)))
        assert "old@far (0.1.9)" in refused(settings, migrations)
        worker.terminate()
        worker.wait()
    assert upgrade_home(settings, migrations=migrations)


def test_an_upgrade_is_refused_while_others_are_connected_to_the_database(
    settings: Settings, migrations: Migrations
) -> None:
    if not settings.database_url:
        pytest.skip("SQLite has no sessions")
    start_all(settings, [WORKER_ORDERS], celery_app=APP)
    before = stack_status(settings).programs
    other = open_engine(f"{settings.database_url}?application_name=psql")
    with other.connect():
        assert "psql on 127.0.0.1" in refused(settings, migrations)
    other.dispose()
    assert [program.pid for program in stack_status(settings).programs] == [one.pid for one in before]
    assert upgrade_home(settings, migrations=migrations, celery_app=APP)


def test_starting_everything_upgrades_a_sqlite_store_and_asks_for_the_command_on_postgresql(
    settings: Settings, migrations: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.stack.stack.bring_up", lambda *_: None)
    if settings.database_url:
        with pytest.raises(StoreRefused, match="orders upgrade"):
            start_all(settings, migrations=migrations)
        assert revision(settings) == OURS.head
        return
    start_all(settings, migrations=migrations)
    assert revision(settings) == NEXT
    assert list((settings.home / "backups").iterdir())


def test_starting_a_part_upgrades_nothing(settings: Settings, migrations: Migrations) -> None:
    with pytest.raises(StoreRefused, match="orders upgrade"):
        start_all(settings, [WORKER_ORDERS], migrations=migrations)
    assert revision(settings) == OURS.head
    assert not stack_status(settings).running


def test_the_command_says_that_there_is_nothing_to_upgrade(settings: Settings) -> None:
    done = orders(settings, "upgrade", "--json")
    assert done.document == {
        "upgraded": False,
        "revision": OURS.head,
        "before": OURS.head,
        "backup": None,
        "restarted": [],
    }
    assert "up to date" in orders(settings, "upgrade").out


def test_the_command_makes_the_tables_of_a_new_home(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(home=tmp_path / "new", redis_url=redis_url)
    assert orders(settings, "upgrade").code == 0
    assert revision(settings) == OURS.head


def test_an_older_store_is_opened_by_a_backup_and_by_nobody_else(
    settings: Settings, migrations: Migrations
) -> None:
    with OrderStore(settings.store_url, migrations).open(older=True) as engine:
        assert revision_of(engine) == OURS.head
    with pytest.raises(StoreRefused), OrderStore(settings.store_url, migrations).open():
        pass
