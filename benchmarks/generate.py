"""Order files for benchmarks: any number of orders, the same for the same arguments."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

HEADER = (
    "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date\n"
)
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
LINES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What a generated file is like.

    `skew` is the share of lines with the first product; `scattered` puts an order's lines far apart; `first`
    is the number of the first order; the orders are spread over `days` days from `first_day` on.
    """

    orders: int
    lines: int = 1
    products: int = 1000
    customers: int = 100_000
    skew: float = 0.0
    scattered: bool = False
    seed: int = 1
    first: int = 100_000_000
    first_day: date = FIRST_DAY
    days: int = DAYS


def write_orders(path: Path, shape: Shape) -> Path:
    """Writes a file of this shape, unless it is there already."""
    if not path.exists():
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8") as file:
            file.write(HEADER)
            for chunk in _chunks(shape):
                file.write(chunk)
        partial.rename(path)
    return path


def _chunks(shape: Shape) -> Iterator[str]:
    line_of = _writer(shape)
    numbers = [number for number in range(shape.orders) for _ in range(shape.lines)]
    if shape.scattered:
        numbers = [number for _ in range(shape.lines) for number in range(shape.orders)]
    for start in range(0, len(numbers), LINES_AT_ONCE):
        yield "".join(line_of(number) for number in numbers[start : start + LINES_AT_ONCE])


def _writer(shape: Shape) -> Callable[[int], str]:
    draw = random.Random(shape.seed)  # noqa: S311 not for secrets
    days = [str(shape.first_day + timedelta(days=day)) for day in range(shape.days)]

    def line_of(number: int) -> str:
        product = 0 if draw.random() < shape.skew else draw.randrange(shape.products)
        # An order's customer and time are computed from its number, so that all its lines agree.
        customer = number * 7919 % shape.customers
        minute = number * 104_729 % 1440
        return (
            f"{shape.first + number},C{customer:07},Customer {customer},SKU-{product:07},Product {product},"
            f"{draw.randint(1, 4)},{draw.randint(1, 199)}.{draw.randint(0, 99):02},USD,"
            f"{days[number * 31 % shape.days]} {minute // 60:02}:{minute % 60:02}:00\n"
        )

    return line_of


def main() -> None:
    """Writes one file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=1)
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--skew", type=float, default=0.0)
    parser.add_argument("--scattered", action="store_true")
    given = vars(parser.parse_args())
    write_orders(given.pop("path"), Shape(**given))


if __name__ == "__main__":
    main()
