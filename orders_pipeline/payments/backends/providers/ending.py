"""What the status of a payment at a provider says about its capture, and about its void."""

from __future__ import annotations

from orders_pipeline.base.model import PaymentStatus
from orders_pipeline.payments.gateway import (
    VOIDED,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Void,
    Voided,
    VoidFailed,
    VoidOutcome,
    refusal,
)


def shown_capture(capture: Capture, status: PaymentStatus | None) -> CaptureOutcome | None:
    """Returns the outcome of a capture; None if the payment was neither captured nor released."""
    match status:
        case PaymentStatus.SUCCEEDED:
            return Captured(capture, capture.transaction_id)
        case PaymentStatus.VOIDED | PaymentStatus.DECLINED:
            return CaptureDeclined(capture, VOIDED)
        case _:
            return None


def shown_void(void: Void, status: PaymentStatus | None) -> VoidOutcome | None:
    """Returns the outcome of a void; None if the payment was neither captured nor released."""
    match status:
        case PaymentStatus.VOIDED | PaymentStatus.DECLINED:
            return Voided(void, void.transaction_id)
        case PaymentStatus.SUCCEEDED:
            return VoidFailed(void, refusal(f"{void.transaction_id} was captured"))
        case _:
            return None
