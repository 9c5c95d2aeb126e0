"""Debian's Chromium, driven by Playwright, and the console of a test's home."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.import_bench import ImportBench
from tests.servers.api_server import running_server
from tests.services import require_service

# Without these options, Chromium sends requests to the internet.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
KEY = "open sesame, open"  # the API key in the settings of a test's bench


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser of the module."""
    require_service("Chromium", find_chromium(), "chromium is not installed")
    with running_browser() as opened:
        yield opened


def find_chromium() -> str | None:
    """The path of Chromium, if it is installed. Its headless shell takes a third of the processor time."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless browser."""
    # Chromium's sandbox refuses to run as root.
    options = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else [*QUIET]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        yield opened
        opened.close()


@pytest.fixture
def url(bench: ImportBench) -> Iterator[str]:
    """URL of the running console of the test file's home."""
    with running_server(bench.settings) as address:
        yield address


def with_key(page: Page) -> Page:
    """A tab that sends the API's key with each request."""
    page.set_extra_http_headers({"Authorization": f"Bearer {KEY}"})
    return page
