"""The one settings class: every setting of the pipeline, read once at the entry points."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from datetime import date
from decimal import Decimal
from email.utils import parseaddr
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orders_pipeline.base.amounts.currency import currency_code
from orders_pipeline.base.files.secret_files import SHORTEST
from orders_pipeline.base.model import NOTICE_EVENTS, Notifications, Role

# What Standard Webhooks asks for, in bytes.
SHORTEST_SIGNING_SECRET = 24
LONGEST_DUNNING_HOURS = 24 * 90
STRIPE_KEYS, MOLLIE_KEYS = ("sk_", "rk_"), ("test_", "live_")
PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ("localhost", "127.0.0.1", "::1")
KEY_FILES = ("oidc_client_secret_file", "stripe_key_file", "mollie_key_file")
# The schemes of services that are supported, and an example.
EXAMPLES_OF_URLS = {
    "database_url": (
        ("postgresql+psycopg2", "sqlite", "sqlite+pysqlite"),
        "postgresql+psycopg2://user:password@host/db",
    ),
    "redis_url": (("redis", "rediss", "unix"), "redis://host:6379/0"),
    "broker_url": (
        ("amqp", "amqps", "pyamqp", "redis", "rediss", "redis+socket"),
        "amqp://user:password@host//",
    ),
    "notify_webhook": (("http", "https"), "https://chat.example.com/hook"),
    "traces_url": (("http", "https"), "http://127.0.0.1:4318"),
    "flower_broker_api": (("http", "https"), "http://user:password@host:15672/api/"),
}
# What is said about a value of another type, by pydantic's name of the error.
OTHER_TYPES = {
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "float_parsing": "not a number",
    "decimal_parsing": "not a number",
    "bool_parsing": "neither true nor false",
    "date_from_datetime_parsing": "not a date such as 2025-12-31",
    "date_from_datetime_inexact": "not a date such as 2025-12-31",
}
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrOff = Annotated[int, Field(ge=0, le=65535)]
# What the journal books, and on which account, unless ORDERS_JOURNAL_ACCOUNTS says another one.
JOURNAL_ACCOUNTS = {
    "sales": "sales",
    "refunds": "refunds",
    "disputes": "disputes",
    "fees": "payment fees",
    "provider": "payment provider",
    "transit": "cash in transit",
    "bank": "bank",
    "other": "provider adjustments",
    "conversion": "currency conversion",
}
PoolSize = Annotated[int, Field(ge=0)]


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class LogFormat(StrEnum):
    """How log lines look: JSON objects for programs that collect them, or text for people."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The lowest level of the lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class UnknownSku(StrEnum):
    """What happens to an order line whose SKU is not in the product list."""

    CREATE = "create"
    REJECT = "reject"


class PaymentCapture(StrEnum):
    """When an order is captured: with the charge, or later on request."""

    AT_CHARGE = "at_charge"
    LATER = "later"


class ApiReads(StrEnum):
    """Who may read over HTTP without signing in and without a key.

    Everybody on this machine, as long as nothing else reaches the API; everybody; or nobody.
    """

    LOCAL = "local"
    OPEN = "open"
    KEY = "key"


class UnknownUsers(StrEnum):
    """Users whom a proxy or an OpenID provider signs in, and whom the store does not know."""

    REFUSE = "refuse"
    VIEWER = "viewer"


class Settings(BaseSettings):
    """Typed settings, from `ORDERS_*` environment variables and the `.env` file of the project's root."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERS_", env_file=PROJECT_ROOT / ".env", extra="ignore", frozen=True
    )

    home: Path = Field(PROJECT_ROOT / "var", description="The folder that holds all state.")
    database_url: str = Field(
        "",
        repr=False,
        description="Order store. Empty: SQLite in the home. PostgreSQL: postgresql+psycopg2://user:password@host/db",
    )
    redis_url: str = Field(
        "",
        repr=False,
        description="KPI cache, leaderboards and counters. Empty: an embedded Redis in the home.",
    )
    broker_url: str = Field(
        "",
        repr=False,
        description="Celery broker. Empty: the same Redis. RabbitMQ: amqp://user:password@host//",
    )
    staging_url: str = Field(
        "",
        description="Staging area for several machines: s3://bucket/folder, or a file:///folder that all of "
        "them mount. Empty: staging in the home.",
    )

    payment_success_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        0.9, description="Share of charges that the simulated gateway accepts."
    )
    payment_delay_min: Annotated[float, Field(ge=0)] = Field(
        1.0, description="Shortest response time of a simulated charge, in seconds."
    )
    payment_delay_max: Annotated[float, Field(ge=0)] = Field(
        3.0, description="Longest response time of a simulated charge, in seconds."
    )
    payment_seed: str = Field(
        "", description="Seed of the simulated outcomes. Empty: generated once per home."
    )
    payment_max_in_flight: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Charges that one worker process keeps open at the gateway at once."
    )

    payment_capture: PaymentCapture = Field(
        PaymentCapture.AT_CHARGE,
        description="When payments are captured: at_charge, or later, by `orders capture`.",
    )
    dunning_hours: str = Field(
        "",
        description="Hours from the first, second, ... decline of a payment to its next attempt, such as "
        "24,72,120. Empty: declined payments are not retried automatically.",
    )
    dunning_reasons: str = Field(
        "insufficient_funds,try_again_later,processing_error,issuer_not_available,reenter_transaction,"
        "card_velocity_exceeded,withdrawal_count_limit_exceeded,do_not_honor,generic_decline,card_declined,"
        "refused_by_issuer",
        description="Decline reasons that are temporary, so that `ORDERS_DUNNING_HOURS` applies.",
    )
    authorization_hours: Annotated[float, Field(gt=0)] = Field(
        96.0, description="Hours after which an authorization that was not captured is voided."
    )
    capture_success_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Share of captures that the simulated gateway accepts."
    )

    refund_success_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Share of refunds that the simulated gateway accepts."
    )
    refund_delay_min: Annotated[float, Field(ge=0)] = Field(
        0.5, description="Shortest response time of a simulated refund, in seconds."
    )
    refund_delay_max: Annotated[float, Field(ge=0)] = Field(
        1.5, description="Longest response time of a simulated refund, in seconds."
    )

    payment_url: str = Field(
        "", description="Payment gateway, http(s)://host. Empty: simulated inside the worker processes."
    )
    payment_api_key: str = Field("", repr=False, description="API key of the payment gateway; secret.")
    payment_webhook_secret: str = Field(
        "",
        repr=False,
        description="Secret with which the payment gateway signs its events: whsec_ and at least 24 bytes in "
        "base64. Empty: its events are refused.",
    )
    stripe_key: str = Field(
        "",
        repr=False,
        description="Secret or restricted API key of Stripe. Makes Stripe the payment gateway. Empty: see "
        "ORDERS_STRIPE_KEY_FILE.",
    )
    stripe_key_file: Path | None = Field(
        None, description="File with the API key of Stripe. Empty: Stripe is not used."
    )
    stripe_url: str = Field("", description="URL of a test server in place of Stripe's API. Empty: Stripe.")
    stripe_statement_suffix: str = Field(
        "",
        description="Statement descriptor suffix, after the shop's prefix on statements. Empty: none.",
    )
    stripe_webhook_secret: str = Field(
        "",
        repr=False,
        description="Signing secret of the webhook endpoint at Stripe (whsec_...). Empty: events of Stripe "
        "are refused.",
    )
    mollie_key: str = Field(
        "",
        repr=False,
        description="API key of Mollie. Makes Mollie the payment gateway. Empty: see ORDERS_MOLLIE_KEY_FILE.",
    )
    mollie_key_file: Path | None = Field(
        None, description="File with the API key of Mollie. Empty: Mollie is not used."
    )
    mollie_url: str = Field("", description="URL of a test server in place of Mollie's API. Empty: Mollie.")
    payment_timeout: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Timeout of one request to the gateway, in seconds."
    )
    payment_known_within: Annotated[float, Field(gt=0)] = Field(
        60.0,
        description="Seconds for which one try of a step looks up the outcome of a charge.",
    )
    payment_connections: Annotated[int, Field(ge=1)] = Field(
        100, description="Requests that one worker process keeps open at the gateway at once."
    )

    refund_limit: Annotated[Decimal | None, Field(ge=0)] = Field(
        None,
        description="Refunds above this amount, in the currency of the order, wait until another operator "
        "approves them. Empty: no limit.",
    )
    payout_days: Annotated[int, Field(ge=1, le=365)] = Field(
        7,
        description="Days after which a payment must be in a report of the payment provider, and a payout at "
        "the bank. After that, it is late.",
    )
    journal_accounts: str = Field(
        "",
        description="Accounts of the journal, such as sales=8400,bank=1200,provider=1360,fees=4970. "
        "Accounts that are not listed keep their default names.",
    )

    inbox: Path | None = Field(
        None,
        description="Folder that is watched for order files under `orders up`. Empty: inbox in the home.",
    )
    outbox: str = Field(
        "",
        description="Folder, or URL such as s3://bucket/folder, to which `orders up` writes the results of "
        "each finished file as CSV. Empty: none.",
    )
    rejects_limit: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Share of rejected lines in a file above which the asset check warns."
    )
    unknown_sku: UnknownSku = Field(
        UnknownSku.CREATE, description="Unknown products: create them, or reject the order."
    )
    unknown_sku_stock: Annotated[int, Field(ge=0)] = Field(
        1000, description="Initial stock of a product that an order file creates."
    )
    low_stock: Annotated[int | None, Field(ge=0)] = Field(
        None,
        description="Stock of a product at which the event `stock.low` is sent. "
        "`orders products threshold` sets it for one product. Empty: none.",
    )

    keep_batches_days: Annotated[int, Field(ge=0)] = Field(
        7, description="Days for which the parsed batches of a settled file are kept. 0: for ever."
    )
    keep_originals_days: Annotated[int, Field(ge=0)] = Field(
        90,
        description="Days for which settled and refused order files are kept, staged and in the inbox's "
        "folders done and quarantine. 0: for ever.",
    )
    keep_rejects_days: Annotated[int, Field(ge=0)] = Field(
        90, description="Days for which rejected lines of settled and refused files are kept. 0: for ever."
    )
    keep_replaced_days: Annotated[int, Field(ge=0)] = Field(
        30, description="Days for which the SQLite store that a restore replaced is kept. 0: for ever."
    )
    keep_runs_days: Annotated[int, Field(ge=0)] = Field(
        30, description="Days for which Dagster's ended runs, their events and logs are kept. 0: for ever."
    )
    backup_folder: Path | None = Field(
        None, description="Folder for nightly backups of the order store. Empty: no backups."
    )
    backups_kept: Annotated[int, Field(ge=1)] = Field(
        14, description="How many of the newest nightly backups are kept in that folder."
    )

    timezone: str = Field(
        "UTC",
        description="Time zone of naive times and of the KPI day. It cannot change after the store's first "
        "orders.",
    )
    currency: str = Field(
        "USD",
        description="Currency of files that name none, and of figures by default. It cannot change after "
        "the store's first orders.",
    )
    first_day: date = Field(date(2000, 1, 1), description="First KPI day; earlier orders are rejected.")
    webhook_allowed_networks: str = Field(
        "",
        description="Private networks, separated by commas, that webhooks may reach, even over http, such as "
        "10.0.0.0/8. Empty: public addresses over https only.",
    )
    keep_events_days: Annotated[int, Field(ge=0)] = Field(
        30, description="Days for which events and their deliveries are kept. 0: for ever."
    )
    notify_webhook: str = Field(
        "", repr=False, description="URL to which notices are posted as JSON (text, subject). Empty: none."
    )
    notify_email: str = Field("", description="Addresses, separated by commas, to which notices are mailed.")
    smtp_url: str = Field(
        "",
        repr=False,
        description="Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://host:465. "
        "smtp://localhost:25?tls=off for one on this machine, or one without a password.",
    )
    smtp_ca: Path | None = Field(
        None,
        description="File of the certificate authorities to trust for mail. Empty: those of the system.",
    )
    smtp_sender: str = Field("orders-pipeline@localhost", description="Sender of mailed notices.")
    notifications: Notifications = Field(
        Notifications.OFF,
        description="Notices to customers: off, smtp, or log, which only writes a line to the log for each. "
        "Addresses are stored only if it is not off.",
    )
    notifications_events: str = Field(
        ",".join(NOTICE_EVENTS),
        description="Events that customers get notices about, separated by commas.",
    )
    notifications_sender: str = Field(
        "",
        description="Sender of notices to customers, such as Shop <orders@shop.example>. Notices use "
        "this name for the shop. Empty: ORDERS_SMTP_SENDER.",
    )
    notifications_language: str = Field(
        "en", description="Language of notices if the customer's language is unknown or has no templates."
    )
    notifications_per_minute: Annotated[int, Field(ge=1)] = Field(
        120, description="Maximum number of notices to customers per minute."
    )
    notifications_order_days: Annotated[int, Field(ge=1)] = Field(
        14,
        description="Notices are not sent for orders that were placed more than this many days ago, so that "
        "an import of old orders sends none. Refunds by the gateway always get one.",
    )
    notifications_unsubscribe: str = Field(
        "",
        description="Where customers unsubscribe: a mail address, or an https URL in which {notification} is "
        "the id of the notice. Empty: the sender's address.",
    )
    keep_notifications_days: Annotated[int, Field(ge=0)] = Field(
        365, description="Days for which the history of notices to customers is kept. 0: for ever."
    )
    alert_waiting_minutes: Annotated[float, Field(ge=0)] = Field(
        30.0, description="Alert when the first task of a queue has waited for this many minutes. 0: off."
    )
    alert_failure_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.25, description="Alert when this share of the orders of the last hour failed. 0: off."
    )
    alert_no_arrivals_hours: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Alert when no order file has arrived for this many hours. 0: off."
    )
    alert_stuck_minutes: Annotated[float, Field(ge=0)] = Field(
        30.0, description="Alert when no order of a running import has moved for this many minutes. 0: off."
    )
    alert_figures_minutes: Annotated[float, Field(ge=0)] = Field(
        60.0,
        description="Alert when the KPIs lag behind the orders by this many minutes. 0: off.",
    )
    alert_disk_free_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Alert when less than this share of the disk of ORDERS_HOME is free. 0: off."
    )
    alert_backup_hours: Annotated[float, Field(ge=0)] = Field(
        48.0,
        description="Alert when the last good backup is older than this many hours, where "
        "ORDERS_BACKUP_FOLDER is set. 0: off.",
    )
    alert_inbox_minutes: Annotated[float, Field(ge=0)] = Field(
        5.0,
        description="Alert when a complete file has been in the inbox for this many minutes, unless the "
        "intake is paused. 0: off.",
    )
    alert_refund_minutes: Annotated[float, Field(ge=0)] = Field(
        60.0, description="Alert when a refund has had no outcome for this many minutes. 0: off."
    )
    alert_webhook_minutes: Annotated[float, Field(ge=0)] = Field(
        60.0,
        description="Alert when an event was not delivered to a webhook for this many minutes. 0: off.",
    )
    alert_notification_minutes: Annotated[float, Field(ge=0)] = Field(
        60.0,
        description="Alert when notices to customers wait and none could be sent for this many minutes. "
        "0: off.",
    )
    alert_uncaptured_hours: Annotated[float, Field(ge=0)] = Field(
        24.0, description="Alert this many hours before authorizations are voided. 0: off."
    )
    alert_quiet_minutes: Annotated[float, Field(ge=0)] = Field(
        5.0, description="Minutes after which an alert ends once its cause is gone."
    )
    rate_limit: Annotated[int, Field(ge=0)] = Field(
        120, description="HTTP requests per minute for each client. 0: no limit."
    )

    worker_processes: PoolSize = Field(
        0,
        description="Processes of the worker that `orders import` starts, and basis for the size of those of "
        "`orders up`. 0: one per core.",
    )
    order_workers_min: PoolSize = Field(
        0,
        description="Minimum processes of the worker on queue `orders`. 0: a quarter of the maximum.",
    )
    order_workers_max: PoolSize = Field(
        0,
        description="Maximum processes of the worker on queue `orders`. 0: ORDERS_WORKER_PROCESSES.",
    )
    default_workers_min: PoolSize = Field(
        0,
        description="Minimum processes of the worker on queue `dagster`. 0: a quarter of the maximum.",
    )
    default_workers_max: PoolSize = Field(
        0,
        description="Maximum processes of the worker on queue `dagster`. 0: half the cores, at least 2.",
    )
    batch_lines: Annotated[int, Field(ge=1)] = Field(
        250_000, description="Lines in a batch of a large file; a batch is the unit that one worker works on."
    )
    transaction_orders: Annotated[int, Field(ge=1)] = Field(
        25_000, description="Orders settled in one transaction inside a batch."
    )
    reservation_minutes: Annotated[int, Field(ge=1)] = Field(
        30, description="Minutes for which a reservation holds its stock."
    )
    run_patience: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Seconds without a heartbeat after which an import's run counts as dead."
    )
    work_patience: Annotated[float, Field(gt=0)] = Field(
        45.0,
        description="Seconds without work or a waiting task after which an import's tasks count as lost.",
    )
    visibility_timeout: Annotated[int, Field(ge=1)] = Field(
        3600, description="Seconds after which Redis hands an unfinished task to another worker."
    )

    warm_runs: bool = Field(
        True,
        description="Whether runs are forked from a process that has loaded the pipeline. If not, each run "
        "loads it itself, which takes seconds.",
    )
    stop_seconds: Annotated[int, Field(ge=1)] = Field(
        600, description="Seconds that a stopping worker has to finish its batch."
    )
    webserver_port: Port = Field(3000, description="Port of the Dagster webserver on 127.0.0.1.")
    hosts: str = Field(
        "",
        description="Host names by which clients reach the API and Dagster's webserver, separated by commas, "
        "in addition to localhost and IP addresses. Links to the console use the first one.",
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT,
        description="Format of log lines: text or json. By default, programs of `orders up` write json.",
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Lowest level of the log lines that are written.")
    traces_url: str = Field(
        "",
        description="Collector of traces that accepts OTLP over HTTP, such as http://localhost:4318. "
        "Empty: no traces.",
    )
    viewer_port: PortOrOff = Field(
        0, description="Port on 127.0.0.1 of a second, read-only Dagster webserver. 0: off."
    )
    flower_port: PortOrOff = Field(0, description="Port of Flower on 127.0.0.1. 0: off.")
    flower_login: str = Field(
        "",
        repr=False,
        description="USER:PASSWORD of Flower. Empty: generated once per home, in run/flower.login.",
    )
    flower_broker_api: str = Field(
        "",
        repr=False,
        description="RabbitMQ's management API for Flower: http://user:password@host:15672/api/. Or empty.",
    )
    api_port: Port = Field(8000, description="Port of the HTTP API on 127.0.0.1.")
    api_key: str = Field(
        "",
        repr=False,
        description="The home's API key, 16 characters or more. Empty: generated once, in run/api.key.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, separated by commas, whose X-Forwarded-For the API trusts. "
        "127.0.0.1 if nginx runs in front of it on this machine. Empty: none.",
    )
    upload_limit_mb: Annotated[int, Field(ge=1)] = Field(
        1024, description="Largest order file that may be uploaded over HTTP, in MiB."
    )
    api_reads: ApiReads = Field(
        ApiReads.LOCAL,
        description="Who may read over HTTP without signing in and without a key. local: everybody on this "
        "machine, unless ORDERS_HOSTS or ORDERS_TRUSTED_PROXIES is set. open: everybody. key: nobody.",
    )
    session_idle_minutes: Annotated[float, Field(gt=0)] = Field(
        120.0, description="Minutes without use after which a session of the console ends."
    )
    session_hours: Annotated[float, Field(gt=0)] = Field(
        12.0, description="Hours after which a session of the console ends, even if it is in use."
    )
    proxy_user_header: str = Field(
        "",
        description="Header in which the proxies of ORDERS_TRUSTED_PROXIES name the user who has signed in "
        "there, such as X-Orders-User. Empty: none.",
    )
    unknown_users: UnknownUsers = Field(
        UnknownUsers.REFUSE,
        description="What happens to users whom the proxy or the OpenID provider signs in, but who were not "
        "added here: refuse them, or let them read (viewer).",
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider that signs users in, https://host. Empty: none."
    )
    oidc_client_id: str = Field("", description="Client id at the OpenID provider.")
    oidc_client_secret_file: Path | None = Field(
        None, description="File with the client secret. Empty: a public client, without a secret."
    )
    oidc_name_claim: str = Field(
        "preferred_username", description="Claim that becomes the name of a new user, such as email."
    )
    oidc_role_claim: str = Field(
        "",
        description="Claim with the groups or roles of a user, such as groups or realm_access.roles. Empty: "
        "roles are those of `orders users`.",
    )
    oidc_roles: str = Field(
        "",
        description="Role of each value of that claim, separated by commas: "
        "shop-admins=admin,shop-staff=operator. A user with several values gets the highest role.",
    )
    dagster_home: Path = Field(
        PROJECT_ROOT, validation_alias="DAGSTER_HOME", description="Folder of the dagster.yaml that is used."
    )

    @field_validator("home", "dagster_home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return _expanded(value).resolve()

    @field_validator("inbox", "backup_folder", "smtp_ca", *KEY_FILES)
    @classmethod
    def _absolute_if_set(cls, value: Path | None) -> Path | None:
        return value and _expanded(value).absolute()

    @field_validator("home")
    @classmethod
    def _no_url_marks(cls, value: Path) -> Path:
        if any(mark in "?%" or not mark.isprintable() for mark in str(value)):
            raise ValueError(
                "a path with ?, % or control characters cannot be used: Dagster's SQLite stores read them as "
                "parts of a URL"
            )
        return value

    @field_validator(
        "inbox",
        "backup_folder",
        "smtp_ca",
        "refund_limit",
        "low_stock",
        *KEY_FILES,
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin") from error
        return value

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        return currency_code(value)

    @field_validator(*EXAMPLES_OF_URLS)
    @classmethod
    def _service_url(cls, value: str, info: ValidationInfo) -> str:
        schemes, example = EXAMPLES_OF_URLS[str(info.field_name)]
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError(f"not a URL such as {example}")
        return value

    @field_validator("staging_url")
    @classmethod
    def _area_url(cls, value: str) -> str:
        if value and "://" not in value:
            raise ValueError("not a URL such as s3://bucket/folder")
        return value

    @field_validator("dunning_hours")
    @classmethod
    def _hours_of_dunning(cls, value: str) -> str:
        for hours in listed(value):
            try:
                known = 0 < float(hours) <= LONGEST_DUNNING_HOURS
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"{hours!r} is not a number of hours from 0 to {LONGEST_DUNNING_HOURS}")
        return value

    @field_validator("payment_url", "stripe_url", "mollie_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("not a URL such as https://payments.example.com")
        return value.rstrip("/")

    @field_validator("stripe_key")
    @classmethod
    def _key_of_stripe(cls, value: str) -> str:
        if value and not value.strip().startswith(STRIPE_KEYS):
            raise ValueError("a secret key of Stripe begins with sk_, a restricted one with rk_")
        return value.strip()

    @field_validator("mollie_key")
    @classmethod
    def _key_of_mollie(cls, value: str) -> str:
        if value and not value.strip().startswith(MOLLIE_KEYS):
            raise ValueError("a key of Mollie begins with test_ or live_")
        return value.strip()

    @model_validator(mode="after")
    def _one_gateway(self) -> Settings:
        named = {
            "ORDERS_PAYMENT_URL": bool(self.payment_url),
            "ORDERS_STRIPE_KEY": self.uses_stripe,
            "ORDERS_MOLLIE_KEY": self.uses_mollie,
        }
        both = [name for name, is_set in named.items() if is_set]
        if len(both) > 1:
            raise ValueError(f"{' and '.join(both)} name several payment gateways; keep one")
        for name in ("stripe_key", "mollie_key"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                setting = f"ORDERS_{name.upper()}"
                raise ValueError(f"{setting} and {setting}_FILE are both set; unset one")
        return self

    @model_validator(mode="after")
    def _delays_in_order(self) -> Settings:
        if self.payment_delay_max < self.payment_delay_min:
            raise ValueError("ORDERS_PAYMENT_DELAY_MAX is below ORDERS_PAYMENT_DELAY_MIN")
        if self.refund_delay_max < self.refund_delay_min:
            raise ValueError("ORDERS_REFUND_DELAY_MAX is below ORDERS_REFUND_DELAY_MIN")
        return self

    @field_validator("api_key")
    @classmethod
    def _hard_to_guess(cls, value: str) -> str:
        if value and len(value.strip()) < SHORTEST:
            raise ValueError(f"a key has at least {SHORTEST} characters; empty: one is generated")
        return value.strip()

    @field_validator("payment_webhook_secret")
    @classmethod
    def _signing_secret(cls, value: str) -> str:
        try:
            length = len(b64decode(value.strip().removeprefix("whsec_"), validate=True))
        except ValueError:
            length = 0
        if value.strip() and length < SHORTEST_SIGNING_SECRET:
            raise ValueError(f"whsec_ and at least {SHORTEST_SIGNING_SECRET} bytes in base64")
        return value.strip()

    @field_validator("smtp_url")
    @classmethod
    def _mail_url(cls, value: str) -> str:
        url = urlsplit(value)
        if value and url.scheme not in ("smtp", "smtps"):
            raise ValueError("not a URL such as smtp://host:587 or smtps://host:465")
        if url.query not in ("", "tls=off") or (url.query and url.scheme == "smtps"):
            raise ValueError("the only option is ?tls=off, of smtp://")
        if url.query and url.password and url.hostname not in LOOPBACK:
            raise ValueError("with ?tls=off everybody in between could read the password")
        if not unquote(f"{url.username or ''}{url.password or ''}").isascii():
            raise ValueError("a user and a password for mail servers have ASCII characters only")
        return value

    @field_validator("notifications_events")
    @classmethod
    def _notice_events(cls, value: str) -> str:
        for name in listed(value):
            if name not in NOTICE_EVENTS:
                raise ValueError(f"{name!r} is not one of {', '.join(NOTICE_EVENTS)}")
        return value

    @field_validator("notifications_sender")
    @classmethod
    def _notice_sender(cls, value: str) -> str:
        name, address = parseaddr(value)
        if value and (not value.isprintable() or "@" not in address or "," in name):
            raise ValueError("not an address such as Shop <orders@shop.example>")
        return value

    @field_validator("notifications_unsubscribe")
    @classmethod
    def _unsubscribe(cls, value: str) -> str:
        if value and not (value.startswith("https://") or "@" in value):
            raise ValueError("not a mail address, and not a URL such as https://shop.example.com/unsubscribe")
        if any(mark in "<>," or not mark.isprintable() or mark.isspace() for mark in value):
            raise ValueError("it must not contain spaces, commas, < or >")
        return value

    @model_validator(mode="after")
    def _mail_can_be_sent(self) -> Settings:
        if self.notifications is Notifications.SMTP and not self.smtp_url:
            raise ValueError("ORDERS_NOTIFICATIONS is smtp, so ORDERS_SMTP_URL must be set")
        return self

    @field_validator("journal_accounts")
    @classmethod
    def _accounts(cls, value: str) -> str:
        accounts_by_name(value)
        return value

    @field_validator("trusted_proxies", "webhook_allowed_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        for name in listed(value):
            ip_network(name)
        return value

    @field_validator("proxy_user_header")
    @classmethod
    def _header_name(cls, value: str) -> str:
        if value and not HEADER_NAME.fullmatch(value):
            raise ValueError("not the name of a header, such as X-Orders-User")
        return value.lower()

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        url = urlsplit(value)
        is_local = url.scheme == "http" and url.hostname in LOOPBACK
        if value and not is_local and not (url.scheme == "https" and url.hostname):
            raise ValueError("not a URL such as https://login.example.com")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _role_mapping(cls, value: str) -> str:
        role_mapping(value)
        return value

    @model_validator(mode="after")
    def _provider_is_complete(self) -> Settings:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("ORDERS_OIDC_ISSUER needs ORDERS_OIDC_CLIENT_ID")
        if bool(self.oidc_role_claim) != bool(self.oidc_roles):
            raise ValueError("ORDERS_OIDC_ROLE_CLAIM and ORDERS_OIDC_ROLES are set together")
        return self

    @model_validator(mode="after")
    def _header_comes_from_proxies(self) -> Settings:
        if self.proxy_user_header and not self.trusted_proxies:
            raise ValueError("ORDERS_PROXY_USER_HEADER needs ORDERS_TRUSTED_PROXIES")
        return self

    @field_validator("flower_login")
    @classmethod
    def _user_and_password(cls, value: str) -> str:
        user, colon, password = value.partition(":")
        if value and not (user and colon and password and "," not in value):
            raise ValueError("it must be USER:PASSWORD, without a comma")
        return value

    @model_validator(mode="after")
    def _pools_in_order(self) -> Settings:
        for queue in ("order", "default"):
            least, most = getattr(self, f"{queue}_workers_min"), getattr(self, f"{queue}_workers_max")
            if most and least > most:
                name = f"ORDERS_{queue.upper()}_WORKERS"
                raise ValueError(f"{name}_MAX is below {name}_MIN")
        return self

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of `ORDERS_HOSTS`, in small letters."""
        return listed(self.hosts.lower())

    @property
    def console_url(self) -> str:
        """Where people reach the console: by the first name of `ORDERS_HOSTS`, or on this machine."""
        names = self.host_names
        return f"https://{names[0]}" if names else f"http://127.0.0.1:{self.api_port}"

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        """The addresses and networks of `ORDERS_TRUSTED_PROXIES`."""
        return listed(self.trusted_proxies)

    @property
    def webhook_networks(self) -> tuple[str, ...]:
        """The networks of `ORDERS_WEBHOOK_ALLOWED_NETWORKS`."""
        return listed(self.webhook_allowed_networks)

    @property
    def notice_events(self) -> tuple[str, ...]:
        """The events of which customers get notices; none while notices are off."""
        return () if self.notifications is Notifications.OFF else listed(self.notifications_events)

    @property
    def hours_of_dunning(self) -> tuple[float, ...]:
        """Hours from each decline of a payment to its next attempt; none if declines are not retried."""
        return tuple(map(float, listed(self.dunning_hours)))

    @property
    def uses_stripe(self) -> bool:
        """Whether Stripe is the payment gateway."""
        return bool(self.stripe_key or self.stripe_key_file)

    @property
    def uses_mollie(self) -> bool:
        """Whether Mollie is the payment gateway."""
        return bool(self.mollie_key or self.mollie_key_file)

    def stripe_secret(self) -> str:
        """Returns the API key of Stripe.

        Raises:
            SettingsError: its file cannot be read, or holds something else.
        """
        return self.stripe_key or _key_in("ORDERS_STRIPE_KEY_FILE", self.stripe_key_file, STRIPE_KEYS)

    def mollie_secret(self) -> str:
        """Returns the API key of Mollie.

        Raises:
            SettingsError: its file cannot be read, or holds something else.
        """
        return self.mollie_key or _key_in("ORDERS_MOLLIE_KEY_FILE", self.mollie_key_file, MOLLIE_KEYS)

    @property
    def zone(self) -> ZoneInfo:
        """The configured time zone."""
        return ZoneInfo(self.timezone)

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the order store."""
        return self.database_url or f"sqlite:///{self.home / 'orders.db'}"

    @property
    def staging_folder(self) -> Path:
        """The staging area, a folder per partition key; with a URL only what is on its way."""
        return self.home / "staging"

    @property
    def inbox_folder(self) -> Path:
        """Folder that is watched for order files."""
        return self.inbox or self.home / "inbox"

    @property
    def warehouse(self) -> Path:
        """Folder of the DuckDB file and of the copy that readers open."""
        return self.home / "warehouse"

    @property
    def processes(self) -> int:
        """Number of processes that work on batches on this machine."""
        return self.worker_processes or os.cpu_count() or 1


def _key_in(setting: str, file: Path | None, begins: tuple[str, ...]) -> str:
    try:
        key = file.read_text().strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting} cannot be read: {type(error).__name__}") from None
    if not key.startswith(begins):
        raise SettingsError(f"{setting} holds no key that begins with {' or '.join(begins)}")
    return key


def listed(value: str) -> tuple[str, ...]:
    """The parts of a value that are separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def accounts_by_name(value: str) -> dict[str, str]:
    """The accounts of `ORDERS_JOURNAL_ACCOUNTS`, by what is booked on them.

    Raises:
        ValueError: a part is not `NAME=ACCOUNT`.
    """
    accounts = dict(JOURNAL_ACCOUNTS)
    for name, _, account in (part.partition("=") for part in listed(value)):
        if name not in accounts or not account:
            raise ValueError(f"not NAME=ACCOUNT, with a name of {', '.join(accounts)}")
        accounts[name] = account
    return accounts


def role_mapping(value: str) -> dict[str, Role]:
    """The roles by group of `ORDERS_OIDC_ROLES`.

    Raises:
        ValueError: a part is not `GROUP=ROLE`.
    """
    pairs = [part.rpartition("=") for part in listed(value)]
    for group, _, role in pairs:
        if not group or role not in set(Role):
            raise ValueError("not GROUP=ROLE, with a role of viewer, operator or admin")
    return {group: Role(role) for group, _, role in pairs}


def load_settings() -> Settings:
    """Settings of this process.

    Raises:
        SettingsError: a variable has an unusable value; the message names each.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_explain(e["loc"], OTHER_TYPES.get(e["type"], e["msg"])) for e in error.errors())
        raise SettingsError(problems) from None


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"there is no user {path.parts[0].removeprefix('~')!r}") from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    name = f"ORDERS_{location[0]}".upper() if location else "settings"
    explanation = message.removeprefix("Value error, ").replace("Input should", "it must")
    return f"{name}: {explanation}"
