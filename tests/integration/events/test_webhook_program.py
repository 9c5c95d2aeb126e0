"""The program that delivers events, as `orders up` starts it; and a receiver in Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import update

from orders_pipeline.base.model import EventType
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.store.schema import webhook_endpoints
from tests.import_bench import ImportBench, Line, many_orders
from tests.services import require_service
from tests.webhooks import add, receiving, relay

ORDERS = 30
VERIFY = """
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
"""


@contextmanager
def delivering(bench: ImportBench) -> Iterator[subprocess.Popen[bytes]]:
    variables = {
        "ORDERS_HOME": str(bench.settings.home),
        "ORDERS_DATABASE_URL": bench.engine.url.render_as_string(hide_password=False),
        "ORDERS_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "cli.events"], cwd=PROJECT_ROOT, env=os.environ | variables
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_killed_program_loses_nothing_and_another_goes_on(bench: ImportBench) -> None:
    killed, complete = Event(), Event()
    with receiving() as receiver:
        _, receiver.secret = add(bench.engine, receiver.url, EventType.ORDER_COMPLETED)
        bench.import_lines(*many_orders(ORDERS))
        with delivering(bench) as first:

            def kill_later(_: list[dict[str, Any]]) -> int:
                if len(receiver.requests) == ORDERS // 3:
                    first.kill()
                    killed.set()
                return 204

            receiver.answer = kill_later
            assert killed.wait(60)
            first.wait()
        with bench.engine.begin() as connection:
            # As if the time for which it claimed the endpoint had passed.
            connection.execute(update(webhook_endpoints).values(held_until=0))

        def count(_: list[dict[str, Any]]) -> int:
            if len({headers["webhook-id"] for headers in receiver.requests}) == ORDERS:
                complete.set()
            return 204

        receiver.answer = count
        with delivering(bench) as second:
            assert complete.wait(60)
            niceness = [os.getpriority(os.PRIO_PROCESS, process) for process in (second.pid, os.getpid())]
            assert niceness[0] > niceness[1]
            second.terminate()
            assert second.wait(30) == 0
    by_event = {event["id"]: webhook_id for webhook_id, event in receiver.got}
    assert len(by_event) == len(set(by_event.values())) == ORDERS
    assert {(event["id"], webhook_id) for webhook_id, event in receiver.got} == set(by_event.items())


def test_a_receiver_in_node_verifies_a_request(lone_bench: ImportBench, tmp_path: Path) -> None:
    folder = with_package(tmp_path)
    with receiving() as receiver:
        _, receiver.secret = add(lone_bench.engine, receiver.url, EventType.ORDER_COMPLETED)
        lone_bench.import_lines(Line("Größe 1", quantity=2))
        relay(lone_bench.engine).deliver_due()
    given = {"secret": receiver.secret, "headers": receiver.requests[0], "body": receiver.bodies[0].decode()}
    (folder / "verify.mjs").write_text(VERIFY)
    shown = subprocess.run(
        ["node", "verify.mjs"],
        cwd=folder,
        input=json.dumps(given).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(shown.stdout) == receiver.got[0][1]
    tampered = given | {"body": given["body"].replace("20.00", "99.00")}
    refused = subprocess.run(
        ["node", "verify.mjs"],
        cwd=folder,
        input=json.dumps(tampered).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"WebhookVerificationError" in refused.stderr


def with_package(folder: Path) -> Path:
    """A folder in which Node finds the package of Standard Webhooks."""
    require_service("npm", shutil.which("npm"), "Node is not installed")
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "standardwebhooks@1.1.1"]
    subprocess.run(install, cwd=folder, check=True, timeout=120)
    return folder
