"""The words of the domain: statuses, reasons, scopes, and ranges of ids."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class OrderStatus(StrEnum):
    """The status of an order; `lifecycle/moves.py` has the moves between them.

    `authorized`: the gateway holds the money, and it is captured later. The order's import does not wait.
    """

    PENDING = "pending"
    RESERVED = "reserved"
    PAYMENT_PROCESSING = "payment_processing"
    AUTHORIZED = "authorized"
    COMPLETED = "completed"
    ROLLBACK = "rollback"
    FAILED = "failed"


PROCESSING = (OrderStatus.RESERVED, OrderStatus.PAYMENT_PROCESSING)
OPEN = (OrderStatus.PENDING, *PROCESSING)
UNSOLD = (OrderStatus.ROLLBACK, OrderStatus.FAILED)
SETTLED = (OrderStatus.COMPLETED, *UNSOLD)


class Scope(StrEnum):
    """What a key allows. Each scope includes those before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    def with_lower(self) -> frozenset[Scope]:
        """This scope and those that it includes."""
        scopes = list(Scope)
        return frozenset(scopes[: scopes.index(self) + 1])


class Role(StrEnum):
    """What a user may do. Each role has a scope."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def scope(self) -> Scope:
        """The scope of this role."""
        return _SCOPE_OF[self]


class SignInMethod(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105 a word, not a secret
    LINK = "link"
    OIDC = "oidc"
    PROXY = "proxy"


_SCOPE_OF = {Role.VIEWER: Scope.READ, Role.OPERATOR: Scope.OPERATE, Role.ADMIN: Scope.ADMIN}


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
    """An amount of an order in addition to its lines.

    `discount` is subtracted, `tax_included` is only information.
    """

    DISCOUNT = "discount"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"
    TIP = "tip"
    UNEXPLAINED = "unexplained"
    ROUNDING = "rounding"
    TAX_INCLUDED = "tax_included"


class PaymentStatus(StrEnum):
    """The status of a charge.

    With capture later it is authorized first, and then succeeds, is declined at the capture, or is voided.
    """

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHORIZED = "authorized"
    CAPTURE_DECLINED = "capture_declined"
    VOIDED = "voided"


class AuthorizationStatus(StrEnum):
    """The status of an authorization: what becomes of money that the gateway holds.

    `pending`: a capture or void was requested. `processing`: the request may have been sent to the gateway.
    """

    OPEN = "open"
    PENDING = "pending"
    PROCESSING = "processing"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


class EndKind(StrEnum):
    """How an authorization ends: the money is taken, or released."""

    CAPTURE = "capture"
    VOID = "void"


class RefundKind(StrEnum):
    """Why money goes back: we refund it, or the customer's bank takes it back (a dispute, or chargeback)."""

    REFUND = "refund"
    DISPUTE = "dispute"


class GatewayEventStatus(StrEnum):
    """The outcome of an event that the payment gateway sent. A waiting one is tried again."""

    WAITING = "waiting"
    APPLIED = "applied"
    IGNORED = "ignored"


class RefundStatus(StrEnum):
    """The status of money that goes back; only `pending` can be cancelled, and only `failed` retried.

    `processing`: the gateway may have been asked. A provider may make a completed refund fail later.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MovementKind(StrEnum):
    """What a line of a payment provider's report did to the balance that the provider keeps for the shop.

    `payout`: money left for the bank. `other`: reserves, transfers, and what only the provider explains.
    """

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_REVERSED = "refund_reversed"
    DISPUTE = "dispute"
    DISPUTE_REVERSED = "dispute_reversed"
    FEE = "fee"
    PAYOUT = "payout"
    OTHER = "other"


OPEN_REFUNDS = (RefundStatus.PENDING, RefundStatus.PROCESSING)


class EventType(StrEnum):
    """The events for other systems. Each is written in the transaction of the change that it reports."""

    ORDER_COMPLETED = "order.completed"
    ORDER_AUTHORIZED = "order.authorized"
    ORDER_FAILED = "order.failed"
    ORDER_ROLLED_BACK = "order.rolled_back"
    ORDER_REFUNDED = "order.refunded"
    REFUND_FAILED = "refund.failed"
    PAYMENT_REQUIRES_ACTION = "payment.requires_action"
    IMPORT_FINISHED = "import.finished"
    IMPORT_REFUSED = "import.refused"
    FILE_QUARANTINED = "file.quarantined"
    STOCK_LOW = "stock.low"


class Notifications(StrEnum):
    """How customers get notices: not at all, only as lines of the log, or by mail."""

    OFF = "off"
    LOG = "log"
    SMTP = "smtp"


class NotificationStatus(StrEnum):
    """The status of a notice to a customer.

    `sending`: the mail server may have it. `unknown`: it is unknown whether the server has it, so it is not
        sent
    again. `skipped`: it must not be sent, or the customer has no usable address.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class SkipReason(StrEnum):
    """Why a notice is not sent."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    NO_ADDRESS = "no_address"
    ORDER_TOO_OLD = "order_too_old"


# The events about which customers can get notices.
NOTICE_EVENTS = (
    EventType.ORDER_COMPLETED,
    EventType.ORDER_AUTHORIZED,
    EventType.ORDER_FAILED,
    EventType.ORDER_ROLLED_BACK,
    EventType.ORDER_REFUNDED,
    EventType.REFUND_FAILED,
)


class FailureReason(StrEnum):
    """Why an order ended without a sale; a declined payment adds the gateway's reason to `declined`."""

    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_PRODUCT = "unknown_product"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NOT_CAPTURED = "not_captured"


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
