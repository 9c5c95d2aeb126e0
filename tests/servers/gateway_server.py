"""Runs `orders gateway` as a process for tests, on a free port, with a journal in a given folder."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from orders_pipeline.base.model import EndKind
from orders_pipeline.payments.backends.http.gateway import HttpGateway
from tests.services import accepts
from tests.warm_processes import warm_orders

SEED = "gateway-tests"
SUCCESS_RATE = 0.7


@dataclass(slots=True)
class GatewayServer:
    """A simulator that can be killed and restarted on the same port and journal."""

    folder: Path
    options: list[str] = field(default_factory=list)
    delay: float = 0.0
    api_key: str = ""
    seed: str = SEED
    success_rate: float = SUCCESS_RATE
    capture_success_rate: float = SUCCESS_RATE
    refund_success_rate: float = SUCCESS_RATE
    longest_delay: float = 0.0
    webhook_secret: str = ""
    port: int = 0
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it accepts requests."""
        command = [
            str(warm_orders()),
            "gateway",
            "--json",
            "--port",
            str(self.port),
            "--folder",
            str(self.folder),
        ]
        self.process = subprocess.Popen(
            [*command, *self.options], stdout=subprocess.PIPE, env=self._environment(), text=True
        )
        said = ""
        while not said.endswith("\n}\n"):
            line = self.process.stdout.readline() if self.process.stdout else ""
            assert line, f"the gateway did not start: {said}"
            said += line
        assert "url" in json.loads(said), said
        self.port = int(json.loads(said)["url"].rpartition(":")[2])

    def kill(self) -> None:
        """Sends SIGKILL; returns when the port is closed."""
        assert self.process
        self.process.kill()
        self.stop()
        while accepts(self.port):
            time.sleep(0.01)

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()

    def client(self, **changes: Any) -> HttpGateway:
        """A gateway client with short timeouts."""
        options: dict[str, Any] = {"timeout": 5.0, "known_within": 20.0, "api_key": self.api_key}
        return HttpGateway(self.url, **(options | changes))

    def set_faults(self, **plan: Any) -> None:
        httpx.put(f"{self.url}/control/faults", json=plan).raise_for_status()

    def injected(self) -> dict[str, int]:
        """How often each fault happened since the start."""
        counts: dict[str, int] = httpx.get(f"{self.url}/control/faults").json()["injected"]
        return counts

    def journal(self) -> dict[str, tuple[int, str, str | None]]:
        """Amount, currency and transaction of each charge, read from the file."""
        return self._entries("charges")

    def refunds(self) -> dict[str, tuple[int, str, str | None]]:
        """Amount, currency and transaction of each refund, read from the file."""
        return self._entries("refunds")

    def ends(self, kind: EndKind) -> dict[str, tuple[int, str, str | None]]:
        """Amount, currency and transaction of each capture or void, read from the file."""
        return self._entries(f"{kind}s")

    def _entries(self, table: str) -> dict[str, tuple[int, str, str | None]]:
        with closing(sqlite3.connect(self.folder / "journal.db")) as connection:
            query = f"SELECT reference, amount, currency, transaction_id FROM {table}"  # noqa: S608 constants
            rows = connection.execute(query).fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        return {reference: tuple(rest) for reference, *rest in rows}

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "ORDERS_PAYMENT_SEED": self.seed,
            "ORDERS_PAYMENT_SUCCESS_RATE": str(self.success_rate),
            "ORDERS_PAYMENT_DELAY_MIN": str(self.delay),
            "ORDERS_PAYMENT_DELAY_MAX": str(max(self.delay, self.longest_delay)),
            "ORDERS_CAPTURE_SUCCESS_RATE": str(self.capture_success_rate),
            "ORDERS_REFUND_SUCCESS_RATE": str(self.refund_success_rate),
            "ORDERS_REFUND_DELAY_MIN": str(self.delay),
            "ORDERS_REFUND_DELAY_MAX": str(max(self.delay, self.longest_delay)),
            "ORDERS_PAYMENT_API_KEY": self.api_key,
            "ORDERS_PAYMENT_WEBHOOK_SECRET": self.webhook_secret,
            "ORDERS_HOME": str(self.folder),
        }


@contextmanager
def running_gateway(
    folder: Path, *options: str, delay: float = 0.0, api_key: str = ""
) -> Iterator[GatewayServer]:
    """A simulator that ends with the context."""
    server = GatewayServer(folder, list(options), delay, api_key)
    server.start()
    try:
        yield server
    finally:
        server.stop()
