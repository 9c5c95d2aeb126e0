"""A launch may have instructions for reading a staged file. They are stored, and apply until it is parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.parsing.launch_instructions import AlreadyParsedError
from orders_pipeline.order_files.reading_instructions import instructions_from
from tests.import_bench import RUN, ImportBench, Line

OPEN_DATES = [Line(str(n), date=f"0{n}/02/2025 10:00") for n in range(1, 6)]


def days(bench: ImportBench) -> set[str]:
    return {str(row[9]) for row in bench.rows("orders")}


def launched(bench: ImportBench, key: str, profile: str | None = None, **options: str) -> None:
    """Parses and settles a file with these instructions."""
    given = instructions_from({"profile": profile, **options})
    for number in bench.steps.parse(key, RUN, given):
        bench.up_to("roll_back", key, number)
    bench.steps.finish(key)


def test_a_date_format_given_at_launch_opens_a_file_that_was_refused(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*OPEN_DATES))
    with pytest.raises(FileRefused) as refused:
        bench.steps.parse(key, RUN)
    assert refused.value.code == "dates_ambiguous"
    assert bench.found(key).refused_code == "dates_ambiguous"
    launched(bench, key, date_format="DMY")
    assert days(bench) == {f"2025-02-0{n}" for n in range(1, 6)}
    assert bench.found(key).identified["options"]["date_format"] == "DMY"
    assert bench.broken_checks() == set()


def test_instructions_hold_for_the_next_launch_that_gives_none(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(*OPEN_DATES, Line("bad", quantity=0)))
    given = instructions_from({"max_rejects": "0", "date_format": "MDY"})
    with pytest.raises(FileRefused):
        lone_bench.steps.parse(key, RUN, given)
    assert (lone_bench.found(key).max_rejects, lone_bench.statuses()) == ("0", {})
    with pytest.raises(FileRefused):
        lone_bench.steps.parse(key, RUN, instructions_from({"max_rejects": "few"}))
    lone_bench.steps.parse(key, RUN, instructions_from({"max_rejects": "1"}))
    lone_bench.settle(key)
    assert days(lone_bench) == {f"2025-0{n}-02" for n in range(1, 6)}


def test_another_encoding_given_at_launch(lone_bench: ImportBench) -> None:
    file = lone_bench.write(Line("1", name="Zoë"))
    file.write_bytes(file.read_text().encode("cp850"))
    key = lone_bench.stage(file, encoding="latin-1")
    launched(lone_bench, key, encoding="cp850")
    assert lone_bench.rows("customers", "search_name") == [("c1", "Zoë")]
    assert lone_bench.found(key).identified["file_name"] == "orders.csv"


def test_a_profile_given_at_launch_gives_its_name_to_the_source(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    profile = tmp_path / "shop.toml"
    columns = {"order_number": "order_id", "sku": "product_sku", "quantity": "quantity"}
    columns |= {"unit_price": "unit_price", "ordered_at": "order_date"}
    profile.write_text("[columns]\n" + "\n".join(f'{field} = "{name}"' for field, name in columns.items()))
    named, plain = (lone_bench.write(Line(n), name=f"{n}.csv") for n in ("1", "2"))
    keys = lone_bench.stage(named, source="east"), lone_bench.stage(plain)
    for key in keys:
        launched(lone_bench, key, profile=str(profile))
    assert [(lone_bench.found(key).profile, lone_bench.found(key).source) for key in keys] == [
        ("shop", "east"),
        ("shop", "shop"),
    ]
    assert lone_bench.rows("customers") == []


def test_a_refused_way_of_reading_is_noted_and_names_the_file(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(Line("1")))
    with pytest.raises(FileRefused, match=r"^orders\.csv"):
        launched(lone_bench, key, profile="superstore")
    assert lone_bench.found(key).status == "refused"
    assert lone_bench.settle(key).orders["accepted"] == 1


def test_a_parsed_file_is_launched_again_as_it_was_read_but_not_otherwise(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(*OPEN_DATES))
    launched(lone_bench, key, date_format="DMY")
    before = lone_bench.everything()
    launched(lone_bench, key, date_format="DMY")
    assert lone_bench.everything() == before
    with pytest.raises(AlreadyParsedError, match="stage the file again"):
        launched(lone_bench, key, date_format="MDY")
    with pytest.raises(FileRefused):
        launched(lone_bench, key, profile="no_such_profile")
    lone_bench.settle(key)
    assert lone_bench.everything() == before
