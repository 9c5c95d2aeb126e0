"""Contract of `jobs.dagster_seams.grpc_waits`, in a separate process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from threading import Event

import pytest
from dagster._grpc import server_watcher
from dagster._grpc.client import DagsterGrpcClient

from jobs.dagster_seams.grpc_waits import WATCH_SECONDS, watch_rarely
from orders_pipeline.base.settings import PROJECT_ROOT

WAITING = """
import signal, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from jobs.dagster_seams.grpc_waits import SECONDS, wake_rarely

wake_rarely()
waits = []
wait_once = grpc._common._wait_once
grpc._common._wait_once = lambda wait, seconds, spin: (waits.append(seconds), wait_once(wait, seconds, spin))
server = grpc.server(ThreadPoolExecutor(1))
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
print("waits", flush=True)
server.wait_for_termination()
assert set(waits) == {SECONDS}, waits
"""


def test_a_server_that_wakes_up_rarely_ends_when_it_is_asked_to() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITING], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"waits\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process.stdout.close()


class OneWait(Event):
    """An event that the first waiter sets. Records how long each waiter would have waited."""

    seconds: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds = timeout
        self.set()
        return True


def test_a_process_looks_rarely_whether_its_code_server_was_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The original value is restored after the test.
    monkeypatch.setattr(server_watcher, "WATCH_INTERVAL", server_watcher.WATCH_INTERVAL)
    monkeypatch.setattr(DagsterGrpcClient, "get_server_id", lambda *_, **__: "one")
    watch_rarely()
    ended = OneWait()
    server_watcher.watch_grpc_server_thread(
        "definitions",
        DagsterGrpcClient(socket="/nowhere"),
        ended,
        get_location_entry=lambda _: None,
        refresh_code_location=lambda _: None,
        on_disconnect=lambda _: None,
        on_reconnected=lambda _: None,
        on_updated=lambda *_: None,
        on_error=lambda _: None,
    )
    assert ended.seconds == WATCH_SECONDS
