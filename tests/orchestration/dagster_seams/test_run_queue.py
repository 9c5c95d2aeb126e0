"""Which waiting runs Dagster starts, given the limits and priorities of this project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage import tags
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from definitions import build_definitions
from jobs.care.backups import BACK_UP
from jobs.care.checks import CHECK_EVERYTHING
from jobs.care.reservations import SWEEP_RESERVATIONS
from jobs.dagster_seams.run_queue import has_room
from jobs.figures.ops import PUBLISH_FIGURES
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.runs import PRIORITY_TAG, RunPriority
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.orchestration.dagster_seams.instances import local_instance

QUEUED, STARTED = DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED
NOT_STARTED = DagsterRunStatus.NOT_STARTED
BACKLOG = 120  # more than the page in which Dagster reads its queue


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance whose queue has the limits of dagster.yaml."""
    configured = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    with local_instance(tmp_path, concurrency=configured["concurrency"]) as made:
        yield made


@pytest.fixture(scope="module")
def job_tags() -> dict[str, dict[str, str]]:
    """Tags of each job by its name."""
    repository = build_definitions(Settings()).get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return {job.name: dict(job.run_tags) for job in jobs}


def run_of(job: str, status: DagsterRunStatus, tags: dict[str, str]) -> DagsterRun:
    location = RegisteredCodeLocationOrigin("definitions")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)
    return DagsterRun(job, status=status, tags=tags, remote_job_origin=origin)


def add(
    instance: DagsterInstance, tags: dict[str, dict[str, str]], job: str, status: Any, count: int
) -> None:
    for _ in range(count):
        instance.add_run(run_of(job, status, tags[job]))


def next_runs(instance: DagsterInstance) -> list[str]:
    """Jobs of the runs that Dagster starts now, in order."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    found = daemon._get_runs_to_dequeue(
        instance, instance.get_concurrency_config(), fixed_iteration_time=None
    )
    return [run.job_name for run in found]


def test_a_run_is_launched_at_once_while_there_is_room(
    instance: DagsterInstance, job_tags: dict[str, dict[str, str]]
) -> None:
    new = run_of(IMPORT_ORDERS, NOT_STARTED, job_tags[IMPORT_ORDERS])
    figures = run_of(PUBLISH_FIGURES, NOT_STARTED, job_tags[PUBLISH_FIGURES])
    add(instance, job_tags, IMPORT_ORDERS, STARTED, 7)
    assert has_room(instance, new)
    add(instance, job_tags, IMPORT_ORDERS, STARTED, 1)
    assert (has_room(instance, new), has_room(instance, figures)) == (False, True)
    # Imports that wait for other imports do not delay figures, but waiting figures come first.
    add(instance, job_tags, IMPORT_ORDERS, QUEUED, 1)
    assert has_room(instance, figures)
    add(instance, job_tags, PUBLISH_FIGURES, QUEUED, 1)
    assert not has_room(instance, figures)


def test_no_run_is_launched_at_once_beyond_the_limit(
    instance: DagsterInstance, job_tags: dict[str, dict[str, str]]
) -> None:
    add(instance, job_tags, PUBLISH_FIGURES, STARTED, 10)
    assert not has_room(instance, run_of(PUBLISH_FIGURES, NOT_STARTED, job_tags[PUBLISH_FIGURES]))


def test_figures_and_care_come_before_a_backlog_of_imports(
    instance: DagsterInstance, job_tags: dict[str, dict[str, str]]
) -> None:
    add(instance, job_tags, IMPORT_ORDERS, QUEUED, BACKLOG)
    for job in (SWEEP_RESERVATIONS, PUBLISH_FIGURES):
        add(instance, job_tags, job, QUEUED, 1)
    assert next_runs(instance) == [PUBLISH_FIGURES, SWEEP_RESERVATIONS, *[IMPORT_ORDERS] * 8]


def test_imports_of_a_person_come_before_those_launched_again_and_those_of_the_inbox(
    instance: DagsterInstance, job_tags: dict[str, dict[str, str]]
) -> None:
    asked = RunPriority(int(job_tags[IMPORT_ORDERS][PRIORITY_TAG]))
    for priority in (RunPriority.INBOX, RunPriority.RELAUNCH, asked):
        instance.add_run(run_of(f"by_{priority.name}", QUEUED, priority.tag))
    assert next_runs(instance) == ["by_ASKED_FOR", "by_RELAUNCH", "by_INBOX"]


@pytest.mark.parametrize("long", [IMPORT_ORDERS, BACK_UP, CHECK_EVERYTHING])
def test_figures_find_a_place_while_long_runs_take_all_theirs(
    instance: DagsterInstance, job_tags: dict[str, dict[str, str]], long: str
) -> None:
    add(instance, job_tags, long, STARTED, 8)
    for job in (IMPORT_ORDERS, long, PUBLISH_FIGURES):
        add(instance, job_tags, job, QUEUED, 1)
    assert next_runs(instance) == [PUBLISH_FIGURES]


def test_every_job_has_a_priority(job_tags: dict[str, dict[str, str]]) -> None:
    priorities = {name: tags.get(PRIORITY_TAG) for name, tags in job_tags.items()}
    assert {name for name, priority in priorities.items() if priority is None} == set()


def test_the_tag_of_the_priority_is_the_one_that_dagster_reads() -> None:
    assert PRIORITY_TAG == tags.PRIORITY_TAG
