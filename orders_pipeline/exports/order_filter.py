"""The filter of lists of orders, and the cursor with which a client requests the next page."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from orders_pipeline.base.model import FailureReason, OrderStatus

_PLACE = Struct(">IQ")
_DIGEST = 12


class Place(NamedTuple):
    """A place in the list of orders: a page begins after it."""

    day: date
    id: int


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions for listing orders, which all have to be met. An empty condition is not applied.

    Attributes:
        file: partition key.
        reason: why the order's last attempt failed.
        text: number, customer id or transaction id, or how one of them begins.
        first, last: KPI days, both included.
    """

    status: OrderStatus | None = None
    customer: str | None = None
    sku: str | None = None
    file: str | None = None
    source: str | None = None
    reason: FailureReason | None = None
    text: str | None = None
    first: date | None = None
    last: date | None = None
    currency: str | None = None


class BadCursorError(ValueError):
    """A cursor is not one of this store, or belongs to other conditions."""

    def __init__(self) -> None:
        super().__init__("is not a cursor of this list: use `next` of a page with the same filters")


def cursor_of(place: Place, wanted: OrderFilter, token: str) -> str:
    """The cursor for a place: opaque, and valid for these conditions only.

    Args:
        token: of the order store.
    """
    packed = _PLACE.pack(place.day.toordinal(), place.id)
    return urlsafe_b64encode(packed + _digest(packed, wanted, token)).decode()


def place_of(cursor: str, wanted: OrderFilter, token: str) -> Place:
    """The place of a cursor.

    Raises:
        BadCursorError: it was not made by `cursor_of` with the same arguments.
    """
    try:
        given = urlsafe_b64decode(cursor.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        raise BadCursorError from None
    packed = given[: _PLACE.size]
    if given[_PLACE.size :] != _digest(packed, wanted, token) or len(packed) != _PLACE.size:
        raise BadCursorError
    day, order_id = _PLACE.unpack(packed)
    place = Place(date.fromordinal(day), order_id)
    if cursor_of(place, wanted, token) != cursor:
        raise BadCursorError
    return place


def _digest(packed: bytes, wanted: OrderFilter, token: str) -> bytes:
    conditions = repr(wanted).encode("utf-8", errors="replace")
    return blake2b(packed + conditions, key=token.encode(), digest_size=_DIGEST).digest()
