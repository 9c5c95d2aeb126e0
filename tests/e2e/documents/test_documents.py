"""The commands of the documents, run as they are written: every `console` block of a page, in order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.stack import start_all, stop_all
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.documents import blocks, commands, pages
from tests.e2e.orders_command import environment, orders_process
from tests.services import free_port
from tests.warm_processes import warm_orders

# These commands set up the environment of the tests.
SET_UP = re.compile(r"(make|source) ")
SHOWN_PORTS = {"3000": "webserver_port", "8000": "api_port"}
BAD_LINE = "1011,501,John Doe,SKU-001,Wireless Mouse,none,25.50,USD,2025-11-11\n"


def lines_of(page: Path) -> list[str]:
    """The commands of a page that a reader runs after the setup."""
    shown = [block for block in blocks(page) if block.language == "console"]
    return [line for block in shown for line in commands(block) if not SET_UP.match(line)]


# The tests have no terminal.
ASKS_FOR_PASSWORD = re.compile(
    r"^(orders users (?:add|password) (\w+)(?: --role \w+)?)(?= *(?:#.*)?$)", re.MULTILINE
)
# README stops all processes; extending then imports the same orders from another source, with its own worker.
LAST = ("README.md", "extending.md")
PAGES = sorted(filter(lines_of, pages()), key=lambda page: (page.name in LAST, page.name))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    paid_at_once = {"payment_delay_min": 0, "payment_delay_max": 0, "payment_seed": "documents"}
    ports = {name: free_port() for name in ("webserver_port", "api_port")}
    return Settings(home=tmp_path_factory.mktemp("documents") / "home", **paid_at_once, **ports)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which a reader works."""
    return furnished(tmp_path)


def furnished(folder: Path) -> Path:
    """A folder with the checkout's data, and a file of the reader that has a bad line."""
    shutil.copytree(PROJECT_ROOT / "data", folder / "data")
    for user in ("alice", "bob"):
        (folder / f"{user}.txt").write_text(f"{user} writes long passwords")
    (folder / "my-orders.csv").write_text((PROJECT_ROOT / "data" / "sample.csv").read_text() + BAD_LINE)
    return folder


@pytest.fixture(scope="module")
def key(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Partition key of the reader's file, imported on a running stack."""
    start_all(settings)
    file = furnished(tmp_path_factory.mktemp("imported")) / "my-orders.csv"
    imported = orders_process(settings, "import", file, "--json")
    yield imported.document["partition"]
    stop_all(settings)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_work(page: Path, settings: Settings, folder: Path, key: str) -> None:
    ended = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script(page, settings, key)],
        check=False,
        cwd=folder,
        env=os.environ | environment(settings) | reader(settings),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=550,
    )
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"


def reader(settings: Settings) -> dict[str, str]:
    """The environment of a reader's shell after the setup."""
    key = (settings.home / "run" / "api.key").read_text()
    return {"PATH": f"{warm_orders().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}", "KEY": key}


def script(page: Path, settings: Settings, key: str) -> str:
    """A page's commands with the reader's key, file, home and ports."""
    text = "\n".join(lines_of(page))
    for port, name in SHOWN_PORTS.items():
        text = re.sub(rf"(?<=:){port}\b", str(getattr(settings, name)), text)
    text = re.sub(r"(?<!\$)\bKEY\b", key, text)
    text = re.sub(r"\bFILE\b", "my-orders.csv", text)
    text = ASKS_FOR_PASSWORD.sub(r"\1 --password-file \2.txt", text)
    return text.replace("var/", f"{settings.home}/")
