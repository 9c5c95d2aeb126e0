"""The watchdog's judgement of one running import, as a table."""

from __future__ import annotations

import pytest

from orders_pipeline.model import ImportStatus
from orders_pipeline.store.imports import Import
from orders_pipeline.watch import GiveUp, Leave, NewestRun, Patience, Relaunch, RunState, judge

NOW = 1_000_000_000_000
PATIENCE = Patience(run=30, work=45)
STARTED, WAITING, ENDED = RunState.STARTED, RunState.WAITING, RunState.ENDED
CANCELED, MISSING = RunState.CANCELED, RunState.MISSING


def ago(seconds: float) -> int:
    return NOW - int(seconds * 1_000_000)


def an_import(run_beat: float | None, work_beat: float | None, launches: int = 1) -> Import:
    """A running import whose signs of life came so many seconds ago."""
    return Import(
        id=1,
        key="orders.csv-0",
        file_name="orders.csv",
        profile="default",
        source="default",
        identified={},
        status=ImportStatus.RUNNING,
        run_id="run",
        started_at=ago(1000),
        settled_at=None,
        refused_because=None,
        run_beat_at=None if run_beat is None else ago(run_beat),
        work_beat_at=None if work_beat is None else ago(work_beat),
        launches=launches,
        records=10,
        rejected_lines=0,
        lines_of_rejected_orders=0,
        rejected_orders=0,
    )


@pytest.mark.parametrize(
    ("state", "since", "run_beat", "work_beat", "tasks_wait", "lost"),
    [
        pytest.param(STARTED, 100, 1, 1, False, False, id="all is well"),
        pytest.param(STARTED, 100, 30, 45, False, False, id="patience lasts to its last second"),
        pytest.param(STARTED, 100, 31, 1, True, True, id="the run's process is silent, though tasks wait"),
        pytest.param(STARTED, 100, 1, 46, False, True, id="no work and no waiting task: tasks are lost"),
        pytest.param(STARTED, 100, 1, 5000, True, False, id="workers are busy with other imports"),
        pytest.param(STARTED, 100, 31, 46, False, True, id="both are silent"),
        pytest.param(STARTED, 20, 500, 500, False, False, id="a new run has had no time for signs yet"),
        pytest.param(STARTED, 61, None, None, False, True, id="a run that never gave a sign"),
        pytest.param(STARTED, 60, 500, 500, False, False, id="a run that takes long to start"),
        pytest.param(STARTED, 61, 500, 500, True, True, id="a run that never started, though tasks wait"),
        pytest.param(STARTED, 20, None, None, False, False, id="a young run that never gave a sign"),
        pytest.param(STARTED, 100, -500, -500, False, False, id="signs from the future: a clock jumped"),
        pytest.param(ENDED, 100, 1, 1, True, True, id="the run ended, but the import did not"),
        pytest.param(MISSING, 0, 1, 1, False, True, id="Dagster lost its memory"),
        pytest.param(WAITING, 5000, None, None, False, False, id="a run that waits for its turn"),
        pytest.param(CANCELED, 5000, 5000, 5000, False, False, id="somebody canceled it"),
    ],
)
def test_an_import_is_launched_again_exactly_when_it_is_lost(
    state: RunState,
    since: float,
    run_beat: float | None,
    work_beat: float | None,
    tasks_wait: bool,
    lost: bool,
) -> None:
    run = NewestRun(state, ago(since))
    verdict = judge(an_import(run_beat, work_beat), run, tasks_wait, PATIENCE, NOW)
    assert isinstance(verdict, Relaunch if lost else Leave)


@pytest.mark.parametrize(("launches", "verdict"), [(0, Relaunch), (2, Relaunch), (3, GiveUp), (9, GiveUp)])
def test_the_third_launch_without_progress_is_the_last(launches: int, verdict: type) -> None:
    found = an_import(1, 1, launches)
    assert isinstance(judge(found, NewestRun(ENDED), False, PATIENCE, NOW), verdict)


def test_what_is_given_up_says_what_happened_last() -> None:
    verdict = judge(an_import(31, 1, 3), NewestRun(STARTED), False, PATIENCE, NOW)
    assert verdict == GiveUp("3 launches brought no progress; the last one: the run's process is gone")


def test_an_import_that_is_well_is_left_alone_however_often_it_was_launched() -> None:
    assert judge(an_import(1, 1, 9), NewestRun(STARTED), False, PATIENCE, NOW) == Leave()
