"""A new home belongs only to its owner, whatever creates it first; an existing one is unchanged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.stack.layout import Layout
from jobs.launch import dagster_instance
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.figures.kpis.warehouse.warehouse import only_writer
from tests.e2e.orders_command import orders

SAMPLE = PROJECT_ROOT / "data" / "sample.csv"


def open_dagster(settings: Settings) -> None:
    with dagster_instance(settings):
        pass


def write_figures(settings: Settings) -> None:
    with only_writer(settings.warehouse):
        pass


FIRST: dict[str, Callable[[Settings], object]] = {
    "a file is staged": lambda settings: orders(settings, "stage", SAMPLE),
    "figures are asked for": lambda settings: orders(settings, "kpis", "daily"),
    "a backup is restored": lambda settings: orders(settings, "restore", SAMPLE),
    "processes start": lambda settings: Layout(settings.home).prepare(),
    "the API starts": lambda settings: api_key("", settings.home),
    "Dagster is asked": open_dagster,
    "figures are written": write_figures,
}


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("server", [False, True], ids=["sqlite", "postgresql"])
def test_a_new_home_is_private_and_one_that_exists_is_left_as_it_is(
    first: str, server: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if server else ""
    homes = {tmp_path / "apps" / "home": 0o700, tmp_path / "shared": 0o2750}
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o2750)
    for home, mode in homes.items():
        FIRST[first](Settings(home=home, database_url=url))
        assert home.stat().st_mode & 0o7777 == mode
    assert (tmp_path / "apps").stat().st_mode & 0o7777 == 0o755


def deeper_store(home: Path) -> Settings:
    return Settings(home=home, database_url=f"sqlite:///{home / 'db' / 'orders.db'}")


def test_a_new_home_is_private_if_the_store_is_in_a_subfolder(tmp_path: Path) -> None:
    orders(deeper_store(tmp_path / "home"), "files")
    assert (tmp_path / "home" / "db" / "orders.db").exists()
    assert (tmp_path / "home").stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_whoever_only_looks_makes_no_store(command: str, tmp_path: Path) -> None:
    orders(deeper_store(tmp_path / "home"), command)
    assert not (tmp_path / "home" / "db").exists()
