"""`orders refund` and `orders refunds`: options, output and refusals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.e2e.orders_command import orders
from tests.import_bench import ImportBench, Line, many_orders

DOCUMENT = {
    *("refund_id", "order", "source", "number", "amount", "currency", "kind", "status", "reason"),
    *("requested_at", "settled_at", "transaction_id"),
}


@pytest.fixture
def shop(tmp_path: Path, redis_url: str) -> Settings:
    """A home with completed orders. Only Redis runs."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    bench.stock(MOUSE=100, CABLE=100)
    bench.import_lines(*many_orders(5), Line("two", quantity=3), Line("two", "CABLE", 1, "2.50"))
    engine.dispose()
    return bench.settings


def document(settings: Settings, *arguments: str | Path) -> dict[str, Any]:
    done = orders(settings, *arguments, "--json")
    assert done.code == 0, done
    found: dict[str, Any] = done.document
    return found


def test_a_refund_is_given_back_at_once_and_shown(shop: Settings) -> None:
    planned = document(shop, "refund", "two", "--line", "1:2", "--dry-run")
    assert (planned["dry_run"], planned["refund_id"], planned["amount"]) == (True, None, 20.0)
    done = document(shop, "refund", "two", "--line", "1:2", "--line", "2", "--reason", "broken")
    assert done.keys() >= DOCUMENT
    assert (done["number"], done["amount"], done["status"], done["reason"]) == (
        "two",
        22.5,
        "completed",
        "broken",
    )
    story = document(shop, "show", "two")
    assert (story["status"], story["refunded"]) == ("completed", "22.50")
    assert [one["refund_id"] for one in story["refunds"]] == [done["refund_id"]]
    assert document(shop, "refunds", "show", done["refund_id"]) == done
    assert "22.5" in orders(shop, "refunds", "list").out
    (top,) = document(shop, "leaderboard", "customers")  # type: ignore[misc]
    assert top["total_spent"] == 60.0
    assert document(shop, "verify")["ok"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["9"], "order_unknown"),
        (["two", "--amount", "32.51"], "refund_exceeds_captured"),
        (["two", "--line", "7"], "line_unknown"),
        (["two", "--line", "1:4"], "units_exceeded"),
    ],
)
def test_a_refusal_has_its_code(shop: Settings, arguments: list[str], code: str) -> None:
    done = orders(shop, "refund", *arguments, "--json")
    assert (done.code, done.error["code"]) == (1, code)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["two", "--file", "refunds.csv"],
        ["two", "--amount", "1", "--line", "1"],
        ["two", "--line", "1:1", "--line", "1:2"],
        ["two", "--amount", "much"],
        ["two", "--amount", "1e999999"],
        ["two", "--line", "1:1e30"],
        ["two", "--line", "9" * 5000],
        ["two", "--line", "first"],
        ["two", "--fee", "1"],
        ["two", "--kind", "dispute", "--line", "1"],
        ["two", "--reference", "r"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(shop: Settings, arguments: list[str]) -> None:
    assert orders(shop, "refund", *arguments, "--json").code == 2


def test_rows_of_a_file_are_refunded_or_rejected_one_by_one_and_only_once(
    shop: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "refunds.csv"
    rows = ["n0,1,1,late", "n1,1,,late", "n1,1,,again", "n2,x,1,", ",1,1,", "two,1,1.0005,"]
    rows += ["two,1,1e30,", f"two,{'9' * 5000},1,"]
    file.write_text("\n".join(["order,line,quantity,reason", *rows, ""]))
    planned = document(shop, "refund", "--file", file, "--dry-run")
    assert planned["amounts"] == {"USD": "20.00"}
    report = document(shop, "refund", "--file", file)
    assert (report["rows"], report["refunds"], report["amounts"]) == (8, {"completed": 2}, {"USD": "20.00"})
    assert [(one["line"], one["order"], one["code"]) for one in report["rejects"]] == [
        (4, "n1", "units_exceeded"),
        (5, "n2", "line_invalid"),
        (6, "", "order_missing"),
        (7, "two", "quantity_invalid"),
        (8, "two", "quantity_invalid"),
        (9, "two", "line_invalid"),
    ]
    again = document(shop, "refund", "--file", file)
    assert (again["known"], again["refunds"]) == (2, {"completed": 2})
    assert len(document(shop, "refunds", "list")) == 2


def test_a_file_with_other_columns_is_refused(shop: Settings, tmp_path: Path) -> None:
    file = tmp_path / "refunds.csv"
    file.write_text("order,price\nn0,1\n")
    assert orders(shop, "refund", "--file", file, "--json").error["code"] == "columns_unknown"
    file.write_text("source,source,order,amount,reason\n")
    assert orders(shop, "refund", "--file", file, "--json").error["code"] == "columns_unknown"


def test_actions_have_previews_and_name_what_they_cannot_do(shop: Settings) -> None:
    limited = shop.model_copy(update={"refund_limit": Decimal(5)})
    refund_id = document(limited, "refund", "n0")["refund_id"]
    assert orders(limited, "refunds", "approve", refund_id, "--json").error["code"] == "same_operator"
    assert document(limited, "refunds", "cancel", refund_id, "--dry-run")["refunds"] == 1
    assert document(limited, "refunds", "cancel", refund_id)["amounts"] == {"USD": "10.00"}
    assert orders(limited, "refunds", "cancel", refund_id, "--json").error["code"] == "not_cancellable"
    assert orders(limited, "refunds", "retry", refund_id, "--json").error["code"] == "not_retryable"
    assert orders(limited, "refunds", "show", "nothing", "--json").error["code"] == "unknown_refund"


def test_a_failed_refund_is_an_error_and_can_be_retried(shop: Settings) -> None:
    declining = shop.model_copy(update={"refund_success_rate": 0})
    assert orders(declining, "refund", "n0", "--json").error["code"] == "refund_failed"
    (failed,) = document(shop, "refunds", "list", "--status", "failed")  # type: ignore[misc]
    retried = document(shop, "refunds", "retry", "--all")
    assert [one["status"] for one in retried["list"]] == ["completed"]
    reversed_ = document(shop, "refunds", "reverse", failed["refund_id"], "--because", "account closed")
    assert reversed_["list"][0]["failure"] == "account closed"
    assert document(shop, "verify")["ok"]
