"""The ops of an import: each reads its keys, calls one step of the core, hands on keys and shows counts."""

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

from jobs.executor import TIME_LIMIT_TAG
from jobs.failures import THREE_TRIES, import_step
from jobs.import_config import ReadAs
from jobs.import_metadata import orders_metadata, rejects_metadata
from jobs.partitions import register_partition
from orders_pipeline.workflow.batch import Batch
from resources.file_imports import FileImports
from resources.payment_gateway import PaymentGateways
from resources.reporting import ReportingStores

FILE_WORK = {"dagster-celery/queue": "dagster", TIME_LIMIT_TAG: "7200"}
STORE_WORK = {"dagster-celery/queue": "orders", TIME_LIMIT_TAG: "1800"}
GATEWAY_WORK = {"dagster-celery/queue": "orders", TIME_LIMIT_TAG: "7200"}


@op(ins={"order_file": In(Nothing)}, out=DynamicOut(int), retry_policy=THREE_TRIES, tags=FILE_WORK)
def parse_order_file(
    context: OpExecutionContext, config: ReadAs, file_imports: ResourceParam[FileImports]
) -> Iterator[DynamicOutput[int]]:
    """Parses the staged file once: whole orders into batches, bad lines into rejects."""
    key = context.partition_key
    with import_step(context, file_imports) as steps:
        numbers = steps.parse(key, context.run_id, config.told())
        # The store knows the file; a fresh Dagster instance may not yet.
        register_partition(context.instance, key)
    for number in numbers:
        yield DynamicOutput(number, mapping_key=f"{number:04}")


@op(out=Out(int), retry_policy=THREE_TRIES, tags=STORE_WORK)
def load_orders(context: OpExecutionContext, file_imports: ResourceParam[FileImports], batch: int) -> int:
    """Enters the batch's orders in the store; known ones are duplicates or conflicts."""
    with import_step(context, file_imports, batch) as steps:
        return _show(context, steps.load(context.partition_key, batch))


@op(out=Out(int), retry_policy=THREE_TRIES, tags=STORE_WORK)
def reserve_stock(context: OpExecutionContext, file_imports: ResourceParam[FileImports], batch: int) -> int:
    """Reserves the stock of each order, all or nothing, in file order."""
    with import_step(context, file_imports, batch) as steps:
        return _show(context, steps.reserve(context.partition_key, batch))


@op(out=Out(int), retry_policy=THREE_TRIES, tags=GATEWAY_WORK)
def charge_payments(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    payment_gateway: ResourceParam[PaymentGateways],
    batch: int,
) -> int:
    """Charges each reserved order once and saves the answers as they come."""
    with import_step(context, file_imports, batch) as steps:
        answers = steps.charge(context.partition_key, batch, payment_gateway.connect(steps.engine))
    context.add_output_metadata({"paid": answers.paid, "declined": answers.declined})
    return batch


@op(out=Out(int), retry_policy=THREE_TRIES, tags=STORE_WORK)
def finalize_orders(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    reporting: ResourceParam[ReportingStores],
    batch: int,
) -> int:
    """Completes the paid orders: units are sold, running totals and leaderboards move."""
    with import_step(context, file_imports, batch) as steps:
        finalized = steps.finalize(context.partition_key, batch)
        with reporting.open() as figures:
            figures.publish_batch(finalized.window)
    return _show(context, finalized)


@op(out=Out(int), retry_policy=THREE_TRIES, tags=STORE_WORK)
def roll_back_orders(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    reporting: ResourceParam[ReportingStores],
    batch: int,
) -> int:
    """Undoes the reservations of the declined orders: their units go back on the shelf."""
    with import_step(context, file_imports, batch) as steps:
        rolled_back = steps.roll_back(context.partition_key, batch)
        with reporting.open() as figures:
            figures.live.publish()
    return _show(context, rolled_back)


@op(
    out={"orders": Out(int), "rejected_order_rows": Out(int)},
    retry_policy=THREE_TRIES,
    tags=FILE_WORK,
)
def summarize_import(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    finalized: list[int],
    rolled_back: list[int],
) -> Iterator[Output[int]]:
    """Ends the import; fails unless the store shows every order of the file settled."""
    context.log.info(f"{len(finalized)} batches finalized, {len(rolled_back)} with orders rolled back")
    with import_step(context, file_imports) as steps:
        report = steps.finish(context.partition_key)
        orders = orders_metadata(steps.engine, report)
        rejected = rejects_metadata(steps.engine, report)
    yield Output(report.orders["accepted"], "orders", metadata=orders)
    yield Output(report.rejected_lines, "rejected_order_rows", metadata=rejected)


def _show(context: OpExecutionContext, batch: Batch) -> int:
    counts: dict[str, Any] = {status.value: number for status, number in batch.counts.items() if number}
    context.add_output_metadata({"orders": batch.orders, **counts})
    return batch.key.number
