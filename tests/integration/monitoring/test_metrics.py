"""What Prometheus scrapes: correct numbers and valid names, whatever is down; and the files made for it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from jobs.workers.queue_heads import QUEUED_AT
from orders_pipeline.access.api_keys import create_key
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, Scope, Window
from orders_pipeline.base.settings import PROJECT_ROOT, ApiReads, Settings
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.monitoring.metrics.tallies import CHARGE_SECONDS, CHARGES, STEP_SECONDS, STEPS, Tallies
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.monitoring.workers import Worker, note_worker
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.schema import rejects
from tests.figures import open_home
from tests.integration.figures.test_kpis import MONDAY
from tests.made_up.builders import StoredOrder, store_orders
from tests.servers.api_server import running_server
from tests.services import (
    create_database,
    free_port,
    hanging_postgres,
    require_service,
    running_postgres,
)

LINES = (("SKU-1", 1, 100_000),)
DEPLOY = PROJECT_ROOT / "deploy"
REJECT = {"code": "price_unreadable", "message": "Price is x.", "hint": "Correct it.", "raw": "x"}
NAME = re.compile(r"\b(?:orders|process)_[a-z_]+")
Samples = dict[str, float]


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=1)


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    """Orders of every status in two currencies, a reject, a worker, tasks, measurements, an alert."""
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        stored = [
            StoredOrder(
                number=f"{status}{currency}", day=MONDAY, lines=LINES, status=status, currency=currency
            )
            for status in OrderStatus
            for currency in ("USD", "JPY")
        ]
        store_orders(figures.engine, stored)
        figures.refresh_dirty_days()
        figures.publish_batch(Window(1, 10))
        with figures.engine.begin() as connection:
            connection.execute(insert(rejects).values(import_id=1, record=1, line=2, **REJECT))
            connection.exec_driver_sql("UPDATE imports SET records = 13, rejected_lines = 1, settled_at = 1")
        raised = {AlertName.STUCK_IMPORT: [Condition("file-1", "It was given up.")]}
        keep_alerts(figures.engine, raised, now_us(), 0)
        take_snapshot(figures.engine, {})
        measure(figures)
        yield figures


def measure(figures: PublishedFigures) -> None:
    """Two workers, tasks in a queue, and what two processes have counted."""
    client, owner = figures.cache.client, figures.cache.owner
    note_worker(client, Worker("one@host", processes=3, busy=2, queues=("dagster", "orders")))
    note_worker(client, Worker("two@host", processes=1, busy=0, queues=("orders",)))
    for seconds in (0.2, 7.0):
        tallies = Tallies(client, owner)
        tallies.observe(STEP_SECONDS, ("load_orders", "orders"), seconds)
        tallies.count(STEPS, ("load_orders", "success"))
        tallies.observe(CHARGE_SECONDS, (), seconds)
        tallies.count(CHARGES, ("paid",), 4)
        tallies.write()


def queue_tasks(settings: Settings, *ages: float) -> None:
    """Tasks of queue `orders` that have waited for this number of seconds."""
    with Connection(settings.redis_url) as connection, connection.SimpleQueue("orders") as queue:
        for age in ages:
            queue.put({}, headers={QUEUED_AT: now_us() / 1e6 - age})


def scrape(settings: Settings) -> str:
    with running_server(settings) as url:
        answer = requests.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def samples(text: str) -> Samples:
    """Each sample's value by its name and labels."""
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_tells_how_orders_queues_workers_and_figures_stand(
    settings: Settings, home: PublishedFigures
) -> None:
    queue_tasks(settings, 300, 100)
    found = samples(scrape(settings))
    assert [found[f"orders_orders {status}"] for status in OrderStatus] == [2] * len(OrderStatus)
    assert (found["orders_settled_total completed"], found["orders_settled_total unsold"]) == (2, 4)
    assert found["orders_imports finished"] == 1
    assert found["orders_quarantined_files"] == 0
    assert found["orders_rejected_lines_total price_unreadable"] == 1
    assert found["orders_alerts_open stuck_import"] == 1
    assert found["orders_alerts_open no_workers"] == 0
    assert (found["orders_workers orders"], found["orders_worker_processes orders"]) == (2, 4)
    assert (found["orders_workers dagster"], found["orders_worker_tasks dagster"]) == (1, 2)
    assert found["orders_queue_tasks orders"] == 2
    assert 300 <= found["orders_queue_oldest_seconds orders"] < 400
    # Two tasks with a mean of 3.6 s, on four processes.
    assert found["orders_queue_clear_seconds orders"] == pytest.approx(1.8)
    assert found["orders_queue_oldest_seconds dagster"] == 0
    assert {found[f"orders_up {service}"] for service in ("database", "redis", "broker")} == {1}
    assert (
        found["orders_kpi_published_timestamp_seconds"] > found["orders_last_arrival_timestamp_seconds"] - 60
    )
    assert home.currency == "USD"


def test_what_processes_count_adds_up_to_histograms(settings: Settings, home: PublishedFigures) -> None:
    found = samples(scrape(settings))
    assert found["orders_step_seconds_count orders load_orders"] == 2
    assert found["orders_step_seconds_sum orders load_orders"] == pytest.approx(7.2)
    buckets = [
        found[f"orders_step_seconds_bucket {bound} orders load_orders"]
        for bound in ("0.1", "0.25", "5.0", "10.0", "+Inf")
    ]
    assert buckets == [0, 1, 1, 2, 2]
    assert found["orders_steps_total success load_orders"] == 2
    assert found["orders_gateway_charges_total paid"] == 8
    assert found["orders_gateway_charge_seconds_count"] == 2
    assert home.cache.client.ttl(f"metrics:{home.cache.owner}") > 86_400


def test_a_retry_lowers_no_counter(settings: Settings, home: PublishedFigures) -> None:
    before = samples(scrape(settings))
    assert sum(retry_orders(home.engine, Chosen(), 100, actor="test").values()) > 0
    after = samples(scrape(settings))
    assert after["orders_orders failed"] == 0
    assert after["orders_settled_total unsold"] == before["orders_settled_total unsold"]


def test_rejects_of_an_ended_import_are_counted_once(settings: Settings, home: PublishedFigures) -> None:
    first = samples(scrape(settings))
    with home.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM rejects")
    second = samples(scrape(settings))
    assert first["orders_rejected_lines_total price_unreadable"] == 1
    assert second["orders_rejected_lines_total price_unreadable"] == 1


def test_a_worker_that_fell_silent_is_not_counted(settings: Settings, home: PublishedFigures) -> None:
    client = home.cache.client
    sign = json.loads(client.hget("workers", "one@host"))  # type: ignore[arg-type]
    client.hset("workers", "one@host", json.dumps({**sign, "at": sign["at"] - 31}))
    found = samples(scrape(settings))
    assert found["orders_workers orders"] == 1
    assert client.hkeys("workers") == ["two@host"]


def test_a_scrape_does_not_fail_while_redis_is_down(settings: Settings, home: PublishedFigures) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    found = samples(scrape(settings.model_copy(update={"redis_url": away})))
    assert (found["orders_up database"], found["orders_up redis"], found["orders_up broker"]) == (1, 0, 0)
    assert found["orders_orders completed"] == 2
    assert "orders_workers orders" not in found
    assert home.currency == "USD"


def test_a_scrape_does_not_hang_with_a_redis_that_hangs(settings: Settings, home: PublishedFigures) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        hanging = settings.model_copy(update={"redis_url": away, "rate_limit": 0})
        with running_server(hanging) as url:
            found = samples(requests.get(f"{url}/metrics", timeout=25).text)
            assert requests.get(f"{url}/api/ready", timeout=25).status_code == 503
    assert (found["orders_up database"], found["orders_up redis"], found["orders_up broker"]) == (1, 0, 0)
    assert home.currency == "USD"


def test_whoever_watches_does_not_hang_with_a_postgresql_that_hangs(settings: Settings) -> None:
    with running_postgres() as server:
        url = create_database(server, "hanging")
        with (
            open_home(url, settings.redis_url, settings.warehouse) as figures,
            figures.engine.begin() as connection,
        ):
            key = create_key(connection, "prometheus", Scope.READ)
        closed = {
            "database_url": url,
            "rate_limit": 0,
            "api_reads": ApiReads.KEY,
            "api_key": "open sesame, open",
        }
        with running_server(settings.model_copy(update=closed)) as address:
            assert watchers(address) == (1, "healthy", True)
            with hanging_postgres(server):
                assert watchers(address) == (0, "unhealthy", False)
                shown = {"Authorization": f"Bearer {key}"}
                assert requests.get(f"{address}/metrics", timeout=25, headers=shown).status_code == 503
            assert watchers(address) == (1, "healthy", True)


def watchers(url: str) -> tuple[float, str, bool]:
    """Whether the order store is up: for Prometheus, monitors, and load balancers."""
    shown = {"Authorization": "Bearer open sesame, open"}
    scraped = samples(requests.get(f"{url}/metrics", timeout=25, headers=shown).text)
    health = requests.get(f"{url}/api/health", timeout=25).json()
    return scraped["orders_up database"], health["services"]["database"]["status"], ready(url)[1]["store"]


def test_a_scrape_does_not_fail_while_the_order_store_is_down(
    settings: Settings, home: PublishedFigures
) -> None:
    with running_server(settings) as url:
        with home.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE batches RENAME TO gone")
        found = samples(requests.get(f"{url}/metrics", timeout=30).text)
    assert (found["orders_up database"], found["orders_up redis"], found["orders_up broker"]) == (0, 1, 1)
    assert found["orders_workers orders"] == 2
    assert "orders_orders completed" not in found


def test_names_and_help_texts_are_as_prometheus_wants_them(
    settings: Settings, home: PublishedFigures
) -> None:
    text = scrape(settings)
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    page = (PROJECT_ROOT / "docs" / "monitoring.md").read_text()
    rows = [
        f"{family.name}{'_total' * (family.type == 'counter')}` | {family.documentation} |"
        for family in families
    ]
    assert [row for row in rows if row.startswith("orders_") and f"| `{row}" not in page] == []
    assert home.currency == "USD"
    promtool("check", "metrics", text=text)


def test_a_scrape_needs_a_key_where_reading_does_and_probes_never_do(
    settings: Settings, home: PublishedFigures
) -> None:
    closed = {"api_reads": ApiReads.KEY, "api_key": "open sesame, open"}
    with running_server(settings.model_copy(update=closed)) as url:
        assert requests.get(f"{url}/metrics", timeout=30).status_code == 401
        shown = {"Authorization": "Bearer open sesame, open"}
        assert requests.get(f"{url}/metrics", timeout=30, headers=shown).status_code == 200
        # The limit is one request per minute.
        assert [requests.get(f"{url}/api/live", timeout=30).status_code for _ in range(3)] == [200] * 3
        assert requests.get(f"{url}/api/ready", timeout=30).status_code == 200
    assert home.currency == "USD"


def test_it_is_live_without_anything_and_ready_with_everything(
    settings: Settings, home: PublishedFigures
) -> None:
    with running_server(settings) as url, closing(open_redis(settings.redis_url)) as client:
        assert ready(url) == (200, {"store": True, "redis": True, "broker": True, "workers": True})
        client.hdel("workers", "one@host")
        assert ready(url) == (503, {"store": True, "redis": True, "broker": True, "workers": False})
        with home.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
        assert ready(url)[1]["store"] is False
        assert requests.get(f"{url}/api/live", timeout=30).json() == {"status": "live"}


def ready(url: str) -> tuple[int, dict[str, bool]]:
    answer = requests.get(f"{url}/api/ready", timeout=30)
    return answer.status_code, answer.json()["checks"]


def test_every_metric_of_the_dashboard_and_the_rules_is_scraped(
    settings: Settings, home: PublishedFigures
) -> None:
    board = json.loads((DEPLOY / "grafana" / "orders.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    rules = re.findall(r"expr: (.*)", (DEPLOY / "prometheus" / "rules.yml").read_text())
    named = {name for query in (*queries, *rules) for name in NAME.findall(query)}
    scraped = {name.partition(" ")[0] for name in samples(scrape(settings))}
    assert len(queries) > 25
    assert named - scraped == set()
    # The reverse: a page or an alert uses every metric.
    shown = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in named}
    used = {
        re.sub(r"_(bucket|sum|count|created)$", "", name) for name in scraped if name.startswith("orders_")
    }
    assert used - shown == set()
    assert home.currency == "USD"


def test_queries_and_rules_are_sound(tmp_path: Path) -> None:
    board = json.loads((DEPLOY / "grafana" / "orders.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    rules = tmp_path / "queries.yml"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool("check", "rules", str(rules))
    promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


def promtool(*arguments: str, text: str = "") -> None:
    program = shutil.which("promtool")
    require_service("promtool", program, "prometheus is not installed")
    done = subprocess.run([str(program), *arguments], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
