"""Parquet: typed values are read without guessing, nested columns are flattened, and bombs are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.tables import parquet
from tests.unit.order_files.files import HEADER
from tests.unit.order_files.parsing import parse

COLUMNS = HEADER.split(",")


def orders(**changed: Any) -> pl.DataFrame:
    cells = [
        [1, 2],
        [7, None],
        ["Ann", None],
        ["S-1", "S-2"],
        ["Mug", "Cup"],
        [1, 2],
        [2.5, 0.1 + 0.2],
        ["USD"] * 2,
    ]
    moments = [datetime(2025, 11, 10, 14, 5)] * 2  # noqa: DTZ001 the file has local times
    return pl.DataFrame({**dict(zip(COLUMNS, [*cells, moments], strict=True)), **changed})


def written(path: Path, table: pl.DataFrame, **options: Any) -> Path:
    table.write_parquet(path, **options)
    return path


@pytest.mark.parametrize("name", ["orders.parquet", "orders.csv"])
def test_typed_columns_are_read(tmp_path: Path, name: str) -> None:
    imported = parse(written(tmp_path / name, orders()), tmp_path / "parsed")
    assert imported.orders.select("number", "customer_id", "total", "first_line").rows() == [
        ("1", "7", 250, 1),
        ("2", None, 60, 2),
    ]
    assert imported.identified.place(2) == "row 2"


@pytest.mark.parametrize(
    ("prices", "totals"),
    [
        ([Decimal("1.125"), Decimal("12.500")], [11_250, 250_000]),
        ([1.125, 2.375], [11_250, 47_500]),
        ([3, 4], [30_000, 80_000]),
        (["3.10", "4.20"], [31_000, 84_000]),
    ],
    ids=["decimal", "float", "integer", "text"],
)
@pytest.mark.parametrize("decimal", [None, ".", ","])
def test_prices_of_every_type_are_exact(
    tmp_path: Path, prices: list[Any], totals: list[int], decimal: str | None
) -> None:
    if isinstance(prices[0], str) and decimal == ",":
        prices = [price.replace(".", ",") for price in prices]
    file = written(tmp_path / "o.parquet", orders(unit_price=prices))
    assert parse(file, tmp_path / "parsed", decimal=decimal).lines["total"].to_list() == totals


def in_zone(name: str) -> pl.Series:
    late = pl.Series(["2025-11-30T23:30:00Z"] * 2).str.to_datetime(time_zone="UTC")
    return late.dt.convert_time_zone(name)


@pytest.mark.parametrize(
    "moments",
    [lambda: [date(2025, 11, 30)] * 2, partial(in_zone, "UTC"), partial(in_zone, "Asia/Tokyo")],
    ids=["date", "utc", "tokyo"],
)
def test_dates_and_zones_are_kept(tmp_path: Path, moments: Callable[[], Any]) -> None:
    from dataclasses import replace

    from tests.unit.order_files.parsing import RULES

    file = written(tmp_path / "o.parquet", orders(order_date=moments()))
    rules = replace(RULES, last_day=date(2026, 1, 1))
    assert parse(file, tmp_path / "parsed", None, rules).orders["day"].to_list() == [date(2025, 11, 30)] * 2


def test_ids_that_pandas_made_floats_are_whole_again(tmp_path: Path) -> None:
    table = orders(order_id=[5_000_000_001.0, 1.2345678901234567e18], customer_id=[7.0, float("nan")])
    imported = parse(written(tmp_path / "o.parquet", table), tmp_path / "parsed")
    assert imported.orders.select("number", "customer_id").rows() == [("5000000001", "7")]
    assert imported.codes() == ["order_number_damaged"]


def test_nested_columns_are_flattened_and_lists_become_json(tmp_path: Path) -> None:
    table = orders(
        customer=[{"email": "a@x", "tags": ["a", "b"]}, {"email": None, "tags": []}], quantity=["?"] * 2
    )
    imported = parse(written(tmp_path / "o.parquet", table), tmp_path / "parsed")
    assert imported.identified.header[-2:] == ("customer.email", "customer.tags")
    assert [raw.split("2025-11-10 14:05:00")[1] for raw in imported.rejects["raw"]] == [
        ',a@x,"[""a"",""b""]"',
        ",,",
    ]


def test_a_profile_is_drafted_from_parquet(tmp_path: Path) -> None:
    assert propose_profile(written(tmp_path / "o.parquet", orders()), ReadOptions()).fits == ("default",)


def refused(file: Path, folder: Path) -> str:
    with pytest.raises(FileRefused) as refusal:
        parse(file, folder / "parsed")
    return refusal.value.code


def test_a_long_text_in_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FREE_BYTES", 1 << 20)
    rows = 100_000
    same = {name: [column[0]] * rows for name, column in orders().to_dict(as_series=False).items()}
    file = written(tmp_path / "o.parquet", pl.DataFrame({**same, "note": ["x" * 1000] * rows}))
    assert refused(file, tmp_path) == "archive_too_large"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "o.parquet", orders())
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:40] + b"\xff" * 40 + whole[80:], b"PAR1PAR1"):
        file.write_bytes(damaged)
        assert refused(file, tmp_path) in {"file_damaged", "file_empty"}


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "o.parquet"
    file.write_bytes(b"PARE" + bytes(100) + b"PARE")
    assert refused(file, tmp_path) == "not_text"
