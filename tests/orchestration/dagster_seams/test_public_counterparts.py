"""Constants of this project for which Dagster has no public name: both must be equal."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

import pytest
import yaml
from dagster._core.storage import dagster_run
from dagster_celery import tags
from kombu.transport.redis import Channel

from jobs import runs
from jobs.workers import priorities, queues
from orders_pipeline.base.settings import PROJECT_ROOT, Settings


def test_runs_are_in_progress_or_finished_in_the_statuses_that_dagster_counts() -> None:
    assert set(runs.FINISHED) == set(dagster_run.FINISHED_STATUSES)
    assert set(runs.IN_PROGRESS) == set(dagster_run.IN_PROGRESS_RUN_STATUSES)


def test_tags_of_steps_and_runs_are_those_that_dagster_celery_reads() -> None:
    assert queues.QUEUE_TAG == tags.DAGSTER_CELERY_QUEUE_TAG
    assert priorities.STEP_TAG == tags.DAGSTER_CELERY_STEP_PRIORITY_TAG
    assert priorities.RUN_TAG == tags.DAGSTER_CELERY_RUN_PRIORITY_TAG


def test_kombu_knows_every_option_of_the_redis_broker() -> None:
    """kombu ignores unknown options."""
    options = queues.transport_options(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert options.keys() <= set(Channel.from_transport_options)


@pytest.mark.parametrize("command", ["dagster", "dagster-webserver", "dagster-daemon"])
def test_the_servers_of_the_stack_are_commands_of_dagsters_packages(command: str) -> None:
    (found,) = entry_points(group="console_scripts", name=command)
    assert callable(found.load())


@pytest.mark.parametrize("file", ["dagster.yaml", "deploy/dagster.yaml"])
def test_every_class_that_a_dagster_yaml_names_is_there(file: str) -> None:
    configured = yaml.safe_load((PROJECT_ROOT / file).read_text()).values()
    named = [entry for entry in configured if isinstance(entry, dict) and "module" in entry]
    assert named
    for entry in named:
        assert isinstance(getattr(import_module(entry["module"]), entry["class"]), type)
