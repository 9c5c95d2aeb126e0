"""Revisions of the tables: each has a unique number, and a released revision is never edited."""

from __future__ import annotations

from hashlib import sha256

import pytest
from alembic.script import ScriptDirectory

from orders_pipeline.store.revisions import OURS

RELEASED = {"0001_order_store.py": "992c5cd69c61c10fbc81fc3ac5eb79b09b3a1a6258a7bae88105150b0c99ecfe"}


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_revision_is_as_it_was(name: str) -> None:
    content = (OURS.folder / "versions" / name).read_bytes()
    assert sha256(content).hexdigest() == RELEASED[name], f"{name} was released: write another revision"


def test_each_revision_follows_the_one_before_it_and_no_number_is_used_twice() -> None:
    files = sorted((OURS.folder / "versions").glob("[0-9]*.py"), reverse=True)
    chain = [found.revision for found in ScriptDirectory(str(OURS.folder)).walk_revisions()]
    assert [file.name[:4] for file in files] == chain
    assert chain[0] == OURS.head
