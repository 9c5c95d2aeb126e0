"""Small order files for tests."""

from __future__ import annotations

from pathlib import Path

HEADER = "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date"


def line(
    number: str = "1",
    *,
    customer: str = "7",
    sku: str = "S-1",
    quantity: str = "1",
    price: str = "2.50",
    currency: str = "USD",
    date: str = "2025-11-10 10:00:00",
) -> str:
    return f"{number},{customer},Ann,{sku},Mug,{quantity},{price},{currency},{date}"


def order_file(folder: Path, *lines: str, name: str = "orders.csv", header: str = HEADER) -> Path:
    file = folder / name
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8", newline="")
    return file
