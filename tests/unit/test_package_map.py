"""ARCHITECTURE.md begins with a map of all packages, and names the modules that make important decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT, Settings

SECTIONS = {
    ".": "Package map",
    "orders_pipeline": "Packages of `orders_pipeline`",
    "orders_pipeline/console": "Packages of `orders_pipeline/console`",
    "orders_pipeline/api": "Packages of `orders_pipeline/api`",
    "orders_pipeline/imports": "Packages of `orders_pipeline/imports`",
    "orders_pipeline/monitoring": "Packages of `orders_pipeline/monitoring`",
    "orders_pipeline/order_files": "Packages of `orders_pipeline/order_files`",
    "orders_pipeline/order_files/records": "Packages of `orders_pipeline/order_files/records`",
    "orders_pipeline/figures": "Packages of `orders_pipeline/figures`",
    "orders_pipeline/figures/kpis": "Packages of `orders_pipeline/figures/kpis`",
    "orders_pipeline/payments": "Packages of `orders_pipeline/payments`",
    "orders_pipeline/refunds": "Packages of `orders_pipeline/refunds`",
    "orders_pipeline/payouts": "Packages of `orders_pipeline/payouts`",
    "orders_pipeline/store": "Packages of `orders_pipeline/store`",
    "orders_pipeline/base": "Packages of `orders_pipeline/base`",
    "jobs": "Packages of `jobs`",
    "jobs/imports": "Packages of `jobs/imports`",
    "cli": "Packages of `cli`",
    "cli/stack": "Packages of `cli/stack`",
}
NOT_OF_THE_PRODUCT = {"benchmarks", "tests"}


def packages_of_the_tree(folder: Path) -> set[str]:
    """Names of the packages directly in a folder."""
    return {found.parent.name for found in folder.glob("*/__init__.py")}


def packages_of_the_map(title: str) -> set[str]:
    """Names in the first column of a section's table, except single modules."""
    text = (PROJECT_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = re.split(r"^##+ ", text.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


def test_the_modules_and_settings_of_decisions_exist() -> None:
    text = (PROJECT_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("### Where decisions are made\n")[2].partition("\n## ")[0]
    modules = set(re.findall(r"`([\w/]+\.py)`", section))
    assert len(modules) > 10
    assert [path for path in modules if not (PROJECT_ROOT / path).is_file()] == []
    settings = set(re.findall(r"`ORDERS_(\w+)`", section))
    assert settings <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("folder", SECTIONS)
def test_the_map_lists_every_package(folder: str) -> None:
    expected = packages_of_the_tree(PROJECT_ROOT / folder) - NOT_OF_THE_PRODUCT
    assert packages_of_the_map(SECTIONS[folder]) == expected
