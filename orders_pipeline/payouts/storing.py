"""Writes lines of reports and statements to the store, except lines that are already stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, func, insert, or_, select, update

from orders_pipeline.payouts.lines import (
    BankLine,
    BankStatement,
    LineRejected,
    PayoutLine,
    ProviderReport,
    Reject,
)
from orders_pipeline.payouts.references import LONGEST_TEXT, reference_key, references_in, sender_in
from orders_pipeline.payouts.reports.report import reject
from orders_pipeline.store.schema import (
    bank_coverage,
    bank_lines,
    bank_references,
    payout_lines,
    payouts,
    settlement_files,
)
from orders_pipeline.store.statements.many_values import VALUES_AT_ONCE, among
from orders_pipeline.store.statements.upsert import insert_into

# Bank texts with these names are stored, even if no report of the provider was imported yet.
KNOWN_PROVIDERS = ("stripe", "adyen")
CONTENT = ("kind", "payment_ref", "source_ref", "gross", "fee", "currency", "booked_at")
CONFLICT = LineRejected("line_conflict", "The store has a line with this id but other content.")


@dataclass(slots=True)
class Stored:
    """Numbers of lines by outcome."""

    accepted: int = 0
    duplicates: int = 0
    unrelated: int = 0
    rejects: list[Reject] = field(default_factory=list)


def store_payout_lines(connection: Connection, file_id: int, report: ProviderReport) -> Stored:
    """Stores the lines of a report with their payouts.

    A stored line without a payout gets the payout in the report. A line that is stored with other content is
    rejected.
    """
    stored = Stored()
    ids = _payout_ids(connection, report)
    for part in _parts(report.lines):
        known = _known_lines(connection, report, part)
        new: dict[str, dict[str, Any]] = {}
        for line in part:
            row = _payout_row(file_id, report, line, ids)
            before = known.get(line.key) or new.get(line.key)
            if before is None:
                new[line.key] = row
            elif any(before[name] != row[name] for name in CONTENT):
                stored.rejects.append(reject(line.line, CONFLICT, line.key))
            else:
                stored.duplicates += 1
                if before["payout_id"] is None and row["payout_id"] is not None:
                    _pay_out(connection, before, row["payout_id"])
        stored.accepted += len(new)
        _insert(connection, payout_lines, list(new.values()))
    return stored


def store_bank_lines(connection: Connection, file_id: int, statement: BankStatement) -> Stored:
    """Stores what statements cover, and those of their lines that name a provider or a payout.

    A line is rejected if its id is stored with another amount or day.
    """
    covered = [{"file_id": file_id, "place": at, **asdict(one)} for at, one in enumerate(statement.covered)]
    if covered:
        connection.execute(insert_into(connection, bank_coverage).on_conflict_do_nothing(), covered)
    stored = Stored()
    providers = _providers(connection)
    for part in _parts(statement.lines):
        references = [references_in(line.text) for line in part]
        payouts_named = _payouts_named(connection, set().union(*references))
        known = _known_bank_lines(connection, part)
        for line, named in zip(part, references, strict=True):
            sender = sender_in(line.text, providers)
            before = known.get((line.account, line.key))
            if before is not None and before != _booked(line):
                stored.rejects.append(reject(line.line, CONFLICT, line.text))
            elif before is not None:
                stored.duplicates += 1
            elif sender is None and not named & payouts_named:
                stored.unrelated += 1
            else:
                known[line.account, line.key] = _booked(line)
                stored.accepted += 1
                _insert_bank_line(connection, file_id, line, sender, named)
    return stored


def _parts(lines: Sequence[Any]) -> Iterator[list[Any]]:
    left = iter(lines)
    while part := list(islice(left, VALUES_AT_ONCE)):
        yield part


def _payout_ids(connection: Connection, report: ProviderReport) -> Mapping[tuple[str, str], int]:
    """Returns the ids of a report's payouts by reference and currency.

    New payouts and missing values are added.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for line in report.lines:
        if line.paid_in:
            row = rows.setdefault((line.paid_in.reference, line.currency), {"paid_at": None, "shown": None})
            row["paid_at"] = row["paid_at"] or line.paid_in.paid_at
            row["shown"] = row["shown"] or line.paid_in.bank_reference
    for (reference, currency), row in rows.items():
        _upsert_payout(connection, report, reference, currency, row)
    p = payouts.c
    of_account = (p.provider == report.provider) & (p.account == report.account)
    found = connection.execute(select(p.reference, p.currency, p.id).where(of_account))
    return {(row.reference, row.currency): row.id for row in found}


def _upsert_payout(
    connection: Connection, report: ProviderReport, reference: str, currency: str, row: Mapping[str, Any]
) -> None:
    statement = insert_into(connection, payouts).values(
        provider=report.provider,
        account=report.account,
        reference=reference,
        currency=currency,
        paid_at=row["paid_at"],
        reference_key=reference_key(reference),
        bank_reference_key=reference_key(row["shown"]) if row["shown"] else None,
    )
    p, new = payouts.c, statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "account", "reference", "currency"],
            set_={
                "paid_at": func.coalesce(p.paid_at, new.paid_at),
                "bank_reference_key": func.coalesce(p.bank_reference_key, new.bank_reference_key),
            },
        )
    )


def _known_lines(
    connection: Connection, report: ProviderReport, part: Iterable[PayoutLine]
) -> dict[str, dict[str, Any]]:
    line = payout_lines.c
    columns = (line.id, line.line_key, line.payout_id, *(line[name] for name in CONTENT))
    query = select(*columns).where(
        line.provider == report.provider,
        line.account == report.account,
        among(connection, line.line_key, [one.key for one in part]),
    )
    return {row["line_key"]: dict(row) for row in connection.execute(query).mappings()}


def _payout_row(
    file_id: int, report: ProviderReport, line: PayoutLine, ids: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "file_line": line.line,
        "provider": report.provider,
        "account": report.account,
        "line_key": line.key,
        "kind": line.kind.value,
        "payment_ref": line.payment,
        "source_ref": line.source,
        "amount": line.amount,
        "amount_currency": line.amount_currency,
        "gross": line.gross,
        "fee": line.fee,
        "net": line.net,
        "currency": line.currency,
        "booked_at": line.booked_at,
        "payout_id": ids[line.paid_in.reference, line.currency] if line.paid_in else None,
    }


def _pay_out(connection: Connection, line: dict[str, Any], payout: int) -> None:
    """Adds the payout to a line that is stored or will be inserted."""
    line["payout_id"] = payout
    if "id" in line:
        connection.execute(
            update(payout_lines).where(payout_lines.c.id == line["id"]).values(payout_id=payout)
        )


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _providers(connection: Connection) -> set[str]:
    known = select(settlement_files.c.provider).where(settlement_files.c.provider.is_not(None)).distinct()
    return {*KNOWN_PROVIDERS, *connection.execute(known).scalars()}


def _known_bank_lines(
    connection: Connection, part: Iterable[BankLine]
) -> dict[tuple[str, str], tuple[int, str, int]]:
    """Returns which of these lines are stored, by account and key."""
    b = bank_lines.c
    query = select(b.account, b.line_key, b.amount, b.currency, b.booked_at).where(
        among(connection, b.line_key, list({line.key for line in part}))
    )
    return {(account, key): (*booked,) for account, key, *booked in connection.execute(query)}


def _booked(line: BankLine) -> tuple[int, str, int]:
    return line.amount, line.currency, line.booked_at


def _payouts_named(connection: Connection, references: set[str]) -> set[str]:
    p = payouts.c
    wanted = sorted(references)
    named: set[str] = set()
    for start in range(0, len(wanted), VALUES_AT_ONCE):
        part = wanted[start : start + VALUES_AT_ONCE]
        query = select(p.reference_key, p.bank_reference_key).where(
            or_(*(among(connection, column, part) for column in (p.reference_key, p.bank_reference_key)))
        )
        named |= {key for row in connection.execute(query) for key in row if key}
    return named


def _insert_bank_line(
    connection: Connection, file_id: int, line: BankLine, sender: str | None, references: set[str]
) -> None:
    values = {
        "file_id": file_id,
        "file_line": line.line,
        "account": line.account,
        "line_key": line.key,
        "booked_at": line.booked_at,
        "amount": line.amount,
        "currency": line.currency,
        "sender": sender,
        "text": line.text[:LONGEST_TEXT],
    }
    new = connection.execute(insert(bank_lines).values(values)).inserted_primary_key
    rows = [{"bank_line_id": new[0], "reference": one} for one in sorted(references)] if new else []
    _insert(connection, bank_references, rows)
