"""A backup made during an import restores everything, and nothing is charged twice."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import text

from orders_pipeline.access.audit import list_actions
from orders_pipeline.access.sessions import Client, Lifetimes, find_session, open_session
from orders_pipeline.access.users import add_user, get_user
from orders_pipeline.backup import postgres_dump, sqlite_copy
from orders_pipeline.backup.archive import pack, scratch_beside, unpack
from orders_pipeline.backup.backup import KEY_FILE, back_up, remove_old
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.backup.manifest import MANIFEST
from orders_pipeline.backup.restore import rebuild_figures, restore
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.payments.gateway import idempotency_key
from orders_pipeline.store.backup_rows import ENDS_WITHIN_US, failed_backup, last_good_backup, noting_backup
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import metadata
from tests.import_bench import RUN, ImportBench, Line, many_orders
from tests.servers.gateway_server import GatewayServer, running_gateway

ACTOR = "cli:tester"
TIMES = Lifetimes(timedelta(hours=1), timedelta(hours=12))


@pytest.fixture
def stored(bench: ImportBench, redis_url: str) -> ImportBench:
    """An empty home whose settings name its store."""
    url = bench.engine.url.render_as_string(hide_password=False)
    bench.set(database_url=url, redis_url=redis_url)
    return bench


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayServer]:
    with running_gateway(tmp_path / "gateway") as server:
        yield server


def destroy(bench: ImportBench) -> None:
    """Removes home and store, as a lost disk does."""
    if bench.engine.dialect.name == "postgresql":
        metadata.drop_all(bench.engine)
        with bench.engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
    bench.engine.dispose()
    for path in bench.folder.glob("orders.db*"):
        path.unlink()
    shutil.rmtree(bench.settings.home, ignore_errors=True)


def come_back(bench: ImportBench, archive: Path, *, replace: bool = False) -> None:
    bench.engine.dispose()
    restore(archive, bench.settings, replace=replace, actor=ACTOR)
    bench.engine = open_engine(bench.settings.store_url)
    rebuild_figures(bench.engine, bench.settings, bench.settings.redis_url)


def refused(bench: ImportBench, archive: Path, *, replace: bool = False) -> str:
    bench.engine.dispose()
    with pytest.raises(BackupError) as error:
        restore(archive, bench.settings, replace=replace, actor=ACTOR)
    return error.value.code


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """Writing larger files fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_imported_comes_back_and_what_was_paid_since_is_not_charged_again(
    stored: ImportBench, gateway: GatewayServer, tmp_path: Path
) -> None:
    stored.set(payment_url=gateway.url, batch_lines=10)
    stored.import_lines(*many_orders(20, "a"), name="before.csv")
    half = stored.stage(stored.write(*many_orders(30, "h"), name="half.csv"))
    first, second, third, *_ = stored.steps.parse(half, RUN)
    stored.up_to("roll_back", half, first)
    stored.up_to("reserve", half, second)
    archive = back_up(stored.engine, stored.settings, tmp_path / "backups").file
    before = {table: stored.rows(table) for table in ("imports", "orders", "payments", "products")}

    stored.up_to("roll_back", half, second)
    stored.up_to("charge", half, third)
    stored.import_lines(*many_orders(20, "l"), name="later.csv")
    charged = gateway.journal()
    destroy(stored)
    gateway.set_faults(forget_keys_after=0)
    come_back(stored, archive)
    assert {table: stored.rows(table) for table in before} == before
    assert stored.broken_checks() == {"captures_belong_to_completed_orders"}

    stored.settle(half)
    stored.import_lines(*many_orders(20, "l"), name="later.csv")
    rebuild_figures(stored.engine, stored.settings, stored.settings.redis_url)
    assert stored.broken_checks() == set()
    journal = gateway.journal()
    assert charged.items() <= journal.items()
    paid = {
        idempotency_key("default", number, 1) for number, at in stored.statuses().items() if at == "completed"
    }
    assert paid == {key for key, (_, _, transaction) in journal.items() if transaction}


def test_a_retry_after_a_restore_finds_what_later_attempts_took(
    stored: ImportBench, gateway: GatewayServer, tmp_path: Path
) -> None:
    stored.set(payment_url=gateway.url)
    key = stored.import_lines(*many_orders(30)).partition
    declined = [number for number, status in stored.statuses().items() if status == "rollback"]
    assert len(declined) > 3
    archive = back_up(stored.engine, stored.settings, tmp_path / "backups").file
    while "rollback" in stored.statuses().values():
        stored.retry(*declined)
        stored.settle(key)
    charged = gateway.journal()

    destroy(stored)
    gateway.set_faults(forget_keys_after=0)
    come_back(stored, archive)
    stored.retry(*declined)
    stored.settle(key)
    rebuild_figures(stored.engine, stored.settings, stored.settings.redis_url)
    assert set(stored.statuses().values()) == {"completed"}
    assert gateway.journal() == charged
    assert stored.broken_checks() == set()


def test_figures_of_what_came_after_the_backup_do_not_survive_it(stored: ImportBench, tmp_path: Path) -> None:
    stored.import_lines(*many_orders(3))
    rebuild_figures(stored.engine, stored.settings, stored.settings.redis_url)
    archive = back_up(stored.engine, stored.settings, tmp_path / "one.tar.gz").file
    stored.import_lines(*many_orders(4, "later", customer="c9", date="2025-11-12"), name="later.csv")
    rebuild_figures(stored.engine, stored.settings, stored.settings.redis_url)
    come_back(stored, archive, replace=True)
    assert stored.broken_checks() == set()
    assert set(stored.statuses()) == {"n0", "n1", "n2"}
    with stored.engine.connect() as connection:
        assert [(one.actor, one.action) for one in list_actions(connection)] == [(ACTOR, "store.restore")]


def test_a_restored_store_knows_that_its_backup_succeeded(stored: ImportBench, tmp_path: Path) -> None:
    stored.import_lines(*many_orders(3))
    back_up(stored.engine, stored.settings, tmp_path / "first.tar.gz")
    with stored.engine.begin() as connection:
        alice = add_user(connection, "alice", Role.ADMIN)
        session = open_session(connection, alice, SignInMethod.LINK, Client("192.0.2.1", ""), TIMES)
    archive = back_up(stored.engine, stored.settings, tmp_path / "second.tar.gz").file
    (tmp_path / "none").touch()
    with pytest.raises(BackupError, match="File exists"):
        back_up(stored.engine, stored.settings, tmp_path / "none")
    with reading(stored.engine) as connection:
        newest = last_good_backup(connection)
        failed = failed_backup(connection, now_us())
    assert failed
    assert failed.folder == str(tmp_path / "none")
    come_back(stored, archive, replace=True)
    with reading(stored.engine) as connection:
        assert last_good_backup(connection) == newest
        assert failed_backup(connection, now_us() + 365 * 86_400_000_000) is None
        # A session may have ended since.
        assert find_session(connection, session, TIMES) is None
        assert get_user(connection, "alice").role is Role.ADMIN


def test_a_backup_that_was_killed_is_a_failed_one_until_the_next(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    pid = os.fork()
    if not pid:
        with noting_backup(open_engine(str(lone_bench.engine.url)), tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    with reading(lone_bench.engine) as connection:
        assert failed_backup(connection, now_us()) is None
        later = now_us() + ENDS_WITHIN_US
        killed = failed_backup(connection, later)
        assert (killed.folder, killed.reason) == (str(tmp_path), "it was killed") if killed else False
    back_up(lone_bench.engine, lone_bench.settings, tmp_path / "next.tar.gz")
    with reading(lone_bench.engine) as connection:
        assert failed_backup(connection, later) is None


def test_a_killed_backup_is_noticed_at_once_and_one_at_work_is_not(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    in_a_minute = now_us() + 60_000_000
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        with (
            noting_backup(open_engine(str(lone_bench.engine.url)), tmp_path),
            scratch_beside(tmp_path / "one.tar.gz"),
        ):
            os.write(writes, b".")
            signal.pause()
    os.read(reads, 1)
    with reading(lone_bench.engine) as connection:
        assert failed_backup(connection, in_a_minute) is None
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        failed = failed_backup(connection, in_a_minute)
    assert failed
    assert failed.reason == "it was killed"


class Killed(BaseException):
    """Acts like SIGKILL: no code catches it."""


def test_a_restore_killed_right_after_it_replaced_the_store_shows_no_later_figures(
    lone_bench: ImportBench, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone_bench.set(database_url=str(lone_bench.engine.url), redis_url=redis_url)
    lone_bench.import_lines(*many_orders(3))
    rebuild_figures(lone_bench.engine, lone_bench.settings, redis_url)
    archive = back_up(lone_bench.engine, lone_bench.settings, tmp_path / "one.tar.gz").file
    lone_bench.import_lines(*many_orders(4, "later", customer="c9", date="2025-11-12"), name="later.csv")
    rebuild_figures(lone_bench.engine, lone_bench.settings, redis_url)
    really = sqlite_copy.put_back

    def put_back_and_die(url: str, folder: Path, put_aside: str) -> None:
        really(url, folder, put_aside)
        raise Killed

    monkeypatch.setattr(sqlite_copy, "put_back", put_back_and_die)
    with pytest.raises(Killed):
        come_back(lone_bench, archive, replace=True)
    lone_bench.engine = open_engine(lone_bench.settings.store_url)
    rebuild_figures(lone_bench.engine, lone_bench.settings, redis_url)
    assert set(lone_bench.statuses()) == {"n0", "n1", "n2"}
    assert lone_bench.broken_checks() == set()


def test_every_backup_made_while_an_import_writes_is_whole(stored: ImportBench, tmp_path: Path) -> None:
    stored.set(batch_lines=50, transaction_orders=5)
    key = stored.parsed(*many_orders(200))

    def back_up_often(bench: ImportBench) -> list[Path]:
        return [back_up(bench.engine, bench.settings, tmp_path / f"{n}.tar.gz").file for n in range(2)]

    _, archives = stored.race(lambda bench: bench.settle(key), back_up_often)
    assert isinstance(archives, list)
    for archive in archives:
        come_back(stored, archive, replace=True)
        assert stored.broken_checks() == set()
    stored.settle(key)
    assert set(stored.statuses().values()) == {"completed"}


def test_a_store_that_holds_something_is_replaced_only_on_request_and_put_aside(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    lone_bench.set(database_url=str(lone_bench.engine.url))
    lone_bench.import_lines(*many_orders(2))
    archive = back_up(lone_bench.engine, lone_bench.settings, tmp_path / "one.tar.gz").file
    assert refused(lone_bench, archive) == "home_not_empty"
    restored = restore(archive, lone_bench.settings, replace=True, actor=ACTOR)
    assert restored.put_aside is not None
    aside = open_engine(f"sqlite:///{restored.put_aside}")
    with aside.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 2
    aside.dispose()


@pytest.fixture
def archive(lone_bench: ImportBench, tmp_path: Path) -> Path:
    """A backup of a home that is now empty."""
    lone_bench.set(database_url=str(lone_bench.engine.url))
    lone_bench.import_lines(*many_orders(2))
    made = back_up(lone_bench.engine, lone_bench.settings, tmp_path / "one.tar.gz").file
    destroy(lone_bench)
    return made


def with_changed(archive: Path, name: str, content: bytes) -> Path:
    """The backup with other content in one file."""
    changed = archive.with_name("changed.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(changed, "w:gz") as new:
        for member in old:
            data = content if member.name == name else old.extractfile(member).read()  # type: ignore[union-attr]
            member.size = len(data)
            new.addfile(member, BytesIO(data))
    return changed


def manifest_of(archive: Path, **changes: object) -> bytes:
    with tarfile.open(archive) as tar:
        found = json.load(tar.extractfile(MANIFEST))  # type: ignore[arg-type]
    return json.dumps(found | changes).encode()


def test_a_damaged_or_foreign_backup_is_refused_and_nothing_is_made(
    lone_bench: ImportBench, archive: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:-3000])
    (tmp_path / "text.tar.gz").write_text("no backup")
    cases = {
        cut: "backup_unreadable",
        tmp_path / "text.tar.gz": "backup_unreadable",
        tmp_path / "none.tar.gz": "backup_missing",
    }
    assert {path.name: refused(lone_bench, path) for path in cases} == {
        path.name: code for path, code in cases.items()
    }
    assert refused(lone_bench, with_changed(archive, "orders.db", b"other")) == "backup_damaged"
    assert refused(lone_bench, with_changed(archive, MANIFEST, b"{}")) == "not_a_backup"
    for changes, code in (
        ({"format": 2}, "other_backup_format"),
        ({"warehouse": "included"}, "other_backup_format"),
        ({"revision": "9999"}, "unknown_revision"),
        ({"database": "postgresql"}, "other_database"),
    ):
        manifest = manifest_of(archive, **changes)
        assert refused(lone_bench, with_changed(archive, MANIFEST, manifest)) == code
    assert not list(lone_bench.folder.glob("orders.db*"))


def test_a_backup_is_private_and_never_overwrites_another(lone_bench: ImportBench, tmp_path: Path) -> None:
    made = back_up(lone_bench.engine, lone_bench.settings, tmp_path / "new" / "one.tar.gz").file
    assert made.stat().st_mode & 0o077 == 0
    with pytest.raises(BackupError, match="exists already"):
        back_up(lone_bench.engine, lone_bench.settings, made)
    assert [path.name for path in made.parent.iterdir()] == ["one.tar.gz"]


def test_a_backup_that_finds_no_room_says_where(lone_bench: ImportBench, tmp_path: Path) -> None:
    store = sqlite_copy.database_file(str(lone_bench.engine.url))
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with small_files(store.stat().st_size // 2), pytest.raises(BackupError) as refused:
        back_up(lone_bench.engine, lone_bench.settings, tmp_path / "backups")
    assert refused.value.code == "backup_not_written"
    assert refused.value.message.startswith(f"The backup cannot be written to {tmp_path / 'backups'}: ")
    assert "free space" in refused.value.hint
    assert not list((tmp_path / "backups").iterdir())
    with reading(lone_bench.engine) as connection:
        assert failed_backup(connection, now_us())


def test_a_backup_names_the_file_that_it_cannot_copy(lone_bench: ImportBench, tmp_path: Path) -> None:
    key_file = lone_bench.settings.home / "run" / KEY_FILE
    key_file.mkdir(parents=True)
    with pytest.raises(BackupError, match=re.escape(f"Is a directory ({key_file})")):
        back_up(lone_bench.engine, lone_bench.settings, tmp_path / "backups")


def test_the_newest_backups_are_kept_and_other_files_left_alone(tmp_path: Path) -> None:
    names = [f"orders-2026112{day}T020000Z.tar.gz" for day in range(5)]
    for name in [*names, "orders-of-mine.tar.gz", "notes.txt"]:
        (tmp_path / name).touch()
    assert [path.name for path in remove_old(tmp_path / names[-1], 2)] == names[:3]
    assert {path.name for path in tmp_path.iterdir()} == {*names[3:], "orders-of-mine.tar.gz", "notes.txt"}


def test_a_new_backup_is_kept_beside_those_of_a_clock_that_was_ahead(tmp_path: Path) -> None:
    names = [f"orders-20{year}0101T020000Z.tar.gz" for year in (25, 26, 30, 31)]
    for name in names:
        (tmp_path / name).touch()
    assert {path.name for path in remove_old(tmp_path / names[1], 2)} == set(names[2:])


def test_of_two_backups_with_the_same_name_the_first_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "one.tar.gz"
    target.write_text("of another store")
    (tmp_path / "content").mkdir()
    with pytest.raises(BackupError, match="exists already"):
        pack(tmp_path / "content", target)
    assert target.read_text() == "of another store"
    assert {path.name for path in tmp_path.iterdir()} == {"one.tar.gz", "content"}


def test_a_restore_that_finds_no_room_says_so_and_leaves_nothing(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    archive = back_up(lone_bench.engine, lone_bench.settings, tmp_path / "one.tar.gz").file
    for folder in ("unpacked", "home"):
        (tmp_path / folder).mkdir()
    unpack(archive, tmp_path / "unpacked")
    url = f"sqlite:///{tmp_path}/home/orders.db"
    with small_files(100_000), pytest.raises(BackupError, match="cannot be restored") as refused:
        sqlite_copy.put_back(url, tmp_path / "unpacked", "old")
    assert "free space" in refused.value.hint
    assert not list((tmp_path / "home").iterdir())
    with small_files(100_000), pytest.raises(BackupError, match="cannot be restored"):
        unpack(archive, tmp_path / "home")


def test_a_database_in_use_is_not_replaced(migrated_postgres_url: str, tmp_path: Path) -> None:
    bench = ImportBench.at(open_engine(migrated_postgres_url), tmp_path)
    bench.set(database_url=migrated_postgres_url)
    archive = back_up(bench.engine, bench.settings, tmp_path / "one.tar.gz").file
    other = open_engine(migrated_postgres_url)
    with other.connect():
        assert refused(bench, archive, replace=True) == "store_in_use"
    other.dispose()
    restore(archive, bench.settings, replace=True, actor=ACTOR)


def test_missing_tools_of_the_database_are_named(
    stored: ImportBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if stored.engine.dialect.name == "sqlite":
        assert back_up(stored.engine, stored.settings, tmp_path).rows["imports"] == 0
        return
    with pytest.raises(BackupError, match="pg_dump was not found") as error:
        back_up(stored.engine, stored.settings, tmp_path)
    assert "postgresql-client" in error.value.hint
    assert postgres_dump.DUMP not in [path.name for path in tmp_path.rglob("*")]


def test_a_store_with_rejected_lines_is_backed_up(lone_bench: ImportBench, tmp_path: Path) -> None:
    lone_bench.import_lines(Line("one"), Line("two", quantity="none"))
    assert back_up(lone_bench.engine, lone_bench.settings, tmp_path).rows["rejects"] == 1


def test_a_value_that_is_missing_is_damage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / sqlite_copy.COPY)) as store:
        store.executescript(
            "CREATE TABLE t (a); INSERT INTO t VALUES (NULL); PRAGMA writable_schema = ON;"
            "UPDATE sqlite_master SET sql = 'CREATE TABLE t (a NOT NULL)';"
        )
    with pytest.raises(BackupError, match=r"NULL value in t\.a"):
        sqlite_copy.require_sound(tmp_path)
