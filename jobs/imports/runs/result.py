"""The result of an import in words, for its page in Dagster and the last line of its run."""

from contextlib import suppress

from jobs.console_links import file_page
from jobs.dagster_seams.steps import PlanContext
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.runs import PARTITION_TAG
from jobs.workers.executor import AtEnd
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.imports.import_row import find_import, seconds_to_settle
from orders_pipeline.imports.results.report import ImportReport, report_import
from orders_pipeline.store.engine import STORE_FAILED, open_engine, reading


def in_words(report: ImportReport) -> str:
    """Returns orders by outcome, rejected and duplicate lines, and revenue."""
    statuses = ", ".join(f"{number} {status}" for status, number in report.statuses.items())
    revenue = ", ".join(f"{amount} {currency}" for currency, amount in sorted(report.revenue.items()))
    return (
        f"{report.file}: {counted(report.orders['accepted'], 'order')} of "
        f"{counted(report.records, 'record')} ({statuses}); {counted(report.rejected_lines, 'record')} "
        f"rejected, {counted(report.duplicate_lines, 'record')} known already. "
        f"Revenue: {revenue or 'none'}."
    )


def import_result(settings: Settings) -> AtEnd:
    """Logs the result at the end of a run of `import_orders`."""

    def log_result(context: PlanContext) -> None:
        key = context.dagster_run.tags.get(PARTITION_TAG)
        if context.dagster_run.job_name != IMPORT_ORDERS or key is None:
            return
        # The orders are settled, so the run does not fail if the store stops answering now.
        with suppress(*STORE_FAILED):
            if said := _result(settings, key):
                context.log.info(said)

    return log_result


def _result(settings: Settings, key: str) -> str | None:
    engine = open_engine(settings.store_url)
    try:
        with reading(engine) as connection:
            found = find_import(connection, key)
            if found is None or found.status is not ImportStatus.FINISHED:
                return None
            said = in_words(report_import(connection, found, seconds_to_settle(found)))
    finally:
        engine.dispose()
    page = file_page(settings.console_url, key)
    return f"{said} More: `orders results {key}`, `orders rejects {key}`, {page}"
