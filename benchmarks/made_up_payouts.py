"""Makes up payments with refunds and disputes, and reports and statements in which some lines are wrong.

The errors are drawn from a seed and returned, so that the findings of a reconciliation can be compared with
them. The payments are written directly to the store.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from orders_pipeline.base.clock import now_us, to_microseconds
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.schema import (
    batches,
    imports,
    orders,
    payments,
    refunds,
    reservations,
    sources,
)

FIRST = date(2025, 10, 1)
DAYS = 30
CURRENCIES = ("USD", "EUR")
HEADER = (
    *("automatic_payout_id", "automatic_payout_effective_at_utc", "balance_transaction_id", "created_utc"),
    *("currency", "gross", "fee", "net", "reporting_category", "source_id", "payment_intent_id", "trace_id"),
)
# Number of wrong payments, refunds or disputes per thousand, by the kind of error.
WRONG = {"missing": 5, "twice": 5, "off": 5, "late": 5}
TWINS, TWIN_AMOUNT = ("TWINA", "TWINB"), 10_000
AT_ONCE = 10_000
IBAN = "DE89370400440532013000"


@dataclass(frozen=True, slots=True)
class Money:
    """A payment, refund or dispute of the store."""

    subject: str
    order: int
    reference: str
    payment: str
    currency: str
    amount: int
    at: datetime


@dataclass(slots=True)
class Expected:
    """What must be found by subject, state and currency: numbers, and differences in minor units."""

    numbers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    differences: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, subject: str, state: str, currency: str, difference: int = 0, number: int = 1) -> None:
        """Notes what was made wrong."""
        self.numbers[subject, state, currency] += number
        self.differences[subject, state, currency] += difference


@dataclass(slots=True)
class MadeUp:
    """Files, and what must be found in them."""

    report: Path
    statements: list[Path]
    expected: Expected


def make_up(connection: Connection, folder: Path, count: int, seed: int) -> MadeUp:
    """Puts so many payments into the store, and writes the report and the statements that belong to them."""
    drawn = random.Random(seed)  # noqa: S311 repeatable, not secret
    moved = list(_moved(drawn, count))
    _store(connection, moved, count)
    expected = Expected()
    lines = [*_lines(drawn, moved, expected), *_twins()]
    report = folder / "report.csv"
    _write(report, lines)
    return MadeUp(report, _statements(drawn, folder, lines, expected), expected)


def _moved(drawn: random.Random, count: int) -> Iterator[Money]:
    for order in range(1, count + 1):
        currency = CURRENCIES[drawn.random() < 0.2]
        at = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(
            days=drawn.randrange(DAYS)
        )
        paid = Money(
            "payment", order, f"pi_{order}", f"pi_{order}", currency, drawn.randrange(500, 50_000), at
        )
        yield paid
        if drawn.random() < 0.05:
            yield _back(drawn, paid, "refund", f"re_{order}")
        elif drawn.random() < 0.01:
            yield _back(drawn, paid, "dispute", f"dp_{order}")


def _back(drawn: random.Random, paid: Money, subject: str, reference: str) -> Money:
    amount = paid.amount if subject == "dispute" else drawn.randrange(100, paid.amount + 1)
    at = paid.at + timedelta(days=drawn.randrange(1, 10))
    return Money(subject, paid.order, reference, paid.payment, paid.currency, amount, at)


def _store(connection: Connection, moved: Iterable[Money], count: int) -> None:
    connection.execute(insert(sources).values(id=1, name="default"))
    _store_import(connection, count)
    rows: dict[Any, list[dict[str, Any]]] = {orders: [], reservations: [], payments: [], refunds: []}
    for one in moved:
        at = to_microseconds(one.at)
        if one.subject != "payment":
            rows[refunds].append(_refund_row(one, at))
            continue
        key = {"order_id": one.order, "attempt": 1}
        rows[orders].append(_order_row(one, at))
        rows[reservations].append(
            {**key, "status": "sold", "reserved_at": at, "expires_at": at, "closed_at": at}
        )
        rows[payments].append(
            {**key, "amount": one.amount, "status": "succeeded", "requested_at": at, "answered_at": at}
            | {"transaction_id": one.reference}
        )
    for table, listed in rows.items():
        for start in range(0, len(listed), AT_ONCE):
            connection.execute(insert(table), listed[start : start + AT_ONCE])


def _store_import(connection: Connection, count: int) -> None:
    values = {
        "id": 1,
        "partition_key": "made-up",
        "file_name": "made-up.csv",
        "file_sha256": "0",
        "source_id": 1,
    }
    values |= {"file_bytes": 1, "profile": "default", "identified": {}, "status": ImportStatus.FINISHED}
    connection.execute(insert(imports).values(**values, staged_at=now_us()))
    batch = {
        "import_id": 1,
        "number": 1,
        "source_id": 1,
        "first_order_id": 1,
        "orders": count,
        "loaded": count,
    }
    connection.execute(insert(batches).values(**batch, completed=count, progress_at=now_us()))


def _order_row(one: Money, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": one.order,
        "import_id": 1,
        "batch": 1,
        "source_id": 1,
        "number": str(one.order),
    }
    row |= {"currency": one.currency, "total": one.amount, "ordered_at": at, "day": one.at.date()}
    return row | {"file_line": one.order + 1, "loaded_at": at, "attempt": 1, "status": "completed"}


def _refund_row(one: Money, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "refund_id": one.reference,
        "order_id": one.order,
        "attempt": 1,
        "kind": one.subject,
    }
    row |= {
        "method": "gateway",
        "amount": one.amount,
        "shipping": 0,
        "fee": 0,
        "restock": False,
        "reason": "",
    }
    row |= {"requested_at": at, "requested_by": "made up", "needs_approval": False, "status": "completed"}
    row |= {"round": 1, "tries": 1, "settled_at": at, "day": one.at.date(), "transaction_id": one.reference}
    return row | {"boards_due": False}


@dataclass(slots=True)
class Line:
    """A line of the report; a payout pays all lines of its currency that were booked on a day."""

    key: str
    category: str
    source: str
    payment: str
    currency: str
    gross: int
    fee: int
    at: datetime
    twin: str = ""

    @property
    def payout(self) -> str:
        """The payout of the line."""
        return f"po_{self.at:%Y%m%d}{self.currency}{self.twin}"


CATEGORIES = {"payment": "charge", "refund": "refund", "dispute": "dispute"}


def _lines(drawn: random.Random, moved: Iterable[Money], expected: Expected) -> Iterator[Line]:
    for number, one in enumerate(moved):
        state = _state(drawn)
        sign = 1 if one.subject == "payment" else -1
        off = drawn.choice((-1, 1)) * drawn.randrange(1, 100) if state == "off" else 0
        gross = sign * (one.amount + off)
        fee = {"payment": one.amount * 29 // 1000 + 30, "refund": 0, "dispute": 1500}[one.subject]
        at = one.at + timedelta(days=drawn.randrange(8, 20) if state == "late" else drawn.randrange(3))
        line = Line(
            f"txn_{number}", CATEGORIES[one.subject], one.reference, one.payment, one.currency, gross, fee, at
        )
        difference = {"missing": -one.amount, "twice": one.amount, "off": off}.get(state, 0)
        expected.add(one.subject, state, one.currency, difference)
        if state != "missing":
            yield line
        if state == "twice":
            yield Line(
                f"{line.key}b", line.category, line.source, line.payment, line.currency, gross, fee, at
            )
        if drawn.random() < 0.002:
            stranger = Line(
                f"txn_{number}s", "charge", f"pi_s{number}", f"pi_s{number}", one.currency, 777, 5, one.at
            )
            expected.add("payment", "unknown", one.currency, 777)
            yield stranger


def _twins() -> Iterator[Line]:
    """Lines of two payouts of the same amount on the same day."""
    at = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC)
    for currency in CURRENCIES:
        for twin in TWINS:
            yield Line(f"txn_{twin}{currency}", "topup", "tu_1", "", currency, TWIN_AMOUNT, 0, at, twin)


def _state(drawn: random.Random) -> str:
    at = drawn.randrange(1000)
    for state, number in WRONG.items():
        if at < number:
            return state
        at -= number
    return "ok"


def _write(file: Path, lines: Iterable[Line]) -> None:
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(HEADER)
        for line in lines:
            paid = datetime(line.at.year, line.at.month, line.at.day, tzinfo=UTC) + timedelta(days=1)
            writer.writerow(
                (
                    *(line.payout, f"{paid:%Y-%m-%d %H:%M:%S}", line.key, f"{line.at:%Y-%m-%d %H:%M:%S}"),
                    *(line.currency.lower(), *map(_text, (line.gross, line.fee, line.gross - line.fee))),
                    *(line.category, line.source, line.payment, f"TRACE{line.payout}"),
                )
            )


def _text(minor_units: int) -> str:
    return str(Decimal(minor_units).scaleb(-2))


def _statements(drawn: random.Random, folder: Path, lines: Iterable[Line], expected: Expected) -> list[Path]:
    """A statement for each currency, in camt.053, in which some payouts are wrong."""
    sums: Counter[tuple[str, str]] = Counter()
    days: dict[tuple[str, str], datetime] = {}
    for line in lines:
        sums[line.currency, line.payout] += line.gross - line.fee
        days[line.currency, line.payout] = line.at + timedelta(days=1)
    statements = []
    for currency in CURRENCIES:
        due = {payout: amount for (of, payout), amount in sums.items() if of == currency}
        entries = list(_entries(drawn, currency, due, days, expected))
        statements.append(folder / f"statement-{currency}.xml")
        statements[-1].write_text(statement(currency, entries), encoding="utf-8")
    return statements


Entry = tuple[date, int, str]


def _entries(
    drawn: random.Random,
    currency: str,
    due: dict[str, int],
    days: dict[tuple[str, str], datetime],
    expected: Expected,
) -> Iterator[Entry]:
    fates = iter(("missing", "twice", "off", "late", "by amount", "shifted"))
    for payout, amount in sorted(due.items()):
        fate = "twin" if payout.endswith(TWINS) else next(fates, "ok")
        day = days[currency, payout].date() + timedelta(days=drawn.randrange(1, 4))
        text = f"STRIPE PAYMENTS TRACE{payout}"
        match fate:
            case "twin":
                expected.add("payout", "ambiguous", currency, -amount)
                expected.add("bank_line", "ambiguous", currency, amount)
                yield day, amount, "STRIPE PAYMENTS"
            case "missing":
                expected.add("payout", "missing", currency, -amount)
            case "twice":
                expected.add("payout", "twice", currency, amount)
                yield day, amount, text
                yield day + timedelta(days=1), amount, text
            case "off":
                expected.add("payout", "off", currency, -7)
                yield day, amount - 7, text
            case "late":
                expected.add("payout", "late", currency)
                yield day + timedelta(days=10), amount, text
            case "by amount":
                expected.add("payout", "ok", currency)
                yield day, amount, "STRIPE PAYMENTS"
            case "shifted":
                # Too late to be matched by its amount, and without a reference.
                expected.add("payout", "missing", currency, -amount)
                expected.add("bank_line", "unknown", currency, amount)
                yield day + timedelta(days=10), amount, "STRIPE PAYMENTS"
            case _:
                expected.add("payout", "ok", currency)
                yield day, amount, text


def statement(currency: str, entries: Iterable[Entry]) -> str:
    """A bank statement from the first day on."""
    listed = "".join(
        f'<Ntry><Amt Ccy="{currency}">{_text(abs(amount))}</Amt>'
        f"<CdtDbtInd>{'CRDT' if amount >= 0 else 'DBIT'}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls>"
        "</Ntry>\n"
        for day, amount, text in entries
    )
    last = FIRST + timedelta(days=2 * DAYS)
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr/>'
        f"<Stmt><FrToDt><FrDtTm>{FIRST}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>{listed}</Stmt></BkToCstmrStmt></Document>"
    )
