"""Three hosts as network namespaces: services on one, workers on the others, one of which is cut off.

`unshare --net --pid --fork --mount-proc python -m tests.servers.three_hosts FOLDER` is the first host: its
namespaces end with it, and with them every process, link and address made here. It prints what became of the
import.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import batches
from tests.import_bench import many_orders, write_orders
from tests.services import (
    EVERYWHERE,
    create_bucket,
    create_database,
    running_postgres,
    running_rabbitmq,
    running_redis,
    running_s3,
    s3_environment,
)

MAIN, OTHERS = "10.77.0.1", {"near": "10.77.0.2", "far": "10.77.0.3"}
PATIENCE_SECONDS = 240
ORDERS = [sys.executable, "-c", "from cli.quick_process import orders; orders()"]
PIPELINE = {
    "ORDERS_PAYMENT_SUCCESS_RATE": "1",
    "ORDERS_PAYMENT_DELAY_MIN": "6",
    "ORDERS_PAYMENT_DELAY_MAX": "6",
    "ORDERS_BATCH_LINES": "100",
    "ORDERS_ORDER_WORKERS_MIN": "2",
    "ORDERS_ORDER_WORKERS_MAX": "2",
    "ORDERS_DEFAULT_WORKERS_MIN": "1",
    "ORDERS_DEFAULT_WORKERS_MAX": "1",
}
# Locks a batch's row, as a step does during its transaction.
HOLD_A_LOCK = """
import sys
from sqlalchemy import select
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import batches
with open_engine(load_settings().store_url).begin() as connection:
    last = select(batches.c.number).order_by(batches.c.number.desc()).limit(1).with_for_update()
    print(connection.execute(last).scalar_one(), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A host with its own home; `inside` is the command prefix that runs commands on it."""

    home: Path
    inside: tuple[str, ...]
    environment: dict[str, str]

    def start(self, *command: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.inside, *command],
            cwd=PROJECT_ROOT,
            env=self.environment | {"ORDERS_HOME": str(self.home)},
            text=True,
            **more,
        )

    def orders(self, *arguments: str) -> Any:
        """The JSON output of an `orders` command; exits if it fails."""
        process = self.start(*ORDERS, *arguments, "--json", stdout=subprocess.PIPE)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
        if process.returncode:
            sys.exit(f"orders {' '.join(arguments)}: {out}")
        return json.loads(out)

    def log(self) -> str:
        """The log of its `orders` worker."""
        return (self.home / "logs" / "worker-orders.log").read_text()

    def tasks(self) -> tuple[int, int]:
        """How many steps its worker has started and ended."""
        return self.log().count('"step started"'), self.log().count('"step ended"')


def main(folder: Path) -> None:
    """Runs the whole scenario; prints its outcome as JSON."""
    with ExitStack() as stack:
        _network()
        environment = _services(stack)
        main_host = Host(folder / "main", (), environment)
        near, far = (stack.enter_context(_host(folder, name, environment)) for name in OTHERS)
        ups = [
            main_host.start(*ORDERS, "up", "--only", "worker-default", stdout=sys.stderr),
            *(
                host.start(*ORDERS, "up", "--only", "worker-orders", stdout=sys.stderr)
                for host in (near, far)
            ),
        ]
        if any(up.wait(PATIENCE_SECONDS) for up in ups):
            sys.exit("the workers do not start")
        json.dump(_story(folder, environment["ORDERS_DATABASE_URL"], main_host, near, far), sys.stdout)


def _story(folder: Path, store: str, main_host: Host, near: Host, far: Host) -> dict[str, Any]:
    file = write_orders(folder / "orders.csv", many_orders(400))
    importing = main_host.start(*ORDERS, "import", str(file), "--json", stdout=subprocess.PIPE)
    _until(lambda: far.tasks()[0] > 0 and _is_loaded(store), "the orders are in the store")
    holding = far.start(sys.executable, "-c", HOLD_A_LOCK, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    locked = int(holding.stdout.readline()) if holding.stdout else 0
    _until(lambda: far.tasks()[0] > far.tasks()[1], "the far host works on the import")
    started, ended = far.tasks()
    _ip("link", "set", "to-far", "down")
    out, _ = importing.communicate(timeout=PATIENCE_SECONDS)
    report = json.loads(out)
    alone = main_host.orders("verify")
    _ip("link", "set", "to-far", "up")
    holding.kill()
    near.orders("down")
    # Only the host that was away can work on this batch.
    more = main_host.orders("import", str(write_orders(folder / "more.csv", many_orders(50, "m"))))
    return {
        "unfinished_when_cut": started - ended,
        "locked_batch": locked,
        "statuses": report["statuses"],
        "verified": alone["ok"],
        "imported_by_the_far_host": more["statuses"],
        "verified_again": main_host.orders("verify")["ok"],
        "left_on_the_workers": sorted(
            path.name for host in (near, far) for path in (host.home / "staging").glob("*")
        ),
    }


def _network() -> None:
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "bridge", "type", "bridge")
    _ip("address", "add", f"{MAIN}/24", "dev", "bridge")
    _ip("link", "set", "bridge", "up")


def _services(stack: ExitStack) -> dict[str, str]:
    """Starts all services; returns the variables that a host needs."""
    postgres = stack.enter_context(running_postgres(everywhere=True))
    rabbit = stack.enter_context(running_rabbitmq(address=EVERYWHERE))
    # RabbitMQ accepts its user `guest` only from the same host.
    rabbit.control("add_user", "pipeline", "pipeline")
    rabbit.control("set_permissions", "pipeline", ".*", ".*", ".*")
    s3 = stack.enter_context(running_s3(EVERYWHERE))
    urls = {
        "ORDERS_DATABASE_URL": create_database(postgres, "orders"),
        "DAGSTER_DATABASE_URL": create_database(postgres, "dagster"),
        "ORDERS_REDIS_URL": stack.enter_context(running_redis(EVERYWHERE)),
        "ORDERS_BROKER_URL": f"amqp://pipeline:pipeline@{MAIN}:{rabbit.port}//",
        "ORDERS_STAGING_URL": f"{create_bucket(s3)}/staging",
        **s3_environment(s3),
    }
    reachable = {name: url.replace("127.0.0.1", MAIN).replace(EVERYWHERE, MAIN) for name, url in urls.items()}
    return os.environ | PIPELINE | reachable | {"DAGSTER_HOME": str(PROJECT_ROOT / "deploy")}


@contextmanager
def _host(folder: Path, name: str, environment: dict[str, str]) -> Iterator[Host]:
    """A host in its own network namespace, linked to the bridge."""
    sleeping = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{sleeping.pid}/ns/net")
    _until(lambda: theirs.readlink() != ours.readlink(), "the namespace is there")
    inside = ("nsenter", "--net", "--target", str(sleeping.pid))
    link = ("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", str(sleeping.pid))
    _ip(*link)
    _ip("link", "set", f"to-{name}", "master", "bridge", "up")
    for command in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up")):
        _run(*inside, "ip", *command)
    _run(*inside, "ip", "address", "add", f"{OTHERS[name]}/24", "dev", "eth0")
    try:
        yield Host(folder / name, inside, environment)
    finally:
        sleeping.kill()
        sleeping.wait()


def _is_loaded(store: str) -> bool:
    """Whether there are batches whose orders are all in the store."""
    engine = open_engine(store)
    with reading(engine) as connection:
        known, waiting = connection.execute(
            select(func.count(), func.sum(batches.c.orders - batches.c.loaded)).select_from(batches)
        ).one()
    engine.dispose()
    return known > 0 and waiting == 0


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.2)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
