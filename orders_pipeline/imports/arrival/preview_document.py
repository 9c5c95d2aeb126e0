"""How a file is read, with its first orders as a profile maps them, as commands and pages show it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from orders_pipeline.base.amounts.money import decimal_string, line_amount
from orders_pipeline.base.amounts.quantities import quantity_number
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.model import AmountKind
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.proposals.preview import Preview


def preview_document(identified: Identified, preview: Preview) -> dict[str, Any]:
    """The findings, the first orders and the first rejects."""
    lines = preview.lines.partition_by("position", as_dict=True) if preview.lines.height else {}
    columns = ("line", "order_number", "column", "code", "message", "hint")
    return {
        "file": identified.file_name,
        "profile": identified.profile.name,
        "detected": [asdict(finding) for finding in identified.findings],
        "records_looked_at": preview.records,
        "orders": [
            _order(order, lines[(order["position"],)].to_dicts()) for order in preview.orders.to_dicts()
        ],
        "rejects": [
            {**reject, "place": identified.place(reject["line"])}
            for reject in (preview.rejects.select(columns).to_dicts() if preview.rejects.height else [])
        ],
    }


def _order(order: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    kept = ("number", "customer_id", "customer_name", "currency")
    shown = ("file_line", "sku", "product_name")
    return {
        **{name: order[name] for name in kept},
        "total": decimal_string(order["total"], order["currency"]),
        "ordered_at": to_datetime(order["ordered_at"]).isoformat(),
        "day": order["day"].isoformat(),
        "amounts": {kind.value: line_amount(order[kind]) for kind in AmountKind if order.get(kind)},
        "paid": decimal_string(order["paid"], order["currency"]) if order.get("paid") is not None else None,
        "lines": [
            {
                **{name: line[name] for name in shown},
                "quantity": quantity_number(line["quantity"]),
                "total": line_amount(line["total"]),
                "discount": line_amount(line.get("discount", 0)),
            }
            for line in lines
        ],
    }
