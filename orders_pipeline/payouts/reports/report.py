"""Reads a provider's report in any of the known formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.payouts.lines import ContentKeys, LineRejected, PayoutLine, ProviderReport, Reject
from orders_pipeline.payouts.reports import adyen, plain, stripe
from orders_pipeline.payouts.reports.csv_file import CsvReport, Row, read_csv
from orders_pipeline.payouts.reports.plain import PlainProfile

SHOWN = 2_000
UNKNOWN_HINT = (
    "Supported are itemised reports of Stripe and settlement details reports of Adyen; for any other CSV, "
    "write a"
    " profile (docs/payouts.md)."
)
ReadLine = Callable[[Row], PayoutLine]


def read_report(
    name: str, text: str, zone: tzinfo, profile: PlainProfile | None
) -> tuple[str, ProviderReport]:
    """Reads a report; also returns its format.

    Raises:
        FileRefused: the report has no known format, or belongs to several accounts.
    """
    found, keys = read_csv(name, text), ContentKeys()
    if profile:
        plain.require_columns(name, found.header, profile)
        read = partial(plain.read_line, zone=zone, profile=profile, keys=keys)
        return "plain", _report(name, profile.provider, found, read, lambda _: profile.account)
    if stripe.recognises(found.header):
        return stripe.NAME, _report(
            name, stripe.NAME, found, partial(stripe.read_line, zone=zone), stripe.account_of
        )
    if adyen.recognises(found.header):
        read = partial(adyen.read_line, zone=zone, keys=keys)
        return adyen.NAME, _report(name, adyen.NAME, found, read, adyen.account_of)
    message = f"{name} has the columns {', '.join(found.header[:12])}, which belong to no known report."
    raise FileRefused("report_unknown", message, UNKNOWN_HINT)


def _report(
    name: str, provider: str, found: CsvReport, read: ReadLine, account_of: Callable[[Row], str]
) -> ProviderReport:
    lines: list[PayoutLine] = []
    rejects: list[Reject] = []
    accounts: set[str] = set()
    for row in found.rows():
        try:
            if not isinstance(row, Row):
                raise row[2]
            lines.append(read(row))
            accounts.add(account_of(row))
        except LineRejected as rejected:
            line, raw = (row.line, row.raw) if isinstance(row, Row) else row[:2]
            rejects.append(reject(line, rejected, raw))
    return ProviderReport(provider, _one_account(name, sorted(accounts)), lines, rejects)


def reject(line: int, rejected: LineRejected, raw: str) -> Reject:
    """Returns the reject for a line."""
    return Reject(line, rejected.code, printable_line(rejected.message), printable_line(raw)[:SHOWN])


def _one_account(name: str, accounts: Sequence[str]) -> str:
    if len(accounts) > 1:
        message = f"{name} has lines of several accounts: {', '.join(accounts[:3])}."
        raise FileRefused("accounts_mixed", message, "Download a separate report for each account.")
    return next(iter(accounts), "")
