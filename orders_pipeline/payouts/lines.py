"""The content of reports and statements: lines of providers' reports, lines of bank statements, rejects."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from orders_pipeline.base.model import MovementKind

DIGEST_DIGITS = 40


class LineRejected(Exception):
    """A line of a file cannot be used; `code` is stable and snake_case."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected line of a file."""

    line: int
    code: str
    message: str
    raw: str


@dataclass(frozen=True, slots=True)
class PaidIn:
    """The payout of a line, as far as the line contains it.

    Attributes:
        paid_at: microseconds since 1970.
        bank_reference: the reference that the bank statement shows.
    """

    reference: str
    paid_at: int | None = None
    bank_reference: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A line of a provider's report. Money is in minor units, negative if it leaves the shop's balance.

    Attributes:
        key: id of the line at the provider, or a digest of its content.
        payment: id of the charge at the provider.
        source: id of the refund, dispute or capture at the provider.
        amount: in the currency of the order; `gross`, `fee` and `net` are in the currency of the payout.
        booked_at: microseconds since 1970.
        paid_in: the payout that contains the line; None while the provider holds the money.
    """

    line: int
    key: str
    kind: MovementKind
    payment: str | None
    source: str | None
    amount: int
    amount_currency: str
    gross: int
    fee: int
    net: int
    currency: str
    booked_at: int
    paid_in: PaidIn | None


@dataclass(frozen=True, slots=True)
class BankLine:
    """A line of a bank statement; `amount` is in minor units, negative if money left the account."""

    line: int
    key: str
    account: str
    booked_at: int
    amount: int
    currency: str
    text: str


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """A provider's report; `account` is empty if the report names none."""

    provider: str
    account: str
    lines: Sequence[PayoutLine]
    rejects: Sequence[Reject]


@dataclass(frozen=True, slots=True)
class Covered:
    """What a statement covers: an account in a currency, from its first to its last microsecond."""

    account: str
    currency: str
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class BankStatement:
    """The statements of a file. Each covers something, unless it has neither days nor lines."""

    accounts: Sequence[str]
    covered: Sequence[Covered]
    lines: Sequence[BankLine]
    rejects: Sequence[Reject]

    @property
    def first_at(self) -> int | None:
        """When the first one begins, in microseconds since 1970."""
        return min((one.first_at for one in self.covered), default=None)

    @property
    def last_at(self) -> int | None:
        """When the last one ends."""
        return max((one.last_at for one in self.covered), default=None)


@dataclass(slots=True)
class ContentKeys:
    """Keys for lines without an id: a digest, and a number if the same content occurs again in the file.

    Two equal lines of a file have different keys, and the same file always gives the same keys.
    """

    seen: Counter[str] = field(default_factory=Counter)

    def key_of(self, *cells: object) -> str:
        """Returns the key of the next line with this content."""
        content = "\x1f".join(map(str, cells))
        digest = hashlib.sha256(content.encode()).hexdigest()[:DIGEST_DIGITS]
        self.seen[digest] += 1
        return f"{digest}/{self.seen[digest]}"
