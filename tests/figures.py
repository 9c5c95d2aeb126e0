"""The figures that readers should see, recomputed from the order store's rows in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.quantities import quantity_number
from orders_pipeline.figures.published_figures import PublishedFigures, open_figures
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import (
    customers,
    failures,
    order_amounts,
    order_lines,
    orders,
    products,
    recorded_payments,
    refund_lines,
    refunds,
    reservations,
    return_lines,
    returns,
)
from tests.stores import prepare_store

SETTLED = ("completed", "failed", "rollback")


@contextmanager
def open_home(
    store_url: str, redis_url: str, folder: Path, currency: str = "USD", zone: str = "UTC"
) -> Iterator[PublishedFigures]:
    """Figures of a home, which is new unless its order store exists; nothing needs to listen on Redis."""
    engine = open_engine(store_url)
    prepare_store(engine)
    with open_figures(engine, folder, redis_url, currency, ZoneInfo(zone)) as figures:
        yield figures
    engine.dispose()


def expected(engine: Engine, start: date, end: date, currency: str = "USD") -> dict[str, Any]:
    """Every figure of the days from `start` to `end`, except its period and its time."""
    every = [row for row in _orders(engine) if row["currency"] == currency]
    chosen = [row for row in every if start <= row["day"] <= end]
    completed = [row for row in chosen if row["status"] == "completed"]
    short = [row for row in chosen if row["status"] == "failed" and row["reason"] == "out_of_stock"]
    back = _money_back(engine, currency)
    disputes = [row for row in back if row["kind"] == "dispute" and start <= row["day"] <= end]
    refunded = [row for row in back if row["kind"] != "dispute" and start <= row["day"] <= end]
    of_orders = [row for row in back if row["kind"] == "refund" and start <= row["order_day"] <= end]
    declines = Counter(reason for row in chosen for reason in row["declines"])
    buyers = {row["customer_id"] for row in completed} - {None}
    first_days = _first_days(every)
    revenue, charged = _money(completed, currency), len(completed) + declines.total()
    parts = _parts(completed)
    rounding = revenue - sum(parts.values()) + 2 * parts["discounts"]
    return {
        "total_revenue": float(_round(revenue, currency)),
        **{name: float(_round(amount, currency)) for name, amount in parts.items()},
        "rounding": float(_round(rounding, currency)),
        "tax_included": float(_round(_amount(completed, "tax_included"), currency)),
        "recorded_revenue": float(
            _round(_money([r for r in completed if r["recorded"]], currency), currency)
        ),
        "refunded": float(_round(_minor(refunded, "amount", currency), currency)),
        "refund_count": len(refunded),
        "net_revenue": float(_round(revenue - _minor(refunded, "amount", currency), currency)),
        "refunded_of_orders": float(_round(_minor(of_orders, "amount", currency), currency)),
        "disputed": float(_round(_minor(disputes, "amount", currency), currency)),
        "dispute_fees": float(_round(_minor(disputes, "fee", currency), currency)),
        "order_count": len(completed),
        "average_order_value": float(_round(revenue / len(completed), currency)) if completed else 0.0,
        "unique_customers": len(buyers),
        "currency": currency,
        "units_sold": quantity_number(sum(row["units"] for row in completed)),
        "orders_received": len(chosen),
        "orders_failed": sum(row["status"] == "failed" for row in chosen),
        "orders_rolled_back": sum(row["status"] == "rollback" for row in chosen),
        "payments_declined": declines.total(),
        "payment_success_rate": _rate(len(completed), charged),
        "declines_by_reason": dict(sorted(declines.items())),
        "out_of_stock_orders": len(short),
        "out_of_stock_revenue": float(_round(_money(short, currency), currency)),
        "new_customers": sum(start <= first_days[buyer] <= end for buyer in buyers),
        "returning_customers": sum(first_days[buyer] < start for buyer in buyers),
        "median_seconds_to_settle": _percentile(chosen, 50),
        "p95_seconds_to_settle": _percentile(chosen, 95),
    }


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    """A document without its period and its time."""
    left_out = ("date", "start_date", "end_date", "generated_at")
    return {name: value for name, value in document.items() if name not in left_out}


def expected_customers(engine: Engine, currency: str = "USD") -> list[dict[str, Any]]:
    """The complete customer board."""
    with engine.connect() as connection:
        names = {row.id: row.name for row in connection.execute(select(customers))}
    spent: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for row in _orders(engine):
        if row["status"] == "completed" and row["customer_id"] and row["currency"] == currency:
            spent[row["customer_id"]] += row["total"]
            number[row["customer_id"]] += 1
    for back in _money_back(engine, currency):
        if back["customer_id"] and back["kind"] != "dispute":
            spent[back["customer_id"]] -= back["amount"]
    ordered = sorted(spent, key=lambda buyer: (-spent[buyer], buyer))
    return [
        {
            "rank": rank,
            "customer_id": buyer,
            "customer_name": names[buyer],
            "order_count": number[buyer],
            "total_spent": float(_round(Decimal(spent[buyer]) / 10 ** minor_digits(currency), currency)),
        }
        for rank, buyer in enumerate(ordered, start=1)
    ]


def expected_products(engine: Engine, currency: str = "USD") -> list[dict[str, Any]]:
    """The complete product board."""
    units: Counter[str] = Counter()
    revenue: Counter[str] = Counter()
    bought: dict[str, set[int]] = {}
    for row in _orders(engine):
        if row["status"] == "completed" and row["currency"] == currency:
            for sku, quantity, total in row["lines"]:
                units[sku] += quantity
                revenue[sku] += total
                bought.setdefault(sku, set()).add(row["id"])
    for back in _money_back(engine, currency):
        for sku, quantity, total in back["lines"] if back["kind"] != "dispute" else []:
            units[sku] -= quantity
            revenue[sku] -= total
    ordered = sorted(units, key=lambda sku: (-units[sku], sku))
    return [
        {
            "rank": rank,
            "product_sku": sku,
            "product_name": f"Product {sku}",
            "total_quantity": quantity_number(units[sku]),
            "total_revenue": float(_round(Decimal(revenue[sku]) / 10_000, currency)),
            "order_count": len(bought.get(sku, ())),
        }
        for rank, sku in enumerate(ordered, start=1)
    ]


def _money_back(engine: Engine, currency: str) -> list[dict[str, Any]]:
    """Completed refunds and disputes, and returns, with lines of SKU, units and amount in 1/10,000."""
    in_minor = 10 ** (4 - minor_digits(currency))
    with engine.connect() as connection:
        skus = {row.id: row.sku for row in connection.execute(select(products))}
        given: dict[Any, dict[str, Any]] = {}
        of_orders = (
            select(refunds, orders.c.customer_id, orders.c.day.label("order_day"))
            .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
            .where(orders.c.currency == currency, refunds.c.status == "completed")
        )
        for row in connection.execute(of_orders).mappings():
            given[row["id"]] = {**row, "lines": []}
        for row in connection.execute(select(returns).where(returns.c.currency == currency)).mappings():
            alone = {"kind": "return", "amount": row["total"], "order_day": None, "fee": 0, "lines": []}
            given["return", row["id"]] = {**row, **alone}
        for line in connection.execute(select(return_lines)).mappings():
            if back := given.get(("return", line["return_id"])):
                back["lines"].append((skus[line["product_id"]], line["quantity"], line["total"]))
        sold = {
            (line["order_id"], line["line"]): skus[line["product_id"]]
            for line in connection.execute(select(order_lines)).mappings()
        }
        for line in connection.execute(select(refund_lines)).mappings():
            if back := given.get(line["refund"]):
                sku = sold[back["order_id"], line["line"]]
                back["lines"].append((sku, line["quantity"], line["amount"] * in_minor))
    return list(given.values())


def _orders(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = {row["id"]: dict(row) for row in connection.execute(select(orders)).mappings()}
        for row in rows.values():
            row |= {"units": 0, "lines": [], "declines": [], "reason": None, "settled_at": None}
            row |= {"line_discounts": 0, "amounts": {}, "recorded": False}
        for amount in connection.execute(select(order_amounts)).mappings():
            rows[amount["order_id"]]["amounts"][amount["kind"]] = amount["amount"]
        for recorded in connection.execute(select(recorded_payments.c.order_id)).scalars():
            rows[recorded]["recorded"] = True
        lines = select(order_lines, products.c.sku).join(products)
        for line in connection.execute(lines).mappings():
            row = rows[line["order_id"]]
            row["units"] += line["quantity"]
            row["line_discounts"] += line["discount"]
            row["lines"].append((line["sku"], line["quantity"], line["total"]))
        for failure in connection.execute(select(failures)).mappings():
            row = rows[failure["order_id"]]
            if failure["reason"] == "declined":
                row["declines"].append(failure["detail"])
            if failure["attempt"] == row["attempt"]:
                row |= {"reason": failure["reason"], "settled_at": failure["failed_at"]}
        for held in connection.execute(select(reservations)).mappings():
            if held["status"] == "sold":
                rows[held["order_id"]]["settled_at"] = held["closed_at"]
    return list(rows.values())


def _first_days(rows: list[dict[str, Any]]) -> dict[str, date]:
    first: dict[str, date] = {}
    for row in rows:
        if row["status"] == "completed" and row["customer_id"] is not None:
            first[row["customer_id"]] = min(first.get(row["customer_id"], row["day"]), row["day"])
    return first


def _money(rows: list[dict[str, Any]], currency: str) -> Decimal:
    return _minor(rows, "total", currency)


def _minor(rows: list[dict[str, Any]], column: str, currency: str) -> Decimal:
    return Decimal(sum(row[column] for row in rows)) / 10 ** minor_digits(currency)


def _parts(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    """The parts of the revenue, except rounding."""
    of_lines = sum(row["line_discounts"] for row in rows)
    return {
        "gross_sales": Decimal(sum(total for row in rows for *_, total in row["lines"])) / 10_000,
        "discounts": _amount(rows, "discount") + Decimal(of_lines) / 10_000,
        "shipping": _amount(rows, "shipping"),
        "tax": _amount(rows, "tax"),
        "fees": _amount(rows, "fee"),
        "tips": _amount(rows, "tip"),
        "unexplained": _amount(rows, "unexplained"),
    }


def _amount(rows: list[dict[str, Any]], kind: str) -> Decimal:
    return Decimal(sum(row["amounts"].get(kind, 0) for row in rows)) / 10_000


def _round(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_HALF_UP)


def _rate(part: int, whole: int) -> float | None:
    return float((Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP)) if whole else None


def _percentile(rows: list[dict[str, Any]], percent: int) -> float | None:
    """Nearest rank: the smallest time within which this percentage of the settled orders was settled."""
    times = sorted(
        (row["settled_at"] - row["loaded_at"] + 5_000) // 10_000 for row in rows if row["status"] in SETTLED
    )
    return times[-(-len(times) * percent // 100) - 1] / 100 if times else None
