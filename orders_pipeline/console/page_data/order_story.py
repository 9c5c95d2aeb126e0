"""An order's history as a list of events, from its line in the file to the last movement of its money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders_pipeline.base.model import (
    AmountKind,
    AuthorizationStatus,
    NotificationStatus,
    PaymentStatus,
    RefundKind,
    RefundStatus,
    ReservationStatus,
)
from orders_pipeline.console import formats
from orders_pipeline.console.texts import texts
from orders_pipeline.lifecycle.sent_messages import FAILED

Story = dict[str, Any]
GOOD, BAD, ACCENT = "good", "bad", "accent"


@dataclass(frozen=True, slots=True)
class Moment:
    """An event in an order's history; `at` is ISO 8601 in UTC."""

    at: str
    text: str
    detail: str = ""
    tone: str = ""


def history_of(story: Story) -> list[Moment]:
    """Returns the history of an order, oldest event first."""
    of_money = (_payments, _authorizations, _refunds, _provider)
    parts = (_arrival, _stock, *of_money, _failures, _notes, _events, _notices)
    return sorted((moment for part in parts for moment in part(story)), key=lambda moment: moment.at)


def sums_of(story: Story) -> list[tuple[str, Decimal]]:
    """Returns the parts of the total: lines, less discounts, plus the other amounts.

    Money is in major units.
    """
    lines = sum((Decimal(line["total"]) for line in story["lines"]), Decimal(0))
    discounts = sum((Decimal(line["discount"]) for line in story["lines"]), Decimal(0))
    found = [("lines", lines), *([("line_discounts", -discounts)] if discounts else [])]
    for kind, amount in story["amounts"].items():
        if kind != AmountKind.TAX_INCLUDED:
            sign = -1 if kind == AmountKind.DISCOUNT else 1
            found.append((kind, sign * Decimal(amount)))
    return found


def _arrival(story: Story) -> Iterator[Moment]:
    t = texts().order
    if story["ordered_at"]:
        yield Moment(story["ordered_at"], t.placed)
    yield Moment(story["loaded_at"], t.loaded, f"{story['file']}, {story['file_place']}")


def _stock(story: Story) -> Iterator[Moment]:
    t = texts().order
    for one in story["reservations"]:
        yield Moment(one["reserved_at"], t.reserved)
        if one["closed_at"] and one["status"] == ReservationStatus.RELEASED:
            yield Moment(one["closed_at"], t.released)


def _payments(story: Story) -> Iterator[Moment]:
    t, currency = texts().order, story["currency"]
    for one in story["payments"]:
        amount = f"{formats.money(one['amount'], currency)} {currency}"
        attempt = t.attempt.format(number=one["attempt"]) if story["attempt"] > 1 else ""
        if one["method"] == "recorded":
            yield Moment(
                one["answered_at"] or one["requested_at"], t.recorded.format(amount=amount), "", GOOD
            )
            continue
        yield Moment(one["requested_at"], t.charging.format(amount=amount), attempt)
        if one["answered_at"] is None:
            continue
        if one["status"] == PaymentStatus.DECLINED:
            yield Moment(one["answered_at"], t.declined, formats.words(one["decline_reason"] or ""), BAD)
        elif one["status"] == PaymentStatus.SUCCEEDED:
            yield Moment(one["answered_at"], t.charged, one["transaction_id"] or "", GOOD)
        else:
            yield Moment(
                one["answered_at"], formats.sentence(one["status"]), one["transaction_id"] or "", ACCENT
            )


def _authorizations(story: Story) -> Iterator[Moment]:
    t = texts().order
    for one in story["authorizations"]:
        if one.get("wanted_at"):
            asked = t.capture_asked if one.get("wanted") == "capture" else t.void_asked
            yield Moment(one["wanted_at"], asked, one.get("wanted_by") or "")
        if one.get("settled_at"):
            tone = GOOD if one["status"] == AuthorizationStatus.CAPTURED else ""
            yield Moment(one["settled_at"], formats.sentence(one["status"]), "", tone)


def _failures(story: Story) -> Iterator[Moment]:
    for one in story["failures"]:
        yield Moment(
            one["failed_at"], formats.sentence(one["reason"]), formats.words(one["detail"] or ""), BAD
        )


def _refunds(story: Story) -> Iterator[Moment]:
    t, currency = texts().order, story["currency"]
    for one in story["refunds"]:
        amount = f"{formats.money(one['amount'], currency)} {currency}"
        who = ", ".join(part for part in (one["requested_by"], one["reason"], _approval(one)) if part)
        yield Moment(one["requested_at"], getattr(t, f"{one['kind']}_asked").format(amount=amount), who)
        if one["settled_at"]:
            yield _end_of_refund(one)


def _approval(refund: Story) -> str:
    t, waits = texts().order, refund["needs_approval"] and refund["status"] == RefundStatus.PENDING
    if refund["approved_by"]:
        return str(t.approved).format(who=refund["approved_by"])
    return str(t.awaits_approval) if waits else ""


def _end_of_refund(refund: Story) -> Moment:
    """Returns the event for the end of a refund or dispute. A failed dispute was won by the shop."""
    t, is_done = texts().order, refund["status"] == RefundStatus.COMPLETED
    detail = (refund["transaction_id"] if is_done else refund["failure"]) or ""
    if refund["kind"] == RefundKind.DISPUTE:
        message, is_good = (t.disputed, False) if is_done else (t.dispute_reversed, True)
    else:
        message, is_good = t.refunded if is_done else t.refund_ended.format(status=refund["status"]), is_done
    return Moment(refund["settled_at"], message, detail, GOOD if is_good else BAD)


def _provider(story: Story) -> Iterator[Moment]:
    """Yields events from the provider's reports: its fee, and the payout of the money to the bank."""
    t = texts().order
    for one in story["provider_lines"]:
        currency = one["currency"]
        gross, fee = (f"{formats.money(one[name], currency)} {currency}" for name in ("gross", "fee"))
        paid = t.paid_out.format(payout=one["payout"]) if one["payout"] else t.not_paid_out
        message = t.provider_booked.format(kind=formats.words(one["kind"]), gross=gross, fee=fee)
        yield Moment(one["booked_at"], message, paid)


def _notes(story: Story) -> Iterator[Moment]:
    for one in story["notes"]:
        yield Moment(one["at"], one["note"])


def _events(story: Story) -> Iterator[Moment]:
    t = texts().order
    for event in story["events"]:
        for one in event["deliveries"]:
            message = getattr(t, f"event_{one['status']}").format(webhook=one["webhook"])
            tone = BAD if one["status"] == FAILED else ""
            yield Moment(one["settled_at"] or event["at"], message, event["type"], tone)


def _notices(story: Story) -> Iterator[Moment]:
    t = texts().order
    for one in story["notices"]:
        status = one["status"]
        message = t.notice_sent if status == NotificationStatus.SENT else t.notice.format(status=status)
        detail = ", ".join(filter(None, (one["type"], formats.words(one["reason"] or ""))))
        tone = BAD if status == NotificationStatus.FAILED else ""
        yield Moment(one["settled_at"] or one["created_at"], message, detail, tone)
