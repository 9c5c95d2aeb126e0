"""Daily and range KPIs, on both order stores: exact, current, and available without Redis."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import redis
from sqlalchemy import Connection

from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.figures.kpis import refresh
from orders_pipeline.figures.kpis.warehouse.warehouse import (
    WarehouseBusyError,
    is_current,
    only_writer,
    open_for_writing,
)
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.kpi_days import dirty_days
from tests.figures import expected, open_home, without_times
from tests.made_up.builders import StoredOrder, retry, store_orders
from tests.services import free_port

MONDAY, TUESDAY, FRIDAY = date(2025, 11, 10), date(2025, 11, 11), date(2025, 11, 14)
SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"


@pytest.fixture
def stores(store_url: str, tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """An empty home on each kind of order store."""
    with open_home(store_url, redis_url, tmp_path / "warehouse") as opened:
        yield opened


@pytest.fixture
def lone(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """An empty home on SQLite."""
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as opened:
        yield opened


def sample() -> list[StoredOrder]:
    with SAMPLE.open(newline="") as file:
        return [
            StoredOrder(
                number=row["order_id"],
                day=date.fromisoformat(row["order_date"][:10]),
                customer_id=row["customer_id"],
                lines=(
                    (
                        row["product_sku"],
                        int(row["quantity"]),
                        int(Decimal(row["unit_price"]) * 10_000) * int(row["quantity"]),
                    ),
                ),
            )
            for row in csv.DictReader(file)
        ]


def test_the_sample_has_its_golden_numbers(stores: PublishedFigures) -> None:
    store_orders(stores.engine, sample())
    stores.refresh_dirty_days()
    monday = stores.kpis.daily_kpis(MONDAY, "USD")
    assert list(monday)[:6] == [
        "date",
        "total_revenue",
        "order_count",
        "average_order_value",
        "unique_customers",
        "generated_at",
    ]
    assert [monday[name] for name in list(monday)[:5]] == ["2025-11-10", 485.96, 5, 97.19, 5]
    both = stores.kpis.range_kpis(MONDAY, TUESDAY, "USD")
    assert list(both)[:2] == ["start_date", "end_date"]
    assert [both[name] for name in list(both)[2:6]] == [1065.43, 10, 106.54, 8]
    with duckdb.connect(str(warehouse_file(stores.folder))) as warehouse:
        rows = warehouse.execute("SELECT day, total_revenue, order_count FROM daily_kpis ORDER BY day")
        assert rows.fetchall() == [(MONDAY, Decimal("485.96"), 5), (TUESDAY, Decimal("579.47"), 5)]


def test_each_figure_equals_a_recomputation_in_plain_python(stores: PublishedFigures) -> None:
    placed = store_orders(
        stores.engine,
        [
            order(
                "1",
                customer_id="a",
                lines=(("X", 2, 33_350), ("X", 1, 10_000), ("Y", 1, 1)),
                settle_us=14_999,
            ),
            order("2", customer_id="a", settle_us=2_345_678),
            order("3", status=OrderStatus.FAILED, lines=(("Z", 1, 990_050),)),
            order("4", status=OrderStatus.FAILED, reason=FailureReason.UNKNOWN_PRODUCT),
            order("5", status=OrderStatus.ROLLBACK, detail="insufficient_funds", customer_id="b"),
            order("6", status=OrderStatus.PENDING, customer_id="c"),
            order("7", day=TUESDAY, customer_id="a"),
            order("8", day=TUESDAY, currency="JPY", lines=(("X", 3, 1_235_000),), customer_id="a"),
            order("9", day=FRIDAY, status=OrderStatus.ROLLBACK, detail="card_declined"),
        ],
    )
    retry(stores.engine, placed[4], OrderStatus.COMPLETED, settle_us=9_000_000)
    stores.refresh_dirty_days()
    for currency in ("USD", "JPY", "EUR"):
        for day in (MONDAY, TUESDAY, date(2025, 11, 12), FRIDAY):
            shown = stores.kpis.daily_kpis(day, currency)
            assert without_times(shown) == expected(stores.engine, day, day, currency)
        whole = stores.kpis.range_kpis(MONDAY, FRIDAY, currency)
        assert without_times(whole) == expected(stores.engine, MONDAY, FRIDAY, currency)


def test_charges_that_the_gateway_refused_are_one_group_whatever_its_words(stores: PublishedFigures) -> None:
    words = ("refused: 400 limit: Order 1 is too large.", "refused: 400 limit: Order 2\nis too large.")
    store_orders(
        stores.engine,
        [
            *(
                order(str(number), status=OrderStatus.ROLLBACK, detail=one)
                for number, one in enumerate(words)
            ),
            order("3", status=OrderStatus.ROLLBACK, detail="expired_card"),
        ],
    )
    stores.refresh_dirty_days()
    shown = stores.kpis.daily_kpis(MONDAY, "USD")
    assert shown["declines_by_reason"] == {"expired_card": 1, "refused": 2}


def test_days_summed_up_one_by_one_have_the_figures_of_all_at_once(stores: PublishedFigures) -> None:
    store_orders(stores.engine, sample())
    at_once = {day.day: day.kpis for day in stores.refresh_days([MONDAY, TUESDAY])}
    one_by_one = stores.refresh_days([MONDAY, TUESDAY], orders_at_once=1)
    assert {day.day: day.kpis for day in one_by_one} == at_once
    assert len(at_once) == 2


def test_days_are_summed_up_together_up_to_a_number_of_orders_that_memory_holds(
    stores: PublishedFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_tuesday = (order(number, day=TUESDAY) for number in "2345")
    store_orders(stores.engine, [order("1"), *on_tuesday, order("6", day=FRIDAY)])
    together: list[Sequence[date]] = []
    export = refresh.export_facts

    def note(snapshot: Connection, days: Sequence[date], folder: Path) -> None:
        together.append(days)
        export(snapshot, days, folder)

    monkeypatch.setattr(refresh, "export_facts", note)
    stores.refresh_days([MONDAY, TUESDAY, FRIDAY], orders_at_once=3)
    assert together == [[MONDAY], [TUESDAY], [FRIDAY]]
    stores.refresh_days([MONDAY, TUESDAY, FRIDAY], orders_at_once=5)
    assert together[3:] == [[MONDAY, TUESDAY], [FRIDAY]]


def test_an_average_is_rounded_half_up(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1", lines=(("X", 1, 10_000),)), order("2", lines=(("X", 1, 10_100),))])
    lone.refresh_dirty_days()
    assert lone.kpis.daily_kpis(MONDAY, "USD")["average_order_value"] == 1.01


def test_a_late_order_changes_its_day_and_every_range_that_holds_it_and_nothing_else(
    lone: PublishedFigures,
) -> None:
    store_orders(lone.engine, [order("1"), order("2", day=FRIDAY)])
    lone.refresh_dirty_days()
    ranges = [(MONDAY, FRIDAY), (MONDAY, MONDAY), (TUESDAY, FRIDAY)]
    before = [lone.kpis.range_kpis(*period, "USD") for period in ranges]
    store_orders(lone.engine, [order("3")])
    assert [day.day for day in lone.refresh_dirty_days()] == [MONDAY]
    assert lone.kpis.daily_kpis(MONDAY, "USD")["order_count"] == 2
    after = [lone.kpis.range_kpis(*period, "USD") for period in ranges]
    assert [figures["order_count"] for figures in after] == [3, 2, 1]
    assert after[2] == before[2]


def test_a_late_order_of_an_old_day_makes_a_later_new_customer_a_returning_one(
    lone: PublishedFigures,
) -> None:
    store_orders(lone.engine, [order("1", day=FRIDAY, customer_id="a")])
    lone.refresh_dirty_days()
    assert lone.kpis.daily_kpis(FRIDAY, "USD")["new_customers"] == 1
    store_orders(lone.engine, [order("2", customer_id="a")])
    assert [day.day for day in lone.refresh_days([MONDAY])] == [MONDAY, FRIDAY]
    friday = lone.kpis.daily_kpis(FRIDAY, "USD")
    assert (friday["new_customers"], friday["returning_customers"]) == (0, 1)
    assert lone.kpis.daily_kpis(MONDAY, "USD")["new_customers"] == 1


def test_only_days_whose_orders_changed_are_refreshed(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1"), order("2", day=FRIDAY)])
    assert [day.day for day in lone.refresh_dirty_days()] == [MONDAY, FRIDAY]
    assert lone.refresh_dirty_days() == []
    store_orders(lone.engine, [order("3", day=FRIDAY)])
    assert dirty_days(lone.engine) == [FRIDAY]
    assert [day.day for day in lone.refresh_dirty_days()] == [FRIDAY]


def test_figures_come_back_by_themselves_after_redis_was_emptied(lone: PublishedFigures) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    daily, both = lone.kpis.daily_kpis(MONDAY, "USD"), lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")
    lone.cache.client.flushall()
    assert lone.kpis.daily_kpis(MONDAY, "USD") == daily
    assert without_times(lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")) == without_times(both)


def test_figures_are_there_while_redis_is_down(lone: PublishedFigures) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    url = f"redis://127.0.0.1:{free_port()}/0"
    with open_home(str(lone.engine.url), url, lone.folder) as without_redis:
        assert without_redis.kpis.daily_kpis(MONDAY, "USD")["total_revenue"] == 485.96
        assert without_redis.kpis.range_kpis(MONDAY, TUESDAY, "USD")["total_revenue"] == 1065.43


def test_a_reader_that_computed_before_a_refresh_does_not_cache_after_it(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1")])
    lone.refresh_dirty_days()
    old = lone.kpis.range_kpis(MONDAY, FRIDAY, "USD")
    lone.cache.client.delete(f"kpis:range:{MONDAY}:{FRIDAY}")

    def compute_slowly() -> dict[str, object]:
        store_orders(lone.engine, [order("2")])
        lone.refresh_dirty_days()
        return old

    assert lone.cache.range(MONDAY, FRIDAY, "USD", compute_slowly) == old
    assert lone.kpis.range_kpis(MONDAY, FRIDAY, "USD")["order_count"] == 2


def test_a_reader_that_computed_before_a_flush_and_a_refresh_does_not_cache_it(
    lone: PublishedFigures,
) -> None:
    store_orders(lone.engine, [order("1")])
    lone.refresh_dirty_days()

    def compute_slowly() -> dict[str, object]:
        old = lone.kpis.daily_kpis(MONDAY, "USD")
        store_orders(lone.engine, [order("2")])
        lone.cache.client.flushall()
        lone.refresh_dirty_days()
        lone.cache.client.flushall()
        return old

    lone.cache.client.flushall()
    lone.cache.daily(MONDAY, "USD", compute_slowly)
    assert lone.kpis.daily_kpis(MONDAY, "USD")["order_count"] == 2


def test_a_redis_that_held_the_figures_of_another_store_shows_none_of_them(
    lone: PublishedFigures, tmp_path: Path, redis_url: str
) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")
    with open_home(f"sqlite:///{tmp_path / 'other.db'}", redis_url, tmp_path / "other") as other:
        assert other.kpis.daily_kpis(MONDAY, "USD")["order_count"] == 0
        assert other.kpis.range_kpis(MONDAY, TUESDAY, "USD")["order_count"] == 0


@pytest.mark.parametrize("change", [{"later_figure": 1.0}, {"units_sold": None}], ids=["more", "fewer"])
def test_a_document_that_another_version_left_in_redis_is_computed_again(
    lone: PublishedFigures, change: dict[str, float | None]
) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    shown = lone.kpis.daily_kpis(MONDAY, "USD")
    left = {name: value for name, value in {**shown, **change}.items() if change.get(name, 0) is not None}
    lone.cache.client.set("kpis:daily:2025-11-10", json.dumps(left))
    again = lone.kpis.daily_kpis(MONDAY, "USD")
    assert {**again, "generated_at": ""} == {**shown, "generated_at": ""}


def test_keys_and_lifetimes_are_those_of_the_contract(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1"), order("2", currency="EUR")])
    lone.refresh_dirty_days()
    lone.kpis.range_kpis(MONDAY, FRIDAY, "USD")
    lone.kpis.range_kpis(MONDAY, FRIDAY, "EUR")
    assert 0 < lone.cache.client.ttl("kpis:daily:2025-11-10") <= 24 * 3600
    assert 0 < lone.cache.client.ttl("kpis:daily:2025-11-10:EUR") <= 24 * 3600
    assert 0 < lone.cache.client.ttl("kpis:range:2025-11-10:2025-11-14") <= 3600
    assert 0 < lone.cache.client.ttl("kpis:range:2025-11-10:2025-11-14:EUR") <= 3600


def test_another_default_currency_does_not_get_the_cached_figures_of_the_old_one(
    lone: PublishedFigures, redis_url: str
) -> None:
    store_orders(lone.engine, [order("1"), order("2", currency="EUR"), order("3", currency="EUR")])
    lone.refresh_dirty_days()
    with open_home(str(lone.engine.url), redis_url, lone.folder, currency="EUR") as euro:
        assert euro.kpis.daily_kpis(MONDAY, "EUR")["order_count"] == 2
        assert euro.kpis.daily_kpis(MONDAY, "USD")["order_count"] == 1


def test_a_lost_warehouse_is_rebuilt_whole_by_the_next_refresh(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1", customer_id="a"), order("2", day=FRIDAY, customer_id="a")])
    lone.refresh_dirty_days()
    for path in lone.folder.glob("warehouse.duckdb*"):
        path.unlink()
    assert [day.day for day in lone.refresh_dirty_days()] == [MONDAY, FRIDAY]
    assert lone.kpis.daily_kpis(FRIDAY, "USD")["returning_customers"] == 1


@pytest.mark.parametrize("kept", [0.002, 0.3, 0.6])
def test_a_warehouse_that_was_cut_short_is_created_again(lone: PublishedFigures, kept: float) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    file = warehouse_file(lone.folder)
    os.truncate(file, int(file.stat().st_size * kept))
    store_orders(lone.engine, [order("late")])
    lone.refresh_dirty_days()
    assert dirty_days(lone.engine) == []
    assert lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")["order_count"] == 11
    with duckdb.connect(str(file)) as warehouse:
        assert warehouse.execute("SELECT sum(order_count) FROM daily_kpis").fetchall() == [(11,)]


def test_a_warehouse_whose_log_is_damaged_is_created_again(lone: PublishedFigures) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    log = leave_a_log(warehouse_file(lone.folder))
    size = log.stat().st_size
    # As a power failure leaves it.
    os.truncate(log, size // 2)
    os.truncate(log, size)
    store_orders(lone.engine, [order("late")])
    assert [day.day for day in lone.refresh_dirty_days()] == [MONDAY, TUESDAY]
    assert lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")["order_count"] == 11


def leave_a_log(file: Path) -> Path:
    """The files that a killed process leaves next to the DuckDB file after a few commits."""
    copy = file.with_name("copy.duckdb")
    with duckdb.connect(str(file)) as warehouse:
        warehouse.execute("SET checkpoint_threshold = '1GB'")
        for _ in range(9):
            warehouse.execute("CREATE TABLE written AS FROM range(100)")
            warehouse.execute("DROP TABLE written")
        shutil.copy(file, copy)
        shutil.copy(f"{file}.wal", f"{copy}.wal")
    copy.replace(file)
    return Path(f"{copy}.wal").replace(f"{file}.wal")


def test_a_damaged_file_of_its_memory_does_not_cost_the_warehouse(lone: PublishedFigures) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    with pytest.raises(duckdb.IOException, match="Could not read enough bytes"):
        lose_what_was_spilled(lone.folder)
    assert warehouse_file(lone.folder).exists()


def lose_what_was_spilled(folder: Path) -> None:
    with open_for_writing(folder) as connection:
        connection.execute("SET memory_limit = '40MB'")
        connection.execute(
            "CREATE TEMP TABLE large AS SELECT md5(range::VARCHAR) AS text FROM range(2_000_000)"
        )
        for file in (folder / "spill").iterdir():
            os.truncate(file, 0)
        # Enough memory to read everything: spilling would overwrite the damage with zeros.
        connection.execute("SET memory_limit = '1GB'")
        connection.execute("SELECT max(text || text) FROM large").fetchall()


def test_a_damaged_warehouse_on_a_path_that_speaks_of_locks_is_no_locked_one(tmp_path: Path) -> None:
    folder = tmp_path / "blockstorage"
    folder.mkdir()
    warehouse_file(folder).write_bytes(b"something else" * 1000)
    assert not is_current(folder, "owner")


def test_readers_are_served_while_a_writer_holds_the_warehouse(lone: PublishedFigures) -> None:
    store_orders(lone.engine, sample())
    lone.refresh_dirty_days()
    lone.cache.client.flushall()
    with only_writer(lone.folder), open_for_writing(lone.folder):
        assert lone.kpis.range_kpis(MONDAY, TUESDAY, "USD")["total_revenue"] == 1065.43
        with pytest.raises(WarehouseBusyError), only_writer(lone.folder, patience=0):
            pass


def test_a_refresh_that_cannot_void_the_cache_leaves_its_days_due(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [order("1")])
    url = f"redis://127.0.0.1:{free_port()}/0"
    with (
        open_home(str(lone.engine.url), url, lone.folder) as without_redis,
        pytest.raises(redis.ConnectionError),
    ):
        without_redis.refresh_dirty_days()
    assert dirty_days(lone.engine) == [MONDAY]
    assert [day.day for day in lone.refresh_dirty_days()] == [MONDAY]


def test_the_hundreds_of_days_of_a_backfill_go_in_one_call(lone: PublishedFigures) -> None:
    days = [date.fromordinal(MONDAY.toordinal() + 2 * number) for number in range(410)]
    store_orders(lone.engine, [order(str(number), day=day) for number, day in enumerate(days)])
    published = lone.refresh_dirty_days()
    assert [item.day for item in published] == days
    assert published[0].generated_at <= datetime.now(UTC)
    assert lone.kpis.range_kpis(days[0], days[-1], "USD")["order_count"] == 410


def order(number: str, **fields: object) -> StoredOrder:
    defaults: dict[str, object] = {"day": MONDAY, "lines": (("X", 1, 100_000),)}
    return StoredOrder(number=number, **defaults | fields)  # type: ignore[arg-type]
