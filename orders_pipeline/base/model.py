"""The words of the domain: statuses, reasons, scopes, and ranges of ids."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class OrderStatus(StrEnum):
    """The status of an order; `lifecycle/moves.py` has the moves between them."""

    PENDING = "pending"
    RESERVED = "reserved"
    PAYMENT_PROCESSING = "payment_processing"
    COMPLETED = "completed"
    ROLLBACK = "rollback"
    FAILED = "failed"


PROCESSING = (OrderStatus.RESERVED, OrderStatus.PAYMENT_PROCESSING)
OPEN = (OrderStatus.PENDING, *PROCESSING)
UNSOLD = (OrderStatus.ROLLBACK, OrderStatus.FAILED)
SETTLED = (OrderStatus.COMPLETED, *UNSOLD)


class Scope(StrEnum):
    """What a key allows; `operate` includes `read`."""

    READ = "read"
    OPERATE = "operate"


class ReservationStatus(StrEnum):
    """The status of the units that an order has reserved."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"


class PaymentMethod(StrEnum):
    """Where a payment was made: by our gateway, or elsewhere and only recorded here."""

    GATEWAY = "gateway"
    RECORDED = "recorded"


class AmountKind(StrEnum):
    """An amount of an order beside its lines; `discount` is subtracted, `tax_included` is information."""

    DISCOUNT = "discount"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"
    TIP = "tip"
    UNEXPLAINED = "unexplained"
    ROUNDING = "rounding"
    TAX_INCLUDED = "tax_included"


class PaymentStatus(StrEnum):
    """The status of a charge."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"


class FailureReason(StrEnum):
    """Why an order ended without a sale; a declined payment adds the gateway's reason to `declined`."""

    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_PRODUCT = "unknown_product"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ImportStatus(StrEnum):
    """The status of the import of one order file."""

    STAGED = "staged"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    STALLED = "stalled"


ENDED_IMPORTS = (ImportStatus.FINISHED, ImportStatus.REFUSED)


class Window(NamedTuple):
    """A range of order ids, both ends included: what one transaction works on."""

    first: int
    last: int
