"""The Celery executor of the pipeline: makes sure that workers answer, and limits each step's time."""

from collections.abc import Iterator
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from dagster import Failure, InitExecutorContext, executor, multiple_process_executor_requirements
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from dagster_celery import core_execution_loop
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app

from jobs.celery_app import celery_settings
from jobs.imports.run_heartbeat import PARTITION_TAG, run_heartbeat
from jobs.workers.priorities import message_priority, step_priority
from jobs.workers.queue_heads import queued_now
from jobs.workers.queues import unserved_queues
from jobs.workers.step_log import IDS_HEADER, step_ids
from jobs.workers.step_tallies import counted
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import plain_amqps
from orders_pipeline.services.redis_server import broker_url, redis_url

TIME_LIMIT_TAG = "orders/time_limit_seconds"
GRACE_SECONDS = 30
WORKERS_ANSWER_WITHIN_SECONDS = 15
# dagster-celery looks for finished steps once a second, which is a second lost at each hop of a small file.
core_execution_loop.TICK_SECONDS = 0.1  # type: ignore[assignment]


class OrdersCeleryExecutor(CeleryExecutor):
    """dagster-celery's executor with a check for workers, signs of life and a time limit on each step."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            retries=RetryMode.ENABLED,
            broker=plain_amqps(broker_url(settings)),
            backend=redis_url(settings),
            config_source=celery_settings(settings),
        )
        self.settings = settings

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[Any]:
        """Runs the plan's steps on Celery workers.

        Raises:
            Failure: no worker answers.
        """
        require_workers(make_app(self.app_args()))  # type: ignore[no-untyped-call]
        with run_heartbeat(self.settings, plan_context.instance, plan_context.dagster_run):
            events = core_execution_loop.core_celery_execution_loop(plan_context, execution_plan, submit_step)
            yield from counted(self.settings, events, execution_plan)


def require_workers(app: Celery) -> None:
    """Waits until workers serve every queue.

    Raises:
        Failure: none answers within 15 seconds, or those that do leave a queue out.
    """
    if unserved := unserved_queues(app, WORKERS_ANSWER_WITHIN_SECONDS):
        broker = app.connection_for_read().as_uri()
        raise Failure(
            f"No Celery worker answers for the queue {' or '.join(sorted(unserved))} at {broker} within "
            f"{WORKERS_ANSWER_WITHIN_SECONDS} seconds. "
            "Start the workers with `orders up`, or import with `orders import FILE`, which brings its own.",
            allow_retries=False,
        )


def submit_step(
    app: Celery,
    plan_context: PlanOrchestrationContext,
    step: Any,
    queue: str,
    _priority: int,
    known_state: Any,
) -> AsyncResult:
    """Queues one step; as dagster-celery does, with a time limit, a priority and ids for the log."""
    run = plan_context.dagster_run
    priority = step_priority(step.tags, run.tags, known_state)
    arguments = ExecuteStepArgs(
        job_origin=plan_context.reconstructable_job.get_python_origin(),
        run_id=run.run_id,
        step_keys_to_execute=[step.key],
        instance_ref=plan_context.instance.get_ref(),
        retry_mode=plan_context.executor.retries.for_inner_plan(),
        known_state=known_state,
        print_serialized_events=True,
    )
    limit = step.tags.get(TIME_LIMIT_TAG)
    return app.send_task(
        TASK_EXECUTE_PLAN_NAME,
        kwargs={
            "execute_step_args_packed": pack_value(arguments),
            "executable_dict": plan_context.reconstructable_job.to_dict(),
        },
        priority=message_priority(priority, app.conf.broker_url),
        headers=queued_now() | {IDS_HEADER: step_ids(run.run_id, step.key, run.tags.get(PARTITION_TAG))},
        queue=queue,
        routing_key=f"{queue}.execute_plan",
        soft_time_limit=int(limit) if limit else None,
        time_limit=int(limit) + GRACE_SECONDS if limit else None,
    )


def build_executor(settings: Settings) -> Any:
    """The executor on the broker and Redis that the settings name."""

    @executor(name="orders_celery", requirements=multiple_process_executor_requirements())
    def orders_celery_executor(_context: InitExecutorContext) -> OrdersCeleryExecutor:
        """Runs each step on a Celery worker."""
        return OrdersCeleryExecutor(settings)

    return orders_celery_executor
