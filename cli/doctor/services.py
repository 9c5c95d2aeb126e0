"""Examines what the pipeline works with: order store, Redis, broker, workers, gateway, Dagster, notices."""

from __future__ import annotations

import time
from collections.abc import Iterator

import redis
from sqlalchemy import Engine, text

from cli.context import is_store_made
from cli.doctor.finding import Finding, error, milliseconds_since, ok, warning
from cli.stack.broker import broker_answers
from cli.stack.stack import stack_status
from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.connect import http_gateway
from orders_pipeline.services.redis_server import broker_url, find_server, redis_url
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.migrate import HEAD, current_revision

CLOCK_SECONDS = 2.0
UP = "`orders up` starts it."


def order_store(settings: Settings) -> Iterator[Finding]:
    """Connection, clock and tables of the order store."""
    if not is_store_made(settings):
        yield ok("database", "SQLite, not made yet: the first command makes it")
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
    if revision == HEAD:
        yield ok("migrations", f"tables of revision {revision}")
    elif revision is None:
        yield warning("migrations", "there are no tables yet", "`orders files` makes them.")
    else:
        mend = "`orders backup`, then any command of the newer version brings them up to date."
        yield error("migrations", f"tables of revision {revision}, this version has {HEAD}", mend)


def clock(name: str, theirs: float) -> Finding:
    """This machine's clock against another's, seconds since 1970."""
    apart = abs(time.time() - theirs)
    if apart > CLOCK_SECONDS:
        mend = "Keep the clocks of all machines by NTP (timedatectl set-ntp true)."
        return error(name, f"{apart:,.1f} seconds apart from this machine's", mend)
    return ok(name, f"{apart:.2f} seconds apart")


def redis_server(settings: Settings) -> Iterator[Finding]:
    """Redis: connection, clock, and whether it may drop tasks."""
    if not settings.redis_url and not stack_status(settings).running:
        yield ok("redis", f"embedded, not running; would run {find_server()}")
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
            f"with the policy {policy} it drops tasks and figures when its memory is full",
            "CONFIG SET maxmemory-policy noeviction, and in its configuration file.",
        )
    else:
        yield ok("redis_memory", f"{info.get('used_memory_human')} used, policy {policy}")
    is_broker = settings.redis_url and not settings.broker_url
    if is_broker and not info.get("aof_enabled"):
        yield warning(
            "redis_persistence",
            "waiting tasks are lost when it restarts; their imports are launched again after a while",
            "Set `appendonly yes`, or use RabbitMQ by ORDERS_BROKER_URL.",
        )


def broker(settings: Settings) -> Iterator[Finding]:
    """The broker, what waits in its queues, and the workers on them."""
    if not (settings.broker_url or settings.redis_url) and not stack_status(settings).running:
        yield ok("broker", "the embedded Redis, not running")
        return
    began = time.monotonic()
    if not broker_answers(broker_url(settings)):
        mend = "Check ORDERS_BROKER_URL, and that RabbitMQ or Redis runs."
        yield error("broker", "does not answer", mend)
        return
    yield ok("broker", f"answers, {milliseconds_since(began)}")
    yield from _workers(settings)


def _workers(settings: Settings) -> Iterator[Finding]:
    from jobs.celery_app import build_app  # noqa: PLC0415 takes two seconds to load
    from jobs.workers.queues import QUEUES, misdeclared_queues, queue_sizes, unserved_queues  # noqa: PLC0415

    sizes, app = queue_sizes(settings), build_app(settings)
    yield ok("queues", ", ".join(f"{queue}: {size} waiting" for queue, size in sizes.items()))
    for queue, reason in misdeclared_queues(settings, app).items():
        mend = f"Once it is empty: rabbitmqctl delete_queue {queue} (--vhost ...). Workers declare it anew."
        yield error("queue_arguments", f"{queue} is not as workers declare it: {reason}", mend)
    unserved = unserved_queues(app, 2)
    if unserved:
        mend = "`orders up` starts workers here; where they are busy or far away, look again."
        yield warning("workers", f"none answers for {', '.join(sorted(unserved))}", mend)
    else:
        yield ok("workers", f"answer for {', '.join(QUEUES)}")


def payment_gateway(settings: Settings) -> Iterator[Finding]:
    """Whether the payment gateway answers, and takes the API key."""
    if not settings.payment_url:
        yield ok("payment_gateway", "simulated inside the worker processes")
        return
    began = time.monotonic()
    http_gateway(settings).check()
    yield ok("payment_gateway", f"{settings.payment_url} answers, {milliseconds_since(began)}")


def dagster(settings: Settings) -> Iterator[Finding]:
    """Dagster's configuration and stores."""
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists():
        yield error("dagster", f"{file} is missing", "Set DAGSTER_HOME to the folder of a dagster.yaml.")
        return
    prepared = settings.home / "run" / "dagster.prepared"
    if not prepared.exists() or str(settings.dagster_home) not in prepared.read_text().splitlines():
        yield ok("dagster", f"{file}, its stores are not made yet")
        return
    from jobs.dagster_seams.runs import count_runs, silent_daemons  # noqa: PLC0415
    from jobs.launch import dagster_instance  # noqa: PLC0415 takes two seconds to load

    began = time.monotonic()
    with dagster_instance(settings) as instance:
        runs, silent = count_runs(instance), silent_daemons(instance)
    yield ok("dagster", f"{file}: {runs:,} runs, {milliseconds_since(began)}")
    if silent:
        yield warning("daemon", f"no heartbeat of {', '.join(silent)}", UP)
    else:
        yield ok("daemon", "heartbeats are fresh")


def notices(settings: Settings) -> Iterator[Finding]:
    """Whether anybody is told when something fails."""
    if settings.notify_webhook or (settings.notify_email and settings.smtp_url):
        yield ok("notices", "somebody is told when a run fails")
    else:
        mend = "Set ORDERS_NOTIFY_WEBHOOK, or ORDERS_NOTIFY_EMAIL with ORDERS_SMTP_URL."
        yield warning("notices", "nobody is told when a run fails", mend)
