"""Contract of `jobs.dagster_seams.celery_steps` and `steps`: runs through dagster-celery's loop and task."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, execute_job, reconstructable

from jobs.dagster_seams.celery_steps import (
    FIRST_LOOK_SECONDS,
    LOOK_EVERY_SECONDS,
    STEP_TASK,
    ForeignJobError,
    make_step_app,
    take_steps,
)
from jobs.workers.step_log import outcome_of
from tests.orchestration.dagster_seams import stepping
from tests.orchestration.dagster_seams.instances import local_instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    for noted in (stepping.SUBMITTED, stepping.ENDED, stepping.RETURNED):
        noted.clear()
    with local_instance(tmp_path) as made:
        yield made


def succeeds(instance: DagsterInstance, job: Any) -> bool:
    with execute_job(reconstructable(job), instance) as result:
        return result.success


def test_each_step_is_submitted_once_it_is_ready_with_its_queue_and_the_branches_so_far(
    instance: DagsterInstance,
) -> None:
    assert succeeds(instance, stepping.fanning_out)
    first, *branches = stepping.SUBMITTED
    assert first == ("split", "dagster", 0)
    assert sorted(branches) == [(f"work[{number}]", "orders", 3) for number in range(3)]


def test_the_events_of_a_worker_tell_which_step_ended_and_how_long_it_took(instance: DagsterInstance) -> None:
    assert succeeds(instance, stepping.fanning_out)
    assert [ended[:2] for ended in stepping.ENDED] == [("split", "dagster"), *[("work", "orders")] * 3]
    assert all(0 < seconds < 60 for *_, seconds in stepping.ENDED)


def test_a_step_that_fails_ends_its_task_well_and_says_so_in_its_events(instance: DagsterInstance) -> None:
    assert not succeeds(instance, stepping.failing)
    assert [outcome_of("SUCCESS", events) for events in stepping.RETURNED] == ["failed"]


def test_the_loop_looks_for_ended_steps_at_our_interval(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    assert succeeds(instance, stepping.fanning_out)
    # Other steps wait here as well.
    assert FIRST_LOOK_SECONDS in waits
    assert max(waits) <= LOOK_EVERY_SECONDS


def test_a_message_that_names_code_of_another_module_is_refused() -> None:
    app = make_step_app("memory://", "cache+memory://", {})
    take_steps(app, "definitions")
    foreign = {"execute_step_args_packed": {}, "executable_dict": reconstructable(stepping.failing).to_dict()}
    with pytest.raises(ForeignJobError, match="only jobs of definitions"):
        app.tasks[STEP_TASK].apply(kwargs=foreign, throw=True)


def test_an_app_has_our_settings_in_addition_to_those_of_dagster_celery() -> None:
    settings = {"task_acks_late": True, "task_default_queue": "dagster", "worker_prefetch_multiplier": 1}
    app = make_step_app("memory://", "cache+memory://", settings)
    assert {name: app.conf[name] for name in settings} == settings
    assert app.conf.task_queue_max_priority == 10
