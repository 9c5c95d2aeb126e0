"""If the store of a home disappears, health and the next command report it, and no new one is created."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.known_store import forget_store, require_known_store
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import StoreRefused
from orders_pipeline.store.schema import metadata
from resources.order_store import OrderStore
from tests.servers.api_server import serving


def orders(*arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def store() -> Path:
    """The SQLite file of a home that was used."""
    settings = load_settings()
    assert orders("files")[0] == 0
    return settings.home / "orders.db"


def lose(store: Path) -> None:
    for file in store.parent.glob("orders.db*"):
        file.unlink()


def test_a_command_refuses_a_store_that_is_gone_and_makes_no_new_one(store: Path) -> None:
    lose(store)
    for command in (["files"], ["verify"], ["products", "restock", "X", "1"], ["up"]):
        code, printed = orders(*command)
        assert (code, printed["error"]["code"]) == (1, "store_missing")
        assert "orders restore" in printed["error"]["hint"]
    assert not store.exists()


def test_the_way_out_that_the_refusal_names_begins_a_new_store(store: Path) -> None:
    lose(store)
    (memory,) = store.parent.glob("known-store-*.id")
    assert str(memory) in orders("files")[1]["error"]["hint"]
    memory.unlink()
    assert orders("files")[0] == 0


def test_another_file_in_its_place_is_refused_too(store: Path) -> None:
    lose(store)
    engine = open_engine(f"sqlite:///{store}")
    with engine.connect():
        assert orders("files")[1]["error"]["code"] == "store_empty"
    ensure_current(engine)
    engine.dispose()
    assert orders("files")[1]["error"]["code"] == "store_replaced"


def test_health_notices_a_file_that_is_deleted_under_a_running_api(store: Path) -> None:
    with serving(load_settings()) as get:
        assert get("/health").json()["services"]["database"]["status"] == "healthy"
        lose(store)
        database = get("/health").json()["services"]["database"]
        assert database["status"] == "unhealthy"
        assert "is missing" in database["message"]
    assert not store.exists()


@pytest.fixture
def postgres_home(postgres_url: str, tmp_path: Path) -> OrderStore:
    return OrderStore(postgres_url, home=tmp_path / "home")


def test_a_postgresql_database_that_is_emptied_is_refused(postgres_home: OrderStore) -> None:
    with postgres_home.open() as engine:
        metadata.drop_all(engine)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StoreRefused, match="is now empty"), postgres_home.open():
        pass


def test_a_postgresql_store_that_another_machine_restored_is_remembered_again(
    postgres_home: OrderStore,
) -> None:
    with postgres_home.open() as engine, engine.begin() as connection:
        connection.execute(text("UPDATE home SET token = 'another'"))
    with postgres_home.open() as engine:
        assert postgres_home.home
        (memory,) = postgres_home.home.glob("known-store-*.id")
        assert memory.read_text().strip() == "another"
        forget_store(engine, postgres_home.home)
        require_known_store(engine, postgres_home.home)
