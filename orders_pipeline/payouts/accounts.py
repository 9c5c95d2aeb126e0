"""Checks that a report or bank statement belongs to an account of this shop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from orders_pipeline.base.model import MovementKind
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import BankStatement
from orders_pipeline.payouts.reading import PayoutFile
from orders_pipeline.store.schema import authorizations, payments, settlement_files
from orders_pipeline.store.statements.many_values import among, parts

# Separates the accounts of a statement file.
ACCOUNTS = ", "
HINT = "If it is an account of this shop, import the file with --new-account."


def require_our_account(connection: Connection, file: PayoutFile) -> None:
    """Checks that a file belongs to this shop.

    The account of a bank statement or report must be known to the store, unless the file is the first of its
    kind. If a report has charges, the store must have one of them, because reports of Stripe name no account.

    Raises:
        FileRefused: it belongs to another account.
    """
    content = file.content
    if isinstance(content, BankStatement):
        _require_known(connection, file.name, content.accounts, None)
        return
    _require_known(connection, file.name, [content.account], content.provider)
    charges = {
        reference
        for line in content.lines
        if line.kind is MovementKind.CHARGE
        for reference in (line.payment, line.source)
        if reference
    }
    if charges and not _any_known(connection, charges):
        message = f"{file.name} belongs to another account: the store has none of its charges."
        raise FileRefused("account_other", message, f"Import the orders first. {HINT}")


def _require_known(connection: Connection, name: str, accounts: Sequence[str], provider: str | None) -> None:
    f = settlement_files.c
    of_files = (
        select(f.account).where(f.provider == provider if provider else f.provider.is_(None)).distinct()
    )
    known = {one for listed in connection.execute(of_files).scalars() for one in listed.split(ACCOUNTS)}
    if others := sorted(set(accounts) - known if known else set()):
        message = f"{name} is of the account {others[0]!r}, and the store knows {', '.join(sorted(known))}."
        raise FileRefused("account_other", message, HINT)


def _any_known(connection: Connection, references: Iterable[str]) -> bool:
    return any(
        connection.execute(select(column).where(among(connection, column, part)).limit(1)).first()
        for part in parts(references)
        for column in (payments.c.transaction_id, authorizations.c.transaction_id)
    )
