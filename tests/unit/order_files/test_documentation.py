"""The statements of docs/importing.md about the importer are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orders_pipeline.order_files.columns.profile import built_in_profiles, parse_profile
from orders_pipeline.order_files.records.content import Content, place_of
from orders_pipeline.order_files.reject_codes import EXPLANATIONS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "importing.md").read_text("utf-8")


def test_every_code_is_documented_with_its_words() -> None:
    for code, words in EXPLANATIONS.items():
        assert f"| `{code}` | {words.message.replace('{}', '…')} | {words.hint} |" in TEXT


def test_every_refusal_is_documented() -> None:
    package = Path(__file__).resolve().parents[3] / "orders_pipeline" / "order_files"
    source = "".join(file.read_text("utf-8") for file in package.rglob("*.py"))
    codes = set(re.findall(r"FileRefused\(\s*\"([a-z_]+)\"", source))
    assert len(codes) > 15
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()


def test_every_profile_is_documented() -> None:
    assert all(f"| `{name}` |" in TEXT for name in built_in_profiles())


@pytest.mark.parametrize("content", Content)
def test_every_kind_of_records_is_documented_with_its_places(content: Content) -> None:
    shown = {f"`{place_of(content, table, 12)}`" for table in ("Orders", "data.orders")}
    assert any(place in TEXT for place in shown)


def test_the_profile_shown_is_valid() -> None:
    [shown] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    profile = parse_profile(shown, "leipzig.toml")
    assert profile.skip == {"Status": ("storniert", "Angebot")}
