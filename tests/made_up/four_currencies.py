"""A small shop with four currencies: sales, failures, and all kinds of money back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from orders_pipeline.base.model import FailureReason, RefundKind
from tests.made_up.builders import FAILED, ROLLBACK, StoredOrder, store_orders
from tests.made_up.money_back import store_refund, store_return

OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 31), date(2025, 11, 10), date(2025, 12, 2)
DAYS = (OCTOBER, NOVEMBER, DECEMBER)
CURRENCIES = ("USD", "EUR", "JPY", "KWD")


def order(number: str, day: date = NOVEMBER, customer: str | None = "c1", **more: Any) -> StoredOrder:
    """An order of two units of X, completed and in USD."""
    lines = more.pop("lines", (("X", 2, 123_400),))
    return StoredOrder(number=number, day=day, customer_id=customer, lines=lines, **more)


def store_shop(engine: Engine) -> list[StoredOrder]:
    """Inserts the shop's orders and its money back."""
    both = (("X", 1, 50_000), ("Y", 3, 90_000))
    sold = store_orders(
        engine,
        [
            order("1", OCTOBER),
            order("2", customer="c2", lines=both),
            order("3", customer=None, lines=both),
            order("4", currency="JPY", lines=(("X", 1, 5_000_000),)),
            order("5", DECEMBER, currency="KWD", lines=(("Y", Decimal("0.5"), 12_340),)),
            order("6", DECEMBER, currency="EUR"),
            order("7", status=ROLLBACK, detail="refused: order 7 of Ada"),
            order("8", status=FAILED, reason=FailureReason.OUT_OF_STOCK, detail="Y"),
            order("9", DECEMBER),
            order("10", DECEMBER, status=ROLLBACK, detail="insufficient_funds"),
        ],
    )
    store_refund(engine, sold[1], DECEMBER, 400, lines={1: (1, 400)})
    store_refund(engine, sold[0], DECEMBER, 300, kind=RefundKind.DISPUTE, fee=1_500)
    store_return(engine, "R1", DECEMBER, "c2", [("Y", 1, 25_000)], 250)
    return sold
