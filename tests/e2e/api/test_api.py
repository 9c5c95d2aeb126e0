"""The HTTP API over a real socket, on real stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis
from sqlalchemy import update

from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.clock import now_us, to_datetime, today
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.store.schema import snapshots
from tests.figures import open_home
from tests.integration.figures.test_kpis import MONDAY, TUESDAY, sample
from tests.made_up.builders import StoredOrder, store_orders
from tests.servers.api_server import Get, serving
from tests.services import free_port

ENDPOINTS = [
    "/health",
    "/stats",
    "/queue",
    "/snapshots?hours=192",
    "/kpis/daily",
    "/kpis/range?start_date=2025-11-10&end_date=2025-11-11",
    "/kpis/days?start_date=2025-11-10&end_date=2025-11-11",
    "/kpis/realtime",
    "/leaderboard/customers",
    "/leaderboard/products",
    "/leaderboard/customers/501/rank",
    "/leaderboard/customers/501/neighbours",
    "/leaderboard/customers/range?start_date=2025-11-10&end_date=2025-11-11",
    "/leaderboard/products/range?start_date=2025-11-10&end_date=2025-11-11&by=revenue",
    "/imports",
    "/imports/file-1",
    "/imports/file-1/rejects",
    "/orders/1001",
    "/failed",
    "/intake",
]
ERRORS = {
    "/kpis/daily?date=10.11.2025": 422,
    "/kpis/daily?date=2025-02-30": 422,
    "/kpis/daily?date=0": 422,
    "/kpis/daily?currency=XX": 422,
    "/kpis/daily?currency=": 422,
    "/kpis/range": 422,
    "/snapshots?hours=193": 422,
    "/kpis/range?start_date=2025-11-11&end_date=2025-11-10": 422,
    "/leaderboard/customers?limit=0": 422,
    "/leaderboard/products?limit=ten": 422,
    "/leaderboard/customers/nobody/rank": 404,
    "/leaderboard/customers/nobody/neighbours": 404,
    "/imports/unknown": 404,
    "/imports/unknown/rejects": 404,
    "/orders/unknown": 404,
    "/nowhere": 404,
    "/leaderboard/rebuild": 405,
}


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0, api_key="open sesame, open")


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    """The sample's orders, all just completed and published."""
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        store_orders(figures.engine, sample())
        figures.refresh_dirty_days()
        figures.publish_batch(Window(1, 10))
        yield figures


@pytest.fixture
def get(settings: Settings, home: PublishedFigures) -> Iterator[Get]:  # noqa: ARG001 its orders are what is served
    with serving(settings) as send:
        yield send


def data(response: requests.Response) -> Any:
    body = response.json()
    assert (response.status_code, body["success"]) == (200, True)
    return body["data"]


def test_kpis_are_those_of_the_sample(get: Get) -> None:
    daily = data(get("/kpis/daily?date=2025-11-10"))
    assert list(daily)[:6] == [
        "date",
        "total_revenue",
        "order_count",
        "average_order_value",
        "unique_customers",
        "generated_at",
    ]
    assert list(daily.values())[:5] == ["2025-11-10", 485.96, 5, 97.19, 5]
    both = data(get("/kpis/range?start_date=2025-11-10&end_date=2025-11-11"))
    assert list(both.values())[:6] == ["2025-11-10", "2025-11-11", 1065.43, 10, 106.54, 8]
    days = data(get("/kpis/days?start_date=2025-11-01&end_date=2025-11-30"))
    assert [(day["date"], day["total_revenue"]) for day in days] == [
        ("2025-11-10", 485.96),
        ("2025-11-11", 579.47),
    ]
    assert data(get("/kpis/daily"))["date"] == str(today(Settings().zone))
    assert data(get("/kpis/daily?date=2025-11-10&currency=EUR"))["order_count"] == 0
    assert data(get("/kpis/daily?date=2025-11-10&currency=usd")) == daily


def test_leaderboards_and_ranks_are_those_of_the_sample(get: Get) -> None:
    customers = data(get("/leaderboard/customers?limit=2"))
    assert [list(row) for row in customers] == [
        ["rank", "customer_id", "customer_name", "order_count", "total_spent"]
    ] * 2
    assert [(row["rank"], row["customer_id"], row["total_spent"]) for row in customers] == [
        (1, "505", 259.98),
        (2, "501", 250.0),
    ]
    assert data(get("/leaderboard/customers/501/rank")) == customers[1]
    around = data(get("/leaderboard/customers/501/neighbours?each_side=1"))
    assert [row["customer_id"] for row in around] == ["505", "501", "503"]
    products = data(get("/leaderboard/products?limit=1"))
    assert products[0] == {
        "rank": 1,
        "product_sku": "SKU-002",
        "product_name": "Product SKU-002",
        "total_quantity": 8,
        "total_revenue": 120.0,
        "order_count": products[0]["order_count"],
    }


def test_boards_of_a_range_hold_its_days_only(get: Get) -> None:
    period = "start_date=2025-11-10&end_date=2025-11-10"
    assert data(get(f"/leaderboard/customers/range?{period}&limit=1"))[0]["total_spent"] == max(
        order.total / 100 for order in sample() if order.day == MONDAY
    )
    whole = "start_date=2025-11-10&end_date=2025-11-11"
    assert data(get(f"/leaderboard/customers/range?{whole}")) == data(get("/leaderboard/customers"))
    assert data(get(f"/leaderboard/products/range?{whole}")) == data(get("/leaderboard/products"))
    by_revenue = data(get(f"/leaderboard/products/range?{whole}&by=revenue"))
    assert (by_revenue[0]["product_sku"], by_revenue[0]["total_revenue"]) == ("SKU-005", 259.98)


def test_stats_and_live_figures_follow_the_orders(get: Get, home: PublishedFigures) -> None:
    now = now_us()
    lines = (("SKU-1", 1, 100_000),)
    moving = [(OrderStatus.PENDING, "USD"), (OrderStatus.RESERVED, "USD"), (OrderStatus.COMPLETED, "USD")]
    moving += [(OrderStatus.ROLLBACK, "USD"), (OrderStatus.PENDING, "EUR")]
    store_orders(
        home.engine,
        [
            StoredOrder(
                number=f"late-{number}",
                day=TUESDAY,
                lines=lines,
                status=status,
                currency=currency,
                settled_at=now,
            )
            for number, (status, currency) in enumerate(moving)
        ],
    )
    assert data(get("/kpis/realtime")) == {
        "pending_orders": 1,
        "processing_orders": 1,
        "completed_today": 1,
        "failed_today": 1,
        "revenue_today": 10.0,
        "orders_per_second": 0.0,
    }
    stats = data(get("/stats"))
    assert stats["orders"] == {"total": 14, "pending": 1, "processing": 1, "completed": 11, "failed": 1}
    assert stats["today"] == {"orders": 2, "completed": 1, "revenue": 10.0}
    assert data(get("/stats?currency=EUR"))["orders"]["total"] == 1


def test_files_rejects_and_orders_can_be_looked_up(get: Get) -> None:
    files = data(get("/imports"))
    assert [(file["partition"], file["statuses"]["completed"]) for file in files] == [("file-1", 10)]
    assert data(get("/imports/file-1")) == files[0]
    assert data(get("/imports/file-1/rejects")) == []
    story = data(get("/orders/1001"))
    assert [(order["order_id"], order["status"]) for order in story] == [("1001", "completed")]


def test_snapshots_of_the_last_hours_tell_queues_and_throughput(get: Get, home: PublishedFigures) -> None:
    assert data(get("/snapshots")) == []
    first, second = (take_snapshot(home.engine, {"orders": size}) for size in (0, 7))
    with home.engine.begin() as connection:
        an_hour_ago = first.taken_at - 3_600_000_000
        connection.execute(
            update(snapshots)
            .where(snapshots.c.taken_at == first.taken_at)
            .values(taken_at=an_hour_ago, settled=0)
        )
    assert data(get("/snapshots?hours=1"))[0]["settled_per_second"] is None
    earlier, later = data(get("/snapshots?hours=2"))
    assert (earlier["waiting_tasks"], earlier["settled_per_second"]) == ({"orders": 0}, None)
    assert later == {
        "taken_at": to_datetime(second.taken_at).isoformat(timespec="seconds"),
        "waiting_tasks": {"orders": 7},
        "pending_orders": 0,
        "processing_orders": 0,
        "settled_per_second": 0.0,
    }


def test_a_rebuild_needs_the_key(get: Get, home: PublishedFigures) -> None:
    home.cache.client.flushall()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b3Blbg=="}):
        refused = get("/leaderboard/rebuild", "POST", headers=headers)
        assert (refused.status_code, refused.json()["success"]) == (401, False)
    assert home.cache.client.exists("leaderboard:customers:spending") == 0
    done = get("/leaderboard/rebuild", "POST", headers={"Authorization": "Bearer open sesame, open"}).json()
    assert list(done) == ["success", "message", "data"]
    assert [row["customer_id"] for row in done["data"]][:2] == ["505", "501"]
    assert home.cache.client.exists("leaderboard:customers:spending") == 1


def test_every_error_has_the_one_shape(get: Get) -> None:
    for path, status in ERRORS.items():
        response = get(path)
        assert response.status_code == status, path
        body = response.json()
        assert list(body) == ["success", "message"], path
        assert body["success"] is False, path
        assert body["message"], path


def test_head_is_answered_as_get_without_the_body(get: Get) -> None:
    for path in ("/health", "/kpis/daily?date=2025-11-10", "/live"):
        asked = get(path, method="HEAD")
        assert (asked.status_code, asked.content) == (200, b""), path
        assert asked.headers["Content-Length"] == get(path).headers["Content-Length"], path


def test_an_unchanged_answer_is_not_sent_again(get: Get) -> None:
    path = "/kpis/daily?date=2025-11-10"
    tag = get(path).headers["ETag"]
    again = get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert get("/kpis/daily?date=2025-11-11", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.usefixtures("home")
def test_too_many_requests_are_told_to_wait(settings: Settings) -> None:
    with serving(settings.model_copy(update={"rate_limit": 3})) as get:
        answers = [get("/stats") for _ in range(7)]
    assert {answer.status_code for answer in answers} == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["success"] is False
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_without_a_limit_nobody_waits(get: Get) -> None:
    assert {get("/kpis/daily").status_code for _ in range(150)} == {200}


@pytest.mark.usefixtures("home")
def test_health_names_each_service_and_readers_are_served_while_redis_is_down(settings: Settings) -> None:
    with serving(settings) as get:
        well = get("/health")
    assert well.status_code == 200
    assert list(well.json()) == ["status", "timestamp", "services"]
    assert list(well.json()["services"]) == ["database", "redis", "queue"]
    assert list(well.json()["services"]["queue"]) == ["status", "message", "queue_size"]
    down = settings.model_copy(
        update={"redis_url": f"redis://:secret@127.0.0.1:{free_port()}/0", "rate_limit": 999}
    )
    with serving(down) as get:
        ill = get("/health")
        assert ill.status_code == 503
        assert [service["status"] for service in ill.json()["services"].values()] == [
            "healthy",
            "unhealthy",
            "unhealthy",
        ]
        assert "secret" not in ill.text
        assert data(get("/kpis/daily?date=2025-11-10"))["total_revenue"] == 485.96
        assert data(get("/leaderboard/customers?limit=1"))[0]["customer_id"] == "505"
        assert data(get("/stats"))["orders"]["completed"] == 10
        assert get("/queue").status_code == 503
        rebuild = get("/leaderboard/rebuild", "POST", headers={"Authorization": "Bearer open sesame, open"})
        assert rebuild.status_code == 503


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("setting", ["maxmemory", "min-replicas-to-write"])
def test_a_redis_that_takes_no_writes_is_unhealthy_and_readers_are_served(
    settings: Settings, any_redis_url: str, setting: str
) -> None:
    with (
        serving(settings.model_copy(update={"redis_url": any_redis_url, "rate_limit": 999})) as get,
        Redis.from_url(any_redis_url) as server,
    ):
        # From now on, Redis belongs to that store.
        assert get("/kpis/daily?date=2025-11-10").status_code == 200
        with set_to_one(server, setting):
            assert_figures_without_redis(get)


def assert_figures_without_redis(get: Get) -> None:
    ill = get("/health")
    assert (ill.status_code, ill.json()["services"]["redis"]["message"]) == (503, "Redis rejects writes.")
    assert get("/ready").status_code == 503
    assert data(get("/kpis/daily?date=2025-11-10"))["total_revenue"] == 485.96
    assert data(get("/kpis/range?start_date=2025-11-10&end_date=2025-11-11"))["order_count"] == 10
    assert data(get("/leaderboard/customers?limit=1"))[0]["customer_id"] == "505"
    assert data(get("/kpis/realtime"))["pending_orders"] == 0
    assert data(get("/stats"))["orders"]["completed"] == 10
    rebuild = get("/leaderboard/rebuild", "POST", headers={"Authorization": "Bearer open sesame, open"})
    assert rebuild.status_code == 503


@contextmanager
def set_to_one(server: Redis, setting: str) -> Iterator[None]:
    """Makes Redis reject writes: one byte of memory is too little, and one replica is more than there are."""
    server.config_set(setting, 1)
    try:
        yield
    finally:
        server.config_set(setting, 0)


def test_a_broken_store_leaks_nothing(settings: Settings, home: PublishedFigures) -> None:
    with serving(settings) as get:
        with home.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE batches RENAME TO gone")
        response = get("/stats")
        assert response.status_code == 503
        assert response.json() == {"success": False, "message": "The order store does not answer."}


def test_every_documented_endpoint_answers(get: Get) -> None:
    described = get("/openapi.json").json()["paths"]
    assert "/api/kpis/daily" in described
    for endpoint in ENDPOINTS:
        assert get(endpoint).status_code == 200
    shown = described["/api/kpis/daily"]["get"]["responses"]
    assert {"200", "422", "429"} <= set(shown)


def test_a_home_draws_its_key_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key = api_key("", tmp_path)
    assert api_key("", tmp_path) == key
    assert len(key) > 30
    assert (tmp_path / "run" / "api.key").stat().st_mode & 0o777 == 0o600
    assert api_key("configured", tmp_path) == "configured"
