"""Live counters: exact at any moment, in one currency, for today in the configured time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from orders_pipeline.base.clock import now_us, start_of_day, today
from orders_pipeline.base.model import OrderStatus
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.schema import imports
from tests.figures import open_home
from tests.made_up.builders import StoredOrder, retry, store_orders
from tests.services import free_port

ZERO = {
    "pending_orders": 0,
    "processing_orders": 0,
    "completed_today": 0,
    "failed_today": 0,
    "revenue_today": 0,
    "orders_per_second": 0.0,
}
YESTERDAY = now_us() - 36 * 3_600_000_000


@pytest.fixture
def home(store_url: str, tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """An empty home on each kind of order store."""
    with open_home(store_url, redis_url, tmp_path / "warehouse") as opened:
        yield opened


def order(number: int, status: OrderStatus, **fields: object) -> StoredOrder:
    defaults: dict[str, object] = {"lines": (("X", 1, 100_000),), "settle_us": 0, "settled_at": now_us()}
    return StoredOrder(number=str(number), day=date(2025, 11, 10), status=status, **defaults | fields)  # type: ignore[arg-type]


def mixed() -> list[StoredOrder]:
    return [
        order(1, OrderStatus.PENDING),
        order(2, OrderStatus.RESERVED),
        order(3, OrderStatus.PAYMENT_PROCESSING),
        order(4, OrderStatus.COMPLETED),
        order(5, OrderStatus.COMPLETED, lines=(("X", 1, 50_000),)),
        order(6, OrderStatus.FAILED),
        order(7, OrderStatus.ROLLBACK),
        order(8, OrderStatus.COMPLETED, settled_at=YESTERDAY),
        order(9, OrderStatus.FAILED, settled_at=YESTERDAY),
        order(10, OrderStatus.COMPLETED, currency="JPY", lines=(("X", 1, 7_000_000),)),
        order(11, OrderStatus.PENDING, currency="JPY"),
    ]


USD = ZERO | {
    "pending_orders": 1,
    "processing_orders": 2,
    "completed_today": 2,
    "failed_today": 2,
    "revenue_today": 15.0,
}
JPY = ZERO | {"pending_orders": 1, "completed_today": 1, "revenue_today": 700.0}


def test_figures_are_those_of_today_and_of_one_currency(home: PublishedFigures) -> None:
    assert home.live.figures("USD") == ZERO
    store_orders(home.engine, mixed())
    for _ in range(2):
        shown = [home.live.figures(currency) for currency in ("USD", "JPY", "EUR")]
        assert shown == [USD, JPY, ZERO]


def test_figures_are_right_after_a_flush_and_while_redis_is_down(home: PublishedFigures) -> None:
    store_orders(home.engine, mixed())
    home.live.publish()
    home.cache.client.flushall()
    assert home.live.figures("USD") == USD
    store_url = home.engine.url.render_as_string(hide_password=False)
    with open_home(store_url, f"redis://127.0.0.1:{free_port()}/0", home.folder) as down:
        assert down.live.figures("USD") == USD


def test_redis_holds_one_key_a_figure_for_five_minutes(home: PublishedFigures) -> None:
    store_orders(home.engine, mixed())
    home.live.publish()
    client = home.cache.client
    assert client.get("kpis:realtime:completed_today") == "2"
    assert client.get("kpis:realtime:revenue_today:JPY") == "700.0"
    keys = list(client.scan_iter("kpis:realtime:*"))
    assert all(0 < client.ttl(key) <= 300 for key in keys)


def test_each_move_of_an_order_shows_at_once(home: PublishedFigures) -> None:
    placed = store_orders(home.engine, [order(1, OrderStatus.FAILED), order(2, OrderStatus.PENDING)])
    assert home.live.figures("USD") == ZERO | {"pending_orders": 1, "failed_today": 1}
    retry(home.engine, placed[0], OrderStatus.COMPLETED, settled_at=now_us())
    assert home.live.figures("USD") == ZERO | {
        "pending_orders": 1,
        "completed_today": 1,
        "revenue_today": 10.0,
    }
    store_orders(home.engine, [order(3, OrderStatus.PENDING)])
    assert home.live.figures("USD")["pending_orders"] == 2


def test_only_running_imports_have_a_rate(home: PublishedFigures) -> None:
    store_orders(home.engine, mixed())
    assert home.live.figures("USD")["orders_per_second"] == 0
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(status="running", started_at=now_us() - 1_000_000))
    assert home.live.figures("USD")["orders_per_second"] > 0
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(status="finished"))
    assert home.live.figures("USD")["orders_per_second"] == 0


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 11, 10), 24)]
)
def test_a_day_lasts_from_midnight_to_midnight_by_the_clocks_of_its_zone(day: date, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    length = start_of_day(day + timedelta(days=1), zone) - start_of_day(day, zone)
    assert length == hours * 3_600_000_000


def test_what_was_settled_before_midnight_in_the_zone_is_not_of_today(tmp_path: Path, redis_url: str) -> None:
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        zone = ZoneInfo(name)
        midnight = start_of_day(today(zone), zone)
        url = f"sqlite:///{tmp_path / zone.key.replace('/', '-')}.db"
        with open_home(url, redis_url, tmp_path / "warehouse", zone=name) as home:
            store_orders(
                home.engine,
                [
                    order(1, OrderStatus.COMPLETED, settled_at=midnight - 1),
                    order(2, OrderStatus.COMPLETED, settled_at=midnight),
                ],
            )
            assert home.live.figures("USD")["completed_today"] == 1
