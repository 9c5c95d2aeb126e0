"""Imports a report or bank statement. A line is stored once, even if several files contain it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, func, insert, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us
from orders_pipeline.payouts.accounts import ACCOUNTS, require_our_account
from orders_pipeline.payouts.lines import BankStatement, ProviderReport, Reject
from orders_pipeline.payouts.reading import PayoutFile
from orders_pipeline.payouts.storing import Stored, store_bank_lines, store_payout_lines
from orders_pipeline.store.schema import settlement_files, settlement_rejects
from orders_pipeline.store.statements.upsert import insert_into

IMPORT_LOCK = 0x0DE6


@dataclass(frozen=True, slots=True)
class PayoutImport:
    """Numbers of a file's lines, by outcome.

    Attributes:
        duplicates: lines that were already stored, from this file or another one.
        unrelated: lines of a bank statement that name neither a provider nor a payout; they are not stored.
    """

    file: str
    format: str
    dry_run: bool
    records: int
    accepted: int
    duplicates: int
    unrelated: int
    rejected: int
    rejects_by_code: dict[str, int] = field(default_factory=dict)


def import_file(
    engine: Engine, file: PayoutFile, actor: str, *, new_account: bool = False, dry: bool = False
) -> PayoutImport:
    """Imports a file in one transaction; with `dry`, only counts the lines.

    Args:
        new_account: whether the file may belong to an account that is not in the store yet.

    Raises:
        FileRefused: the file belongs to another account.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        _wait_for_other_imports(connection)
        if not new_account:
            require_our_account(connection, file)
        file_id = _file_row(connection, file, actor)
        stored = _store(connection, file, file_id)
        rejects = [*file.content.rejects, *stored.rejects]
        done = _counted(file, stored, rejects, dry=dry)
        _finish(connection, file_id, done, rejects)
        record_action(connection, actor, "payouts.import", file.name, accepted=done.accepted)
        if dry:
            transaction.rollback()
    return done


def _wait_for_other_imports(connection: Connection) -> None:
    """Imports run one after the other, because files may have the same lines. SQLite has only one writer."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(IMPORT_LOCK)))


def _store(connection: Connection, file: PayoutFile, file_id: int) -> Stored:
    if isinstance(file.content, ProviderReport):
        return store_payout_lines(connection, file_id, file.content)
    return store_bank_lines(connection, file_id, file.content)


def _file_row(connection: Connection, file: PayoutFile, actor: str) -> int:
    """Inserts the row of the file, if it is new, and returns its id."""
    values = {
        "format": file.format,
        "file_name": file.name,
        "file_sha256": file.sha256,
        "file_bytes": file.bytes,
        "imported_at": now_us(),
        "imported_by": actor,
        **_head(file.content),
    }
    f = settlement_files.c
    connection.execute(insert_into(connection, settlement_files).values(values).on_conflict_do_nothing())
    found = select(f.id).where(f.file_sha256 == file.sha256)
    return int(connection.execute(found).scalar_one())


def _head(content: ProviderReport | BankStatement) -> dict[str, object]:
    if isinstance(content, BankStatement):
        return {
            "account": ACCOUNTS.join(sorted(set(content.accounts))),
            "first_at": content.first_at,
            "last_at": content.last_at,
        }
    times = [line.booked_at for line in content.lines]
    covered = {"first_at": min(times, default=None), "last_at": max(times, default=None)}
    return {"provider": content.provider, "account": content.account, **covered}


def _counted(file: PayoutFile, stored: Stored, rejects: Sequence[Reject], *, dry: bool) -> PayoutImport:
    return PayoutImport(
        file=file.name,
        format=file.format,
        dry_run=dry,
        records=len(file.content.lines) + len(file.content.rejects),
        accepted=stored.accepted,
        duplicates=stored.duplicates,
        unrelated=stored.unrelated,
        rejected=len(rejects),
        rejects_by_code=dict(Counter(one.code for one in rejects)),
    )


def _finish(connection: Connection, file_id: int, done: PayoutImport, rejects: Sequence[Reject]) -> None:
    """Saves the counts. If the file was imported before, only the lines that it adds are counted."""
    f = settlement_files.c
    known = select(func.count()).where(f.id == file_id, f.records > 0)
    first = not connection.execute(known).scalar_one()
    values: dict[str, object] = {"accepted": f.accepted + done.accepted}
    if first:
        values |= {"records": done.records, "duplicates": done.duplicates, "rejected": done.rejected}
    values["unrelated"] = done.unrelated
    connection.execute(update(settlement_files).where(f.id == file_id).values(values))
    if rejects and first:
        rows = {one.line: one for one in rejects}
        connection.execute(
            insert(settlement_rejects),
            [
                {
                    "file_id": file_id,
                    "line": one.line,
                    "code": one.code,
                    "message": one.message,
                    "raw": one.raw,
                }
                for one in rows.values()
            ],
        )
