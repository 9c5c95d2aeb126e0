"""Makes the message of a notice from the data of its order in the order store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, and_, func, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import AmountKind, EventType, PaymentMethod
from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.notifications.templates import POLICY, NoticeTemplates, Rendered
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.store.schema import (
    customers,
    failures,
    order_amounts,
    order_lines,
    orders,
    payments,
    products,
    recorded_payments,
)

LONGEST_NAME = 60
# Customers' names are checked, because anybody could use one to put advertising into a shop's mail.
NOT_IN_NAMES = ("/", "@", "www.", "http")
SHOWN = (
    AmountKind.DISCOUNT,
    AmountKind.SHIPPING,
    AmountKind.FEE,
    AmountKind.TAX,
    AmountKind.TIP,
    AmountKind.UNEXPLAINED,
    AmountKind.ROUNDING,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a notice.

    Attributes:
        number: id of the notice; None for a preview.
        data: data of the event in addition to the order, such as the amount of a refund.
    """

    event: str
    order_id: int
    attempt: int
    data: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    round: int = 0


def rendered(
    connection: Connection,
    terms: NoticeTerms,
    templates: NoticeTemplates,
    subject: Subject,
    language: str | None,
) -> Rendered:
    """Returns the text of a notice.

    Args:
        language: the customer's language, if a file contained it.

    Raises:
        NoticeTemplateError: a template is missing or cannot be rendered.
    """
    order = _order(connection, subject.order_id)
    currency = order["currency"]
    values: dict[str, Any] = {
        "shop": terms.shop,
        "customer": _greeted(order["customer_name"]),
        "order": _values_of_order(connection, order, subject, ZoneInfo(terms.timezone)),
    }
    if subject.event in (EventType.ORDER_REFUNDED, EventType.REFUND_FAILED):
        amount = subject.data.get("amount") or decimal_string(order["total"], currency)
        values["refund"] = {"amount": Decimal(amount)}
    chosen = templates.language_for(subject.event, language, terms.language)
    return templates.render(subject.event, chosen, values, currency)


def message_of_notice(
    terms: NoticeTerms, notice: Rendered, subject: Subject, recipient: str, store: str
) -> EmailMessage:
    """Returns the mail of a notice.

    All tries have the same `Message-ID`; a person's resend has another one.
    """
    message = EmailMessage(POLICY)
    message["From"], message["To"] = terms.sender, Address(addr_spec=recipient)
    message["Subject"] = notice.subject
    message["Date"] = format_datetime(to_datetime(now_us()))
    host = terms.sender_address.rpartition("@")[2]
    again = f".{subject.round}" if subject.round else ""
    message["Message-ID"] = f"<notice.{subject.number}{again}.{store}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = notice.language
    message["List-Unsubscribe"] = _unsubscribe(terms, subject)
    message.set_content(notice.text)
    message.add_alternative(notice.html, subtype="html")
    return message


def _unsubscribe(terms: NoticeTerms, subject: Subject) -> str:
    where = terms.unsubscribe or terms.sender_address
    if where.startswith("https://"):
        return f"<{where.replace('{notification}', str(subject.number))}>"
    return f"<mailto:{where}?subject=unsubscribe%20{subject.number}>"


def _order(connection: Connection, order_id: int) -> RowMapping:
    query = (
        select(orders, customers.c.name.label("customer_name"))
        .outerjoin(customers, customers.c.id == orders.c.customer_id)
        .where(orders.c.id == order_id)
    )
    return connection.execute(query).mappings().one()


def _values_of_order(
    connection: Connection, order: RowMapping, subject: Subject, zone: ZoneInfo
) -> dict[str, Any]:
    of_attempt = and_(failures.c.order_id == subject.order_id, failures.c.attempt == subject.attempt)
    placed: date = to_datetime(order["ordered_at"]).astimezone(zone).date()
    return {
        "number": printable_line(order["number"]),
        "placed": placed,
        "total": Decimal(decimal_string(order["total"], order["currency"])),
        "lines": _lines(connection, subject.order_id),
        "amounts": _amounts(connection, subject.order_id),
        "reason": connection.scalar(select(failures.c.reason).where(of_attempt)),
        "paid_elsewhere": _is_paid_elsewhere(connection, subject.order_id),
    }


def _lines(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    line = order_lines.c
    query = (
        select(line.quantity, line.total - line.discount, products.c.sku, products.c.name)
        .join(products, products.c.id == line.product_id)
        .where(line.order_id == order_id)
        .order_by(line.line)
    )
    return [
        {
            "quantity": Decimal(str(quantity)),
            "total": Decimal(int(total)).scaleb(-4),
            "sku": printable_line(sku),
            "name": printable_line(name or sku),
        }
        for quantity, total, sku, name in connection.execute(query)
    ]


def _amounts(connection: Connection, order_id: int) -> dict[str, Decimal]:
    query = select(order_amounts.c.kind, order_amounts.c.amount).where(order_amounts.c.order_id == order_id)
    found = dict(connection.execute(query).all())
    signs = {AmountKind.DISCOUNT.value: -1}
    return {
        kind.value: Decimal(signs.get(kind.value, 1) * int(found[kind.value])).scaleb(-4)
        for kind in SHOWN
        if found.get(kind.value)
    }


def _is_paid_elsewhere(connection: Connection, order_id: int) -> bool:
    recorded = select(func.count()).where(recorded_payments.c.order_id == order_id)
    paid = select(func.count()).where(
        payments.c.order_id == order_id, payments.c.method == PaymentMethod.RECORDED
    )
    return bool(connection.scalar(recorded) or connection.scalar(paid))


def _greeted(name: str | None) -> str:
    """Returns the customer's name for the greeting; empty if it does not look like a name."""
    text = printable_line(name or "").strip()
    odd = any(sign in text.casefold() for sign in NOT_IN_NAMES)
    return "" if odd or len(text) > LONGEST_NAME else text
