"""Refunds: the amount is reserved first and refunded once; totals and stock change exactly once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import RefundKind
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.listing import refunds_to_attend
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.request import Requested
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line, many_orders
from tests.refund_bench import ADA, EVE, RefundBench, asked

CANCEL, APPROVE = RefundAction.CANCEL, RefundAction.APPROVE
RETRY, REVERSE = RefundAction.RETRY, RefundAction.REVERSE


@pytest.fixture
def shop(bench: ImportBench) -> RefundBench:
    """A home with a completed order of two lines, 3 x 10.00 and 1 x 2.50, and stock of 100 each."""
    bench.stock(MOUSE=100, CABLE=100)
    bench.import_lines(Line("1", quantity=3), Line("1", "CABLE", 1, "2.50"))
    return RefundBench(bench)


def test_without_amount_or_line_all_that_is_left_goes_back_with_all_units(shop: RefundBench) -> None:
    shop.refund(asked("1"))
    (refund,) = shop.of("1")
    assert (refund["status"], refund["amount"]) == ("completed", 32.5)
    assert refund["transaction_id"].startswith("txn_")
    assert [(line["line"], line["quantity"], line["amount"]) for line in refund["lines"]] == [
        (1, 3, 30.0),
        (2, 1, 2.5),
    ]
    assert shop.taken("1") == 3250
    assert shop.customer() == (3250, 3250)
    assert shop.product("MOUSE") == (3, 300_000)
    assert shop.bench.shelf()["MOUSE"] == (100, 0, 0)
    assert shop.bench.broken_checks() == set()


def test_lines_go_back_unit_by_unit_and_an_amount_moves_no_units(shop: RefundBench) -> None:
    shop.refund(asked("1", (1, 1)), asked("1", amount="5.00"), asked("1", (1, 1)))
    assert [one["amount"] for one in shop.of("1")] == [10.0, 5.0, 10.0]
    assert shop.customer() == (3250, 2500)
    assert shop.product("MOUSE") == (2, 200_000)
    assert shop.bench.shelf()["MOUSE"] == (99, 0, 1)
    shop.refund(asked("1"))
    assert [(line["quantity"], line["amount"]) for line in shop.of("1")[-1]["lines"]] == [(1, 6.0), (1, 1.5)]
    assert shop.refused(asked("1")) == "refund_exceeds_captured"
    assert shop.bench.broken_checks() == set()


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (asked("9"), "order_unknown"),
        (asked("1", source="other"), "order_unknown"),
        (asked("1", amount="32.51"), "refund_exceeds_captured"),
        (asked("1", amount="0.001"), "amount_invalid"),
        (asked("1", amount="0"), "amount_invalid"),
        (asked("1", amount="-5"), "amount_invalid"),
        (asked("1", kind=RefundKind.DISPUTE, fee="1e40"), "amount_invalid"),
        (asked("1", 3), "line_unknown"),
        (asked("1", (1, 4)), "units_exceeded"),
        (asked("1", (1, 0)), "units_exceeded"),
        (asked("1", shipping="1.00"), "shipping_exceeded"),
    ],
)
def test_what_cannot_go_back_is_refused(shop: RefundBench, wanted: RefundAsked, code: str) -> None:
    before = shop.bench.everything()
    assert shop.refused(wanted) == code
    assert shop.bench.everything() == before


def test_the_refusal_of_an_amount_names_the_least_amount(shop: RefundBench) -> None:
    (refused,) = shop.request(asked("1", amount="0"))
    assert isinstance(refused, RefundRefused)
    assert "more than zero, with at most 2 decimals" in refused.hint


def test_an_order_that_is_not_completed_cannot_be_refunded(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0)
    bench.import_lines(Line("1"))
    assert RefundBench(bench).refused(asked("1")) == "not_completed"


def test_a_number_of_several_sources_needs_the_source(shop: RefundBench) -> None:
    shop.bench.import_lines(Line("1"), name="other.csv", source="other")
    assert shop.refused(asked("1")) == "order_ambiguous"
    shop.refund(asked("1", source="other"))
    assert shop.customer() == (4250, 1000)


def test_discounts_and_taxes_of_the_order_are_shared_by_its_lines_and_shipping_is_not(
    bench: ImportBench,
) -> None:
    (bench.folder / "shop.toml").write_text(PROFILE)
    file = bench.folder / "shop.csv"
    file.write_text("\n".join([HEADER, *ROWS, ""]))
    bench.settle(bench.stage(file, profile=str(bench.folder / "shop.toml")))
    shop = RefundBench(bench)
    # 50.00 - 5.00 + 1.50 = 46.50 for the goods, of which A has 2/5 and B 3/5.
    shop.refund(asked("1", (1, 1)), asked("1", 2, shipping="4.90"))
    assert [one["amount"] for one in shop.of("1")] == [9.3, 32.8]
    assert shop.refused(asked("1", shipping="0.01")) == "shipping_exceeded"
    shop.refund(asked("1"))
    assert shop.of("1")[-1]["amount"] == 9.3
    assert bench.broken_checks() == set()


PROFILE = """
[columns]
order_number = "order"
customer_id = "customer"
sku = "sku"
quantity = "quantity"
unit_price = "price"
ordered_at = "date"

[amounts]
discount = "off"
tax = "tax"
shipping = "post"
tax_included = false
"""
HEADER = "order,customer,sku,quantity,price,date,off,tax,post"
ROWS = ("1,c1,A,2,10.00,2025-11-10,5.00,1.50,4.90", "1,c1,B,1,30.00,2025-11-10,5.00,1.50,4.90")


def test_the_same_request_with_the_same_key_is_one_refund(shop: RefundBench) -> None:
    first = asked("1", amount="1.50", key="k")
    (entered,) = shop.refund(first)
    (again,) = shop.refund(asked("1", amount="1.5", key="k"))
    assert isinstance(entered, Requested)
    assert isinstance(again, Requested)
    assert (again.refund_id, again.known) == (entered.refund_id, True)
    assert shop.refused(asked("1", amount="2", key="k")) == "key_reused"
    assert shop.statuses() == {"completed": 1}


def test_a_declined_refund_gives_its_part_back_and_is_retried_with_a_key_of_its_own(
    shop: RefundBench,
) -> None:
    shop.bench.set(refund_success_rate=0)
    shop.refund(asked("1", 1))
    (refund,) = shop.of("1")
    assert (refund["status"], shop.taken("1")) == ("failed", 0)
    assert refund["failure"] in ("expired_or_canceled_card", "lost_or_stolen_card", "declined")
    assert shop.bench.broken_checks() == set()
    shop.bench.set(refund_success_rate=1)
    assert len(shop.act(RETRY, refund["refund_id"]).done) == 1
    assert shop.taken("1") == 3000
    assert shop.settle() is None
    assert [one["status"] for one in shop.of("1")] == ["completed"]
    assert shop.bench.broken_checks() == set()


def test_a_retry_takes_only_what_is_left(shop: RefundBench) -> None:
    shop.bench.set(refund_success_rate=0)
    shop.refund(asked("1", 1))
    shop.refund(asked("1", amount="3.00"))
    by_line, by_amount = (one["refund_id"] for one in shop.of("1"))
    shop.bench.set(refund_success_rate=1)
    shop.refund(asked("1", amount="4.00"))
    acted = shop.act(RETRY, by_line, by_amount)
    assert [refused.code for refused in acted.refused] == ["refund_exceeds_captured"]
    assert [one.refund_id for one in acted.done] == [by_amount]
    shop.settle()
    assert shop.taken("1") == 700
    assert shop.bench.broken_checks() == set()


def test_only_a_pending_refund_can_be_cancelled(shop: RefundBench) -> None:
    shop.request(asked("1"))
    (refund,) = shop.of("1")
    assert len(shop.act(CANCEL, refund["refund_id"]).done) == 1
    assert shop.taken("1") == 0
    assert shop.settle() is None
    assert shop.statuses() == {"cancelled": 1}
    assert [one.code for one in shop.act(CANCEL, refund["refund_id"]).refused] == ["not_cancellable"]
    assert shop.bench.broken_checks() == set()


def test_a_large_refund_waits_for_another_operator(shop: RefundBench) -> None:
    shop.bench.set(refund_limit=Decimal(10))
    shop.refund(asked("1", amount="10.00"), asked("1", amount="10.01"))
    small, large = shop.of("1")
    assert (small["status"], large["status"]) == ("completed", "pending")
    assert [one.code for one in shop.act(APPROVE, large["refund_id"]).refused] == ["same_operator"]
    assert len(shop.act(APPROVE, large["refund_id"], actor=EVE).done) == 1
    assert [one.code for one in shop.act(APPROVE, large["refund_id"], actor=EVE).refused] == [
        "not_awaiting_approval"
    ]
    assert shop.settle() is None
    assert (shop.of("1")[1]["status"], shop.of("1")[1]["approved_by"]) == ("completed", EVE)


def test_what_was_paid_elsewhere_is_only_booked_back(shop: RefundBench) -> None:
    shop.bench.set(refund_success_rate=0)
    shop.request(asked("1", amount="2.00", recorded=True, reference="cheque 7"))
    (refund,) = shop.of("1")
    assert (refund["status"], refund["method"], refund["transaction_id"]) == (
        "completed",
        "recorded",
        "cheque 7",
    )
    assert shop.taken("1") == 200
    assert shop.bench.broken_checks() == set()


def test_a_dispute_is_outside_the_bound_and_changes_neither_stock_nor_totals(shop: RefundBench) -> None:
    shop.refund(asked("1"))
    before = shop.bench.shelf(), shop.customer(), shop.product()
    shop.request(asked("1", kind=RefundKind.DISPUTE, fee="15.00", reference="du_1"))
    dispute = shop.of("1")[-1]
    assert (dispute["status"], dispute["amount"], dispute["fee"]) == ("completed", 32.5, 15.0)
    assert (shop.bench.shelf(), shop.customer(), shop.product()) == before
    assert shop.refused(asked("1", amount="1", kind=RefundKind.DISPUTE)) == "refund_exceeds_captured"
    assert shop.bench.broken_checks() == set()
    shop.act(REVERSE, dispute["refund_id"])
    assert (shop.of("1")[-1]["status"], shop.of("1")[-1]["failure"]) == ("failed", "won")
    assert (shop.bench.shelf(), shop.customer(), shop.product()) == before
    assert shop.bench.broken_checks() == set()


def test_a_completed_refund_that_fails_later_is_undone(shop: RefundBench) -> None:
    before = shop.bench.shelf(), shop.customer()
    shop.refund(asked("1", 1))
    (refund,) = shop.of("1")
    assert len(shop.act(REVERSE, refund["refund_id"], because="account closed").done) == 1
    assert shop.of("1")[0]["failure"] == "account closed"
    assert (shop.bench.shelf(), shop.customer()) == before
    assert (shop.taken("1"), shop.product()) == (0, (0, 0))
    assert shop.bench.broken_checks() == set()


def test_units_that_were_sold_again_meanwhile_count_as_restocked_when_a_refund_is_undone(
    bench: ImportBench,
) -> None:
    bench.stock(MOUSE=3)
    bench.import_lines(Line("1", quantity=3))
    shop = RefundBench(bench)
    shop.refund(asked("1"))
    bench.import_lines(Line("2", quantity=2), name="second.csv")
    shop.act(REVERSE, shop.of("1")[0]["refund_id"])
    assert bench.shelf()["MOUSE"] == (0, 0, 5)
    assert bench.broken_checks() == set()


def test_units_that_are_not_sold_again_stay_sold(shop: RefundBench) -> None:
    shop.refund(asked("1", 1, restock=False))
    assert shop.bench.shelf()["MOUSE"] == (97, 0, 3)
    assert shop.product() == (3, 300_000)
    assert shop.bench.broken_checks() == set()


def test_operators_who_refund_the_same_order_at_once_never_exceed_the_capture(shop: RefundBench) -> None:
    def refund(bench: ImportBench) -> int:
        entered = RefundBench(bench).request(*(asked("1", amount="3.00") for _ in range(6)))
        return sum(isinstance(one, Requested) for one in entered)

    entered = shop.bench.race(*[refund] * 4)
    assert sum(entered) == 10  # type: ignore[arg-type]
    assert shop.taken("1") == 3000
    shop.settle()
    assert shop.bench.broken_checks() == set()


def test_processes_that_settle_the_same_refunds_at_once_count_each_once(bench: ImportBench) -> None:
    bench.set(transaction_orders=3)
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(20))
    shop = RefundBench(bench)
    shop.request(*(asked(f"n{number}", 1) for number in range(20)))
    bench.race(*[lambda one: RefundBench(one).settle()] * 3)
    assert shop.statuses() == {"completed": 20}
    assert shop.customer() == (20_000, 20_000)
    assert bench.shelf()["MOUSE"] == (100, 0, 0)
    assert bench.broken_checks() == set()


def test_a_cancellation_and_the_gateway_do_not_both_have_a_refund(bench: ImportBench) -> None:
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(20))
    shop = RefundBench(bench)
    shop.request(*(asked(f"n{number}", 1) for number in range(20)))
    ids = [shop.of(f"n{number}")[0]["refund_id"] for number in range(20)]

    def cancel_all(one: ImportBench) -> object:
        return [RefundBench(one).act(CANCEL, refund_id) for refund_id in ids]

    bench.race(lambda one: RefundBench(one).settle(), cancel_all)
    shop.settle()
    statuses = shop.statuses()
    assert statuses["completed"] + statuses["cancelled"] == 20
    assert shop.customer()[1] == 1000 * statuses["completed"]
    assert bench.broken_checks() == set()


def test_actions_are_recorded(shop: RefundBench) -> None:
    shop.request(asked("1"))
    shop.act(CANCEL, shop.of("1")[0]["refund_id"])
    actions = [(row[2], row[3]) for row in shop.bench.rows("operator_actions")]
    assert (ADA, "refunds.request") in actions
    assert (ADA, "refunds.cancel") in actions


def test_what_was_refunded_today_and_what_needs_attention_is_counted(shop: RefundBench) -> None:
    shop.bench.set(refund_limit=Decimal(20))
    shop.refund(asked("1", amount="5.00"))
    shop.request(asked("1", amount="20.50"), asked("1", amount="1.00"))
    shop.settle(SimulatedGateway("a seed", refund_success_rate=0, refund_delay_min=0, refund_delay_max=0))
    shop.refund(asked("1", kind=RefundKind.DISPUTE, amount="1.00"))
    (*_, dispute) = shop.of("1")
    shop.act(REVERSE, dispute["refund_id"])
    today = shop.terms.day_of(now_us())
    with reading(shop.bench.engine) as connection:
        counted = refunds_to_attend(connection, today, "USD")
        assert refunds_to_attend(connection, today, "EUR")["refunded_today"] == 0
    assert counted == {"refunded_today": 5.0, "failed": 1, "awaiting_approval": 1, "days": 7}
