"""What the status of a payment at a provider says about its capture, and about its void."""

from __future__ import annotations

from orders_pipeline.base.amounts.money import with_currency
from orders_pipeline.base.model import PaymentStatus
from orders_pipeline.payments.backends.providers.attempts import Attempt
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


def shown_capture(capture: Capture, made: Attempt | None) -> CaptureOutcome | None:
    """Returns the outcome of a capture; None if the payment was neither captured nor released.

    If another amount was captured, for example in the provider's dashboard, the capture is refused.
    """
    match made and made.status:
        case PaymentStatus.SUCCEEDED if made and made.money != (capture.amount, capture.currency):
            captured, whole = with_currency(*made.money), with_currency(capture.amount, capture.currency)
            message = f"{captured} of {whole} were captured at the provider"
            return CaptureDeclined(capture, refusal(message))
        case PaymentStatus.SUCCEEDED:
            return Captured(capture, capture.transaction_id)
        case PaymentStatus.VOIDED | PaymentStatus.DECLINED:
            return CaptureDeclined(capture, VOIDED)
        case _:
            return None


def shown_void(void: Void, made: Attempt | None) -> VoidOutcome | None:
    """Returns the outcome of a void; None if the payment was neither captured nor released."""
    match made and made.status:
        case PaymentStatus.VOIDED | PaymentStatus.DECLINED:
            return Voided(void, void.transaction_id)
        case PaymentStatus.SUCCEEDED:
            return VoidFailed(void, refusal(f"{void.transaction_id} was captured"))
        case _:
            return None
