"""Instructions for reading a file are defined in one place, and are equal however they were given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from jobs.imports.runs.config import launch_config, launch_instructions
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import Profile, load_profile
from orders_pipeline.order_files.option import option, options_of
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.reading_instructions import (
    NOTHING_SAID,
    ReadingInstructions,
    all_options,
    instructions_from,
)

OWN_PROFILE = """
[columns]
order_number = "No"
sku = "Item"
quantity = ["Units"]
unit_price = "Price"
ordered_at = "Date"
"""


def words(**said: Any) -> str:
    return instructions_from(said).words


def own_profile(folder: Path, text: str = OWN_PROFILE, name: str = "shop.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ""),
        ({"profile": "", "source": ""}, ""),
        ({"max_rejects": "5%", "companion": "/home/ada/orders.csv"}, ""),
        (
            {"source": "x", "profile": "shopify", "delimiter": ";", "date_format": "%d.%m.%Y"},
            "date_format=%d.%m.%Y delimiter=; profile=shopify source=x",
        ),
        ({"header_line": 3, "decimal": ","}, "decimal=, header_line=3"),
        ({"source": "my shop", "quote": ""}, 'quote="" source="my shop"'),
        ({"source": 'x profile="y"', "escape": "\\"}, r'escape="\\" source="x profile=\"y\""'),
        ({"source": "café"}, 'source="caf\\u00e9"'),
        ({"source": "\udcff"}, 'source="\\udcff"'),
    ],
)
def test_what_was_said_is_a_line_of_sorted_words(said: dict[str, Any], expected: str) -> None:
    assert words(**said) == expected


def test_what_is_said_by_different_options_or_values_gives_different_words() -> None:
    ways = [
        words(source="x", profile="default"),
        words(source="x profile=default"),
        words(encoding="cp1252"),
        words(delimiter="cp1252"),
        words(quote='"'),
        words(quote=""),
        words(),
    ]
    assert len(set(ways)) == len(ways)


def test_an_option_that_a_later_version_adds_changes_no_words_until_it_is_given() -> None:
    @dataclass(frozen=True, slots=True)
    class Later(ReadOptions):
        page: str | None = option("Page of a book.")

    said = ReadingInstructions(source="x", options=Later(decimal=","))
    assert said.words == words(source="x", decimal=",")
    assert ReadingInstructions(options=Later(page="May")).words == "page=May"
    assert [one.name for one in options_of(Later)] == [
        *(one.name for one in options_of(ReadOptions)),
        "page",
    ]


def test_a_profile_counts_by_what_it_says(tmp_path: Path) -> None:
    said = words(profile=own_profile(tmp_path))
    assert said.startswith("profile=sha256:")
    reordered = "\n".join(
        ["# Ours", 'description = "Ours"', "[columns]", *reversed(OWN_PROFILE.split("\n")[2:-1])]
    )
    again = reordered.replace('["Units"]', '"Units"')
    other_folder = tmp_path / "elsewhere"
    other_folder.mkdir()
    assert words(profile=own_profile(other_folder, again)) == said
    assert words(profile=own_profile(tmp_path, OWN_PROFILE.replace("Units", "Pieces"))) != said
    assert words(profile=own_profile(tmp_path, name="other.toml")) != said


def test_a_field_that_a_later_version_adds_to_profiles_changes_no_digest(tmp_path: Path) -> None:
    class Later(Profile):
        page: str | None = None

    profile = load_profile(own_profile(tmp_path))
    assert Later.model_validate(profile.model_dump(exclude_unset=True)).digest == profile.digest


def test_an_unknown_field_of_a_profile_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="sums: this version does not have this field"):
        words(profile=own_profile(tmp_path, "[sums]\n" + OWN_PROFILE))


def test_everything_that_can_be_said_is_offered_with_help() -> None:
    offered = {one.name: one for one in all_options()}
    own = {one.name for one in fields(ReadingInstructions)} - {"options", "saved"}
    assert offered.keys() == own | {one.name for one in fields(ReadOptions)}
    assert all(one.about.endswith(".") for one in offered.values())


def test_a_launch_may_say_all_but_what_makes_another_file_or_other_orders() -> None:
    assert {one.name for one in all_options()} - launch_config().keys() == {
        "source",
        "member",
        "sheet",
        "companion",
    }


def test_blank_fields_of_a_launch_say_nothing() -> None:
    blank = {name: field.default_value for name, field in launch_config().items()}
    assert launch_instructions(blank) == NOTHING_SAID
    given = launch_instructions({**blank, "header_line": 2, "max_rejects": "5%"})
    assert given == ReadingInstructions(max_rejects="5%", options=ReadOptions(header_line=2))
