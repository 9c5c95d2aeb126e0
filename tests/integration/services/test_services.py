"""The services that other tests use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import kombu
import psycopg2
import pytest
import redis

from tests import services


def test_postgres_database_is_empty_and_accepts_writes(postgres_url: str) -> None:
    connection = psycopg2.connect(postgres_url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1); SELECT count(*) FROM t")
        assert cursor.fetchone() == (1,)
    connection.close()


def test_redis_is_empty_and_accepts_writes(any_redis_url: str) -> None:
    with redis.Redis.from_url(any_redis_url, decode_responses=True) as client:
        assert client.keys() == []
        client.set("key", "value")
        assert client.get("key") == "value"


def test_rabbitmq_delivers_a_message(rabbitmq_url: str) -> None:
    with kombu.Connection(rabbitmq_url) as connection, connection.SimpleQueue("orders") as queue:
        queue.put({"n": 1})
        message = queue.get(timeout=10)
        message.ack()
        assert message.payload == {"n": 1}


# Started like a benchmark that `timeout` ends, or whose terminal is closed.
BENCHMARK = """
import sys, time
from tests import services
with services.running_redis() as first, services.running_redis() as second:
    print(first.split(":")[-1], second.split(":")[-1], flush=True)
    time.sleep(services.STARTUP_SECONDS)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_services_end_with_the_process_that_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", BENCHMARK]
    with subprocess.Popen(
        command, cwd=services.PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        ports = [int(url.split(b"/")[0]) for url in process.stdout.readline().split()]
        assert all(map(services.accepts, ports))
        for sent in (number, number, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(sent)
    assert not any(map(services.accepts, ports))
    assert not list(tmp_path.iterdir())


def test_a_missing_service_skips_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT COVERED: Kafka: kafka is not installed"):
        services.require_service("Kafka", None, "kafka is not installed")


def test_a_missing_service_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Kafka"):
        services.require_service("Kafka", None, "kafka is not installed")
