"""The input of the alert rules: what was observed, and the limits of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from orders_pipeline.figures.kpis.warehouse.warehouse_folder import Rebuild
from orders_pipeline.monitoring.queues import Queue
from orders_pipeline.store.backup_rows import FailedBackup

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
# Events of the gateway may arrive before their order is stored. Those that remain unknown are reported for a
# week.
EVENT_WAITS_MINUTES = 10
EVENT_REPORTED_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class OpenImport:
    """A running or stalled import. `moved_at`, in microseconds, is the last status change of its orders."""

    key: str
    moved_at: int
    given_up_because: str | None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The files in quarantine: their number, and the first ones as name and reason code."""

    files: int
    first: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class WaitingFiles:
    """Complete files in the inbox: their number, and the oldest one with its time in microseconds."""

    files: int
    oldest: str
    since: int


@dataclass(frozen=True, slots=True)
class SilentSensor:
    """A sensor that is switched on: seconds since its last good tick, and the error of a later one."""

    name: str
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class OpenRefunds:
    """Refunds without an outcome: their number, those that wait for approval, and the oldest request."""

    refunds: int
    unapproved: int
    since: int


@dataclass(frozen=True, slots=True)
class Uncaptured:
    """Authorized orders without a requested capture: their number, and when the first was authorized."""

    orders: int
    since: int


@dataclass(frozen=True, slots=True)
class FailedResults:
    """Results that could not be written to the outbox: of how many files, and the last reason."""

    files: int
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingEvents:
    """Gateway events about objects that the store does not know: their number, and the oldest one."""

    events: int
    since: int
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingWebhook:
    """A webhook with events that wait or failed; without an id, events that no process sends.

    Attributes:
        since: time of the oldest event that waits.
    """

    id: int | None
    failed: int
    since: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class WaitingNotices:
    """Notices to customers that wait to be sent.

    Attributes:
        since: when the oldest was queued, or when one was last sent, if that was later.
        error: why the mail server last failed; None if it works.
    """

    since: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Observations:
    """The input of the rules. Times are in microseconds since 1970.

    Attributes:
        queues: by name; None while the broker does not answer.
        served: queues that a worker serves; None while Redis does not answer.
        ended: order attempts that ended in the last hour.
        unsold: the attempts among them that ended without a sale.
        free_share: free share of the disk that holds `ORDERS_HOME`.
        rebuild: the last rebuild of damaged figures.
        first_arrival: when the first order file arrived.
        failed_backup: the newest backup, if it failed.
        last_backup: when the last good backup began.
        waiting_files: None while the intake is paused, or if no file waits.
        open_refunds: None if each refund has its outcome.
        uncaptured: None if no order is authorized.
        waiting_notices: None if no notice to a customer waits.
        waiting_events: those older than `EVENT_WAITS_MINUTES`, but not older than `EVENT_REPORTED_HOURS`.
    """

    now: int
    services: dict[str, bool]
    queues: dict[str, Queue] | None
    served: frozenset[str] | None
    ended: int
    unsold: int
    last_arrival: int | None
    open_imports: list[OpenImport]
    figures_due_since: int | None
    free_share: float
    quarantine: Quarantine
    waiting_files: WaitingFiles | None
    sensors: list[SilentSensor]
    rebuild: Rebuild | None = None
    first_arrival: int | None = None
    failed_backup: FailedBackup | None = None
    last_backup: int | None = None
    open_refunds: OpenRefunds | None = None
    uncaptured: Uncaptured | None = None
    waiting_events: WaitingEvents | None = None
    failed_results: FailedResults | None = None
    webhooks: tuple[WaitingWebhook, ...] = ()
    waiting_notices: WaitingNotices | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Thresholds of the alerts; 0 turns a rule off.

    Attributes:
        failure_share: failed share of the orders that ended in the last hour.
        disk_free_share: free share of the disk that holds `ORDERS_HOME`.
        backup_hours: age of the last good backup, where backups are scheduled.
        authorization_hours: hours after which an authorization that was not captured is voided.
        uncaptured_hours: hours before that at which the alert is raised.
    """

    waiting_minutes: float
    failure_share: float
    no_arrivals_hours: float
    stuck_minutes: float
    figures_minutes: float
    disk_free_share: float
    backup_hours: float
    inbox_minutes: float
    refund_minutes: float
    webhook_minutes: float
    notification_minutes: float
    authorization_hours: float
    uncaptured_hours: float
