"""Secrets and customers of running workers: who can see them, after imports that went well and ill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.stack.leftovers import find_leftovers
from cli.stack.stack import running_workers
from orders_pipeline.redis_server import embedded_redis_url
from orders_pipeline.settings import PROJECT_ROOT, Settings
from tests.e2e.orders_command import ORDERS, orders, orders_process
from tests.gateway_server import GatewayServer, running_gateway
from tests.services import create_database, free_port

CUSTOMERS = ["Wilhelmina Canary", "wilhelmina@canary.example", "Canary Street 17"]
SECRETS = {
    "database": "canary-of-the-database",
    "gateway": "canary-of-the-gateway",
    "api": "canary-of-the-api",
    "flower": "canary-of-flower",
    "webhook": "canary-of-the-webhook",
    "mail": "canary-of-the-mail",
}
SAMPLE = PROJECT_ROOT / "data" / "sample.csv"
COLUMNS = (
    "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date"
)
BUYER = "wilhelmina@canary.example,Wilhelmina Canary"
LINE = "{order},{buyer},SKU-{order},Mouse,{quantity},10.00,USD,2025-11-10"
BAD = ["-1", "Canary Street 17", "", "1e999"]


def order_file(folder: Path, name: str, *quantities: str) -> Path:
    lines = [
        LINE.format(order=f"{name}-{number}", buyer=BUYER, quantity=quantity)
        for number, quantity in enumerate(quantities)
    ]
    file = folder / f"{name}.csv"
    file.write_text("\n".join([COLUMNS, *lines]))
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[GatewayServer]:
    with running_gateway(folder / "gateway", api_key=SECRETS["gateway"]) as running:
        yield running


@pytest.fixture(scope="module")
def settings(folder: Path, gateway: GatewayServer, postgres_server: str) -> Settings:
    database = create_database(postgres_server, "canary")
    nobody = f"127.0.0.1:{free_port()}"
    return Settings(
        home=folder / "home",
        dagster_home=PROJECT_ROOT,
        database_url=database.replace("orders@", f"orders:{SECRETS['database']}@"),
        payment_url=gateway.url,
        payment_api_key=SECRETS["gateway"],
        payment_timeout=1,
        payment_known_within=1,
        api_key=SECRETS["api"],
        flower_login=f"flower:{SECRETS['flower']}",
        notify_webhook=f"http://{nobody}/{SECRETS['webhook']}",
        notify_email="operator@example.com",
        smtp_url=f"smtp://mailer:{SECRETS['mail']}@{nobody}",
        worker_processes=1,
        _env_file=None,
    )


@pytest.fixture(scope="module")
def stack(settings: Settings, gateway: GatewayServer, folder: Path) -> Iterator[list[psutil.Process]]:
    """Its processes, after a good file, one of bad lines only and one that is no order file."""
    assert gateway.url == settings.payment_url
    with running_workers(settings):
        imported = orders_process(settings, "import", order_file(folder, "good", "1", "2", *BAD), "--json")
        assert imported.code == 0, imported.out
        orders_process(settings, "import", order_file(folder, "bad", *BAD), "--json")
        (folder / "none.csv").write_text("".join(f"{customer}\n" for customer in CUSTOMERS))
        orders_process(settings, "import", folder / "none.csv", "--json")
        yield [psutil.Process(pid) for pid in find_leftovers(settings.home)]


def secrets_of(settings: Settings) -> list[str]:
    drawn = embedded_redis_url(settings.home).partition("//:")[2].partition("@")[0]
    return [*SECRETS.values(), drawn]


def found_in(content: bytes, wanted: list[str]) -> list[str]:
    return [one for one in wanted if one.encode() in content]


def leaks(folder: Path, wanted: list[str]) -> dict[str, list[str]]:
    """What was found in which file below a folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = {str(file): found_in(file.read_bytes(), wanted) for file in files}
    return {file: what for file, what in found.items() if what}


def test_the_stack_did_what_is_looked_at_here(stack: list[psutil.Process], settings: Settings) -> None:
    assert stack
    files = {one["file"]: one for one in orders(settings, "files", "--json").document}
    assert files["good.csv"]["orders"]["accepted"] == sum(files["good.csv"]["statuses"].values()) == 2
    assert files["good.csv"]["rejected_lines"] == len(BAD)
    assert (settings.home / "history" / "runs.db").stat().st_size > 0
    assert (settings.home / "logs" / "worker.log").stat().st_size > 0


def test_logs_and_what_dagster_keeps_name_no_customer_and_no_secret(
    stack: list[psutil.Process], settings: Settings
) -> None:
    assert stack
    wanted = [*CUSTOMERS, *secrets_of(settings)]
    # The files themselves, and secrets that only their owner reads, lie in these.
    kept = {settings.home / name for name in ("staging", "warehouse", "run")}
    folders = {path for path in settings.home.iterdir() if path.is_dir()}
    assert folders - kept >= {settings.home / name for name in ("logs", "history")}
    assert all(leaks(folder, wanted) == {} for folder in folders - kept)
    assert leaks(settings.home / "staging", CUSTOMERS)


def test_secrets_lie_where_only_their_owner_reads(stack: list[psutil.Process], settings: Settings) -> None:
    assert stack
    holding = [Path(file) for file in leaks(settings.home, secrets_of(settings))]
    assert {file.parent for file in holding} == {settings.home / "run"}
    assert {file.stat().st_mode & 0o077 for file in (*holding, settings.home / "run")} == {0}


def test_arguments_that_all_users_can_list_hold_no_secret(
    stack: list[psutil.Process], settings: Settings
) -> None:
    told = "\n".join(" ".join(process.cmdline()) for process in stack)
    assert "celery" in told
    assert found_in(told.encode(), [*CUSTOMERS, *secrets_of(settings)]) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"database_url": "postgresql+psycopg2://orders:canary-secret@127.0.0.1:1/orders"},
        {"database_url": "postgresql+psycopg2://orders:canary-secret@127.0.0.1:port/orders"},
        {"database_url": "canary-secret"},
        {"redis_url": "redis://:canary-secret@127.0.0.1:1/0"},
        {"redis_url": "redis://:canary-secret@127.0.0.1:port/0"},
        {"broker_url": "amqp://orders:canary-secret@127.0.0.1:1//"},
        {"broker_url": "amqp://orders:canary-secret@127.0.0.1:port//"},
        {"payment_url": "ftp://orders:canary-secret@127.0.0.1"},
        {"staging_url": "//canary-secret"},
    ],
    ids="-".join,
)
def test_an_address_that_does_not_work_is_told_without_its_password(
    broken: dict[str, str], tmp_path: Path
) -> None:
    environment = {f"ORDERS_{name.upper()}": value for name, value in broken.items()}
    done = subprocess.run(
        [*ORDERS, "import", SAMPLE, "--json"],
        env=os.environ | environment | {"ORDERS_HOME": str(tmp_path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert found_in(done.stdout + done.stderr, ["canary-secret"]) == []
    assert leaks(tmp_path / "logs", ["canary-secret"]) == {}
