"""The product list in the store: known products keep their stock, and no units appear from nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders_pipeline.stock.list_changes import changes_of
from orders_pipeline.stock.product_list import (
    ProductImport,
    ProductRow,
    UnknownProductError,
    import_products,
    list_products,
    restock,
)
from tests.import_bench import ImportBench, Line

MOUSE = ProductRow("MOUSE", "Mouse", 100_000, 10)


def imported(bench: ImportBench, *rows: ProductRow) -> ProductImport:
    with bench.engine.begin() as connection:
        return import_products(connection, list(rows))


def restocked(bench: ImportBench, sku: str, units: int) -> int:
    with bench.engine.begin() as connection:
        return restock(connection, sku, units)


def test_a_known_product_is_renamed_and_keeps_its_stock(bench: ImportBench) -> None:
    assert imported(bench, MOUSE) == ProductImport(1, 0, 0)
    assert imported(bench, MOUSE) == ProductImport(0, 0, 1)
    assert imported(bench, ProductRow("MOUSE", "Mouse 2", 100_000, 99)) == ProductImport(0, 1, 0)
    assert bench.shelf() == {"MOUSE": (10, 0, 0)}
    assert [row[2] for row in bench.rows("products")] == ["Mouse 2"]


def test_a_list_without_categories_keeps_those_that_are_known(bench: ImportBench) -> None:
    def categories() -> list[str | None]:
        with bench.engine.connect() as connection:
            return [product.category for product in list_products(connection, None, None, 10)]

    assert imported(bench, replace(MOUSE, category="Input")) == ProductImport(1, 0, 0)
    assert imported(bench, MOUSE) == ProductImport(0, 0, 1)
    assert categories() == ["Input"]
    assert imported(bench, replace(MOUSE, category="Devices")) == ProductImport(0, 1, 0)
    assert categories() == ["Devices"]
    assert imported(bench, replace(MOUSE, category="")) == ProductImport(0, 1, 0)
    assert categories() == [None]


def test_a_list_that_names_a_product_twice_adds_it_once(bench: ImportBench) -> None:
    assert imported(bench, MOUSE, ProductRow("MOUSE", "Mouse 2", 1, 5)) == ProductImport(1, 1, 0)
    assert bench.shelf() == {"MOUSE": (10, 0, 0)}


def test_the_changes_of_a_list_are_reported_before_its_import(bench: ImportBench) -> None:
    bench.import_lines(Line("1", "LAMP", product="Lamp"))
    imported(bench, MOUSE, ProductRow("CABLE", "Cable", 1, 1, "Wires"))
    cable = ProductRow("CABLE", "Long cable", 2, 9, "")
    rows = [MOUSE, cable, ProductRow("LAMP", "Lamp", 5, 3), ProductRow("NEW", "New", 7, 4)]
    with bench.engine.connect() as connection:
        changes = changes_of(connection, rows)
    assert [(one.sku, one.changed, one.stock) for one in changes] == [
        ("CABLE", ["name", "price", "category"], None),
        ("LAMP", ["price"], None),
        ("NEW", [], 4),
    ]
    assert [one.before is None for one in changes] == [False, False, True]
    assert imported(bench, *rows) == ProductImport(1, 2, 1)


def test_a_product_created_by_an_order_keeps_the_stock_that_it_was_given(bench: ImportBench) -> None:
    bench.set(unknown_sku_stock=7)
    bench.import_lines(Line("1"))
    assert imported(bench, MOUSE) == ProductImport(0, 1, 0)
    assert bench.shelf() == {"MOUSE": (6, 0, 1)}


def test_a_product_that_was_unknown_gets_the_stock_of_the_list_on_top_of_what_was_put_on_the_shelf(
    bench: ImportBench,
) -> None:
    bench.reject_unknown_products()
    bench.import_lines(Line("1"))
    restocked(bench, "MOUSE", 3)
    assert imported(bench, MOUSE) == ProductImport(0, 1, 0)
    assert bench.shelf() == {"MOUSE": (13, 0, 0)}
    assert bench.broken_checks() == set()


def test_units_put_on_the_shelf_can_be_sold(bench: ImportBench) -> None:
    bench.stock(MOUSE=0)
    assert restocked(bench, "MOUSE", 2) == 2
    bench.import_lines(Line("1", quantity=2), Line("2"))
    assert bench.statuses() == {"1": "completed", "2": "failed"}
    assert bench.broken_checks() == set()


def test_an_unknown_product_cannot_be_restocked(bench: ImportBench) -> None:
    with pytest.raises(UnknownProductError, match="'NONE'"):
        restocked(bench, "NONE", 1)


def test_lists_imported_at_once_end_well(bench: ImportBench) -> None:
    rows = [ProductRow(f"S{n}", "", 1, 5) for n in range(30)]
    results = bench.race(lambda one: imported(one, *rows), lambda one: imported(one, *reversed(rows)))
    assert sum(result.added for result in results) == 30  # type: ignore[attr-defined]
    assert set(bench.shelf().values()) == {(5, 0, 0)}


def test_a_list_may_be_imported_next_to_a_running_import(bench: ImportBench) -> None:
    skus = [f"S{n}" for n in range(30)]
    bench.stock(**dict.fromkeys(skus, 100))
    key = bench.parsed(*[Line(f"{n}", sku) for n in range(20) for sku in skus])
    bench.step("load", key)
    rows = [ProductRow(sku, "renamed", 1, 5) for sku in reversed(skus)]
    bench.race(lambda one: one.step("reserve", key), lambda one: imported(one, *rows))
    assert set(bench.shelf().values()) == {(80, 20, 0)}
