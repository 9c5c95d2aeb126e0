"""Which running imports need a new launch, judged by the store, Dagster's word and the broker's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.store.imports import Import

LAUNCHES_WITHOUT_PROGRESS = 3
# Times the patience with a run: a process that starts on a busy machine loads for long before its first sign.
STARTING_TAKES = 2


class RunState(StrEnum):
    """What Dagster says of the newest run of an import."""

    WAITING = "waiting"
    STARTED = "started"
    ENDED = "ended"
    CANCELED = "canceled"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class NewestRun:
    """The newest run of an import; `since` when it is in this state, in microseconds."""

    state: RunState
    since: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for signs of life, in seconds."""

    run: float
    work: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Relaunch:
    """The run is lost, for this reason; the import is to be launched again, whole."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Launching again has changed nothing; somebody must look."""

    reason: str


Verdict = Leave | Relaunch | GiveUp


def judge(found: Import, run: NewestRun, tasks_wait: bool, patience: Patience, now_us: int) -> Verdict:
    """What to do about a running import.

    Args:
        tasks_wait: whether tasks lie in the broker's queues; then no sign of work only means other work.
    """
    reason = _why_lost(found, run, tasks_wait, patience, now_us)
    if reason is None:
        return Leave()
    if found.launches >= LAUNCHES_WITHOUT_PROGRESS:
        return GiveUp(f"{found.launches} launches brought no progress; the last one: {reason}")
    return Relaunch(reason)


def _why_lost(found: Import, run: NewestRun, tasks_wait: bool, patience: Patience, now_us: int) -> str | None:
    match run.state:
        case RunState.WAITING | RunState.CANCELED:
            return None
        case RunState.ENDED:
            return "the run ended without having settled every order"
        case RunState.MISSING:
            return "Dagster knows no run of it"
    return _why_silent(found, run, tasks_wait, patience, now_us)


def _why_silent(
    found: Import, run: NewestRun, tasks_wait: bool, patience: Patience, now_us: int
) -> str | None:
    since_run = _seconds_since(found.run_beat_at, run, now_us)
    if (found.run_beat_at or 0) < run.since:
        late = since_run > patience.run * STARTING_TAKES
        return "the run's process gave no sign of life" if late else None
    if since_run > patience.run:
        return "the run's process is gone"
    if not tasks_wait and _seconds_since(found.work_beat_at, run, now_us) > patience.work:
        return "no worker is at work on it, and no task of it waits"
    return None


def _seconds_since(beat_us: int | None, run: NewestRun, now_us: int) -> float:
    return (now_us - max(beat_us or 0, run.since)) / 1_000_000
