"""Orders that a file contains twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import Imported, parse

ONE, TWO, THREE = line("1", price="10.00"), line("2", price="20.00"), line("3", price="30.00")
MORE = line("2", sku="S-2", quantity="3", price="5.00")


def totals(imported: Imported) -> dict[str, int]:
    return dict(imported.orders.select("number", "total").iter_rows())


def warned(imported: Imported) -> dict[str, int]:
    return {warning.code: warning.count for warning in imported.parsed.warnings}


def test_an_order_on_two_pages_is_taken_once(tmp_path: Path) -> None:
    file = order_file(tmp_path, ONE, TWO, MORE, HEADER, TWO, MORE, THREE)
    imported = parse(file, tmp_path / "parsed")
    assert totals(imported) == {"1": 1000, "2": 3500, "3": 3000}
    assert (imported.parsed.repeated_lines, imported.parsed.records) == (2, 7)
    assert warned(imported) == {"repeated_lines": 1}


def test_the_order_of_the_lines_and_the_way_of_writing_do_not_matter(tmp_path: Path) -> None:
    file = order_file(tmp_path, ONE, TWO, MORE, HEADER, MORE, TWO.replace("20.00", "20.0"), THREE)
    assert parse(file, tmp_path / "parsed").parsed.repeated_lines == 2


def test_a_page_that_comes_twice_as_a_whole_is_taken_once_and_three_times_too(tmp_path: Path) -> None:
    page = [ONE, TWO, MORE, THREE]
    imported = parse(order_file(tmp_path, *page, HEADER, *page, HEADER, *page), tmp_path / "parsed")
    assert totals(imported) == {"1": 1000, "2": 3500, "3": 3000}
    assert warned(imported) == {"repeated_lines": 3}


def test_an_order_that_goes_on_after_the_header_keeps_its_lines(tmp_path: Path) -> None:
    imported = parse(order_file(tmp_path, ONE, TWO, HEADER, MORE, THREE), tmp_path / "parsed")
    assert totals(imported) == {"1": 1000, "2": 3500, "3": 3000}
    assert warned(imported) == {}


def test_a_file_is_refused_if_an_option_says_so(tmp_path: Path) -> None:
    file = order_file(tmp_path, ONE, TWO, MORE, HEADER, TWO, MORE, THREE)
    with pytest.raises(FileRefused) as refused:
        parse(file, tmp_path / "parsed", repeated="refuse")
    assert refused.value.code == "table_repeated"
    assert totals(parse(order_file(tmp_path, ONE, HEADER, TWO), tmp_path / "parsed", repeated="refuse"))
    with pytest.raises(FileRefused, match="'twice' is not valid"):
        parse(file, tmp_path / "parsed", repeated="twice")


@pytest.mark.parametrize("size", [1, 2, 5])
def test_equal_lines_right_after_each_other_are_units(tmp_path: Path, size: int) -> None:
    imported = parse(order_file(tmp_path, ONE, *[TWO] * size, THREE), tmp_path / "parsed")
    assert (totals(imported)["2"], warned(imported)) == (2000 * size, {})


@pytest.mark.parametrize(
    "lines",
    [
        [TWO, ONE, TWO],
        [TWO, MORE, TWO, MORE],
        [TWO, MORE, ONE, TWO, MORE],
        [TWO, TWO, ONE, TWO, TWO],
        [TWO, MORE, TWO, MORE, ONE, TWO, MORE],
    ],
    ids=range(5),
)
def test_an_order_that_comes_again_elsewhere_is_a_warning(tmp_path: Path, lines: list[str]) -> None:
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert warned(imported) == {"order_lines_repeated": 1}
    assert imported.parsed.repeated_lines == 0


@pytest.mark.parametrize("lines", [[TWO, MORE, TWO], [TWO, TWO, MORE, MORE], [TWO, ONE, MORE]], ids=range(3))
def test_an_order_that_does_not_come_again_as_a_whole_is_none(tmp_path: Path, lines: list[str]) -> None:
    assert warned(parse(order_file(tmp_path, *lines), tmp_path / "parsed")) == {}


def test_a_rejected_order_is_rejected_on_both_pages(tmp_path: Path) -> None:
    bad = line("2", quantity="x")
    imported = parse(order_file(tmp_path, ONE, TWO, bad, HEADER, TWO, bad, THREE), tmp_path / "parsed")
    assert totals(imported) == {"1": 1000, "3": 3000}
    assert (imported.parsed.rejected_lines, imported.parsed.lines_of_rejected_orders) == (3, 2)
