"""Contract of `jobs.dagster_seams.grpc_waits`, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

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


def test_a_server_that_wakes_up_rarely_ends_when_it_is_told() -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITING], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"waits\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process.stdout.close()
