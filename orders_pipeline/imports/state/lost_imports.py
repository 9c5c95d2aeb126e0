"""The rules by which running imports are launched again, from what the store, Dagster and the broker say."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.imports.import_row import Import

# Together with the duration of the runs, they outlast a full disk or a store that is down for some minutes.
PAUSES = (0, 0, 15, 30, 60, 60)
# A factor of `Patience.run` until the first heartbeat: on a busy machine, a process takes long to load.
STARTING_TAKES = 2


class RunState(StrEnum):
    """The state of the newest run of an import, as Dagster reports it."""

    WAITING = "waiting"
    STARTED = "started"
    ENDED = "ended"
    CANCELED = "canceled"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class NewestRun:
    """The newest run of an import.

    Attributes:
        since: when it entered this state, in microseconds.
        unbegun: how many of the newest runs were created since the last heartbeat of any run.
    """

    state: RunState
    since: int = 0
    unbegun: int = 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for heartbeats of the run and of the workers, and between launches.

    Attributes:
        pauses: seconds of silence before the next launch, by the number of launches without progress. After
            as many launches, the import stalls.
    """

    run: float
    work: float
    pauses: tuple[float, ...] = PAUSES


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds since the last heartbeat of the run's process and of the workers."""

    run: float
    work: float


class HeartbeatClock:
    """Times how long each heartbeat has stayed the same, with a monotonic clock.

    A heartbeat counts only if it changed. Its own time is never compared with the present: clocks of two
    machines may differ, and any clock may jump. A heartbeat that is seen for the first time counts as new.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def unchanged_for(self, whose: Hashable, sign: Hashable) -> float:
        """Seconds since this heartbeat was first seen."""
        now = self._clock()
        seen, since = self._seen.get(whose, (None, now))
        if seen != sign:
            since = now
        self._seen[whose] = sign, since
        return now - since

    def silence(self, found: Import, run: NewestRun) -> Silence:
        """How long an import has been silent while its newest run was in its current state.

        A file can belong to a run of its own and to a shared run. Both may be dead, so each is timed
        separately.
        """
        return Silence(
            self.unchanged_for((found.id, run, "run"), found.run_beat_at),
            self.unchanged_for((found.id, run, "work"), found.work_beat_at),
        )


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the import alone."""


@dataclass(frozen=True, slots=True)
class Relaunch:
    """The run is lost, for this reason: launch the whole import again."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Launches made no progress: an operator must find the cause."""

    reason: str


Verdict = Leave | Relaunch | GiveUp


def judge(found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience) -> Verdict:
    """Decides what to do about a running import.

    Args:
        tasks_wait: whether tasks of it wait in the broker; then workers are silent because they are busy.
    """
    reason = _why_lost(found, run, silence, tasks_wait, patience)
    if reason is None:
        return Leave()
    if found.launches >= len(patience.pauses):
        return GiveUp(f"{found.launches} launches made no progress; the last reason: {reason}")
    if max(silence.run, silence.work) < patience.pauses[found.launches]:
        return Leave()
    return Relaunch(reason)


def _why_lost(
    found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience
) -> str | None:
    match run.state:
        case RunState.CANCELED if (found.reopened_at or 0) > run.since:
            return "it was canceled and then reopened"
        case RunState.WAITING | RunState.CANCELED:
            return None
        case RunState.ENDED:
            return "the run ended before every order was settled"
        case RunState.MISSING:
            return "Dagster has no run of it"
    return _why_silent(found, run, silence, tasks_wait, patience)


def _why_silent(
    found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience
) -> str | None:
    if (found.run_beat_at or 0) < run.since:
        # If runs were given up before they began, the machine needs more time, not more runs.
        late = silence.run > patience.run * STARTING_TAKES * max(run.unbegun, 1)
        return "the run's process sent no heartbeat" if late else None
    if silence.run > patience.run:
        return "the run's process is gone"
    if not tasks_wait and silence.work > patience.work:
        return "no worker works on it, and none of its tasks is queued"
    return None
