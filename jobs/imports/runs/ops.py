"""The ops of an import. Each reads its keys, calls one step of the core, and shows counts.

Ops pass no data to each other: the file is the partition of the run, the batch is the mapping key of the
fan-out, and rows are in the store. So the store and the staging area are the only storage that workers share.
"""

from collections.abc import Iterator
from typing import Any

from dagster import (
    DynamicOut,
    DynamicOutput,
    In,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    ResourceParam,
    op,
)

from jobs.failures import THREE_TRIES, import_step
from jobs.imports.partitions import register_partition
from jobs.imports.runs.at_once import publish_at_once
from jobs.imports.runs.config import launch_config, launch_instructions
from jobs.imports.runs.file_checks import log_file_checks
from jobs.imports.runs.metadata import orders_metadata, rejects_metadata
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.queue_heads import queued_at
from jobs.workers.work import FILE_WORK, GATEWAY_WORK, STORE_WORK
from orders_pipeline.base.telemetry.tracing import is_tracing
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.small_files import require_staged
from orders_pipeline.imports.state.step_failures import Step
from orders_pipeline.imports.state.traced_steps import trace_run_start
from orders_pipeline.lifecycle.batch import Batch
from orders_pipeline.store.engine import reading
from resources.figures import FigureStores
from resources.file_imports import FileImports
from resources.payment_gateway import PaymentGateways

BATCH = {"batch": In(Nothing)}


@op(
    ins={"order_file": In(Nothing)},
    out=DynamicOut(Nothing),
    config_schema=launch_config(),
    retry_policy=THREE_TRIES,
    tags=FILE_WORK | priority_tag(Priority.BEGIN),
)
def parse_order_file(
    context: OpExecutionContext, file_imports: ResourceParam[FileImports]
) -> Iterator[DynamicOutput[None]]:
    """Parses the staged file once: divides whole orders into batches, and saves bad lines as rejects."""
    key, instructions = context.partition_key, launch_instructions(context.op_config)
    with import_step(context, file_imports) as steps:
        _trace_run_start(context, steps)
        with reading(steps.engine) as connection:
            require_staged(connection, [key])
        # A new Dagster instance may not have the partition of a file that is already in the store.
        register_partition(context.instance, key)
        numbers = steps.parse(key, context.run_id, instructions)
    for number in numbers:
        yield DynamicOutput(None, mapping_key=f"{number:04}")


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.BEGIN))
def load_orders(context: OpExecutionContext, file_imports: ResourceParam[FileImports]) -> None:
    """Loads the batch's orders into the store; known orders are duplicates or conflicts."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        _show(context, steps.load(context.partition_key, batch))


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.GO_ON))
def reserve_stock(context: OpExecutionContext, file_imports: ResourceParam[FileImports]) -> None:
    """Reserves the stock of each order, all or nothing, in file order."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        _show(context, steps.reserve(context.partition_key, batch))


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=GATEWAY_WORK | priority_tag(Priority.GO_ON))
def charge_payments(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    payment_gateway: ResourceParam[PaymentGateways],
) -> None:
    """Charges each reserved order once, and saves each outcome as it arrives."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps, payment_gateway.open(steps.engine) as gateway:
        answers = steps.charge(context.partition_key, batch, gateway)
    authorized = {"authorized": answers.authorized} if answers.authorized else {}
    context.add_output_metadata({"paid": answers.paid, "declined": answers.declined, **authorized})


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.END))
def finalize_orders(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    figures: ResourceParam[FigureStores],
) -> None:
    """Completes paid orders: units are sold, and running totals and leaderboards are updated."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        finalized = steps.finalize(context.partition_key, batch)
        with figures.open() as published:
            published.publish_batch(finalized.window)
    _show(context, finalized)


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.UNDO))
def roll_back_orders(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    figures: ResourceParam[FigureStores],
) -> None:
    """Undoes the reservations of declined orders: returns their units to stock."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        rolled_back = steps.roll_back(context.partition_key, batch)
        with figures.open() as published:
            published.live.publish()
    _show(context, rolled_back)


@op(
    ins={"finalized": In(Nothing), "rolled_back": In(Nothing)},
    out={"orders": Out(Nothing), "rejected_order_rows": Out(Nothing)},
    retry_policy=THREE_TRIES,
    tags=FILE_WORK | priority_tag(Priority.END),
)
def summarize_import(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    figures: ResourceParam[FigureStores],
) -> Iterator[Output[None]]:
    """Finishes the import; fails if an order of the file is not settled in the store."""
    with import_step(context, file_imports) as steps:
        with figures.open() as published:
            report = steps.finish(context.partition_key, published.boards)
        # Commands wait for the figures.
        publish_at_once(context, figures)
        orders = orders_metadata(steps.engine, report, steps.settings.console_url)
        rejected = rejects_metadata(steps.engine, report, steps.settings.console_url)
        log_file_checks(context, report, steps.settings.rejects_limit)
    yield Output(None, "orders", metadata=orders)
    yield Output(None, "rejected_order_rows", metadata=rejected)


def _batch(context: OpExecutionContext) -> int:
    """Returns the number of the batch of this step of the fan-out."""
    return int(str(context.get_mapping_key()))


def _trace_run_start(context: OpExecutionContext, steps: FileImport) -> None:
    if is_tracing() and (queued := queued_at()) and context.retry_number == 0:
        run = context.instance.get_run_record_by_id(context.run_id)
        if run:
            step = Step(context.partition_key, context.op_def.name, context.run_id)
            trace_run_start(steps.engine, step, run.create_timestamp.timestamp(), queued)


def _show(context: OpExecutionContext, batch: Batch) -> None:
    counts: dict[str, Any] = {status.value: number for status, number in batch.counts.items() if number}
    context.add_output_metadata({"orders": batch.orders, **counts})
