"""The checks of one order file, as asset checks of its partition."""

import warnings
from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    PreviewWarning,
    ResourceParam,
    multi_asset_check,
)

from assets.orders import order_files
from jobs.failures import permanent_failures
from jobs.imports.runs.file_checks import FILE_CHECKS
from jobs.workers.work import FILE_WORK
from orders_pipeline.imports.import_row import get_import, seconds_to_settle
from orders_pipeline.imports.results.report import report_import
from orders_pipeline.store.engine import reading
from orders_pipeline.verify.file_checks import check_file
from resources.order_store import OrderStore


def file_checks(rejects_limit: float) -> list[AssetChecksDefinition]:
    """Returns all checks of this module. Imports log the results; running a check computes them again.

    Args:
        rejects_limit: the largest allowed share of rejected records in a file, from 0 to 1.
    """
    with warnings.catch_warnings():
        # Dagster marks checks of partitions as a preview and would print a warning at each command.
        warnings.simplefilter("ignore", PreviewWarning)
        specs = [
            AssetCheckSpec(name, asset=one.asset, description=one.statement, partitions_def=order_files)
            for name, one in FILE_CHECKS.items()
        ]

    @multi_asset_check(specs=specs, op_tags=FILE_WORK)
    def imported_file_is_right(
        context: AssetCheckExecutionContext, order_store: ResourceParam[OrderStore]
    ) -> Iterator[AssetCheckResult]:
        """Checks the file of this partition."""
        with permanent_failures(), order_store.open() as engine, reading(engine) as connection:
            found = get_import(connection, context.partition_key)
            report = report_import(connection, found, seconds_to_settle(found))
        for check in check_file(report, rejects_limit):
            yield AssetCheckResult(
                passed=check.ok,
                asset_key=FILE_CHECKS[check.name].asset,
                check_name=check.name,
                severity=FILE_CHECKS[check.name].severity,
                description=check.detail,
            )

    return [imported_file_is_right]
