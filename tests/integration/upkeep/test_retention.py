"""Old data is removed, but nothing that is still needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from orders_pipeline.access.audit import list_actions
from orders_pipeline.backup.backup import back_up
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.retention import clean as rules
from orders_pipeline.retention import imports as of_imports
from orders_pipeline.retention.clean import clean_stores
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.staging.uploads import begin_upload
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.schema import imports
from tests.e2e.orders_command import orders
from tests.import_bench import RUN, ImportBench, Line, many_orders

DAY_US = 86_400_000_000
ACTOR = "cli:tester"
LINES = [*many_orders(8), Line("bad", quantity=0), Line("bad"), Line("worse", price="?")]
KEPT = {"keep_batches_days": 7, "keep_originals_days": 90, "keep_rejects_days": 90}


@pytest.fixture
def home(bench: ImportBench) -> ImportBench:
    bench.set(database_url=bench.engine.url.render_as_string(hide_password=False), **KEPT)
    return bench


def age(bench: ImportBench, key: str, days: int) -> None:
    """Makes an import older."""
    names = ("staged_at", "started_at", "settled_at")
    with bench.engine.begin() as connection:
        earlier = {name: imports.c[name] - days * DAY_US for name in names}
        connection.execute(update(imports).where(imports.c.partition_key == key).values(earlier))


def cleaned(bench: ImportBench, *, dry: bool = False) -> dict[str, int]:
    """How many of each kind were removed."""
    removed = clean_stores(bench.engine, bench.settings, ACTOR, dry=dry)
    return {one.what: one.number for one in removed if one.number}


def left(bench: ImportBench, key: str) -> set[str]:
    """What is left of an import: original, batches, rejects."""
    folder = bench.settings.staging_folder / key
    here = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return here | ({"rejects"} if bench.rows("rejects") else set())


def test_batches_go_after_days_and_originals_and_rejects_after_months(home: ImportBench) -> None:
    key = home.import_lines(*LINES).partition
    assert cleaned(home) == {}
    age(home, key, 8)
    assert cleaned(home) == {"batches": 1}
    assert left(home, key) == {"original", "rejects"}
    age(home, key, 83)
    assert cleaned(home, dry=True) == {"originals": 1, "rejects": 1}
    assert left(home, key) == {"original", "rejects"}
    assert cleaned(home) == {"originals": 1, "rejects": 1}
    assert left(home, key) == set()
    assert cleaned(home) == {}
    with home.engine.connect() as connection:
        noted = [(one.actor, one.action, one.detail) for one in list_actions(connection)]
    assert noted == [
        (ACTOR, "retention.clean", {"removed": {"originals": 1, "rejects": 1}}),
        (ACTOR, "retention.clean", {"removed": {"batches": 1}}),
    ]


def test_after_it_figures_stay_verify_is_green_and_the_file_is_still_known(home: ImportBench) -> None:
    report = home.import_lines(*LINES)
    age(home, report.partition, 100)
    cleaned(home)
    assert home.broken_checks() == set()
    shown = orders(home.settings, "files", report.partition, "--json").document
    assert shown["rejects_by_code"] == report.rejects_by_code != {}
    again = orders(home.settings, "import", home.folder / "orders.csv", "--json").document
    assert (again["records"], again["duplicate_lines"]) == (11, 11)
    assert cleaned(home) == {"originals": 1}


def test_who_asks_for_removed_rejects_is_told_so(home: ImportBench, tmp_path: Path) -> None:
    key = home.import_lines(*LINES).partition
    age(home, key, 100)
    cleaned(home)
    for options in ((), ("--csv",), ("--output", tmp_path / "fix.csv")):
        error = orders(home.settings, "rejects", key, "--json", *options).error
        assert error["code"] == "rejects_removed"
        assert "ORDERS_KEEP_REJECTS_DAYS" in error["message"]


def test_zero_days_keep_everything(home: ImportBench) -> None:
    key = home.import_lines(*LINES).partition
    age(home, key, 10_000)
    home.set(**dict.fromkeys(KEPT, 0))
    assert cleaned(home) == {}
    assert left(home, key) == {"original", "batches", "rejects"}


def test_an_import_that_is_staged_runs_or_has_stalled_keeps_all(home: ImportBench) -> None:
    for status in ("staged", "running", "stalled"):
        key = home.stage(home.write(*LINES, name=f"{status}.csv"))
        home.steps.parse(key, RUN)
        age(home, key, 100)
        with home.engine.begin() as connection:
            connection.execute(update(imports).where(imports.c.partition_key == key).values(status=status))
    assert cleaned(home) == {}


def test_a_refused_file_goes_with_its_rejects_and_comes_back_when_it_is_staged_again(
    home: ImportBench,
) -> None:
    file = home.write(*LINES)
    key = home.stage(file, max_rejects="1")
    with pytest.raises(FileRefused, match="The limit is 1"):
        home.steps.parse(key, RUN)
    age(home, key, 100)
    assert cleaned(home) == {"originals": 1, "rejects": 1}
    assert home.stage(file) == key
    assert home.settle(key).rejects_by_code != {}
    assert home.broken_checks() == set()
    assert orders(home.settings, "rejects", key, "--json").document


def test_orders_are_tried_again_after_their_file_is_gone(home: ImportBench) -> None:
    home.reject_unknown_products()
    home.stock(MOUSE=3)
    key = home.import_lines(*many_orders(5)).partition
    age(home, key, 100)
    cleaned(home)
    with home.engine.begin() as connection:
        restock(connection, "MOUSE", 10)
    retry_orders(home.engine, Chosen(key=key), 100, ACTOR)
    assert home.settle(key).statuses["completed"] == 5
    assert home.broken_checks() == set()


def test_an_import_that_is_launched_at_the_last_moment_keeps_all(
    home: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = home.import_lines(*LINES).partition
    age(home, key, 100)

    def launched_before_the_lock(connection: Connection, _: int) -> None:
        connection.execute(update(imports).values(status="running"))

    monkeypatch.setattr(of_imports, "lock_import", launched_before_the_lock)
    assert cleaned(home) == {}
    assert left(home, key) == {"original", "batches", "rejects"}


def test_old_files_of_the_inbox_and_unfinished_copies_go(
    home: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox(home.settings.inbox_folder)
    inbox.folder.mkdir(parents=True)
    for name in ("new.csv", "taken.csv", "bad.csv"):
        (inbox.folder / name).write_text("x")
        os.utime(inbox.folder / name, (0, 0))
    inbox.keep(inbox.folder / "taken.csv")
    inbox.quarantine(inbox.folder / "bad.csv", FileRefused("code", "why", "hint"))
    (home.settings.staging_folder / ".incoming-1").mkdir(parents=True)
    begin_upload(open_staging(home.settings), "new.csv", 10, "user:ada")
    assert cleaned(home) == {}
    later = rules.time.time() + 100 * rules.DAY_SECONDS
    monkeypatch.setattr(rules.time, "time", lambda: later)
    assert cleaned(home) == {"inbox_files": 3, "unfinished_copies": 2}
    assert [path.name for path in inbox.folder.rglob("*") if path.is_file()] == ["new.csv"]


def test_what_killed_backups_and_restores_left_goes_after_a_day_and_replaced_stores_after_a_month(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    lone_bench.set(database_url=str(lone_bench.engine.url), backup_folder=folder)
    store = Path(str(lone_bench.engine.url.database))
    restoring = store.with_name(f"{store.name}.restoring")
    unfinished = [folder / ".orders-backup-ab", lone_bench.settings.home / ".orders-backup-cd"]
    for left_over in unfinished:
        (left_over / "content").mkdir(parents=True)
    packed = folder / ".orders-backup-ab.tar.gz"
    replaced = [store.with_name(f"{store.name}.replaced-{day}T020000Z") for day in ("20200101", "29990101")]
    for file in (restoring, packed, *replaced):
        file.touch()
    assert cleaned(lone_bench) == {"replaced_stores": 1}
    assert [file.exists() for file in replaced] == [False, True]
    for path in (restoring, packed, *unfinished):
        os.utime(path, (1, 1))
    assert cleaned(lone_bench, dry=True) == {"unfinished_backups": 4}
    assert cleaned(lone_bench) == {"unfinished_backups": 4}
    assert not any(path.exists() for path in (restoring, packed, *unfinished))
    assert store.exists()


def test_a_backup_removes_what_a_killed_one_left_in_its_folder(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    old, new = tmp_path / ".orders-backup-old", tmp_path / ".orders-backup-new"
    for path in (old, new):
        path.mkdir()
    os.utime(old, (1, 1))
    back_up(lone_bench.engine, lone_bench.settings, tmp_path / "one.tar.gz")
    assert (old.exists(), new.exists()) == (False, True)
