"""The decisions of the watchdog about one running import, as a table."""

from __future__ import annotations

import pytest

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.state.lost_imports import (
    GiveUp,
    HeartbeatClock,
    Leave,
    NewestRun,
    Patience,
    Relaunch,
    RunState,
    Silence,
    judge,
)

NOW = 1_000_000_000_000
SECOND, HOUR = 1_000_000, 3_600_000_000
PATIENCE = Patience(run=30, work=45)
STARTED, WAITING, ENDED = RunState.STARTED, RunState.WAITING, RunState.ENDED
CANCELED, MISSING = RunState.CANCELED, RunState.MISSING
STARTED_RUN = NewestRun(STARTED, NOW)


def an_import(run_beat_at: int | None = NOW, work_beat_at: int | None = NOW, launches: int = 1) -> Import:
    return Import(
        id=1,
        key="orders.csv-0",
        file_name="orders.csv",
        profile="default",
        source="default",
        identified={},
        status=ImportStatus.RUNNING,
        run_id="run",
        started_at=NOW,
        settled_at=None,
        refused_because=None,
        run_beat_at=run_beat_at,
        work_beat_at=work_beat_at,
        launches=launches,
        records=10,
        rejected_lines=0,
        lines_of_rejected_orders=0,
        rejected_orders=0,
    )


@pytest.mark.parametrize(
    ("state", "begun", "silence", "tasks_wait", "lost"),
    [
        pytest.param(STARTED, True, Silence(1, 1), False, False, id="all is well"),
        pytest.param(STARTED, True, Silence(30, 45), False, False, id="patience lasts to its last second"),
        pytest.param(STARTED, True, Silence(31, 1), True, True, id="the run is silent, though tasks wait"),
        pytest.param(STARTED, True, Silence(1, 46), False, True, id="no work, no waiting task: all lost"),
        pytest.param(STARTED, True, Silence(1, 5000), True, False, id="workers are busy with other imports"),
        pytest.param(STARTED, True, Silence(31, 46), False, True, id="both are silent"),
        pytest.param(STARTED, False, Silence(60, 60), False, False, id="a run that takes long to start"),
        pytest.param(STARTED, False, Silence(61, 61), False, True, id="a run that never gave a sign"),
        pytest.param(STARTED, False, Silence(61, 61), True, True, id="the same, though tasks wait"),
        pytest.param(ENDED, True, Silence(1, 1), True, True, id="the run ended, but the import did not"),
        pytest.param(MISSING, False, Silence(1, 1), False, True, id="Dagster lost its memory"),
        pytest.param(WAITING, False, Silence(5000, 5000), False, False, id="a run that waits for its turn"),
        pytest.param(CANCELED, True, Silence(5000, 5000), False, False, id="somebody canceled it"),
    ],
)
def test_an_import_is_launched_again_exactly_when_it_is_lost(
    state: RunState, begun: bool, silence: Silence, tasks_wait: bool, lost: bool
) -> None:
    run = NewestRun(state, NOW)
    found = an_import(run_beat_at=NOW + SECOND if begun else NOW - SECOND)
    verdict = judge(found, run, silence, tasks_wait, PATIENCE)
    assert isinstance(verdict, Relaunch if lost else Leave)


def test_runs_that_were_given_up_before_they_began_leave_the_next_more_time() -> None:
    found = an_import(run_beat_at=NOW - SECOND)
    run = NewestRun(STARTED, NOW, unbegun=3)
    assert judge(found, run, Silence(180, 180), False, PATIENCE) == Leave()
    assert isinstance(judge(found, run, Silence(181, 181), False, PATIENCE), Relaunch)


@pytest.mark.parametrize(("launches", "verdict"), [(0, Relaunch), (5, Relaunch), (6, GiveUp), (9, GiveUp)])
def test_the_sixth_launch_without_progress_is_the_last(launches: int, verdict: type) -> None:
    found = an_import(launches=launches)
    assert isinstance(judge(found, NewestRun(ENDED), Silence(60, 60), False, PATIENCE), verdict)


@pytest.mark.parametrize(("launches", "pause"), [(1, 0), (2, 15), (3, 30), (4, 60), (5, 60)])
def test_launches_that_bring_no_progress_follow_each_other_more_slowly(launches: int, pause: int) -> None:
    found, run = an_import(launches=launches), NewestRun(ENDED)
    assert isinstance(judge(found, run, Silence(pause, pause), False, PATIENCE), Relaunch)
    if pause:
        assert judge(found, run, Silence(pause - 1, pause - 1), False, PATIENCE) == Leave()


def test_what_is_given_up_says_what_happened_last() -> None:
    verdict = judge(an_import(launches=6), NewestRun(STARTED), Silence(31, 1), False, PATIENCE)
    assert verdict == GiveUp("6 launches made no progress; the last reason: the run's process is gone")


def test_an_import_that_is_well_is_left_alone_however_often_it_was_launched() -> None:
    verdict = judge(an_import(launches=9), NewestRun(STARTED), Silence(1, 1), False, PATIENCE)
    assert verdict == Leave()


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def silences(found: list[Import], run: NewestRun) -> list[Silence]:
    """The silences measured in checks ten seconds apart."""
    clock = Clock()
    signs, heard = HeartbeatClock(clock), []
    for one in found:
        heard.append(signs.silence(one, run))
        clock.seconds += 10
    return heard


@pytest.mark.parametrize("jump", [0, HOUR, -HOUR])
def test_a_sign_is_one_whatever_the_clock_says_that_it_was_made_with(jump: int) -> None:
    beats = [NOW, NOW + 5 * SECOND, NOW + jump + 10 * SECOND, NOW + jump + 15 * SECOND]
    run = NewestRun(STARTED, NOW - SECOND)
    heard = silences([an_import(beat, beat) for beat in beats], run)
    assert heard == [Silence(0, 0)] * 4


@pytest.mark.parametrize("beat", [NOW, NOW - HOUR, NOW + HOUR, None])
def test_silence_is_counted_from_the_first_look_at_the_last_sign(beat: int | None) -> None:
    heard = silences([an_import(beat, beat)] * 4, STARTED_RUN)
    assert heard == [Silence(0, 0), Silence(10, 10), Silence(20, 20), Silence(30, 30)]


def test_run_and_work_are_heard_apart() -> None:
    heard = silences([an_import(NOW, NOW), an_import(NOW, NOW + 1), an_import(NOW + 1, NOW + 1)], STARTED_RUN)
    assert heard == [Silence(0, 0), Silence(10, 0), Silence(0, 10)]


def test_a_new_run_is_given_its_time() -> None:
    clock = Clock()
    signs = HeartbeatClock(clock)
    signs.silence(an_import(), NewestRun(STARTED, NOW))
    clock.seconds += 100
    assert signs.silence(an_import(), NewestRun(STARTED, NOW + SECOND)) == Silence(0, 0)
