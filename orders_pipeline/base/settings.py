"""The one settings class: every setting of the pipeline, read once at the entry points."""

from __future__ import annotations

import os
from datetime import date
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orders_pipeline.base.currency import currency_code
from orders_pipeline.base.secret_files import SHORTEST

PROJECT_ROOT = Path(__file__).resolve().parents[2]

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrOff = Annotated[int, Field(ge=0, le=65535)]
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


class ApiReads(StrEnum):
    """Who may read over HTTP: everybody, or clients with a key."""

    OPEN = "open"
    KEY = "key"


class Settings(BaseSettings):
    """Typed settings, from `ORDERS_*` environment variables and the `.env` file of the project's root."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERS_", env_file=PROJECT_ROOT / ".env", extra="ignore", frozen=True
    )

    home: Path = Field(PROJECT_ROOT / "var", description="The one folder that holds all state.")
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
        1.0, description="Shortest answer time of a charge, seconds."
    )
    payment_delay_max: Annotated[float, Field(ge=0)] = Field(
        3.0, description="Longest answer time of a charge, seconds."
    )
    payment_seed: str = Field("", description="Seed of the simulated outcomes. Empty: drawn once per home.")
    payment_max_in_flight: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Charges that one worker process keeps open at the gateway at once."
    )

    payment_url: str = Field(
        "", description="Payment gateway, http(s)://host. Empty: simulated inside the worker processes."
    )
    payment_api_key: str = Field("", repr=False, description="API key of the payment gateway; secret.")
    payment_timeout: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Seconds that one request to the gateway may wait for its answer."
    )
    payment_known_within: Annotated[float, Field(gt=0)] = Field(
        60.0,
        description="Seconds for which one try of a step asks for the outcome of a charge.",
    )
    payment_connections: Annotated[int, Field(ge=1)] = Field(
        100, description="Requests that one worker process keeps open at the gateway at once."
    )

    inbox: Path | None = Field(
        None,
        description="Folder that is watched for order files under `orders up`. Empty: inbox in the home.",
    )
    rejects_limit: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Share of rejected lines in a file above which the asset check warns."
    )
    unknown_sku: UnknownSku = Field(
        UnknownSku.CREATE, description="Unknown products: create them, or reject the order."
    )
    unknown_sku_stock: Annotated[int, Field(ge=0)] = Field(
        1000, description="Stock of a product created on first sight."
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
        description="Time zone of naive times and of the KPI day. It stays as it was for the store's first "
        "orders.",
    )
    currency: str = Field(
        "USD",
        description="Currency of files that name none, and of figures asked for without one. It stays as it "
        "was for the store's first orders.",
    )
    first_day: date = Field(date(2000, 1, 1), description="First KPI day; earlier orders are rejected.")
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
        description="Alert if a complete file lies in the inbox for so many minutes and the intake is not "
        "paused. 0: off.",
    )
    alert_quiet_minutes: Annotated[float, Field(ge=0)] = Field(
        5.0, description="Minutes without its cause after which an alert ends."
    )
    rate_limit: Annotated[int, Field(ge=0)] = Field(
        120, description="HTTP requests per minute and client. 0: no limit."
    )

    worker_processes: PoolSize = Field(
        0,
        description="Processes of the worker that `orders import` brings; `orders up` sizes its own by it. "
        "0: one per core.",
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
        30, description="How long a reservation holds its stock."
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

    stop_seconds: Annotated[int, Field(ge=1)] = Field(
        600, description="Seconds that a stopping worker has to finish its batch."
    )
    webserver_port: Port = Field(3000, description="Port of the Dagster webserver on 127.0.0.1.")
    hosts: str = Field(
        "",
        description="Names by which clients reach the API and Dagster's webserver, separated by commas, "
        "beside localhost and IP addresses.",
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT,
        description="Form of log lines: text or json. Unless it is set, what `orders up` starts writes json.",
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Lowest level of the log lines that are written.")
    viewer_port: PortOrOff = Field(
        0, description="Port on 127.0.0.1 of a second, read-only Dagster webserver. 0: there is none."
    )
    flower_port: PortOrOff = Field(0, description="Port of Flower on 127.0.0.1. 0: it does not run.")
    flower_login: str = Field(
        "",
        repr=False,
        description="USER:PASSWORD that Flower asks for. Empty: drawn once per home, in run/flower.login.",
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
        description="Key that HTTP writes need, 16 characters or more. Empty: drawn once, in run/api.key.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, separated by commas, whose X-Forwarded-For the API believes. "
        "127.0.0.1 if nginx on this machine is in front of it. Empty: none.",
    )
    api_reads: ApiReads = Field(
        ApiReads.OPEN, description="Who may read over HTTP: everybody (open), or clients with a key (key)."
    )
    dagster_home: Path = Field(
        PROJECT_ROOT, validation_alias="DAGSTER_HOME", description="Folder of the dagster.yaml that is used."
    )

    @field_validator("home", "dagster_home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("home")
    @classmethod
    def _no_url_marks(cls, value: Path) -> Path:
        if any(mark in "?%" or not mark.isprintable() for mark in str(value)):
            raise ValueError(
                "a path with ?, % or control characters cannot be used: Dagster's SQLite stores read them as "
                "parts of a URL"
            )
        return value

    @field_validator("inbox", "backup_folder", "smtp_ca", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

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

    @field_validator("staging_url")
    @classmethod
    def _area_url(cls, value: str) -> str:
        if value and "://" not in value:
            raise ValueError("not a URL such as s3://bucket/folder")
        return value

    @field_validator("payment_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("not a URL such as https://payments.example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _delays_in_order(self) -> Settings:
        if self.payment_delay_max < self.payment_delay_min:
            raise ValueError("ORDERS_PAYMENT_DELAY_MAX is below ORDERS_PAYMENT_DELAY_MIN")
        return self

    @field_validator("api_key")
    @classmethod
    def _hard_to_guess(cls, value: str) -> str:
        if value and len(value.strip()) < SHORTEST:
            raise ValueError(f"a key has at least {SHORTEST} characters; empty: the home draws one")
        return value.strip()

    @field_validator("smtp_url")
    @classmethod
    def _mail_url(cls, value: str) -> str:
        url = urlsplit(value)
        if value and url.scheme not in ("smtp", "smtps"):
            raise ValueError("not a URL such as smtp://host:587 or smtps://host:465")
        if url.query not in ("", "tls=off") or (url.query and url.scheme == "smtps"):
            raise ValueError("the only option is ?tls=off, of smtp://")
        if url.query and url.password and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("with ?tls=off everybody in between could read the password")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for name in listed(value):
            ip_network(name)
        return value

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
    def proxy_addresses(self) -> tuple[str, ...]:
        """The addresses and networks of `ORDERS_TRUSTED_PROXIES`."""
        return listed(self.trusted_proxies)

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


def listed(value: str) -> tuple[str, ...]:
    """The parts of a value that are separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def load_settings() -> Settings:
    """Settings of this process.

    Raises:
        SettingsError: a variable has an unusable value; the message names each.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_explain(e["loc"], e["msg"]) for e in error.errors())
        raise SettingsError(problems) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    name = f"ORDERS_{location[0]}".upper() if location else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"
