"""The findings of a reconciliation, and what to do about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Subject(StrEnum):
    """The two sides of a comparison.

    A payment, refund or dispute of the store with the lines of reports; a payout with its lines, and with the
    bank; a bank line with the payouts.
    """

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    PAYOUT_LINES = "payout_lines"
    PAYOUT = "payout"
    BANK_LINE = "bank_line"


MOVEMENTS = (Subject.PAYMENT, Subject.REFUND, Subject.DISPUTE)


class State(StrEnum):
    """The result of a comparison, the worst first. `pending`: the other side is not due yet."""

    MISSING = "missing"
    TWICE = "twice"
    OFF = "off"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    LATE = "late"
    PENDING = "pending"
    OK = "ok"


FINE = (State.OK, State.PENDING)


@dataclass(frozen=True, slots=True)
class PayoutCheck:
    """A statement that must be true, and the subjects whose findings contradict it."""

    statement: str
    subjects: Sequence[Subject]


CHECKS = {
    "payments_are_in_the_reports": PayoutCheck(
        "Each payment, refund and dispute is in the provider's reports once, with its amount and on time.",
        MOVEMENTS,
    ),
    "payouts_are_sums_of_their_lines": PayoutCheck(
        "Each payout is the sum of its lines.", (Subject.PAYOUT_LINES,)
    ),
    "payouts_are_at_the_bank": PayoutCheck(
        "Each payout is at the bank once, with its amount and on time.", (Subject.PAYOUT, Subject.BANK_LINE)
    ),
}

_ASK = "Ask the provider about these lines."
_BANK = "Ask the bank about these payouts."
ACTIONS: dict[tuple[Subject, State], str] = {
    (
        Subject.PAYMENT,
        State.MISSING,
    ): "Import the provider's reports of these days. If none has the payment, ask the provider.",
    (
        Subject.REFUND,
        State.MISSING,
    ): "Import the provider's reports of these days. If none has the refund, it did"
    " not happen: ask the provider, then refund again.",
    (Subject.DISPUTE, State.MISSING): "Import the provider's reports of these days. If none has the dispute,"
    " undo it with `orders refunds reverse`.",
    (
        Subject.PAYMENT,
        State.TWICE,
    ): "The provider booked the payment more than once. Ask the provider whether the customer was charged "
    "twice.",
    (Subject.REFUND, State.TWICE): "The provider booked the refund more than once. Ask for the money back.",
    (Subject.DISPUTE, State.TWICE): "The provider booked the dispute more than once. Ask for the money back.",
    (
        Subject.PAYMENT,
        State.UNKNOWN,
    ): "The store has no such payment. Import the orders, or find out who charged"
    " the customer; then refund it at the provider.",
    (Subject.REFUND, State.UNKNOWN): "Refunded at the provider, but not in the store. Book it with"
    " `orders refund ORDER --recorded --reference ID`.",
    (Subject.DISPUTE, State.UNKNOWN): "The store does not have the dispute. Book it with"
    " `orders refund ORDER --kind dispute --reference ID`.",
    (Subject.PAYOUT_LINES, State.OFF): "The lines of these payouts do not add up to what the provider says."
    " Import the itemised reports of these days again, and look at their rejects.",
    (Subject.PAYOUT_LINES, State.MISSING): "Import the itemised reports of these payouts.",
    (
        Subject.PAYOUT,
        State.MISSING,
    ): "The statements of these days have no such line. Ask the provider whether the"
    " bank sent the payouts back.",
    (
        Subject.PAYOUT,
        State.LATE,
    ): "Import the bank statements of these days. Payouts that arrived late need no action.",
    (Subject.PAYOUT, State.TWICE): "The bank has more than one line for each of these payouts. " + _BANK,
    (Subject.PAYOUT, State.OFF): "The bank booked another amount: its fee, or a payout sent in parts. "
    + _BANK,
    (
        Subject.PAYOUT,
        State.AMBIGUOUS,
    ): "Several payouts and bank lines match each other. Import the provider's report"
    " with the bank's reference (Stripe: trace_id), or compare them by hand.",
    (Subject.BANK_LINE, State.AMBIGUOUS): "Several payouts match these lines; see the ambiguous payouts.",
    (
        Subject.BANK_LINE,
        State.UNKNOWN,
    ): "No payout matches these lines. Import the provider's reports of these days.",
}
_BY_STATE = {
    State.OFF: "The amounts differ. " + _ASK,
    State.LATE: "Import the provider's newest reports. If they are imported, ask the provider when it will "
    "pay out the money.",
    State.AMBIGUOUS: "These lines name several payments of the store. " + _ASK,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """All findings of one kind in one currency.

    Attributes:
        ours: sum of the expected amounts, in minor units; `theirs` is the sum of the amounts found.
    """

    subject: Subject
    state: State
    currency: str
    number: int
    ours: int
    theirs: int
    examples: Sequence[dict[str, Any]]

    @property
    def action(self) -> str:
        """What to do about it; empty if there is nothing to do."""
        if self.state in FINE:
            return ""
        return ACTIONS.get((self.subject, self.state)) or _BY_STATE[self.state]
