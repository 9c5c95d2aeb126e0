"""Who can see secrets and customers of a running stack, after imports that succeeded and failed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from cli.stack.stack import api_url, webserver_url
from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.services.redis_server import embedded_redis_url
from tests.e2e.orders_command import orders, orders_process
from tests.servers.gateway_server import GatewayServer, running_gateway
from tests.services import create_database, free_port
from tests.warm_processes import warm_orders

CUSTOMERS = ["Wilhelmina Canary", "wilhelmina@canary.example", "Canary Street 17"]
# The address for notices to this customer. Nothing requests it, so only rejected lines show it.
ADDRESS = "mailbox-of@canary.example"
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
    "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date,"
    "customer_email"
)
BUYER = "wilhelmina@canary.example,Wilhelmina Canary"
LINE = "{order},{buyer},SKU-{order},Mouse,{quantity},10.00,USD,{date},{address}"
BAD = ["-1", "Canary Street 17", "", "1e999"]
ERROR = "error { message stack causes { message stack } }"
METADATA = """label ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr }
    ... on JsonMetadataEntry { jsonString } ... on PathMetadataEntry { path } ... on UrlMetadataEntry { url }
    ... on TableMetadataEntry { table { records } }"""
RUNS = f"""{{ runsOrError {{ ... on Runs {{ results {{ runConfigYaml tags {{ key value }}
    eventConnection {{ events {{ __typename ... on MessageEvent {{ message }}
    ... on ErrorEvent {{ {ERROR} }}
    ... on DisplayableEvent {{ description metadataEntries {{ {METADATA} }} }} }} }} }} }} }} }}"""
# Paths that show customers to every reader, and streams, which never end.
PERSONAL = ("/leaderboard/", "/rejects", "/results", "/orders", "/notifications")


def order_file(folder: Path, name: str, *quantities: str) -> Path:
    lines = [
        LINE.format(
            order=f"{name}-{number}",
            buyer=BUYER,
            quantity=quantity,
            date=datetime.now(UTC).date(),
            address=ADDRESS,
        )
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
        payment_known_within=3,
        api_key=SECRETS["api"],
        flower_login=f"flower:{SECRETS['flower']}",
        notify_webhook=f"http://{nobody}/{SECRETS['webhook']}",
        notify_email="operator@example.com",
        smtp_url=f"smtp://mailer:{SECRETS['mail']}@{nobody}",
        notifications=Notifications.SMTP,
        worker_processes=1,
        webserver_port=free_port(),
        viewer_port=free_port(),
        flower_port=free_port(),
        api_port=free_port(),
        _env_file=None,
    )


@pytest.fixture(scope="module")
def stack(settings: Settings, gateway: GatewayServer, folder: Path) -> Iterator[psutil.Process]:
    """The supervisor of a stack with a good file, one of bad lines, one without orders, one unpayable."""
    try:
        up = orders_process(settings, "up", "--json")
        assert up.code == 0, up.out + up.err
        (folder / "none.csv").write_text("".join(f"{customer}\n" for customer in CUSTOMERS))
        files = [order_file(folder, "good", "1", "2", *BAD), order_file(folder, "bad", *BAD)]
        orders_process(settings, "import", *files, folder / "none.csv", "--json")
        gateway.kill()
        orders_process(settings, "import", order_file(folder, "unpaid", "3"), "--json")
        yield psutil.Process(int((settings.home / "run" / "supervisord.pid").read_text()))
    finally:
        orders_process(settings, "down")


def running(supervisor: psutil.Process) -> Iterator[dict[str, Any]]:
    """Arguments and sockets of all processes of the stack."""
    for process in (supervisor, *supervisor.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            yield process.as_dict(["cmdline", "net_connections"], ad_value=[])


def secrets_of(settings: Settings) -> list[str]:
    drawn = embedded_redis_url(settings.home).partition("//:")[2].partition("@")[0]
    return [*SECRETS.values(), drawn]


def unseen(settings: Settings) -> list[str]:
    """Personal data that may only occur in responses to requests for it."""
    return [*CUSTOMERS, ADDRESS, *secrets_of(settings)]


def found_in(content: bytes, wanted: list[str]) -> list[str]:
    return [one for one in wanted if one.encode() in content]


def leaks(folder: Path, wanted: list[str]) -> dict[str, list[str]]:
    """Which of these texts occur in which files below a folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = {str(file): found_in(content_of(file), wanted) for file in files}
    return {file: what for file, what in found.items() if what}


def content_of(file: Path) -> bytes:
    """The content of a file; SQLite removes its log files when the last connection closes."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.timeout(900)
def test_the_stack_did_what_is_looked_at_here(stack: psutil.Process, settings: Settings) -> None:
    assert stack.is_running()
    files = {one["file"]: one for one in orders(settings, "files", "--json").document}
    assert files["good.csv"]["orders"]["accepted"] == sum(files["good.csv"]["statuses"].values()) == 2
    assert files["good.csv"]["rejected_lines"] == len(BAD)
    assert sum(files["unpaid.csv"]["statuses"].values()) == 0
    assert (settings.home / "history" / "runs.db").stat().st_size > 0
    assert (settings.home / "logs" / "worker-orders.log").stat().st_size > 0


def test_logs_and_what_dagster_keeps_name_no_customer_and_no_secret(
    stack: psutil.Process, settings: Settings
) -> None:
    assert stack.is_running()
    wanted = unseen(settings)
    # The folders of the files themselves, and secrets that only their owner can read.
    kept = {settings.home / name for name in ("staging", "warehouse", "run")}
    folders = {path for path in settings.home.iterdir() if path.is_dir()}
    assert folders - kept >= {settings.home / name for name in ("logs", "history", "schedules")}
    assert {file: what for folder in folders - kept for file, what in leaks(folder, wanted).items()} == {}
    assert leaks(settings.home / "staging", CUSTOMERS)


def test_secrets_lie_where_only_their_owner_reads(stack: psutil.Process, settings: Settings) -> None:
    assert stack.is_running()
    holding = [Path(file) for file in leaks(settings.home, secrets_of(settings))]
    assert {file.parent for file in holding} == {settings.home / "run"}
    assert {file.stat().st_mode & 0o077 for file in (*holding, settings.home / "run")} == {0}


def test_arguments_that_all_users_can_list_hold_no_secret(stack: psutil.Process, settings: Settings) -> None:
    arguments = "\n".join(" ".join(process["cmdline"]) for process in running(stack))
    assert all(program in arguments for program in ("dagster", "celery", "flower", "uvicorn", "redis"))
    assert found_in(arguments.encode(), unseen(settings)) == []


def test_nothing_listens_beyond_this_machine(stack: psutil.Process, settings: Settings) -> None:
    listening = {
        (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
        for process in running(stack)
        for connection in process["net_connections"]
        if connection.status == psutil.CONN_LISTEN or (connection.type == SOCK_DGRAM and not connection.raddr)
    }
    names = ("webserver_port", "viewer_port", "flower_port", "api_port")
    redis = urlsplit(embedded_redis_url(settings.home)).port
    assert {redis, *(getattr(settings, name) for name in names)} <= {port for _, port in listening}
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_what_dagster_answers_names_no_customer_and_no_secret(
    stack: psutil.Process, settings: Settings
) -> None:
    assert stack.is_running()
    answer = requests.post(f"{webserver_url(settings)}/graphql", json={"query": RUNS}, timeout=120)
    runs = answer.json()["data"]["runsOrError"]["results"]
    assert len(runs) >= 3
    assert found_in(answer.content, unseen(settings)) == []


def test_the_api_tells_no_secret_and_customers_only_where_they_are_asked_for(
    stack: psutil.Process, settings: Settings
) -> None:
    assert stack.is_running()
    root = api_url(settings).removesuffix("/api")
    key = next(
        one["partition"] for one in orders(settings, "files", "--json").document if one["file"] == "good.csv"
    )
    described = requests.get(f"{root}/api/openapi.json", timeout=60).json()["paths"]
    given = {"key": key, "number": "good-0", "customer_id": "wilhelmina@canary.example"}
    given["refund_id"] = "unknown"
    paths = [path.format(**given) for path, verbs in described.items() if "get" in verbs]
    answers = {path: requests.get(root + path, timeout=60) for path in [*paths, "/", "/metrics"]}
    assert {answer.status_code for answer in answers.values()} <= {200, 401, 404, 422}
    found = {path: found_in(answer.content, unseen(settings)) for path, answer in answers.items()}
    assert {
        path for path, what in found.items() if what and not any(name in path for name in PERSONAL)
    } == set()
    assert all("/rejects" in path for path, what in found.items() if ADDRESS in what)
    assert CUSTOMERS[0] in {one for what in found.values() for one in what} <= {*CUSTOMERS, ADDRESS}


def test_error_pages_of_the_api_name_no_customer_and_no_secret(
    stack: psutil.Process, settings: Settings
) -> None:
    assert stack.is_running()
    paths = ["/orders/unknown", "/nowhere", "/kpis/daily?date=x", "/audit", "/imports/unknown"]
    answers = [requests.get(f"{api_url(settings)}{path}", timeout=60) for path in paths]
    assert {answer.status_code for answer in answers} == {401, 404, 422}
    assert all(found_in(answer.content, unseen(settings)) == [] for answer in answers)


def test_flower_tells_no_customer_and_no_secret(stack: psutil.Process, settings: Settings) -> None:
    assert stack.is_running()
    root, login = f"http://127.0.0.1:{settings.flower_port}", ("flower", SECRETS["flower"])
    workers = requests.get(f"{root}/api/workers?refresh=1", auth=login, timeout=60)
    pages = [f"/worker/{name}" for name in workers.json()] + ["/tasks", "/broker", "/api/tasks"]
    answers = [workers, *(requests.get(root + page, auth=login, timeout=60) for page in pages)]
    assert len(workers.json()) == 2
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert all(found_in(answer.content, unseen(settings)) == [] for answer in answers)


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
def test_an_address_that_does_not_work_is_reported_without_its_password(
    broken: dict[str, str], tmp_path: Path
) -> None:
    environment = {f"ORDERS_{name.upper()}": value for name, value in broken.items()}
    done = subprocess.run(
        [warm_orders(), "import", SAMPLE, "--json"],
        env=os.environ | environment | {"ORDERS_HOME": str(tmp_path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert found_in(done.stdout + done.stderr, ["canary-secret"]) == []
    assert leaks(tmp_path / "logs", ["canary-secret"]) == {}
