"""Upgrades of the order store: a revision is applied completely, by one process, on request only."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.base.version import VERSION
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.migrate import ensure_current, upgrade
from orders_pipeline.store.revisions import OURS, Migrations, StoreRefused, revision_of
from tests.import_bench import ImportBench, Line, many_orders
from tests.made_up.made_up_migrations import NEXT, REBUILD, one_more

FAILS = f"{REBUILD}    raise RuntimeError('half-way')\n"
DIES = f"{REBUILD}    os.kill(os.getpid(), 9)\n"
ORPHANS = "    op.execute('DELETE FROM products')\n"


@pytest.fixture
def stored(bench: ImportBench) -> ImportBench:
    """A store with orders, reservations, payments and totals."""
    bench.import_lines(*many_orders(5), Line("two", sku="KEYBOARD", quantity=2))
    return bench


def columns_of_products(engine: Engine) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns("products")}


def assert_references_are_enforced(bench: ImportBench) -> None:
    with pytest.raises(IntegrityError), bench.engine.begin() as connection:
        connection.execute(text("DELETE FROM products"))


def assert_as_before(bench: ImportBench, before: object) -> None:
    assert revision_of(bench.engine) == OURS.head
    assert bench.everything() == before
    assert "weight" not in columns_of_products(bench.engine)
    assert_references_are_enforced(bench)


def test_a_revision_that_rebuilds_a_table_others_refer_to_keeps_every_row(
    stored: ImportBench, tmp_path: Path
) -> None:
    before = stored.everything()
    assert upgrade(stored.engine, one_more(tmp_path)) == OURS.head
    assert revision_of(stored.engine) == NEXT
    assert stored.everything() == before
    assert "weight" in columns_of_products(stored.engine)
    assert_references_are_enforced(stored)
    with pytest.raises(IntegrityError), stored.engine.begin() as connection:
        connection.execute(text("UPDATE products SET weight = -1"))


def test_a_revision_that_fails_half_way_leaves_the_old_store(stored: ImportBench, tmp_path: Path) -> None:
    before = stored.everything()
    with pytest.raises(RuntimeError, match="half-way"):
        upgrade(stored.engine, one_more(tmp_path, FAILS))
    assert_as_before(stored, before)


def test_an_upgrade_killed_half_way_leaves_the_old_store_and_the_next_one_succeeds(
    stored: ImportBench, tmp_path: Path
) -> None:
    before = stored.everything()
    migrations = one_more(tmp_path, DIES)
    script = (
        "import sys; from pathlib import Path; from orders_pipeline.store.engine import open_engine, reading;"
        "from orders_pipeline.store.migrate import upgrade;"
        "from orders_pipeline.store.revisions import Migrations;"
        "upgrade(open_engine(sys.argv[1]), Migrations(Path(sys.argv[2]), sys.argv[3]))"
    )
    url = stored.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", script, url, str(migrations.folder), migrations.head]
    assert subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode == -signal.SIGKILL
    assert_as_before(stored, before)
    assert upgrade(stored.engine, one_more(tmp_path)) == OURS.head
    assert stored.everything() == before


def test_a_revision_that_would_leave_rows_without_their_product_is_undone(
    stored: ImportBench, tmp_path: Path
) -> None:
    before = stored.everything()
    with pytest.raises((StoreRefused, IntegrityError)) as refused:
        upgrade(stored.engine, one_more(tmp_path, ORPHANS))
    if isinstance(refused.value, StoreRefused):
        assert refused.value.code == "upgrade_failed"
        assert "order_lines" in refused.value.message
    assert_as_before(stored, before)


def test_of_two_upgrades_at_once_one_does_the_work(stored: ImportBench, tmp_path: Path) -> None:
    migrations = one_more(tmp_path)

    def upgrading(bench: ImportBench) -> str | None:
        return upgrade(bench.engine, migrations)

    assert sorted(map(str, stored.race(*[upgrading] * 4))) == [OURS.head, "None", "None", "None"]
    assert revision_of(stored.engine) == NEXT


def test_an_upgrade_whose_condition_fails_under_the_lock_changes_nothing(
    stored: ImportBench, tmp_path: Path
) -> None:
    def somebody_came(_: object) -> None:
        raise StoreRefused("store_in_use", "A worker came.", "")

    with pytest.raises(StoreRefused, match="A worker came"):
        upgrade(stored.engine, one_more(tmp_path), somebody_came)
    assert revision_of(stored.engine) == OURS.head


def test_an_older_store_is_not_upgraded_by_whoever_opens_it(bench: ImportBench, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused) as refused:
        ensure_current(bench.engine, one_more(tmp_path))
    assert refused.value.code == "store_outdated"
    assert OURS.head in refused.value.message
    assert NEXT in refused.value.message
    assert "orders upgrade" in refused.value.hint
    assert revision_of(bench.engine) == OURS.head


@pytest.mark.parametrize("opened", [ensure_current, upgrade])
def test_a_newer_store_is_refused_and_left_alone(
    bench: ImportBench, tmp_path: Path, opened: Callable[[Engine], object]
) -> None:
    upgrade(bench.engine, one_more(tmp_path))
    with pytest.raises(StoreRefused) as refused:
        opened(bench.engine)
    assert refused.value.code == "store_newer"
    assert NEXT in refused.value.message
    assert VERSION in refused.value.message
    assert "restore a backup" in refused.value.hint
    assert revision_of(bench.engine) == NEXT


def test_a_new_store_has_the_newest_tables_and_one_home(new_store_url: str, tmp_path: Path) -> None:
    engine = open_engine(new_store_url)
    migrations: Migrations = one_more(tmp_path)
    ensure_current(engine, migrations)
    ensure_current(engine, migrations)
    assert revision_of(engine) == NEXT
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM home")).scalar() == 1
    engine.dispose()


def test_bank_statements_of_an_older_store_cover_each_account_of_their_file(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        connection.execute(text("DROP TABLE bank_coverage"))
        connection.execute(text("ALTER TABLE home DROP COLUMN provider_tag"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0023'"))
        connection.execute(
            text(
                "INSERT INTO settlement_files (format, file_name, file_sha256, file_bytes, provider, account,"
                " first_at, last_at, imported_at, imported_by) VALUES"
                " ('mt940', 'a', 'a', 1, NULL, 'ONE, TWO', 1, 2, 3, 'x'),"
                " ('stripe', 'b', 'b', 1, 'stripe', '', 1, 2, 3, 'x')"
            )
        )
    assert upgrade(bench.engine) == "0023"
    with reading(bench.engine) as connection:
        covered = connection.execute(
            text("SELECT account, first_at, last_at FROM bank_coverage ORDER BY place")
        )
        assert covered.all() == [("ONE", 1, 2), ("TWO", 1, 2)]
