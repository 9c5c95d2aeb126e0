"""Examines the services: order store, Redis, broker, workers, payment gateway, Dagster and notices."""

from __future__ import annotations

import time
from collections.abc import Iterator

import redis
from sqlalchemy import Engine, text

from cli.context import is_store_made
from cli.doctor.finding import Finding, error, milliseconds_since, ok, warning
from cli.stack.broker import ask_broker
from cli.stack.stack import stack_status
from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.connect import ProviderAccount, http_gateway, provider_account
from orders_pipeline.services.redis_server import broker_url, find_server, outdated_server, redis_url
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.known_store import require_present_store
from orders_pipeline.store.revisions import OURS, StoreRefused, current_revision, require_current

CLOCK_SECONDS = 2.0
UP = "Start it with `orders up`."


def order_store(settings: Settings) -> Iterator[Finding]:
    """Checks the connection, clock and tables of the order store."""
    try:
        require_present_store(settings.store_url, settings.home)
    except StoreRefused as refused:
        yield error("database", refused.message, refused.hint)
        return
    if not is_store_made(settings):
        yield ok("database", "SQLite, not created yet; the first command creates it")
        return
    engine = open_engine(settings.store_url)
    try:
        yield from _examine_store(engine)
    finally:
        engine.dispose()


def _examine_store(engine: Engine) -> Iterator[Finding]:
    began = time.monotonic()
    postgres = engine.dialect.name == "postgresql"
    with reading(engine) as connection:
        query = "SHOW server_version" if postgres else "SELECT sqlite_version()"
        found = connection.execute(text(query)).scalar_one()
        yield ok("database", f"{engine.dialect.name} {found}, {milliseconds_since(began)}")
        if postgres:
            now = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
            yield clock("clock_of_database", float(now))
        revision = current_revision(connection)
    yield _tables(revision)


def _tables(revision: str | None) -> Finding:
    try:
        require_current(revision)
    except StoreRefused as refused:
        return error("migrations", refused.message, refused.hint)
    if revision is None:
        return warning("migrations", "there are no tables yet", "`orders files` creates them.")
    return ok("migrations", f"the tables are of revision {OURS.head}")


def clock(name: str, theirs: float) -> Finding:
    """Compares this machine's clock with another one (`theirs`, in seconds since 1970)."""
    apart = abs(time.time() - theirs)
    if apart > CLOCK_SECONDS:
        mend = "Synchronise the clocks of all machines with NTP (timedatectl set-ntp true)."
        return error(name, f"differs by {apart:,.1f} seconds from this machine's clock", mend)
    return ok(name, f"differs by {apart:.2f} seconds")


def redis_server(settings: Settings) -> Iterator[Finding]:
    """Checks the connection, version and clock of Redis, and whether it can lose tasks."""
    if not settings.redis_url and (message := outdated_server()):
        yield warning("redis_version", message, "Install redis or valkey; the system's server is preferred.")
    if not settings.redis_url and not stack_status(settings).running:
        yield ok("redis", f"embedded, not running; the server is {find_server()}")
        return
    began = time.monotonic()
    with redis.Redis.from_url(redis_url(settings), socket_connect_timeout=3, socket_timeout=3) as client:
        seconds, microseconds = client.time()
        info = client.info()
        yield ok("redis", f"{info['redis_version']}, {milliseconds_since(began)}")
        yield clock("clock_of_redis", seconds + microseconds / 1e6)
        yield from _keeping(settings, info)


def _keeping(settings: Settings, info: dict[str, object]) -> Iterator[Finding]:
    policy = info.get("maxmemory_policy", "unknown")
    if info.get("maxmemory") and policy != "noeviction":
        yield error(
            "redis_memory",
            f"the policy {policy} drops tasks and figures when memory is full",
            "Set maxmemory-policy to noeviction, with CONFIG SET and in the configuration file.",
        )
    else:
        yield ok("redis_memory", f"{info.get('used_memory_human')} used, policy {policy}")
    is_broker = settings.redis_url and not settings.broker_url
    if is_broker and not info.get("aof_enabled"):
        yield warning(
            "redis_persistence",
            "a restart loses waiting tasks; their imports are launched again after some time",
            "Set `appendonly yes`, or use RabbitMQ with ORDERS_BROKER_URL.",
        )


def broker(settings: Settings) -> Iterator[Finding]:
    """Checks the broker, its queues and the workers."""
    if not (settings.broker_url or settings.redis_url) and not stack_status(settings).running:
        yield ok("broker", "the embedded Redis, not running")
        return
    began = time.monotonic()
    ask_broker(broker_url(settings))
    yield ok("broker", f"answers, {milliseconds_since(began)}")
    yield from _workers(settings)


def _workers(settings: Settings) -> Iterator[Finding]:
    from jobs.celery_app import build_app  # noqa: PLC0415 takes two seconds to load
    from jobs.workers.queues import QUEUES, misdeclared_queues, queue_sizes, unserved_queues  # noqa: PLC0415

    sizes, app = queue_sizes(settings), build_app(settings)
    yield ok("queues", ", ".join(f"{queue}: {size} waiting" for queue, size in sizes.items()))
    for queue, reason in misdeclared_queues(settings, app).items():
        mend = (
            f"When it is empty, run rabbitmqctl delete_queue {queue} (--vhost ...). Workers declare it again."
        )
        yield error("queue_arguments", f"{queue} differs from the declaration of the workers: {reason}", mend)
    unserved = unserved_queues(app, 2)
    if unserved:
        mend = "Start workers here with `orders up`. If they are busy or on other machines, check again."
        yield warning("workers", f"no worker answers for {', '.join(sorted(unserved))}", mend)
    else:
        yield ok("workers", f"workers answer for {', '.join(QUEUES)}")


def payment_gateway(settings: Settings) -> Iterator[Finding]:
    """Checks that the payment gateway answers and accepts the API key."""
    if provider := provider_account(settings):
        yield from _provider(*provider)
        return
    if not settings.payment_url:
        yield ok("payment_gateway", "simulated inside the worker processes")
        return
    began = time.monotonic()
    http_gateway(settings).check()
    yield ok("payment_gateway", f"{settings.payment_url} answers, {milliseconds_since(began)}")


def _provider(name: str, account: ProviderAccount) -> Iterator[Finding]:
    began = time.monotonic()
    account.check()
    mode = "live" if account.is_live else "test"
    yield ok("payment_gateway", f"{name} answers in {mode} mode, {milliseconds_since(began)}")
    if not account.is_restricted:
        mend = "Create a restricted key (rk_) that can write PaymentIntents and refunds and read the account."
        yield warning("stripe_key", "the API key of Stripe is unrestricted", mend)


def dagster(settings: Settings) -> Iterator[Finding]:
    """Checks Dagster's configuration, stores and daemons."""
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists():
        yield error("dagster", f"{file} is missing", "Set DAGSTER_HOME to a folder with a dagster.yaml.")
        return
    prepared = settings.home / "run" / "dagster.prepared"
    if not prepared.exists() or str(settings.dagster_home) not in prepared.read_text().splitlines():
        yield ok("dagster", f"{file}; its stores are not created yet")
        return
    from jobs.dagster_seams.runs import count_runs, silent_daemons  # noqa: PLC0415
    from jobs.launch import dagster_instance  # noqa: PLC0415 takes two seconds to load

    began = time.monotonic()
    with dagster_instance(settings) as instance:
        runs, silent = count_runs(instance), silent_daemons(instance)
    yield ok("dagster", f"{file}: {runs:,} runs, {milliseconds_since(began)}")
    if silent:
        yield warning("daemon", f"no heartbeat from {', '.join(silent)}", UP)
    else:
        yield ok("daemon", "all heartbeats are recent")


def notices(settings: Settings) -> Iterator[Finding]:
    """Checks that notices about failures are sent to someone."""
    if settings.notify_webhook or (settings.notify_email and settings.smtp_url):
        yield ok("notices", "notices are sent when a run fails")
    else:
        mend = "Set ORDERS_NOTIFY_WEBHOOK, or ORDERS_NOTIFY_EMAIL with ORDERS_SMTP_URL."
        yield warning("notices", "no notice is sent when a run fails", mend)
