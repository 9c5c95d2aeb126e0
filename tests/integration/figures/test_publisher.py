"""Two homes on one order store, as on two machines: only one publishes the KPIs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.commands import kpis
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.publisher import FiguresElsewhere
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.kpi_days import are_published, due_versions
from orders_pipeline.verify.everything import verify_home
from tests.figures import open_home
from tests.integration.figures.test_kpis import MONDAY, sample
from tests.made_up.builders import store_orders

Homes = tuple[PublishedFigures, PublishedFigures]


@pytest.fixture
def homes(migrated_postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Homes]:
    """Two homes; the first has published the sample."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(open_home(migrated_postgres_url, redis_url, tmp_path / name / "warehouse"))
            for name in ("first", "second")
        )
        store_orders(first.engine, sample())
        first.refresh_dirty_days()
        yield first, second


def test_only_one_home_publishes(homes: Homes) -> None:
    first, second = homes
    with pytest.raises(FiguresElsewhere, match="/first/warehouse"):
        second.refresh_days([MONDAY])
    assert [day.day for day in first.refresh_days([MONDAY])] == [MONDAY]
    assert not second.folder.joinpath("published").exists()


def test_the_other_home_shows_what_redis_holds_and_invents_nothing(homes: Homes) -> None:
    first, second = homes
    assert second.kpis.daily_kpis(MONDAY, "USD") == first.kpis.daily_kpis(MONDAY, "USD")
    first.cache.client.flushdb()
    for ask in (
        lambda: second.kpis.daily_kpis(MONDAY, "USD"),
        lambda: second.kpis.range_kpis(MONDAY, MONDAY, "USD"),
        lambda: second.kpis.latest_days(3, "USD"),
        lambda: second.range_boards.customers(MONDAY, MONDAY, 3, "USD"),
    ):
        with pytest.raises(FiguresElsewhere):
            ask()
    assert first.kpis.daily_kpis(MONDAY, "USD")["order_count"] == 5


def test_verify_leaves_out_what_another_home_publishes(
    homes: Homes, migrated_postgres_url: str, redis_url: str
) -> None:
    names = []
    for home in homes:
        settings = Settings(home=home.folder.parent, database_url=migrated_postgres_url, redis_url=redis_url)
        names.append({check.name for check in verify_home(home.engine, settings) if check.ok})
    assert names[0] - names[1] == {
        "published_files_are_whole",
        "daily_kpis_equal_a_recomputation",
        "cached_kpis_are_the_published_ones",
        "figures_file_shows_the_published_figures",
    }


def test_a_home_that_takes_over_publishes_everything_again(
    homes: Homes, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = homes
    monkeypatch.setenv("ORDERS_DATABASE_URL", migrated_postgres_url)
    monkeypatch.setenv("ORDERS_HOME", str(second.folder.parent))
    app = typer.Typer()
    kpis.register(app)
    result = CliRunner().invoke(app, ["kpis", "take-over", "--json"])
    publisher = json.loads(result.stdout)["publisher"]
    assert publisher.endswith("/second/warehouse")
    due = due_versions(second.engine)
    assert due
    assert not are_published(second.engine, due)
    assert len(second.refresh_dirty_days()) == len(due)
    assert are_published(second.engine, due)
    with pytest.raises(FiguresElsewhere, match="/second/warehouse"):
        first.refresh_dirty_days()
    with second.engine.connect() as connection:
        (action,) = list_actions(connection)
    assert (action.action, action.target) == ("kpis.take-over", publisher)
