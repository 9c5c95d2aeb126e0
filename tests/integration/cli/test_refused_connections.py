"""Each way in which a real service refuses a connection has its message and remedy, without a stack trace."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.explained import explain
from cli.failure import CommandFailed
from jobs.workers.queues import queue_sizes
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_clients import open_redis, try_writing
from orders_pipeline.store.engine import open_engine, reading
from tests.services import free_port

OTHER = "another"


def refusal(work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> CommandFailed:
    """What a command prints about an error."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 any class: the words are what is tested
        work()
    failed = explain(raised.value)
    assert "Traceback" not in capsys.readouterr().err
    assert failed.hint
    return failed


def ask_store(url: str) -> Callable[[], object]:
    def ask() -> None:
        engine = open_engine(url, pool_seconds=0.1)
        try:
            with reading(engine) as connection:
                connection.execute(text("SELECT count(*) FROM home"))
        finally:
            engine.dispose()

    return ask


POSTGRES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another database": (lambda url: url.set(database="nosuch"), "has no database of this name"),
    "another user": (lambda url: url.set(username="nobody"), "does not know the user"),
    "another port": (lambda url: url.set(port=free_port()), "cannot be used"),
    "another host": (lambda url: url.set(host="nosuch.invalid"), "has a host name that cannot be found"),
}


@pytest.mark.parametrize(("change", "sentence"), POSTGRES.values(), ids=POSTGRES.keys())
def test_postgresql(
    change: Callable[[Any], Any], sentence: str, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = change(make_url(postgres_url)).render_as_string(hide_password=False)
    failed = refusal(ask_store(changed), capsys)
    assert failed.code == "store_unavailable"
    assert failed.message.startswith(f"The order store {sentence}: ")
    assert "ORDERS_DATABASE_URL" in failed.hint


@pytest.mark.parametrize("statement", ["CONNECTION LIMIT 0", "ALLOW_CONNECTIONS false"])
def test_a_postgresql_without_a_free_connection(
    statement: str, postgres_url: str, postgres_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = make_url(postgres_url).database
    admin = open_engine(f"{postgres_server}/postgres").execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE ROLE guest LOGIN"))
        try:
            connection.execute(text(f'ALTER DATABASE "{database}" WITH {statement}'))
            guest = make_url(postgres_url).set(username="guest").render_as_string(hide_password=False)
            failed = refusal(ask_store(guest), capsys)
        finally:
            connection.execute(text(f'ALTER DATABASE "{database}" WITH CONNECTION LIMIT -1'))
            connection.execute(text(f'ALTER DATABASE "{database}" WITH ALLOW_CONNECTIONS true'))
            connection.execute(text("DROP ROLE guest"))
    admin.dispose()
    assert failed.code == "store_unavailable"


@contextmanager
def configured(client: redis.Redis, **values: str) -> Iterator[None]:
    before = {name: client.config_get(name)[name] for name in values}  # type: ignore[index]
    for name, value in values.items():
        client.config_set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            client.config_set(name, value)


def test_a_redis_whose_password_was_changed(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_redis(redis_url)) as client:
        client.ping()
        with configured(client, requirepass=OTHER):
            for url in (redis_url, redis_url.replace("redis://", "redis://:old@")):
                with closing(open_redis(url)) as other:
                    failed = refusal(lambda other=other: try_writing(other), capsys)  # type: ignore[misc]
                assert failed.code == "redis_unavailable"
                assert failed.message.startswith("Redis refuses the user or the password: ")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"maxmemory": "1"}, "Redis has no memory left: "),
        ({"min-replicas-to-write": "1"}, "Redis takes no writes: "),
    ],
)
def test_a_redis_that_takes_no_writes(
    settings: dict[str, str], sentence: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(open_redis(redis_url)) as client, configured(client, **settings):
        failed = refusal(lambda: try_writing(client), capsys)
    assert failed.message.startswith(sentence)


def test_a_redis_that_is_away_or_has_no_such_database(
    redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(open_redis(f"redis://127.0.0.1:{free_port()}/0")) as client:
        failed = refusal(client.ping, capsys)
    assert failed.message.startswith("Redis cannot be used: ")
    with closing(open_redis(redis_url.replace("/0", "/99"))) as client:
        failed = refusal(client.ping, capsys)
    assert failed.message.startswith("Redis has no database of this name: ")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: url.set(password=OTHER), "The broker refuses the user or the password: "),
        (lambda url: url.set(database="nosuch"), "The broker has no database of this name: "),
        (lambda url: url.set(port=free_port()), "The broker cannot be used: "),
    ],
    ids=["password", "virtual host", "port"],
)
def test_rabbitmq(
    change: Callable[[Any], Any], sentence: str, rabbitmq_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = change(make_url(rabbitmq_url)).render_as_string(hide_password=False)
    failed = refusal(
        lambda: queue_sizes(Settings(broker_url=changed, redis_url="redis://127.0.0.1/0")), capsys
    )
    assert failed.code == "broker_unavailable"
    assert failed.message.startswith(sentence)


def test_sqlite_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    failed = refusal(ask_store(f"sqlite:///{tmp_path / 'folder'}"), capsys)
    assert failed.message.startswith("The order store cannot be opened: ")
    (tmp_path / "text").write_text("no database" * 1000)
    failed = refusal(ask_store(f"sqlite:///{tmp_path / 'text'}"), capsys)
    assert failed.message.startswith("The order store is damaged: ")


def test_a_disk_that_cannot_be_written_is_not_a_damaged_store() -> None:
    full = sqlite3.OperationalError("disk I/O error")
    failed = explain(OperationalError("INSERT", {}, full))
    assert failed.message == "The order store cannot read or write its disk: disk I/O error"
    assert "full" in failed.hint
    assert "restore" not in failed.hint


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EROFS, "disk_read_only"),
        (errno.EACCES, "not_permitted"),
        (errno.ENAMETOOLONG, "name_too_long"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    number: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def lock() -> None:
        raise OSError(number, os.strerror(number), "/home/run/start.lock")

    failed = refusal(lock, capsys)
    assert failed.code == code
    assert failed.message == f"/home/run/start.lock cannot be used: {os.strerror(number)}"


def test_a_wrong_statement_is_a_bug_and_leaves_its_trace(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProgrammingError) as raised:
        ask_store(postgres_url)()
    assert explain(raised.value).code == "internal_error"
    assert "UndefinedTable" in capsys.readouterr().err
