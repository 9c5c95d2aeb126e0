"""Which running imports need a new launch, judged by the store, Dagster's word and the broker's."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.imports.import_row import Import

# Together with the runs themselves they outlast a full disk or a store that is away for some minutes.
PAUSES = (0, 0, 15, 30, 60, 60)
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
    """The newest run of an import; `since` when it is in this state, in microseconds.

    `unbegun`: how many of the newest runs were made since the last sign of life of any.
    """

    state: RunState
    since: int = 0
    unbegun: int = 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for signs of life of the run and of the workers, and between launches.

    Attributes:
        pauses: seconds of quiet before the next launch, by how many brought no progress; as many are made.
    """

    run: float
    work: float
    pauses: tuple[float, ...] = PAUSES


@dataclass(frozen=True, slots=True)
class Silence:
    """For how many seconds the run's process and the workers have given no sign of life."""

    run: float
    work: float


class SignsOfLife:
    """Since when each sign of life is the same, by the clock of the process that looks.

    A sign's own time is never subtracted from the present: another machine's clock may differ from this
    one's, and any clock may jump. What is seen for the first time counts as new.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def unchanged_for(self, whose: Hashable, sign: Hashable) -> float:
        """Seconds since this sign was first seen."""
        now = self._clock()
        seen, since = self._seen.get(whose, (None, now))
        if seen != sign:
            since = now
        self._seen[whose] = sign, since
        return now - since

    def silence(self, found: Import, run: NewestRun) -> Silence:
        """How long nothing was heard of an import; a new run, or a new state of it, is a sign, too."""
        return Silence(
            self.unchanged_for((found.id, "run"), (run, found.run_beat_at)),
            self.unchanged_for((found.id, "work"), (run, found.work_beat_at)),
        )


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


def judge(found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience) -> Verdict:
    """What to do about a running import.

    Args:
        tasks_wait: whether tasks of it lie in the broker's queues; then silence only means other work.
    """
    reason = _why_lost(found, run, silence, tasks_wait, patience)
    if reason is None:
        return Leave()
    if found.launches >= len(patience.pauses):
        return GiveUp(f"{found.launches} launches brought no progress; the last one: {reason}")
    if max(silence.run, silence.work) < patience.pauses[found.launches]:
        return Leave()
    return Relaunch(reason)


def _why_lost(
    found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience
) -> str | None:
    match run.state:
        case RunState.CANCELED if (found.reopened_at or 0) > run.since:
            return "it was canceled, and opened again after that"
        case RunState.WAITING | RunState.CANCELED:
            return None
        case RunState.ENDED:
            return "the run ended without having settled every order"
        case RunState.MISSING:
            return "Dagster knows no run of it"
    return _why_silent(found, run, silence, tasks_wait, patience)


def _why_silent(
    found: Import, run: NewestRun, silence: Silence, tasks_wait: bool, patience: Patience
) -> str | None:
    if (found.run_beat_at or 0) < run.since:
        # A machine on which runs were given up before they began needs more time, not more runs.
        late = silence.run > patience.run * STARTING_TAKES * max(run.unbegun, 1)
        return "the run's process gave no sign of life" if late else None
    if silence.run > patience.run:
        return "the run's process is gone"
    if not tasks_wait and silence.work > patience.work:
        return "no worker is at work on it, and no task of it waits"
    return None
