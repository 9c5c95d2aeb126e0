"""The Celery executor of the pipeline. It checks that workers answer, and limits the time of each step."""

from collections.abc import Callable, Iterator
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from dagster import (
    DagsterEvent,
    Failure,
    InitExecutorContext,
    executor,
    multiple_process_executor_requirements,
)

from jobs.dagster_seams.celery_steps import STEP_TASK, StepExecutor, step_events
from jobs.dagster_seams.steps import KnownState, Plan, PlanContext, Step, fan_out, message_arguments
from jobs.runs import PARTITION_TAG
from jobs.workers.celery_settings import celery_settings, step_app
from jobs.workers.priorities import message_priority, step_priority
from jobs.workers.queue_heads import queued_now
from jobs.workers.queues import unserved_queues
from jobs.workers.run_heartbeat import run_heartbeat
from jobs.workers.step_log import IDS_HEADER, step_ids
from jobs.workers.step_tallies import counted
from jobs.workers.work import TIME_LIMIT_TAG
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import plain_amqps
from orders_pipeline.services.redis_server import broker_url, redis_url

GRACE_SECONDS = 30
WORKERS_ANSWER_WITHIN_SECONDS = 15
AtEnd = Callable[[PlanContext], None]


class OrdersCeleryExecutor(StepExecutor):
    """dagster-celery's executor with a check for workers, a heartbeat and a time limit on each step."""

    def __init__(self, settings: Settings, at_end: AtEnd) -> None:
        super().__init__(plain_amqps(broker_url(settings)), redis_url(settings), celery_settings(settings))
        self.settings, self.at_end = settings, at_end

    def execute(self, plan_context: PlanContext, execution_plan: Plan) -> Iterator[DagsterEvent]:
        """Runs the plan's steps on Celery workers.

        Raises:
            Failure: no worker answers.
        """
        require_workers(step_app(self.settings))
        with run_heartbeat(self.settings, plan_context.instance, plan_context.dagster_run):
            events = step_events(plan_context, execution_plan, submit_step)
            yield from counted(self.settings, events, execution_plan)
        self.at_end(plan_context)


def require_workers(app: Celery) -> None:
    """Waits until workers serve every queue.

    Raises:
        Failure: within 15 seconds, no worker answers for one of the queues.
    """
    if unserved := unserved_queues(app, WORKERS_ANSWER_WITHIN_SECONDS):
        broker = app.connection_for_read().as_uri()
        raise Failure(
            f"No Celery worker answers for the queue {' or '.join(sorted(unserved))} at {broker} within "
            f"{WORKERS_ANSWER_WITHIN_SECONDS} seconds. "
            "Start the workers with `orders up`, or import with `orders import FILE`, which starts its own.",
            allow_retries=False,
        )


def submit_step(
    app: Celery, plan_context: PlanContext, step: Step, queue: str, _priority: int, known_state: KnownState
) -> AsyncResult:
    """Queues one step as dagster-celery does, and adds a time limit, a priority and ids for the log."""
    run, tags = plan_context.dagster_run, step.tags or {}
    priority = step_priority(tags, run.tags, fan_out(known_state))
    limit = tags.get(TIME_LIMIT_TAG)
    return app.send_task(
        STEP_TASK,
        kwargs=message_arguments(plan_context, step, known_state),
        priority=message_priority(priority, app.conf.broker_url),
        headers=queued_now() | {IDS_HEADER: step_ids(run.run_id, step.key, run.tags.get(PARTITION_TAG))},
        queue=queue,
        routing_key=f"{queue}.execute_plan",
        soft_time_limit=int(limit) if limit else None,
        time_limit=int(limit) + GRACE_SECONDS if limit else None,
    )


def build_executor(settings: Settings, at_end: AtEnd) -> Any:
    """Returns the executor for the broker and Redis in the settings.

    Args:
        at_end: called in the process of a run after its last step.
    """

    @executor(name="orders_celery", requirements=multiple_process_executor_requirements())
    def orders_celery_executor(_context: InitExecutorContext) -> OrdersCeleryExecutor:
        """Runs each step on a Celery worker."""
        return OrdersCeleryExecutor(settings, at_end)

    return orders_celery_executor
