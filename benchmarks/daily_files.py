"""A store of ten years with millions of orders: a file for each day, imported once and multiplied by SQL.

The copies have their own ids, numbers, days, customers and transactions. Some things occur only in the first
fifth of the years, as if the shop had given them up: a product, a source, a currency, expired orders. Totals
of customers and stock are not multiplied, so such a store is only useful for reading orders.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Index,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.store.schema import (
    batches,
    customers,
    failures,
    home,
    imports,
    order_lines,
    orders,
    payments,
    products,
    reservations,
    sources,
)
from tests.import_bench import RUN, ImportBench, Line

FIRST_DAY, YEARS = date(2016, 1, 1), 10
TEMPLATE_ORDERS, FIRST_NUMBER, CUSTOMERS = 100_000, 100_000_000, 20_000
IMPORTS_APART = 1_000
OF_ORDERS = (order_lines, reservations, payments, failures)
OLD_SKU, NEW_SKU, RARE_SKU, SOLD_OUT = "SKU-OLD", "SKU-NEW", "SKU-RARE", "SKU-GONE"
OLD_CURRENCY, RARE_CURRENCY = "DKK", "CHF"
SHOP, OLD_SOURCE = "shop", "fair"
MARKETPLACE = "MARKETPLACE"


@dataclass(frozen=True, slots=True)
class TenYears:
    """A store with so many orders: `copies` of a template of `days` files."""

    orders: int

    @property
    def copies(self) -> int:
        """How often the template is there."""
        return max(1, self.orders // TEMPLATE_ORDERS)

    @property
    def days(self) -> int:
        """Days of the template."""
        return YEARS * 365 // self.copies + 1

    @property
    def last_day(self) -> date:
        """Day of the newest file but the two that are not finished."""
        return FIRST_DAY + timedelta(days=self.days * self.copies - 1)

    @property
    def old(self) -> int:
        """The first copy without what the shop gave up."""
        return self.copies // 5


def fill(engine: Engine, folder: Path, shape: TenYears) -> None:
    """Fills an empty store."""
    bench = ImportBench.at(engine, folder)
    bench.set(payment_success_rate=0.96)
    bench.stock(**{SOLD_OUT: 0, NEW_SKU: 10**9})
    for number, lines in enumerate(_files(shape)):
        source = OLD_SOURCE if number % 12 == 5 else SHOP
        bench.import_lines(*lines, name=f"day-{number:04}.csv", source=source)
    _multiply(engine, shape)
    _leave_open(bench, shape)


def _files(shape: TenYears) -> Iterator[list[Line]]:
    draw = random.Random(20)  # noqa: S311 not for secrets
    a_day = TEMPLATE_ORDERS // shape.days
    for day in range(shape.days):
        first = FIRST_NUMBER + day * a_day
        left = TEMPLATE_ORDERS - day * a_day if day == shape.days - 1 else a_day
        placed = FIRST_DAY + timedelta(days=day)
        yield [line for number in range(first, first + left) for line in _order(draw, number, placed)]


def _order(draw: random.Random, number: int, placed: date) -> Iterator[Line]:
    """An order of some lines; some are from the days before the file's."""
    day = placed - timedelta(days=draw.randrange(10)) if draw.random() < 0.02 else placed
    customer = MARKETPLACE if number % 50 == 1 else f"C{int(CUSTOMERS * draw.random() ** 2)}"
    for sku in {_sku(draw, number) for _ in range(draw.choice((1, 1, 1, 2, 3)))}:
        yield Line(
            str(number),
            sku,
            draw.choice((1, 1, 2, 5)),
            f"{draw.randint(3, 199)}.{draw.randint(0, 99):02}",
            "" if number % 23 == 0 else customer,
            "Ada Lovelace",
            _currency(number),
            f"{day} {draw.randrange(24):02}:{draw.randrange(60):02}:00",
            "Goods",
        )


def _sku(draw: random.Random, number: int) -> str:
    rare = {20_011: RARE_SKU, 17: OLD_SKU, 31: SOLD_OUT}
    for each, sku in rare.items():
        if number % (each if each > 100 else 100) == (0 if each > 100 else each):
            return sku
    return f"SKU-{int(1_000 * draw.random() ** 3):04}"


def _currency(number: int) -> str:
    if number % 10_000 == 3:
        return RARE_CURRENCY
    if number % 100 == 5:
        return OLD_CURRENCY
    return ("USD", "USD", "USD", "USD", "USD", "USD", "EUR", "EUR", "EUR", "GBP")[number // 3 % 10]


def _multiply(engine: Engine, shape: TenYears) -> None:
    """Copies the template without the indexes, which are made at the end."""
    indexes = [one for table in (orders, *OF_ORDERS) for one in table.indexes]
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(
            text("PRAGMA foreign_keys = OFF" if is_sqlite else "SET session_replication_role = replica")
        )
        connection.commit()
        on_this = [one for one in indexes if one.name != "ix_orders_number" or not is_sqlite]
        _each(connection, on_this, "drop")
        template = _template(connection)
        for copy in range(1, shape.copies):
            with connection.begin():
                _copy_all(connection, shape, copy, template)
        _each(connection, on_this, "create")
        with connection.begin():
            connection.execute(update(home).values(next_order_id=shape.copies * TEMPLATE_ORDERS + 1))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not is_sqlite:
            # PostgreSQL's autovacuum would do the same.
            connection.execute(text("VACUUM ANALYZE"))


def _each(connection: Connection, indexes: list[Index], change: str) -> None:
    for index in indexes:
        with connection.begin():
            getattr(index, change)(connection)


@dataclass(frozen=True, slots=True)
class _Template:
    """What is copied: orders up to an id, imports up to an id; ids of products and sources by name."""

    orders: int
    imports: int
    products: dict[str, int]
    sources: dict[str, int]


def _template(connection: Connection) -> _Template:
    with connection.begin():
        last_order = connection.execute(select(func.max(orders.c.id))).scalar_one()
        last_import = connection.execute(select(func.max(imports.c.id))).scalar_one()
        skus = dict(connection.execute(select(products.c.sku, products.c.id)).all())
        named = dict(connection.execute(select(sources.c.name, sources.c.id)).all())
    return _Template(last_order, last_import, skus, named)


def _copy_all(connection: Connection, shape: TenYears, copy: int, template: _Template) -> None:
    order_id, import_id = copy * TEMPLATE_ORDERS, copy * IMPORTS_APART
    days, us = copy * shape.days, copy * shape.days * 86_400_000_000
    given_up = copy >= shape.old
    source = template.sources[SHOP] if given_up else None
    of_source = {"source_id": literal(source)} if source else {}
    of_imports, of_orders = imports.c.id <= template.imports, orders.c.id <= template.orders
    _copy(
        connection,
        imports,
        of_imports,
        id=imports.c.id + import_id,
        partition_key=imports.c.partition_key.concat(f"-{copy}"),
        staged_at=imports.c.staged_at + us,
        **of_source,
    )
    b = batches.c
    _copy(
        connection,
        batches,
        b.import_id <= template.imports,
        import_id=b.import_id + import_id,
        first_order_id=b.first_order_id + order_id,
        first_day=_later(connection, b.first_day, days),
        last_day=_later(connection, b.last_day, days),
        first_number=_number(b.first_number, order_id),
        last_number=_number(b.last_number, order_id),
        **of_source,
    )
    known = customers.alias("known")
    _copy(
        connection,
        customers,
        and_(
            customers.c.id.like("C%"),
            func.length(customers.c.id) <= len(f"C{CUSTOMERS}"),
            ~exists().where(known.c.id == _customer(customers.c.id, copy)),
        ),
        id=_customer(customers.c.id, copy),
    )
    o = orders.c
    _copy(
        connection,
        orders,
        of_orders,
        id=o.id + order_id,
        import_id=o.import_id + import_id,
        number=_number(o.number, order_id),
        customer_id=_customer(o.customer_id, copy),
        currency=case((o.currency == OLD_CURRENCY, "EUR"), else_=o.currency) if given_up else o.currency,
        ordered_at=o.ordered_at + us,
        day=_later(connection, o.day, days),
        loaded_at=o.loaded_at + us,
        **of_source,
    )
    old, new = template.products[OLD_SKU], template.products[NEW_SKU]
    product = order_lines.c.product_id
    changed = {"product_id": case((product == old, new), else_=product)} if given_up else {}
    _copy_of_orders(connection, order_lines, template, order_id, **changed)
    _copy_of_orders(connection, reservations, template, order_id)
    cut = 5 + copy % 12
    tid = payments.c.transaction_id
    mixed = literal("txn_").concat(func.substr(tid, cut)).concat(func.substr(tid, 5, cut - 5))
    _copy_of_orders(
        connection, payments, template, order_id, transaction_id=mixed.concat(f"{copy}") if copy else tid
    )
    f = failures.c
    reason = case(
        (and_(f.reason == FailureReason.DECLINED, f.order_id % 20 == 0), FailureReason.CANCELLED),
        (
            and_(f.reason == FailureReason.DECLINED, f.order_id % 20 == 1, literal(not given_up)),
            FailureReason.EXPIRED,
        ),
        else_=f.reason,
    )
    _copy_of_orders(connection, failures, template, order_id, reason=reason)


def _copy_of_orders(
    connection: Connection, table: Table, template: _Template, order_id: int, **changed: Any
) -> None:
    of = table.c.order_id
    _copy(connection, table, of <= template.orders, order_id=of + order_id, **changed)


def _copy(connection: Connection, table: Table, rows: ColumnElement[bool], **changed: Any) -> None:
    columns = [changed.get(column.name, column) for column in table.c]
    query = select(*columns).where(rows).order_by(*table.primary_key.columns)
    connection.execute(insert(table).from_select(list(table.c.keys()), query))


def _later(connection: Connection, day: Any, days: int) -> Any:
    return func.date(day, f"+{days} days") if connection.dialect.name == "sqlite" else day + days


def _number(number: Any, later: int) -> Any:
    return cast(cast(number, BigInteger) + later, String)


def _customer(customer: Any, copy: int) -> Any:
    """One in four customers comes again in each copy; the others are new ones."""
    number = case((customer == MARKETPLACE, 0), else_=cast(func.substr(customer, 2), BigInteger))
    stays = or_(customer == MARKETPLACE, number % 4 == 0)
    new = literal("C").concat(cast(number + copy * CUSTOMERS, String))
    return case((customer.is_(None), None), (stays, customer), else_=new)


def _leave_open(bench: ImportBench, shape: TenYears) -> None:
    """Three orders in the middle of the years are stuck; the two newest files are not finished."""
    middle = shape.copies // 2 * TEMPLATE_ORDERS + TEMPLATE_ORDERS // 2
    stuck = orders.c.id.between(middle, middle + 100), orders.c.status == OrderStatus.COMPLETED
    with bench.engine.begin() as connection:
        found = connection.execute(select(orders.c.id, orders.c.import_id).where(*stuck).limit(3)).all()
        ids, of_import = [row.id for row in found], batches.c.import_id == found[0].import_id
        status = OrderStatus.PAYMENT_PROCESSING
        connection.execute(update(orders).where(orders.c.id.in_(ids)).values(status=status))
        connection.execute(
            update(batches)
            .where(of_import)
            .values(completed=batches.c.completed - len(ids), payment_processing=len(ids))
        )
    draw = random.Random(21)  # noqa: S311
    for ahead, last_step in ((1, "reserve"), (2, "load")):
        day, first = shape.last_day + timedelta(days=ahead), 2 * FIRST_NUMBER * 10 + ahead * 100_000
        lines = [line for number in range(first, first + 2_000) for line in _order(draw, number, day)]
        key = bench.stage(bench.write(*lines, name=f"open-{ahead}.csv"), source=SHOP)
        for number in bench.steps.parse(key, RUN):
            bench.up_to(last_step, key, number)
