"""dagster-celery's app, task and execution loop. Its public API has only `celery_executor`.

For: an executor and a worker that share this project's broker settings, and a loop with a short interval.
Without it: no step runs on Celery. Without `LOOK_EVERY_SECONDS` each transition between steps takes up to a
second, which dominates the time of a small file.
Instead: an executor of dagster-celery that takes a function for sending a step, and an interval.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from celery import Celery, Task
from celery.result import AsyncResult
from dagster import DagsterEvent
from dagster._core.execution.retries import RetryMode
from dagster_celery import core_execution_loop
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from jobs.dagster_seams.repository import code_of_job
from jobs.dagster_seams.steps import KnownState, Plan, PlanContext, Step

STEP_TASK = TASK_EXECUTE_PLAN_NAME
# Polling intervals for the steps of a run, in seconds: the first after an event, the growth factor, and the
# longest. So the end of a short step is noticed at once, and a long step costs little.
FIRST_LOOK_SECONDS, LOOKS_GROW, LOOK_EVERY_SECONDS = 0.01, 1.15, 0.1

# Arguments: app, plan context, step, queue, dagster-celery's own priority, and the known state of the run.
SubmitStep = Callable[[Celery, PlanContext, Step, str, int, KnownState], AsyncResult]


class ForeignJobError(RuntimeError):
    """A message refers to code outside this project."""


class StepExecutor(CeleryExecutor):
    """dagster-celery's executor with this project's broker, result store and Celery settings."""

    def __init__(self, broker: str, backend: str, settings: Mapping[str, Any]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            retries=RetryMode.ENABLED, broker=broker, backend=backend, config_source=dict(settings)
        )


def make_step_app(broker: str, backend: str, settings: Mapping[str, Any]) -> Celery:
    """Returns dagster-celery's app with this project's Celery settings.

    It sends steps, but executes none yet.
    """
    return make_app({"broker": broker, "backend": backend, "config_source": dict(settings)})


class PinnedTask(Task):  # type: ignore[misc]
    """The task that executes a step. It accepts only jobs of one module."""

    module = ""

    def __call__(self, execute_step_args_packed: Any, executable_dict: Any) -> Any:
        """Executes the step of a message.

        Raises:
            ForeignJobError: the message refers to code of another module.
        """
        code = code_of_job(executable_dict)
        if code.module != self.module:
            raise ForeignJobError(f"this worker executes only jobs of {self.module}, not {code.description}")
        # The base class would replace the request of the message with an empty one.
        return self.run(execute_step_args_packed, executable_dict)


def take_steps(app: Celery, module: str | None = None) -> None:
    """Registers the task that executes steps in a worker's app.

    Args:
        module: the only module whose jobs are executed; None allows any module.
    """
    base = type("StepTask", (PinnedTask,), {"module": module}) if module else Task
    # A shared task would also be added to later apps, whose own task would then not be registered.
    create_task(app, base=base, shared=False)


def step_events(context: PlanContext, plan: Plan, submit: SubmitStep) -> Iterator[DagsterEvent]:
    """Submits the steps of a plan as they become ready, and yields the events from the workers."""
    looks = Looks()
    vars(core_execution_loop)["time"] = SimpleNamespace(sleep=looks.wait)
    for event in core_execution_loop.core_celery_execution_loop(context, plan, submit):
        looks.begin()
        yield event


class Looks:
    """The polling intervals for the steps of a run."""

    def __init__(self) -> None:
        self.seconds = FIRST_LOOK_SECONDS

    def begin(self) -> None:
        """Restarts with the shortest interval, after an event."""
        self.seconds = FIRST_LOOK_SECONDS

    def wait(self, _seconds: float) -> None:
        """Waits until the next poll; used instead of dagster-celery's fixed interval."""
        time.sleep(self.seconds)
        self.seconds = min(self.seconds * LOOKS_GROW, LOOK_EVERY_SECONDS)
