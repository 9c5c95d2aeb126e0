"""Amounts in Stripe's units: no customer is charged a hundred times an order's total, or a hundredth."""

from __future__ import annotations

import pytest

from orders_pipeline.payments.backends.stripe.amounts import AmountRefused, from_stripe, to_stripe


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"),
    [
        (1234, "USD", 1234),
        (500, "JPY", 500),
        (500, "ISK", 50_000),
        (500_000, "MGA", 5_000),
        (1230, "KWD", 1230),
    ],
)
def test_an_amount_is_the_same_money_at_stripe_and_back(amount: int, currency: str, at_stripe: int) -> None:
    assert to_stripe(amount, currency) == at_stripe
    assert from_stripe(at_stripe, currency) == amount


@pytest.mark.parametrize(("amount", "currency"), [(1234, "KWD"), (500_050, "MGA")])
def test_an_amount_that_stripe_cannot_express_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(AmountRefused, match=currency):
        to_stripe(amount, currency)
