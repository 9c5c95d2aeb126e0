"""Dates of other languages and zones, and dates that are numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.values.month_names import months_of
from orders_pipeline.order_files.values.zone_names import offset_seconds
from tests.unit.order_files.files import line, order_file
from tests.unit.order_files.parsing import Imported, parse


def read(folder: Path, *dates: str, **options: str) -> Imported:
    lines = [line(f"{at:02}", date=f'"{date}"') for at, date in enumerate(dates)]
    return parse(order_file(folder, *lines), folder / "parsed", **options)


def instants(imported: Imported) -> list[str]:
    moments = imported.orders["ordered_at"].to_list()
    return [datetime.fromtimestamp(moment / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S") for moment in moments]


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["15. März 2026", "3. Okt. 2025", "24. Dezember 2025", "05-Mai-26"], "0315 1003 1224 0505"),
        (["15 mars 2026", "3 févr. 2026", "1er août 2025", "4 déc. 2025"], "0315 0203 0801 1204"),
        (["15 de marzo de 2026", "3 ago 2025", "24 de dic. de 2025"], "0315 0803 1224"),
        (["15 de março de 2026", "3 fev. 2026", "24 de dez de 2025"], "0315 0203 1224"),
        (["15 марта 2026 \u0433.", "3 окт. 2025", "24 декабря 2025"], "0315 1003 1224"),
        (["2026. március 15.", "2025. október 3."], "0315 1003"),
        (["2026年3月15日", "2025年10月3日 08:30"], "0315 1003"),
        (["2026년 3월 15일", "2025년 10월 3일"], "0315 1003"),
        (["15 Mart 2026", "3 Ekim 2025", "24 Aral\u0131k 2025"], "0315 1003 1224"),
        (["3 października 2025", "4 listopada 2025"], "1003 1104"),
        (["3. studenoga 2025", "4. listopada 2025"], "1103 1004"),
        (["March 15, 2026", "15-Jun-26", "Sept. 3, 2025"], "0315 0615 0903"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_month_names_of_the_column_s_language_are_read(tmp_path: Path, dates: list[str], days: str) -> None:
    imported = read(tmp_path, *dates)
    assert [f"{moment[5:7]}{moment[8:10]}" for moment in instants(imported)] == days.split()


def test_a_name_that_languages_read_differently_is_not_guessed(tmp_path: Path) -> None:
    assert read(tmp_path, "4. listopad 2025").codes() == ["date_unreadable"]
    assert read(tmp_path, "4 Brumaire 2025", "5. Mai 2025").codes() == ["date_unreadable"]
    assert months_of({"listopad": 3, "sierpień": 1}) == {"listopad": 11, "sierpień": 8}


@pytest.mark.parametrize(
    ("text", "format_", "moment"),
    [
        ("Sep 4, 2025 11:05:07 PM PDT", "%b %d, %Y %I:%M:%S %p %Z", "2025-09-05 06:05:07"),
        ("Sep 4, 2025 11:05:07 PM PDT", None, "2025-09-05 06:05:07"),
        ("Thu Sep 04 23:05:07 CEST 2025", "%a %b %d %H:%M:%S %Z %Y", "2025-09-04 21:05:07"),
        ("2025-01-04 10:00 (EST)", "%Y-%m-%d %H:%M (%Z)", "2025-01-04 15:00:00"),
        ("2025-07-04 10:00 America/New_York", "%Y-%m-%d %H:%M %Z", "2025-07-04 14:00:00"),
        ("2025-07-04 10:00 BST", None, "2025-07-04 09:00:00"),
        ("2025-07-04 10:00 GMT+02:00", None, "2025-07-04 08:00:00"),
        ("04/07/2025 10:00:00 UTC", "%d/%m/%Y %H:%M:%S %Z", "2025-07-04 10:00:00"),
    ],
)
def test_zone_names_are_honoured(tmp_path: Path, text: str, format_: str | None, moment: str) -> None:
    assert instants(read(tmp_path, text, **({"date_format": format_} if format_ else {}))) == [moment]


@pytest.mark.parametrize("zone", ["XYZ", "IST", "Mars/Base", ""])
@pytest.mark.parametrize("format_", [None, "%Y-%m-%d %H:%M %Z"])
def test_unknown_zones_are_refused_and_never_ignored(tmp_path: Path, zone: str, format_: str | None) -> None:
    if not zone and format_ is None:
        return
    imported = read(tmp_path, f"2025-07-04 10:00 {zone}", **({"date_format": format_} if format_ else {}))
    assert imported.codes() == ["date_unreadable"]


def test_a_name_of_several_zones_means_the_one_of_the_profile() -> None:
    assert offset_seconds("IST", "Asia/Kolkata") == 19_800
    assert offset_seconds("CST", "Asia/Shanghai") == 28_800
    assert offset_seconds("CST", "UTC") == -21_600
    assert offset_seconds("IST", "UTC") is None


@pytest.mark.parametrize(
    ("format_", "texts", "moments"),
    [
        ("excel", ["45962", "45963.5", "45962,25"], ["11-01 00:00", "11-02 12:00", "11-01 06:00"]),
        ("Excel1904", ["44500"], ["11-01 00:00"]),
        ("epoch", ["1761998400", "1761998400.5"], ["11-01 12:00", "11-01 12:00"]),
        ("epoch_ms", ["1761998400000"], ["11-01 12:00"]),
        ("%d.%m.%Y|excel|%Y/%m/%d", ["01.11.2025", "45962", "2025/11/01"], ["11-01 00:00"] * 3),
    ],
)
def test_dates_may_be_numbers_and_have_several_formats(
    tmp_path: Path, format_: str, texts: list[str], moments: list[str]
) -> None:
    imported = read(tmp_path, *texts, date_format=format_)
    assert [moment[5:16] for moment in instants(imported)] == moments


@pytest.mark.parametrize("text", ["nan5", "-5", "0", "99999999", "2025-11-01", "1e5", "inf"])
def test_what_is_no_serial_number_is_no_date(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text, date_format="excel").codes() == ["date_unreadable"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    for format_ in ("excel|DMY", "lotus"):
        with pytest.raises(FileRefused, match="is not valid"):
            read(tmp_path, "45962", date_format=format_)


def test_a_profile_has_formats_too(tmp_path: Path) -> None:
    shop = tmp_path / "shop.toml"
    shop.write_text(
        """
date_format = ["excel", "%d.%m.%Y"]
[columns]
order_number = "order_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
ordered_at = "order_date"
""",
        encoding="utf-8",
    )
    file = order_file(tmp_path, line("1", date="45962"), line("2", date="01.11.2025"))
    assert instants(parse(file, tmp_path / "parsed", str(shop))) == ["2025-11-01 00:00:00"] * 2
