"""How `pytest -n auto` divides the tests: the number of workers, and which tests stay together.

Many tests wait for processes and services, hence more workers than processors. Each worker starts the servers
that its tests ask for.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from orders_pipeline.base.settings import PROJECT_ROOT

MOST_WORKERS = 8
RABBITMQ = "rabbitmq_url"  # the fixture
# Chromium aborts its requests when a network interface appears or disappears.
NETWORK = ("playwright", "three_hosts")


class Scheduling(LoadScopeScheduling):
    """Assigns the tests in order. Tests that stay together are one unit."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@cache
def unit_of(nodeid: str) -> str:
    """The name of the unit to which a test belongs.

    RabbitMQ takes longest to start, so one worker has all tests of the files that use it. One worker has the
    tests with a browser and those that make network interfaces, one after the other. Tests that share a stack
    or another fixture of their file stay together. Any other test function stands alone.
    """
    file, _, test = nodeid.partition("::")
    source = _source(file)
    if any(name in source for name in NETWORK):
        return "network"
    if RABBITMQ in source:
        return RABBITMQ
    if file.startswith("tests/e2e/") or 'scope="module"' in source:
        return file
    return f"{file}::{test.partition('[')[0]}"


@cache
def _source(file: str) -> str:
    return (PROJECT_ROOT / file).read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return min(len(os.sched_getaffinity(0)) + 4, MOST_WORKERS)
