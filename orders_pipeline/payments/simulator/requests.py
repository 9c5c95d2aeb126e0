"""The requests to the simulator, and how each of them ends."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Capture, Captured, Charge, Declined, Refund, Refunded, Void
from orders_pipeline.payments.simulator.answers import OK, PAYMENT_REQUIRED
from orders_pipeline.payments.simulator.journal import CAPTURES, CHARGES, REFUNDS, VOIDS, Entry

AUTHORIZED = "authorized"


class MoneyRequest(BaseModel):
    """The values in every request; the amount is in the currency's minor unit."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    amount: Annotated[int, Field(ge=0, lt=2**63)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    reference: Annotated[str, Field(min_length=1)]


class ChargeRequest(MoneyRequest):
    """Body of a charge request; without `capture`, the charge is authorized."""

    capture: bool = True


class EndRequest(MoneyRequest):
    """A request about a charge; `charge` is its transaction id."""

    charge: Annotated[str, Field(min_length=1)]


class RefundRequest(EndRequest):
    """Body of a refund request: of a captured charge."""


class CaptureRequest(EndRequest):
    """Body of a capture request: of an authorized charge."""


class VoidRequest(EndRequest):
    """Body of a request to release an authorized charge."""


BODIES: dict[str, type[MoneyRequest]] = {
    CHARGES: ChargeRequest,
    REFUNDS: RefundRequest,
    CAPTURES: CaptureRequest,
    VOIDS: VoidRequest,
}
TABLES = {body: table for table, body in BODIES.items()}


class SimulatedEnd(NamedTuple):
    """How a request ends: with a transaction id or a reason, after a delay in seconds.

    Attributes:
        answer: HTTP status of the response.
    """

    transaction_id: str | None
    reason: str | None
    delay: float
    answer: int


def end_of(outcomes: SimulatedGateway, key: str, wanted: MoneyRequest) -> SimulatedEnd:
    """Returns how a request ends; the seed and the key determine it."""
    money = wanted.amount, wanted.currency
    match wanted:
        case RefundRequest(charge=charge):
            refund = Refund(0, key, charge, *money, asked_before=False)
            refunded = outcomes.refund_outcome_of(refund)
            delay = outcomes.refund_delay_of(refund)
            return _end(isinstance(refunded, Refunded), refunded[1], delay, OK)
        case CaptureRequest(charge=charge):
            captured = outcomes.capture_outcome_of(capture := Capture(0, key, charge, *money))
            return _end(isinstance(captured, Captured), captured[1], outcomes.delay_of(capture), OK)
        case VoidRequest(charge=charge):
            voided = outcomes.void_outcome_of(void := Void(0, key, charge, *money))
            return _end(True, voided[1], outcomes.delay_of(void), OK)
    charged = outcomes.outcome_of(sent := Charge(0, 0, key, *money))
    return _end(not isinstance(charged, Declined), charged[1], outcomes.delay_of(sent), PAYMENT_REQUIRED)


def _end(went_through: bool, result: str, delay: float, failed_answer: int) -> SimulatedEnd:
    if went_through:
        return SimulatedEnd(result, None, delay, OK)
    return SimulatedEnd(None, result, delay, failed_answer)


def request_of(entry: Entry) -> MoneyRequest:
    """Returns the body of the request that made an entry."""
    body = {"amount": entry.amount, "currency": entry.currency, "reference": entry.reference}
    body |= {"charge": entry.charge} if entry.charge else {"capture": not entry.hold}
    return BODIES[entry.table].model_validate(body)


def pending_entry(idempotency_key: str, wanted: MoneyRequest) -> Entry:
    """Returns the entry of a request that is at work; it has no number yet."""
    entry = Entry(
        *(TABLES[type(wanted)], 0, idempotency_key, wanted.reference, wanted.amount, wanted.currency),
        *(None, None, 0),
        known_at=2**63,
    )
    if isinstance(wanted, EndRequest):
        return entry._replace(charge=wanted.charge)
    held = isinstance(wanted, ChargeRequest) and not wanted.capture
    return entry._replace(hold=AUTHORIZED if held else "")
