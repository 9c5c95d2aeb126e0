"""Reads the report of any provider as plain CSV, with a profile that names its columns."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orders_pipeline.base.model import MovementKind
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import ContentKeys, LineRejected, PaidIn, PayoutLine
from orders_pipeline.payouts.reports.csv_file import Row
from orders_pipeline.payouts.values import read_amount, read_currency, read_id, read_time

HINT = "docs/payouts.md describes profiles."
_STRICT = ConfigDict(frozen=True, extra="forbid")


class Columns(BaseModel):
    """The header of each column. Only columns without a default value must be in the file."""

    model_config = _STRICT
    kind: str = "kind"
    payment: str = "payment"
    gross: str = "gross"
    currency: str = "currency"
    date: str = "date"
    payout: str = "payout"
    id: str | None = None
    source: str | None = None
    fee: str | None = None
    payout_date: str | None = None
    bank_reference: str | None = None

    @property
    def named(self) -> set[str]:
        """All headers in the profile."""
        return set(self.model_dump(exclude_none=True).values())


class PlainProfile(BaseModel):
    """How a provider's CSV is read.

    Attributes:
        provider: the provider, as bank statements name it.
        kinds: for each kind of movement, the values of the column `kind` that mean it.
        debits_positive: whether the report writes amounts that leave the balance without a minus sign.
    """

    model_config = _STRICT
    provider: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 ._-]{1,63}$")]
    account: str = ""
    columns: Columns = Columns()
    kinds: Mapping[MovementKind, Sequence[str]] = {kind: (kind.value,) for kind in MovementKind}
    debits_positive: bool = False

    def kind_of(self, text: str) -> MovementKind:
        """Returns the kind of movement that a value of the column means.

        Raises:
            LineRejected: the profile does not have the value.
        """
        for kind, values in self.kinds.items():
            if text.lower() in (value.lower() for value in values):
                return kind
        raise LineRejected("kind_unknown", f"The profile does not say what {text!r} means.")


def read_profile(file: Path) -> PlainProfile:
    """Reads a profile.

    Raises:
        FileRefused: the profile is missing, is not TOML, or is not valid.
    """
    try:
        return PlainProfile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileRefused(
            "profile_unreadable", f"The profile {file} cannot be read: {error}.", HINT
        ) from None
    except ValidationError as error:
        messages = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise FileRefused("profile_invalid", f"The profile {file} is not valid: {messages}.", HINT) from None


def require_columns(name: str, header: Sequence[str], profile: PlainProfile) -> None:
    """Checks that a report has the columns of a profile.

    Raises:
        FileRefused: a column is missing.
    """
    if missing := sorted(profile.columns.named - set(header)):
        raise FileRefused("column_missing", f"{name} has no column {missing[0]!r}.", HINT)


def read_line(row: Row, zone: tzinfo, profile: PlainProfile, keys: ContentKeys) -> PayoutLine:
    """Reads a line.

    Raises:
        LineRejected: a value cannot be read, or the profile does not have its kind.
    """
    columns = profile.columns
    kind = profile.kind_of(row.needed(columns.kind))
    currency = read_currency(row.needed(columns.currency))
    gross = read_amount(row.needed(columns.gross), currency, columns.gross)
    if profile.debits_positive and kind in _DEBITS:
        gross = -gross
    fee = read_amount(_cell(row, columns.fee), currency, columns.fee or "")
    own_id = read_id(_cell(row, columns.id), columns.id or "")
    return PayoutLine(
        line=row.line,
        key=own_id or keys.key_of(*row.cells.values()),
        kind=kind,
        payment=read_id(row.first(columns.payment), columns.payment),
        source=read_id(_cell(row, columns.source), columns.source or ""),
        amount=gross,
        amount_currency=currency,
        gross=gross,
        fee=fee,
        net=gross - fee,
        currency=currency,
        booked_at=read_time(row.needed(columns.date), zone, columns.date),
        paid_in=_paid_in(row, columns, kind, zone),
    )


_DEBITS = (MovementKind.REFUND, MovementKind.DISPUTE, MovementKind.FEE, MovementKind.PAYOUT)


def _cell(row: Row, column: str | None) -> str:
    return row.first(column) if column else ""


def _paid_in(row: Row, columns: Columns, kind: MovementKind, zone: tzinfo) -> PaidIn | None:
    reference = read_id(row.first(columns.payout), columns.payout)
    if reference is None:
        return None
    paid_on = _cell(row, columns.payout_date).strip()
    if not paid_on and kind is MovementKind.PAYOUT:
        paid_on = row.needed(columns.date)
    paid_at = read_time(paid_on, zone, columns.payout_date or columns.date) if paid_on else None
    return PaidIn(
        reference, paid_at, read_id(_cell(row, columns.bank_reference), columns.bank_reference or "")
    )
