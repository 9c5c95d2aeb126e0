"""Each alert sends one notice when it is raised, none while it lasts, and one when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import build_sensor_context
from kombu import Connection
from sqlalchemy import insert, update

from jobs.care.alerts import alert_sensors
from jobs.workers.queue_heads import QUEUED_AT
from orders_pipeline.backup.backup import back_up
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import EventType, GatewayEventStatus, ImportStatus, Notifications, OrderStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.exports.outbox import Outbox
from orders_pipeline.exports.result_files import write_due_results
from orders_pipeline.figures.kpis.warehouse.warehouse import set_aside
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import REBUILD, warehouse_file
from orders_pipeline.imports.arrival.intake import pause_intake
from orders_pipeline.imports.arrival.quarantine import add_quarantined, dismiss_files
from orders_pipeline.monitoring.alerts.alert_rows import Alert, alerts_since, open_alerts
from orders_pipeline.monitoring.alerts.alert_rules import FEWEST_ORDERS, AlertName
from orders_pipeline.monitoring.alerts.rule_input import SilentSensor
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.monitoring.workers import Worker, forget_worker, note_worker
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.requests.request import Requested
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import (
    backups,
    batches,
    events,
    gateway_events,
    imports,
    kpi_days,
    notifications,
    refunds,
    snapshots,
)
from resources.order_store import OrderStore
from tests.capture_bench import CaptureBench
from tests.import_bench import ImportBench, Line, many_orders
from tests.integration.figures.test_kpis import MONDAY
from tests.made_up.builders import StoredOrder, store_orders
from tests.notices import NoticeBench, ordered
from tests.refund_bench import RefundBench, asked
from tests.servers.mailboxes import mailbox
from tests.services import free_port
from tests.webhooks import subscribe

HOUR_US = 3_600_000_000
WORKER = Worker("worker@host", processes=2, busy=0, queues=("dagster", "orders"))


class Desk:
    """A home with a worker, whose operators get notices by a webhook."""

    def __init__(self, bench: ImportBench, sent: list[dict[str, Any]]) -> None:
        self.bench, self.sent, self.cursor = bench, sent, ""
        self.sensors: list[SilentSensor] = []
        self.hears(WORKER)

    @property
    def settings(self) -> Settings:
        return self.bench.settings

    def look(self) -> list[str]:
        """Runs the sensor once; returns the subjects of its notices."""
        return self.tick("alerts_sensor")

    def tick(self, name: str) -> list[str]:
        """Subjects of the notices of one tick of this sensor."""
        before = len(self.sent)
        (sensor,) = [sensor for sensor in alert_sensors(self.settings) if sensor.name == name]
        stores = {"order_store": OrderStore(self.settings.store_url, home=self.settings.home)}
        context = build_sensor_context(cursor=self.cursor, resources=stores)
        sensor(context)
        self.cursor = context.cursor or ""
        return [notice["subject"] for notice in self.sent[before:]]

    def hears(self, worker: Worker) -> None:
        with closing(open_redis(self.settings.redis_url)) as client:
            note_worker(client, worker)

    def loses_worker(self) -> None:
        with closing(open_redis(self.settings.redis_url)) as client:
            forget_worker(client, WORKER.name)

    def change(self, table: Any, **values: Any) -> None:
        with self.bench.engine.begin() as connection:
            connection.execute(update(table).values(**values))

    def queue_task(self, minutes_ago: int) -> None:
        """Queues a task for `orders`, as the executor does."""
        queued_at = now_us() / 1e6 - minutes_ago * 60
        with Connection(self.settings.redis_url) as connection, connection.SimpleQueue("orders") as queue:
            queue.put({}, headers={QUEUED_AT: queued_at})

    def clear_queue(self) -> None:
        with Connection(self.settings.redis_url) as connection, connection.SimpleQueue("orders") as queue:
            queue.clear()

    def orders(self, number: int, status: OrderStatus, prefix: str) -> None:
        lines = (("SKU-1", 1, 100_000),)
        numbers = [f"{prefix}{n}" for n in range(number)]
        stored = [StoredOrder(number=one, day=MONDAY, lines=lines, status=status) for one in numbers]
        store_orders(self.bench.engine, stored)

    def open_alerts(self) -> list[Alert]:
        with reading(self.bench.engine) as connection:
            return open_alerts(connection)


@pytest.fixture
def desk(tmp_path: Path, redis_url: str, webhook: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, notify_webhook=webhook[0], alert_quiet_minutes=0)
    desk = Desk(bench, webhook[1])
    monkeypatch.setattr("jobs.care.alerts.silent_sensors", lambda *_: desk.sensors)
    monkeypatch.setattr("jobs.care.alerts.Inbox", partial(Inbox, stable_seconds=0))
    yield desk
    engine.dispose()


def wait_for_long(desk: Desk) -> Callable[[], None]:
    desk.queue_task(minutes_ago=45)
    return desk.clear_queue


def be_without_workers(desk: Desk) -> Callable[[], None]:
    desk.queue_task(minutes_ago=3)
    desk.loses_worker()
    return lambda: desk.hears(WORKER)


def fail_often(desk: Desk) -> Callable[[], None]:
    desk.orders(30, OrderStatus.COMPLETED, "good")
    take_snapshot(desk.bench.engine, {})
    desk.orders(FEWEST_ORDERS, OrderStatus.ROLLBACK, "bad")

    def an_hour_later() -> None:
        taken = take_snapshot(desk.bench.engine, {})
        desk.change(snapshots, taken_at=snapshots.c.taken_at - HOUR_US - (now_us() - taken.taken_at))

    return an_hour_later


def hear_nothing(desk: Desk) -> Callable[[], None]:
    desk.bench.set(alert_no_arrivals_hours=24)
    desk.orders(1, OrderStatus.COMPLETED, "old")
    desk.change(imports, staged_at=now_us() - 25 * HOUR_US)
    return lambda: desk.change(imports, staged_at=now_us())


def get_stuck(desk: Desk) -> Callable[[], None]:
    desk.orders(1, OrderStatus.PENDING, "open")
    an_hour_ago = now_us() - HOUR_US
    desk.change(batches, progress_at=an_hour_ago)
    desk.change(imports, status=ImportStatus.RUNNING, started_at=an_hour_ago)
    return lambda: desk.change(batches, progress_at=now_us())


def be_given_up(desk: Desk) -> Callable[[], None]:
    desk.orders(1, OrderStatus.PENDING, "open")
    desk.change(imports, status=ImportStatus.STALLED, refused_because="3 launches brought no progress")
    return lambda: desk.change(imports, status=ImportStatus.FINISHED)


def publish_late(desk: Desk) -> Callable[[], None]:
    desk.orders(1, OrderStatus.COMPLETED, "late")
    desk.change(kpi_days, due_since=now_us() - 2 * HOUR_US)
    return lambda: desk.change(kpi_days, due_since=None, published=kpi_days.c.version)


def lose_redis(desk: Desk) -> Callable[[], None]:
    url = desk.settings.redis_url
    desk.bench.set(redis_url=f"redis://127.0.0.1:{free_port()}/0", broker_url=url)
    return lambda: desk.bench.set(redis_url=url)


def fill_redis(desk: Desk) -> Callable[[], None]:
    with closing(open_redis(desk.settings.redis_url)) as client:
        client.config_set("maxmemory", 1)

    def empty() -> None:
        with closing(open_redis(desk.settings.redis_url)) as client:
            client.config_set("maxmemory", 0)

    return empty


def fill_the_disk(desk: Desk) -> Callable[[], None]:
    desk.bench.set(alert_disk_free_share=1)
    return lambda: desk.bench.set(alert_disk_free_share=0)


def damage_the_warehouse(desk: Desk) -> Callable[[], None]:
    folder = desk.settings.warehouse
    warehouse_file(folder).mkdir(parents=True)
    set_aside(folder, "its path is a folder")
    return (folder / REBUILD).unlink


def fail_to_back_up(desk: Desk) -> Callable[[], None]:
    """The folder is a file, as if nothing were mounted."""
    folder = desk.settings.home / "backups"
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    with pytest.raises(BackupError, match="File exists"):
        back_up(desk.bench.engine, desk.settings, folder)

    def succeed() -> None:
        folder.unlink()
        back_up(desk.bench.engine, desk.settings, folder)

    return succeed


def back_up_no_more(desk: Desk) -> Callable[[], None]:
    folder = desk.settings.home / "backups"
    desk.bench.set(backup_folder=folder)
    back_up(desk.bench.engine, desk.settings, folder / "old.tar.gz")
    desk.change(backups, started_at=now_us() - 49 * HOUR_US)

    def back_up_again() -> None:
        back_up(desk.bench.engine, desk.settings, folder)

    return back_up_again


def drop_a_bad_file(desk: Desk) -> Callable[[], None]:
    refused = FileRefused("file_empty", "bad.csv is empty.", "Export it again.")
    with desk.bench.engine.begin() as connection:
        add_quarantined(connection, "bad.csv", "bad.csv", 0, refused)

    def dismiss() -> None:
        with desk.bench.engine.begin() as connection:
            dismiss_files(connection, [1], "cli:ada")

    return dismiss


def leave_a_file_in_the_inbox(desk: Desk) -> Callable[[], None]:
    desk.settings.inbox_folder.mkdir(parents=True)
    file = desk.settings.inbox_folder / "waits.csv"
    file.write_text("x")
    # As soon as it is complete, it has waited for too long.
    desk.bench.set(alert_inbox_minutes=1e-9)
    return file.unlink


def lose_a_sensor(desk: Desk) -> Callable[[], None]:
    desk.sensors = [SilentSensor("inbox_sensor", 80, "The folder is a link.")]
    return desk.sensors.clear


def wait_for_a_refund(desk: Desk) -> Callable[[], None]:
    shop = RefundBench(desk.bench)
    desk.orders(1, OrderStatus.COMPLETED, "sold")
    (requested,) = shop.request(asked("sold0"))
    assert isinstance(requested, Requested)
    desk.change(refunds, requested_at=now_us() - 61 * 60_000_000)

    def cancel() -> None:
        shop.act(RefundAction.CANCEL, requested.refund_id)

    return cancel


def leave_uncaptured(desk: Desk) -> Callable[[], None]:
    captures = CaptureBench.on(desk.bench)
    desk.bench.import_lines(Line("held"))
    captures.let_pass(hours=80)
    return lambda: ignore(captures.capture("held"))


def hear_of_an_unknown_charge(desk: Desk) -> Callable[[], None]:
    event = {
        "id": "e1",
        "type": "dispute.opened",
        "subject": "du_1",
        "body": "{}",
        "reason": "no such charge",
    }
    with desk.bench.engine.begin() as connection:
        received_at = now_us() - 11 * 60_000_000
        row = {**event, "received_at": received_at, "status": GatewayEventStatus.WAITING}
        connection.execute(insert(gateway_events), [row])
    return lambda: desk.change(gateway_events, status=GatewayEventStatus.IGNORED)


def send_no_events(desk: Desk) -> Callable[[], None]:
    subscribe(desk.bench.engine, EventType.ORDER_COMPLETED)
    desk.bench.import_lines(Line("sold"))
    desk.change(events, at=now_us() - 61 * 60_000_000)
    return lambda: desk.change(events, spread_at=now_us())


def lose_the_mail_server(desk: Desk) -> Callable[[], None]:
    shop = NoticeBench.on(desk.bench, None, notifications=Notifications.SMTP)
    desk.bench.set(smtp_url=f"smtp://127.0.0.1:{free_port()}?tls=off")
    shop.import_orders(Line("sold", date=ordered()))
    shop.send()
    desk.change(notifications, next_try_at=now_us() - 61 * 60_000_000)

    def cure() -> None:
        with mailbox() as box:
            desk.bench.set(smtp_url=box.url)
            shop.send()

    return cure


def ignore(_done: object) -> None:
    """Ignores the result of an action."""


def lose_the_outbox(desk: Desk) -> Callable[[], None]:
    desk.bench.import_lines(*many_orders(1))
    folder = desk.settings.home / "outbox"
    folder.write_text("no folder")

    def write() -> None:
        write_due_results(desk.bench.engine, Outbox(str(folder)), desk.settings.staging_folder)

    def cure() -> None:
        folder.unlink()
        write()

    write()
    return cure


TROUBLES = [
    (lose_the_outbox, AlertName.OUTBOX_FAILING, "outbox", "Files whose results could not be written: 1."),
    (
        wait_for_long,
        AlertName.WAITING_TOO_LONG,
        "orders",
        "Waiting tasks: 1. The oldest has waited for 45 minutes",
    ),
    (be_without_workers, AlertName.NO_WORKERS, "orders", "No worker serves the queue"),
    (fail_often, AlertName.FAILURE_SHARE, "orders", "100% of the 20 orders that ended in the last hour"),
    (hear_nothing, AlertName.NO_ARRIVALS, "order files", "The last order file arrived at"),
    (get_stuck, AlertName.STUCK_IMPORT, "file-1", "None of its orders has moved since"),
    (be_given_up, AlertName.STUCK_IMPORT, "file-1", "3 launches brought no progress"),
    (publish_late, AlertName.FIGURES_LATE, "figures", "The KPIs do not show order changes since"),
    (fill_redis, AlertName.SERVICE_DOWN, "redis", "rejects writes"),
    (lose_redis, AlertName.SERVICE_DOWN, "redis", "redis does not answer"),
    (drop_a_bad_file, AlertName.QUARANTINED_FILE, "bad.csv", "bad.csv is in quarantine: file_empty"),
    (leave_a_file_in_the_inbox, AlertName.INBOX_WAITING, "inbox", "The oldest, waits.csv, has waited"),
    (lose_a_sensor, AlertName.SENSOR_SILENT, "inbox_sensor", "for 80 seconds: The folder is a link."),
    (wait_for_a_refund, AlertName.OPEN_REFUND, "refunds", "The oldest has waited for 61 minutes"),
    (leave_uncaptured, AlertName.UNCAPTURED, "authorizations", "The first is voided in 16 hours"),
    (hear_of_an_unknown_charge, AlertName.UNKNOWN_EVENT, "gateway", "no such charge"),
    (send_no_events, AlertName.WEBHOOK_FAILING, "webhooks", "The oldest has waited for 61 minutes"),
    (
        lose_the_mail_server,
        AlertName.NOTIFICATIONS_FAILING,
        "notifications",
        "could be sent for 61 minutes. The mail server: [Errno 111] Connection refused.",
    ),
    (fill_the_disk, AlertName.DISK_NEARLY_FULL, "disk", "% of the disk"),
    (fail_to_back_up, AlertName.BACKUP_FAILED, "backup", "/backups: File exists"),
    (back_up_no_more, AlertName.BACKUP_OLD, "backup", "The last good backup of the order store is from"),
    (damage_the_warehouse, AlertName.FIGURES_REBUILT, "figures", "the warehouse was damaged (its path is"),
]


def test_every_alert_is_driven_here() -> None:
    assert {name for _, name, _, _ in TROUBLES} == set(AlertName)


@pytest.mark.parametrize(("trouble", "name", "subject", "detail"), TROUBLES)
def test_an_alert_is_reported_once_then_silent_then_over(
    desk: Desk, trouble: Callable[[Desk], Callable[[], None]], name: AlertName, subject: str, detail: str
) -> None:
    assert desk.look() == []
    cure = trouble(desk)
    words = f"{name.replace('_', ' ').capitalize()} ({subject})"
    assert desk.look() == [f"Alert: {words}"]
    assert detail in desk.sent[-1]["text"]
    assert f"docs/runbooks.md, `{name}`" in desk.sent[-1]["text"]
    assert desk.look() == []
    assert [(alert.name, alert.subject) for alert in desk.open_alerts()] == [(name, subject)]
    cure()
    assert desk.look() == [f"Resolved: {words}"]
    assert desk.look() == []
    assert desk.open_alerts() == []


def test_files_that_wait_for_a_paused_intake_raise_no_alert(desk: Desk) -> None:
    leave_a_file_in_the_inbox(desk)
    with desk.bench.engine.begin() as connection:
        pause_intake(connection, "cli:ada", "the disk is full")
    assert desk.look() == []


def test_an_order_store_that_is_down_is_reported_once_and_when_it_is_back(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    desk.bench.set(database_url=f"sqlite:///{tmp_path / 'folder'}")
    assert desk.look() == ["Alert: Service down (order store)"]
    assert desk.look() == []
    desk.bench.set(database_url="")
    assert desk.look() == ["Resolved: Service down (order store)"]
    assert desk.look() == []


def test_an_order_store_that_was_deleted_is_reported_and_not_created_again(desk: Desk) -> None:
    assert desk.look() == []
    file = desk.settings.home / "orders.db"
    desk.bench.engine.dispose()
    for part in file.parent.glob("orders.db*"):
        part.unlink()
    assert desk.look() == ["Alert: Service down (order store)"]
    assert f"{file}, which this home used before, is missing" in desk.sent[-1]["text"]
    assert not file.exists()


def test_the_sensor_of_the_alerts_is_watched_by_another_one(desk: Desk) -> None:
    desk.sensors.append(SilentSensor("inbox_sensor", 80.0, None))
    assert desk.tick("alerts_watch_sensor") == []
    desk.sensors.append(SilentSensor("alerts_sensor", 80.0, "KeyError"))
    raised = {"Alert: Sensor silent (inbox_sensor)", "Alert: Sensor silent (alerts_sensor)"}
    assert set(desk.tick("alerts_watch_sensor")) == raised
    assert "no progress for 80 seconds: KeyError." in desk.sent[-1]["text"]
    assert desk.tick("alerts_watch_sensor") == []
    desk.sensors.clear()
    assert desk.tick("alerts_watch_sensor") == []
    assert len(desk.look()) == 2
    assert desk.open_alerts() == []


def test_a_notice_that_no_channel_took_is_sent_again(desk: Desk) -> None:
    hook = desk.settings.notify_webhook
    desk.bench.set(notify_webhook=f"http://127.0.0.1:{free_port()}/", alert_disk_free_share=1)
    assert desk.look() == []
    assert [alert.told for alert in desk.open_alerts()] == [False]
    desk.bench.set(notify_webhook=hook)
    assert desk.look() == ["Alert: Disk nearly full (disk)"]
    assert desk.look() == []


def test_an_alert_whose_cause_comes_and_goes_stays_open_for_the_quiet_minutes(desk: Desk) -> None:
    desk.bench.set(alert_quiet_minutes=5, alert_disk_free_share=1)
    assert desk.look() == ["Alert: Disk nearly full (disk)"]
    desk.bench.set(alert_disk_free_share=0)
    assert desk.look() == []
    desk.bench.set(alert_disk_free_share=1)
    assert desk.look() == []
    assert len(desk.open_alerts()) == 1


def test_what_cannot_be_judged_ends_no_alert(desk: Desk) -> None:
    wait_for_long(desk)
    assert desk.look() == ["Alert: Waiting too long (orders)"]
    desk.bench.set(broker_url=f"redis://127.0.0.1:{free_port()}/0")
    assert desk.look() == ["Alert: Service down (broker)"]
    assert {alert.name for alert in desk.open_alerts()} == {"waiting_too_long", "service_down"}


def test_an_alert_that_is_raised_again_is_a_new_one(desk: Desk) -> None:
    for _ in range(2):
        assert desk.look() == []
        cure = fill_the_disk(desk)
        assert desk.look() == ["Alert: Disk nearly full (disk)"]
        cure()
        assert desk.look() == ["Resolved: Disk nearly full (disk)"]
    with reading(desk.bench.engine) as connection:
        kept = alerts_since(connection, now_us() - timedelta(hours=1) // timedelta(microseconds=1))
    assert [alert.over_at is not None for alert in kept] == [True, True]


def test_a_store_holds_no_second_open_alert_of_the_same_thing(bench: ImportBench) -> None:
    from sqlalchemy.exc import IntegrityError

    from orders_pipeline.store.schema import alerts

    row = {"name": "a", "subject": "b", "detail": "", "raised_at": 1, "seen_at": 1, "told": True}
    with bench.engine.begin() as connection:
        connection.execute(insert(alerts), [{**row, "over_at": 2}, {**row, "over_at": None}])
    with pytest.raises(IntegrityError), bench.engine.begin() as connection:
        connection.execute(insert(alerts), [row])
