"""The ops of an import: each reads its keys, calls one step of the core and shows counts.

Ops pass no data: the file is the partition of the run, the batch is the mapping key of the fan-out, and rows
are in the store. So workers share no storage but the store and the staging area.
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
from jobs.imports.config import launch_config, launch_instructions
from jobs.imports.metadata import orders_metadata, rejects_metadata
from jobs.imports.partitions import register_partition
from jobs.workers.executor import TIME_LIMIT_TAG
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.queues import DEFAULT_QUEUE, QUEUE_TAG
from orders_pipeline.lifecycle.batch import Batch
from resources.figures import FigureStores
from resources.file_imports import FileImports
from resources.payment_gateway import PaymentGateways

BATCH = {"batch": In(Nothing)}
FILE_WORK = {QUEUE_TAG: DEFAULT_QUEUE, TIME_LIMIT_TAG: "7200"}
STORE_WORK = {QUEUE_TAG: "orders", TIME_LIMIT_TAG: "1800"}
GATEWAY_WORK = {QUEUE_TAG: "orders", TIME_LIMIT_TAG: "7200"}


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
    """Parses the staged file once: whole orders go into batches, bad lines into rejects."""
    key, told = context.partition_key, launch_instructions(context.op_config)
    with import_step(context, file_imports) as steps:
        numbers = steps.parse(key, context.run_id, told)
        # The store has the file; a new Dagster instance may not have its partition.
        register_partition(context.instance, key)
    for number in numbers:
        yield DynamicOutput(None, mapping_key=f"{number:04}")


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.BEGIN))
def load_orders(context: OpExecutionContext, file_imports: ResourceParam[FileImports]) -> None:
    """Enters the batch's orders in the store; known ones are duplicates or conflicts."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        _show(context, steps.load(context.partition_key, batch))


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.GO_ON))
def reserve_stock(context: OpExecutionContext, file_imports: ResourceParam[FileImports]) -> None:
    """Reserves the stock of each order, all or nothing, in file order."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps:
        _show(context, steps.reserve(context.partition_key, batch))


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=GATEWAY_WORK | priority_tag(Priority.CHARGE))
def charge_payments(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    payment_gateway: ResourceParam[PaymentGateways],
) -> None:
    """Charges each reserved order once and saves the answers as they come."""
    batch = _batch(context)
    with import_step(context, file_imports, batch) as steps, payment_gateway.open(steps.engine) as gateway:
        answers = steps.charge(context.partition_key, batch, gateway)
    context.add_output_metadata({"paid": answers.paid, "declined": answers.declined})


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


@op(ins=BATCH, out=Out(Nothing), retry_policy=THREE_TRIES, tags=STORE_WORK | priority_tag(Priority.END))
def roll_back_orders(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    figures: ResourceParam[FigureStores],
) -> None:
    """Undoes the reservations of declined orders: their units go back on the shelf."""
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
    context: OpExecutionContext, file_imports: ResourceParam[FileImports]
) -> Iterator[Output[None]]:
    """Finishes the import; fails unless the store shows that every order of the file is settled."""
    with import_step(context, file_imports) as steps:
        report = steps.finish(context.partition_key)
        orders = orders_metadata(steps.engine, report)
        rejected = rejects_metadata(steps.engine, report)
    yield Output(None, "orders", metadata=orders)
    yield Output(None, "rejected_order_rows", metadata=rejected)


def _batch(context: OpExecutionContext) -> int:
    """The number of the batch that this step of the fan-out is for."""
    return int(str(context.get_mapping_key()))


def _show(context: OpExecutionContext, batch: Batch) -> None:
    counts: dict[str, Any] = {status.value: number for status, number in batch.counts.items() if number}
    context.add_output_metadata({"orders": batch.orders, **counts})
