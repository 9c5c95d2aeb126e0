"""The job that imports many small files in one run.

Each run has an overhead of seconds. Here each step imports some dozens of files in one worker process, with
the same steps of the core as a run of a single file. Each file has its own partition, report and state.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from dagster import (
    AssetMaterialization,
    DynamicOut,
    DynamicOutput,
    Failure,
    Field,
    In,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    ResourceParam,
    RunRequest,
    job,
    op,
)

from jobs.dagster_seams.provenance import provenance
from jobs.failures import THREE_TRIES, TRANSIENT, permanent_failures
from jobs.imports.partitions import register_partitions
from jobs.imports.runs.at_once import publish_at_once
from jobs.imports.runs.file_checks import log_file_checks
from jobs.imports.runs.metadata import orders_metadata, rejects_metadata
from jobs.runs import KEYS, LONG_RUN, SHARE_OUT, RunGroup, RunPriority, imported_keys
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.work import FILE_WORK
from orders_pipeline.figures.kpis.dictionary import ORDERS, REJECTED_ORDER_ROWS
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.imports.small_files import SmallFiles, refusals_of, require_staged
from orders_pipeline.payments.gateway import GatewayUnavailableError, PaymentGateway
from orders_pipeline.store.engine import reading
from resources.figures import FigureStores
from resources.file_imports import FileImports
from resources.order_store import OrderStore
from resources.payment_gateway import PaymentGateways

IMPORT_SMALL_FILES = "import_small_files"
# Files in one step. Their charges are open at the same time. If the worker dies, each file needs its own run.
FILES_A_STEP = 25
REFUSALS_SHOWN = 10
SPARE_NOBODY = (SoftTimeLimitExceeded, *TRANSIENT)


def shared_run(keys: Sequence[str]) -> RunRequest:
    """Returns the request for a run that imports these files."""
    config = shared_config(keys)
    return RunRequest(job_name=IMPORT_SMALL_FILES, run_config=config, tags=RunPriority.INBOX.tag)


def shared_config(keys: Sequence[str]) -> dict[str, Any]:
    """Returns the config of a run that imports these files."""
    return {"ops": {SHARE_OUT: {"config": {KEYS: list(keys)}}}}


@op(
    name=SHARE_OUT,
    config_schema={KEYS: Field([str], description="Partition keys of staged files.")},
    out=DynamicOut(Nothing),
    retry_policy=THREE_TRIES,
    tags=FILE_WORK | priority_tag(Priority.BEGIN),
)
def share_out_files(
    context: OpExecutionContext, order_store: ResourceParam[OrderStore]
) -> Iterator[DynamicOutput[None]]:
    """Divides the files among steps and registers their partitions."""
    keys = context.op_config[KEYS]
    with permanent_failures(), order_store.open() as engine:
        with reading(engine) as connection:
            require_staged(connection, keys)
        register_partitions(context.instance, keys)
    for number in range(len(_parts(keys))):
        yield DynamicOutput(None, mapping_key=f"{number:04}")


@op(
    ins={"part": In(Nothing)},
    out=Out(Nothing),
    retry_policy=THREE_TRIES,
    tags=FILE_WORK | priority_tag(Priority.SMALL_FILES),
)
def import_files(
    context: OpExecutionContext,
    file_imports: ResourceParam[FileImports],
    payment_gateway: ResourceParam[PaymentGateways],
    figures: ResourceParam[FigureStores],
) -> Iterator[AssetMaterialization | Output[None]]:
    """Imports some files, from parsing to their report.

    A file that fails is imported again in its own run.
    """
    all_keys = imported_keys(context.run)
    keys = _parts(all_keys)[int(str(context.get_mapping_key()))]
    finished = 0
    with (
        permanent_failures(),
        # All steps send heartbeats for all files, so that the watchdog does not count a failed file as lost
        # while this run continues.
        file_imports.open(*all_keys) as steps,
        payment_gateway.open(steps.engine) as gateway,
        figures.open() as published,
    ):
        _require_answers(gateway)
        files = SmallFiles(
            # A shared run does not retry batches.
            replace(steps, counts_tries=False),
            context.run_id,
            gateway,
            published.boards,
            SPARE_NOBODY,
        )
        for report in files.import_all(keys):
            finished += 1
            yield from _materializations(steps, report)
            log_file_checks(context, report, steps.settings.rejects_limit)
        published.live.publish()
    for key, error in files.failed.items():
        context.log.warning(f"{key} was not imported: {type(error).__name__}")
    yield Output(None, metadata={"finished": finished, "failed": len(files.failed)})


@op(
    ins={"imported": In(Nothing)},
    out=Out(Nothing),
    retry_policy=THREE_TRIES,
    tags=FILE_WORK | priority_tag(Priority.END),
)
def report_refused_files(
    context: OpExecutionContext,
    order_store: ResourceParam[OrderStore],
    figures: ResourceParam[FigureStores],
) -> None:
    """Fails if files were refused, like the run of a single file, so that operators get a notice."""
    publish_at_once(context, figures)
    with permanent_failures(), order_store.open() as engine:
        with reading(engine) as connection:
            refused = refusals_of(connection, imported_keys(context.run), context.run_id)
        if refused:
            raise Failure(_refusal(refused, len(imported_keys(context.run))), allow_retries=False)


@job(name=IMPORT_SMALL_FILES, tags=RunGroup.IMPORTS.tag | RunPriority.ASKED_FOR.tag | LONG_RUN)
def import_small_files_job() -> None:
    """Imports many small staged files: the config of `share_out_files` names them."""
    report_refused_files(share_out_files().map(import_files).collect())


def _parts(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + FILES_A_STEP] for start in range(0, len(keys), FILES_A_STEP)]


def _require_answers(gateway: PaymentGateway) -> None:
    # No file is started while the gateway does not answer, because each would then need its own run.
    if not gateway.answers():
        raise GatewayUnavailableError("the payment gateway does not answer")


def _materializations(steps: FileImport, report: ImportReport) -> Iterator[AssetMaterialization]:
    shown = ((ORDERS, orders_metadata), (REJECTED_ORDER_ROWS, rejects_metadata))
    for dataset, describe in shown:
        yield AssetMaterialization(
            dataset.name,
            partition=report.partition,
            metadata=describe(steps.engine, report, steps.settings.console_url),
            tags=provenance(dataset.version),
        )


def _refusal(refused: dict[str, str], files: int) -> str:
    shown = ", ".join(f"{name} ({code})" for name, code in list(refused.items())[:REFUSALS_SHOWN])
    more = ", ..." if len(refused) > REFUSALS_SHOWN else ""
    return f"{len(refused)} of {files} files were refused: {shown}{more}. `orders failed` lists them."
