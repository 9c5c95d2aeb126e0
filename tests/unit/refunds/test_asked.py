"""Digests of requests, which must equal those that older releases stored."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from orders_pipeline.base.model import RefundKind
from orders_pipeline.refunds.requests.asked import GoodsAsked, LineAsked, RefundAsked

LINES = (LineAsked(1), LineAsked(2, Decimal("1.50")))
RETURN = RefundAsked("1", lines=LINES, reason='late "é"', source="shop", restock=False)
GOODS = (GoodsAsked("MOUSE", 7, 1000, None),)
DISPUTE = RefundAsked(
    "1",
    amount=Decimal("12.50"),
    fee=Decimal(15),
    kind=RefundKind.DISPUTE,
    recorded=True,
    day=date(2024, 5, 1),
    goods=GOODS,
)


def test_the_digest_of_a_request_stays_what_it_was() -> None:
    assert RETURN.digest == "62fd87169372c8e2a83f931d3047c0afc8508508b977d8876748a0889d3ac855"
    assert DISPUTE.digest == "d9e1f5119093122ba01db07c6d8b83a9d8bbc0c1ca562accf1e6827d3788e838"


def test_the_key_and_the_way_in_which_a_number_is_written_do_not_change_a_digest() -> None:
    longer = (LINES[0], LineAsked(2, Decimal("1.500")))
    assert RETURN._replace(lines=longer, key="k", shipping=Decimal("0.00")).digest == RETURN.digest
