"""The order stores for tests of the core: both kinds, one after the other."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.import_bench import ImportBench
from tests.services import drop_database
from tests.stores import create_migrated_database, open_test_engine

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty order store. On PostgreSQL it has tables; on SQLite, `prepare_store` copies them."""
    return _store_url(request, tmp_path, "migrated_postgres_url")


@pytest.fixture(params=KINDS)
def new_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an order store without tables, for tests of the migrations that create them."""
    return _store_url(request, tmp_path, "postgres_url")


def _store_url(request: pytest.FixtureRequest, tmp_path: Path, postgres_fixture: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'orders.db'}"
    url: str = request.getfixturevalue(postgres_fixture)
    return url


@pytest.fixture
def migrated_postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a database with the tables of an order store. It exists for the duration of the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield create_migrated_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture
def bench(store_url: str, tmp_path: Path) -> Iterator[ImportBench]:
    """An empty home on each kind of order store."""
    engine = open_test_engine(store_url)
    yield ImportBench.at(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def lone_bench(tmp_path: Path) -> Iterator[ImportBench]:
    """An empty home on SQLite, for tests that do not depend on the kind of store."""
    engine = open_test_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    yield ImportBench.at(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """URL of a web server, and the requests posted to it."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    thread.join()
    server.server_close()
