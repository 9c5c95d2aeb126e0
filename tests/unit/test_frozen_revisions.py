"""A revision that was released is never edited: stores out there have passed it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from orders_pipeline.store.revisions import OURS

RELEASED = {"0001_order_store.py": "992c5cd69c61c10fbc81fc3ac5eb79b09b3a1a6258a7bae88105150b0c99ecfe"}


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_revision_is_as_it_was(name: str) -> None:
    content = (OURS.folder / "versions" / name).read_bytes()
    assert sha256(content).hexdigest() == RELEASED[name], f"{name} was released: write another revision"
