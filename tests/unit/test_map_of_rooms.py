"""ARCHITECTURE.md begins with a map; each room of the tree stands in it, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT

SECTIONS = {
    ".": "Map of rooms",
    "orders_pipeline": "Rooms of `orders_pipeline`",
    "orders_pipeline/order_files": "Rooms of `orders_pipeline/order_files`",
    "orders_pipeline/figures": "Rooms of `orders_pipeline/figures`",
    "orders_pipeline/payments": "Rooms of `orders_pipeline/payments`",
    "jobs": "Rooms of `jobs`",
    "cli": "Rooms of `cli`",
}
NOT_OF_THE_PRODUCT = {"benchmarks", "tests"}


def rooms_of_the_tree(folder: Path) -> set[str]:
    """Names of the packages directly in a folder."""
    return {found.parent.name for found in folder.glob("*/__init__.py")}


def rooms_of_the_map(title: str) -> set[str]:
    """Names in the first column of a section's table, those of single modules left out."""
    text = (PROJECT_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


@pytest.mark.parametrize("folder", SECTIONS)
def test_every_room_stands_in_the_map(folder: str) -> None:
    expected = rooms_of_the_tree(PROJECT_ROOT / folder) - NOT_OF_THE_PRODUCT
    assert rooms_of_the_map(SECTIONS[folder]) == expected
