"""The console and the HTTP API while Redis accepts data but never answers."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest
import redis
import requests

from orders_pipeline.base.settings import Settings
from orders_pipeline.services.outage import Outage
from orders_pipeline.services.redis_clients import AWAY, open_guarded_redis
from tests.servers.api_server import running_server
from tests.services import running_redis
from tests.waiting import eventually

AWAY_SINCE = r"Redis has not answered since \d\d:\d\d\..*The broker has not answered since \d\d:\d\d\."


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """A Redis server whose process is stopped."""
    with closing(redis.Redis.from_url(url)) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_pages_and_health_tell_since_when_redis_has_not_answered(tmp_path: Path) -> None:
    with running_redis() as redis_url:
        settings = Settings(home=tmp_path, redis_url=redis_url)
        with running_server(settings) as url, requests.Session() as session:

            def page(path: str) -> str:
                return session.get(f"{url}{path}", timeout=30).text

            assert "has not answered" not in page("/")
            with stopped(redis_url):
                page("/")
                for path in ("/", "/operations"):
                    assert re.search(AWAY_SINCE, page(path))
                services = session.get(f"{url}/api/health", timeout=30).json()["services"]
                assert services["redis"]["message"].startswith("Redis has not answered since")
                assert services["queue"]["message"].startswith("The broker has not answered since")
                assert 'orders_up{service="redis"} 0.0' in page("/metrics")
                assert session.get(f"{url}/api/kpis/realtime", timeout=30).json()["success"]
            eventually(lambda: session.get(f"{url}/api/health", timeout=30).status_code == 200)
            eventually(lambda: "has not answered" not in page("/"))


@contextmanager
def silent_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that never answers: its port, and the connections that it has accepted."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:
                    return

        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], accepted
        listener.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


def test_only_the_first_command_of_an_outage_waits_for_redis() -> None:
    def down() -> None:
        raise redis.ConnectionError

    outage = Outage(down, *AWAY)
    with silent_server() as (port, accepted), closing(outage):
        url = f"redis://127.0.0.1:{port}/0"
        with closing(open_guarded_redis(url, outage)) as client:
            with pytest.raises(redis.TimeoutError):
                client.get("key")
            assert len(accepted) == 1
            with pytest.raises(redis.ConnectionError, match="asked again in the background"):
                client.get("key")
            with pytest.raises(redis.ConnectionError), client.pipeline() as pipeline:
                pipeline.get("key").execute()
            assert len(accepted) == 1


def test_a_connection_that_redis_closed_is_opened_again_without_an_outage(redis_url: str) -> None:
    outage = Outage(lambda: None, *AWAY)
    with (
        closing(open_guarded_redis(redis_url, outage)) as client,
        closing(redis.from_url(redis_url)) as other,
    ):
        client.set("key", "value")
        other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert client.get("key") == "value"
        assert outage.since is None
