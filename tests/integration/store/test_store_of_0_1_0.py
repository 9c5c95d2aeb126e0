"""A store of 0.1.0 after an upgrade: same answers, open files are finished, and keys are still known."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cli.stack.stack import upgrade_home
from orders_pipeline.access.api_keys import find_key
from orders_pipeline.backup.restore import rebuild_figures, restore
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.intake import resume_intake
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.migrate import ensure_current, upgrade
from orders_pipeline.store.revisions import OURS, Migrations, revision_of
from orders_pipeline.store.schema import batches, metadata
from orders_pipeline.store.schema import orders as orders_table
from tests.described_schema import described
from tests.e2e.orders_command import orders
from tests.import_bench import ImportBench
from tests.integration.stack.test_stack_import import skip_dagster
from tests.old_store import FOLDER, contents, put_home, settings_of_0_1_0
from tests.services import create_database

REVISIONS = sorted(OURS.known())
DATABASES = ["sqlite", "postgresql"]
OPEN = ("friday.csv", "night.csv", "noon.csv", "ill.csv", "later.csv", "turned_away.csv")
OLIST = "olist_order_items_dataset.csv"
# Texts about a file, durations, and fields that are new since.
NOT_COMPARED = {"detected", "hint", "way_out", "message", "detail", "trace", "seconds", "orders_per_second"}


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def postgres_or_none(database: str, request: pytest.FixtureRequest) -> str:
    return "" if database == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def old(postgres_or_none: str, tmp_path: Path, redis_url: str) -> Settings:
    """A home as 0.1.0 left it."""
    settings = put_home(tmp_path / "home", postgres_or_none)
    skip_dagster(settings)
    return settings.model_copy(update={"redis_url": redis_url})


@pytest.fixture(scope="module")
def upgraded_once(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Callable[[str], Settings]:
    """An upgraded home of 0.1.0, on SQLite or on this PostgreSQL server. Created once, to be copied."""

    @cache
    def upgraded(server: str) -> Settings:
        url = create_database(server, "upgraded") if server else ""
        settings = put_home(tmp_path_factory.mktemp("upgraded") / "home", url)
        skip_dagster(settings)
        upgrade_home(settings.model_copy(update={"redis_url": redis_server}))
        return settings

    return upgraded


@pytest.fixture
def upgraded(
    database: str,
    tmp_path: Path,
    redis_url: str,
    upgraded_once: Callable[[str], Settings],
    request: pytest.FixtureRequest,
) -> Settings:
    """A home as 0.1.0 left it, upgraded."""
    server = "" if database == "sqlite" else request.getfixturevalue("postgres_server")
    found = upgraded_once(server)
    home = shutil.copytree(found.home, tmp_path / "home")
    url = create_database(server, f"test_{uuid.uuid4().hex}", "upgraded") if server else ""
    return found.model_copy(update={"home": home, "database_url": url, "redis_url": redis_url})


@pytest.fixture
def upgraded_bench(upgraded: Settings, tmp_path: Path) -> Iterator[ImportBench]:
    """The imports of the upgraded home, step by step."""
    engine = open_engine(upgraded.store_url)
    yield ImportBench(engine, tmp_path, upgraded)
    engine.dispose()


@pytest.fixture
def said(upgraded: Settings) -> dict[str, Any]:
    return contents("postgresql" if upgraded.database_url else "sqlite")


def assert_still_says(before: Any, now: Any, place: str = "") -> None:
    """All earlier fields have the same values; other fields are new."""
    if isinstance(before, dict):
        for key in before.keys() - NOT_COMPARED:
            assert key in now, f"{place}/{key}"
            assert_still_says(before[key], now[key], f"{place}/{key}")
    elif isinstance(before, list):
        assert len(before) == len(now), place
        for at, pair in enumerate(zip(before, now, strict=True)):
            assert_still_says(*pair, f"{place}/{at}")
    else:
        assert before == now, place


def ask(settings: Settings, *arguments: str) -> Any:
    return orders(settings, *arguments, "--json").document


def test_the_upgraded_store_holds_every_row_and_every_invariant_of_its_orders(
    upgraded_bench: ImportBench, said: dict[str, Any]
) -> None:
    with reading(upgraded_bench.engine) as connection:
        rows = {
            name: connection.scalar(select(func.count()).select_from(metadata.tables[name]))
            for name in said["tables"]
            if name in metadata.tables
        }
    assert rows == {name: number for name, number in said["tables"].items() if name in metadata.tables}
    # The figures are not in the store.
    assert upgraded_bench.broken_checks() <= {"daily_kpis_equal_a_recomputation", "published_files_are_whole"}
    rebuild_figures(upgraded_bench.engine, upgraded_bench.settings, upgraded_bench.settings.redis_url)
    assert upgraded_bench.broken_checks() == set()


def test_the_commands_say_what_those_of_0_1_0_said(upgraded: Settings, said: dict[str, Any]) -> None:
    assert_still_says(said["files"], ask(upgraded, "files", "--limit", "100"), "files")
    assert_still_says(said["failed"], ask(upgraded, "failed", "--limit", "100"), "failed")
    assert_still_says(said["audit"], ask(upgraded, "audit", "--limit", "200"), "audit")
    assert_still_says(said["keys"], ask(upgraded, "keys", "list"), "keys")
    for key, rejects in said["rejects"].items():
        assert_still_says(rejects, ask(upgraded, "rejects", key), key)
    for story in said["show"].values():
        found = ask(upgraded, "show", story["order_id"], "--source", story["source"])
        assert_still_says(story, found, story["order_id"])
    for board, by_currency in said["leaderboards"].items():
        for currency, places in by_currency.items():
            found = ask(upgraded, "leaderboard", board, "--limit", "100", "--currency", currency)
            assert_still_says(places, found, f"{board} {currency}")


def test_an_api_key_of_0_1_0_is_still_taken(upgraded_bench: ImportBench, said: dict[str, Any]) -> None:
    with reading(upgraded_bench.engine) as connection:
        known = {name for name, key in said["api_keys"].items() if find_key(connection, key)}
    assert known == {"dashboard", "operator"}


def test_open_files_finish_with_the_outcome_that_0_1_0_came_to(
    upgraded_bench: ImportBench, said: dict[str, Any]
) -> None:
    with upgraded_bench.engine.begin() as connection:
        resume_intake(connection, "cli:tester")
    keys = {one["file"]: one["partition"] for one in said["imports"]}
    for name in (*OPEN, OLIST):
        upgraded_bench.settle(keys[name])
    rebuild_figures(upgraded_bench.engine, upgraded_bench.settings, upgraded_bench.settings.redis_url)
    assert upgraded_bench.broken_checks() == set()
    for one in said["afterwards"]["imports"]:
        with reading(upgraded_bench.engine) as connection:
            assert get_import(connection, one["partition"]).status == one["status"]
    assert_figures(upgraded_bench, said["afterwards"])


def assert_figures(upgraded_bench: ImportBench, afterwards: dict[str, Any]) -> None:
    for day, by_currency in afterwards["kpis"].items():
        for currency, before in by_currency.items():
            found = ask(
                upgraded_bench.settings, "kpis", "range", "--start", day, "--end", day, "--currency", currency
            )
            settled_at_other_times = {"generated_at", "median_seconds_to_settle", "p95_seconds_to_settle"}
            expected = {name: value for name, value in before.items() if name not in settled_at_other_times}
            assert_still_says(expected, found, f"{day} {currency}")
    for board, by_currency in afterwards["leaderboards"].items():
        for currency, places in by_currency.items():
            found = ask(
                upgraded_bench.settings, "leaderboard", board, "--limit", "100", "--currency", currency
            )
            assert_still_says(places, found, f"{board} {currency}")


STAGED_AGAIN: dict[str, list[str]] = {
    "monday.csv": [],
    "boutique.csv": ["--source", "boutique", "--date-format", "DMY", "--encoding", "cp1252"],
    "kasse.csv": ["--profile", str(FOLDER / "files" / "leipzig.toml")],
    "market.csv": ["--source", "market"],
    "refused.csv": ["--max-rejects", "1"],
    "later.csv": ["--source", "phone", "--max-rejects", "5%", "--decimal", "."],
    "turned_away.csv": [],
}


def test_files_staged_again_have_the_keys_of_0_1_0(
    upgraded: Settings, said: dict[str, Any], tmp_path: Path
) -> None:
    keys = {one["file"]: one["partition"] for one in said["imports"]}
    for name, options in STAGED_AGAIN.items():
        kept = FOLDER / "files" / name
        original = kept if kept.exists() else upgraded.staging_folder / keys[name] / "original"
        file = tmp_path / name
        file.write_bytes(original.read_bytes())
        assert ask(upgraded, "stage", str(file), *options)["partition"] == keys[name]
    assert len(ask(upgraded, "files", "--limit", "100")) == len(keys)


def test_a_store_upgraded_to_any_revision_has_the_tables_of_a_new_one(
    old: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    new_url = f"sqlite:///{tmp_path / 'new.db'}"
    if old.database_url:
        new_url = create_database(request.getfixturevalue("postgres_server"), "new_store")
    upgraded, new = engines = open_engine(old.store_url), open_engine(new_url)
    ensure_current(new, Migrations(OURS.folder, REVISIONS[0]))
    for revision in REVISIONS:
        for engine in engines:
            upgrade(engine, Migrations(OURS.folder, revision))
        assert revision_of(upgraded) == revision_of(new) == revision
        assert described(upgraded) == described(new), revision
    for engine in engines:
        engine.dispose()


def test_a_backup_of_0_1_0_is_restored_and_upgraded(
    postgres_or_none: str, tmp_path: Path, redis_url: str
) -> None:
    database = "postgresql" if postgres_or_none else "sqlite"
    settings = settings_of_0_1_0(tmp_path / "home", postgres_or_none)
    settings = settings.model_copy(update={"redis_url": redis_url})
    restored = restore(FOLDER / f"backup.{database}.tar.gz", settings, replace=False, actor="cli:tester")
    assert restored.manifest.version == "0.1.0"
    engine = open_engine(settings.store_url)
    rebuild_figures(engine, settings, redis_url)
    assert revision_of(engine) == OURS.head
    bench = ImportBench(engine, tmp_path, settings)
    assert bench.broken_checks() == set()
    key = next(one["partition"] for one in contents(database)["imports"] if one["file"] == "friday.csv")
    bench.settle(key)
    assert bench.broken_checks() <= {
        "daily_kpis_equal_a_recomputation",
        "leaderboards_equal_the_order_store",
    }
    engine.dispose()


def test_a_store_of_0_1_0_is_backed_up(old: Settings, tmp_path: Path) -> None:
    """Before the upgrade, by the version that will make it."""
    assert orders(old, "backup", str(tmp_path / "one.tar.gz"), "--json").code == 0


def test_batches_of_an_upgraded_store_have_their_first_and_last_numbers(upgraded_bench: ImportBench) -> None:
    b = batches.c
    own = orders_table.c.id.between(b.first_order_id, b.first_order_id + b.orders - 1)
    numbers = select(b.import_id, b.number, b.first_number, b.last_number, orders_table.c.number)
    noted: dict[tuple[int, int], tuple[str, str]] = {}
    stored: dict[tuple[int, int], list[str]] = {}
    with reading(upgraded_bench.engine) as connection:
        for import_id, number, first, last, order in connection.execute(numbers.join(orders_table, own)):
            noted[import_id, number] = first, last
            stored.setdefault((import_id, number), []).append(order)
    assert noted
    assert noted == {batch: (min(of_batch), max(of_batch)) for batch, of_batch in stored.items()}
