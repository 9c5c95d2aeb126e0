"""Jobs whose steps dagster-celery's loop passes to its own task, executed at once and without a broker."""

import json
from collections.abc import Iterator
from typing import Any

from celery import Celery
from celery.result import EagerResult
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DynamicOut,
    DynamicOutput,
    Failure,
    InitExecutorContext,
    executor,
    job,
    multiple_process_executor_requirements,
    op,
)

from jobs.dagster_seams.celery_steps import STEP_TASK, StepExecutor, step_events, take_steps
from jobs.dagster_seams.steps import (
    KnownState,
    Plan,
    PlanContext,
    Step,
    fan_out,
    message_arguments,
    step_of,
    step_seconds,
)

SUBMITTED: list[tuple[str, str, int]] = []
ENDED: list[tuple[str, str, float]] = []
RETURNED: list[Any] = []


class StepsHere(StepExecutor):
    """Executes each step in this process, as a worker would."""

    def execute(self, plan_context: PlanContext, execution_plan: Plan) -> Iterator[DagsterEvent]:
        """Records which steps are submitted, and which succeed."""
        for event in step_events(plan_context, execution_plan, submit_here):
            if event.event_type is DagsterEventType.STEP_SUCCESS:
                name, tags = step_of(execution_plan, event)
                ENDED.append((name, tags["dagster-celery/queue"], step_seconds(event)))
            yield event


def submit_here(
    app: Celery, context: PlanContext, step: Step, queue: str, _priority: int, known_state: KnownState
) -> EagerResult:
    """What the step's task returns. Its arguments pass through JSON, as on a broker."""
    SUBMITTED.append((step.key, queue, fan_out(known_state)))
    if STEP_TASK not in app.tasks:
        take_steps(app, __name__)
    arguments = json.loads(json.dumps(message_arguments(context, step, known_state)))
    result = app.tasks[STEP_TASK].apply(kwargs=arguments)
    RETURNED.append(result.get())
    return result


@executor(name="steps_here", requirements=multiple_process_executor_requirements())
def steps_here(_context: InitExecutorContext) -> StepsHere:
    """Executes steps without a broker."""
    return StepsHere("memory://", "cache+memory://", {"task_default_queue": "dagster"})


@op(out=DynamicOut(), tags={"dagster-celery/queue": "dagster"})
def split() -> Iterator[DynamicOutput[int]]:
    """Three branches."""
    for number in range(3):
        yield DynamicOutput(number, mapping_key=str(number))


@op(tags={"dagster-celery/queue": "orders"})
def work(number: int) -> int:
    """One branch."""
    return number


@op(tags={"dagster-celery/queue": "orders"})
def fail() -> None:
    """Always fails."""
    raise Failure("out of luck", allow_retries=False)


@job(executor_def=steps_here)
def fanning_out() -> None:
    """Fans out."""
    split().map(work)


@job(executor_def=steps_here)
def failing() -> None:
    """Fails."""
    fail()
