"""The checks of one file: logged by each import, and computed again for a partition on request."""

from collections.abc import Iterator
from dataclasses import dataclass

from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetKey, OpExecutionContext

from jobs.dagster_seams.check_events import log_check
from orders_pipeline.figures.kpis.dictionary import ORDERS, REJECTED_ORDER_ROWS
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.verify.file_checks import ACCOUNTED_FOR, FEW_REJECTED, SETTLED, check_file


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A statement about a file, the asset to which it belongs, and the severity of a violation."""

    asset: str
    statement: str
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR


FILE_CHECKS = {
    SETTLED: FileCheck(ORDERS.name, "Each accepted order of the file is settled, or holds an authorization."),
    ACCOUNTED_FOR: FileCheck(
        ORDERS.name, "Each record of the file is accepted, rejected, a duplicate, left out or repeated."
    ),
    FEW_REJECTED: FileCheck(
        REJECTED_ORDER_ROWS.name,
        "The share of rejected records is at most ORDERS_REJECTS_LIMIT.",
        AssetCheckSeverity.WARN,
    ),
}


def log_file_checks(context: OpExecutionContext, report: ImportReport, rejects_limit: float) -> None:
    """Logs the results for the partition of an imported file."""
    for evaluation in _evaluations(report, rejects_limit):
        log_check(context, evaluation)


def _evaluations(report: ImportReport, rejects_limit: float) -> Iterator[AssetCheckEvaluation]:
    for check in check_file(report, rejects_limit):
        known = FILE_CHECKS[check.name]
        yield AssetCheckEvaluation(
            asset_key=AssetKey(known.asset),
            check_name=check.name,
            passed=check.ok,
            metadata={},
            severity=known.severity,
            description=check.detail,
            partition=report.partition,
        )
