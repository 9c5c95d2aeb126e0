"""A worker's log of its steps: one line when a step starts, and one when it ends."""

import logging
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from celery.signals import task_postrun, task_prerun

from orders_pipeline.base.telemetry.logs import log_ids

IDS_HEADER = "orders_ids"
MAPPING_KEY = re.compile(r"\[(\d+)\]$")
log = logging.getLogger(__name__)


def step_ids(run_id: str, step_key: str, file: str | None) -> dict[str, Any]:
    """Returns the ids for the worker's log that are sent with a step.

    For a step of the fan-out also the batch.
    """
    ids: dict[str, Any] = {"file": file} if file else {}
    if batch := MAPPING_KEY.search(step_key):
        ids["batch"] = int(batch[1])
    return {**ids, "run_id": run_id, "step": step_key}


class StepLog:
    """Logs the steps of one worker process, which executes one step at a time."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._began = 0.0

    def connect(self) -> None:
        """Logs every task of this process and of the processes forked from it."""
        task_prerun.connect(self.start, weak=False)
        task_postrun.connect(self.end, weak=False)

    def start(self, task: Any, **_: object) -> None:
        """Logs the start of a step, and adds its ids to every line until it ends."""
        self._running.enter_context(log_ids(**(task.request.get(IDS_HEADER) or {})))
        self._began = time.monotonic()
        log.info("step started")

    def end(self, retval: object = None, state: str | None = None, **_: object) -> None:
        """Logs the end of a step, successful or not."""
        outcome, seconds = outcome_of(state, retval), round(time.monotonic() - self._began, 3)
        level = logging.ERROR if outcome == "failed" else logging.INFO
        log.log(level, "step ended", extra={"outcome": outcome, "seconds": seconds})
        self._running.close()


def outcome_of(state: str | None, events: object) -> str:
    """Returns `done`, `to be retried` or `failed`. For Celery, the task of a failed step is successful."""
    returned = events if isinstance(events, Sequence) and not isinstance(events, str) else []
    if state != "SUCCESS" or any('"STEP_FAILURE"' in str(event) for event in returned):
        return "failed"
    return "to be retried" if any('"STEP_UP_FOR_RETRY"' in str(event) for event in returned) else "done"
