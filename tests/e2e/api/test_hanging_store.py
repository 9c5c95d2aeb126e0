"""The HTTP API while PostgreSQL accepts data but never answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import enumerate as all_threads

import pytest
import requests

from orders_pipeline.base.settings import Settings
from tests.servers.api_server import running_server
from tests.services import STARTUP_SECONDS, create_database, hanging_postgres, running_postgres

# Connections of an API to its store, and threads of its requests.
CONNECTIONS, THREADS = 5, 40
Answers = list[Future[requests.Response]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server only for this module, which may be stopped."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def settings(postgres: str, redis_url: str, tmp_path: Path) -> Settings:
    url = create_database(postgres, f"hanging_{tmp_path.name}".lower())
    # No connection is given up while the test runs.
    patient = f"{url}?connect_timeout={STARTUP_SECONDS}"
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0, database_url=patient)


def ask(pool: ThreadPoolExecutor, url: str, number: int) -> Answers:
    """Sends this number of concurrent requests, each of which reads the store."""
    return [pool.submit(requests.get, f"{url}/api/imports", timeout=60) for _ in range(number)]


def wait_for_threads(number: int) -> None:
    """Waits until this number of requests occupy a thread of the API."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while sum("AnyIO" in thread.name for thread in all_threads()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_finds_every_connection_hanging_is_told_that_the_store_does_not_answer(
    settings: Settings, postgres: str
) -> None:
    with running_server(settings, 0.5) as url, ThreadPoolExecutor(THREADS) as pool:
        assert requests.get(f"{url}/api/imports", timeout=25).status_code == 200
        with hanging_postgres(postgres):
            answers = ask(pool, url, CONNECTIONS + 1)
            done, _ = wait(answers, return_when=FIRST_COMPLETED)
            assert {answer.result().json()["message"] for answer in done} == {
                "The order store does not answer."
            }
            with requests.get(f"{url}/live", stream=True, timeout=25) as stream:
                assert b"does not answer" in next(
                    line for line in stream.iter_lines() if line.startswith(b"data")
                )
        assert {answer.result().status_code for answer in answers} == {200, 503}


def test_whoever_watches_has_a_thread_while_all_others_hang(settings: Settings, postgres: str) -> None:
    with running_server(settings, STARTUP_SECONDS) as url, ThreadPoolExecutor(THREADS) as pool:
        assert requests.get(f"{url}/api/imports", timeout=25).status_code == 200
        with hanging_postgres(postgres):
            answers = ask(pool, url, THREADS)
            wait_for_threads(THREADS)
            for path in ("/api/health", "/api/ready"):
                assert requests.get(f"{url}{path}", timeout=25).status_code == 503
            assert "orders_up" in requests.get(f"{url}/metrics", timeout=25).text
        assert 200 in {answer.result().status_code for answer in answers}
