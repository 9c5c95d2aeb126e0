"""Checks of one imported file, from its report alone: they cost nothing, however large the store is."""

from __future__ import annotations

from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.verify.check import Check

SETTLED = "all_orders_of_the_file_are_settled"
ACCOUNTED_FOR = "all_records_of_the_file_are_accounted_for"
FEW_REJECTED = "rejected_lines_are_under_the_limit"


def check_file(report: ImportReport, rejects_limit: float) -> list[Check]:
    """The checks of a finished import.

    Args:
        rejects_limit: share of the records that may be rejected.
    """
    settled, accepted = sum(report.statuses.values()), report.orders["accepted"]
    counted = sum(
        (
            report.accepted_lines,
            report.rejected_lines,
            report.lines_of_rejected_orders,
            report.duplicate_lines,
            report.left_out_lines,
            report.repeated_lines,
        )
    )
    return [
        Check(SETTLED, settled == accepted, f"{settled} of {accepted} orders are settled"),
        Check(ACCOUNTED_FOR, counted == report.records, f"{counted} of {report.records} records are counted"),
        Check(
            FEW_REJECTED,
            report.rejected_lines <= rejects_limit * report.records,
            f"{report.rejected_lines} of {report.records} records are rejected",
        ),
    ]
