"""The stack of deploy/compose.yaml from its images alone; `make images` builds them and runs this."""

from __future__ import annotations

import json
from collections.abc import Iterator
from unittest.mock import ANY

import httpx
import pytest

from orders_pipeline.base.version import VERSION
from tests.images.compose import LOGIN, Compose, podman, running_stack

pytestmark = pytest.mark.timeout(1200)

OURS = ("api", "code-server", "webserver", "viewer", "daemon", "events", "worker-default", "worker-orders")
BACKUP = "/var/lib/orders/backups/today.tar.gz"
# Reads need a key once a proxy is trusted.
ASK_METRICS = """
from pathlib import Path
import urllib.request
key = Path("/var/lib/orders/run/api.key").read_text().strip()
asked = urllib.request.Request("http://127.0.0.1:8000/metrics", headers={"Authorization": f"Bearer {key}"})
print(urllib.request.urlopen(asked).read().decode())
"""
LISTENING = "0A"  # as the kernel writes it
PRIVILEGES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """The whole stack, healthy, with data/sample.csv imported."""
    with running_stack(tmp_path_factory.mktemp("compose")) as compose:
        compose.orders("products", "import", "/app/data/products.csv")
        compose.orders("import", "/app/data/sample.csv")
        yield compose


def test_an_import_settles_every_order_and_all_checks_pass(stack: Compose) -> None:
    (file,) = stack.orders("files")
    assert file["status"] == "finished"
    assert stack.orders("verify")["ok"]


def test_a_backup_is_made_with_the_database_clients_of_the_image(stack: Compose) -> None:
    stack.orders("backup", BACKUP)
    assert int(stack.python("code-server", f"import os; print(os.path.getsize('{BACKUP}'))")) > 0


def test_metrics_and_the_command_name_the_version(stack: Compose) -> None:
    assert f'version="{VERSION}"' in stack.python("api", ASK_METRICS)
    assert f"orders-pipeline {VERSION}" in stack("exec", "-T", "api", "orders", "--version")


@pytest.mark.parametrize("service", OURS)
def test_a_container_has_no_privileges_and_cannot_write_its_root(stack: Compose, service: str) -> None:
    status = stack.python(service, "print(open('/proc/self/status').read())")
    held = dict(line.split(":\t", 1) for line in status.splitlines())
    assert {int(held[name], 16) for name in PRIVILEGES} == {0}
    assert (held["NoNewPrivs"], held["Uid"].split()[0]) == ("1", "10001")
    assert "ro" in stack.python(
        service, "print([m.split()[3] for m in open('/proc/mounts') if m.split()[1] == '/'][0])"
    ).split(",")


def test_only_the_proxy_is_reached_from_outside_and_asks_for_a_login(stack: Compose) -> None:
    bound = {name: stack.container(name)["HostConfig"]["PortBindings"] for name in OURS}
    published = [name for name, ports in bound.items() if any(ports.values())]
    with httpx.Client(base_url="https://localhost", verify=False) as client:  # noqa: S501 self-signed
        refused, shown = client.get("/"), client.get("/", auth=LOGIN)
    assert (published, refused.status_code, shown.status_code) == ([], 401, 200)


def test_dagster_serves_its_definitions_over_the_socket_on_a_volume(stack: Compose) -> None:
    query = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"}
    with httpx.Client(base_url="https://localhost:3443", verify=False, auth=LOGIN) as client:  # noqa: S501
        answer = client.post("/graphql", json=query, timeout=60).raise_for_status().json()
    assert answer["data"]["repositoriesOrError"]["nodes"]
    assert listening_ports(stack, "code-server") <= {80, 443, 3443, 5443, 3000, 3001, 8000}


def listening_ports(stack: Compose, service: str) -> set[int]:
    """TCP ports of a service's network, which all behind the proxy share."""
    tables = stack.python(service, "print(open('/proc/net/tcp').read() + open('/proc/net/tcp6').read())")
    rows = [line.split() for line in tables.splitlines() if ":" in line]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING}


def test_figures_are_still_there_in_a_new_container_on_the_same_volumes(stack: Compose) -> None:
    days = ("--start", "2000-01-01", "--end", "2026-01-01")
    before = stack.orders("kpis", "range", *days)
    stack("up", "-d", "--no-build", "--no-deps", "--force-recreate", "code-server")
    assert stack.orders("kpis", "range", *days) == before | {"generated_at": ANY}
    assert before["order_count"] > 0


def test_a_worker_that_is_told_to_stop_ends_on_its_own(stack: Compose) -> None:
    container = stack.container("worker-orders")["Id"]
    stack("stop", "worker-orders")
    (stopped,) = json.loads(podman("inspect", container))
    assert stopped["State"]["ExitCode"] == 0
