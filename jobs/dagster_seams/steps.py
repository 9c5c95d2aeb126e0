"""The steps of a run during its execution: its plan, the messages to workers, and their events.

For: this project's executor, the priority of each step, and the metrics of steps.
Without it: no step reaches a worker.
Instead: no public method. The documented `dagster.StepExecutionContext` covers ops only, and
dagster-celery's `celery_executor` supports neither time limits nor message headers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import IExecutionStep
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value

PlanContext = PlanOrchestrationContext
Plan = ExecutionPlan
Step = IExecutionStep
KnownState = KnownExecutionState


def message_arguments(context: PlanContext, step: Step, known_state: KnownState) -> dict[str, Any]:
    """Returns the arguments for dagster-celery's task that executes one step on a worker."""
    arguments = ExecuteStepArgs(
        job_origin=context.reconstructable_job.get_python_origin(),
        run_id=context.dagster_run.run_id,
        step_keys_to_execute=[step.key],
        instance_ref=context.instance.get_ref(),
        retry_mode=context.executor.retries.for_inner_plan(),
        known_state=known_state,
        print_serialized_events=True,
    )
    return {
        "execute_step_args_packed": pack_value(arguments),
        "executable_dict": context.reconstructable_job.to_dict(),
    }


def fan_out(known_state: KnownState) -> int:
    """Returns the number of branches of the run's fan-out so far."""
    mappings: Mapping[str, Mapping[str, Sequence[str] | None]] = known_state.dynamic_mappings
    return sum(len(keys or ()) for outputs in mappings.values() for keys in outputs.values())


def step_of(plan: Plan, event: DagsterEvent) -> tuple[str, Mapping[str, str]]:
    """Returns the name of the op, without its branch, and the tags of an event's step."""
    step = plan.get_step_by_key(str(event.step_key))
    return step.node_handle.name, step.tags or {}


def step_seconds(success: DagsterEvent) -> float:
    """Returns the duration of a step in seconds, from its success event."""
    return float(success.step_success_data.duration_ms) / 1000
