"""Counts cached in Redis: which are counted again, and which are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.services.redis_memo import Memo, entries_of, recount

SECONDS = 60


@dataclass(frozen=True)
class Batch:
    name: str
    state: str = "1"
    whole: bool = True


@pytest.fixture
def memo(redis_url: str) -> Iterator[Memo]:
    with closing(open_redis(redis_url)) as client:
        yield Memo(client, "memo", SECONDS)


def look(memo: Memo, *batches: Batch) -> list[str]:
    """Counts these batches through the cache; returns what was counted, with the earlier counts."""
    counted = []

    def count(batch: Batch, before: dict[str, int] | None) -> dict[str, int]:
        counted.append(f"{batch.name} after {before}")
        return {"orders": int(batch.state)}

    known = memo.known()
    found = recount(batches, known, count)
    assert [value["orders"] for _, value in found] == [int(batch.state) for batch in batches]
    memo.keep(known, entries_of(found))
    return counted


def test_only_a_part_that_moved_is_counted_again(memo: Memo) -> None:
    assert look(memo, Batch("a"), Batch("b")) == ["a after None", "b after None"]
    assert look(memo, Batch("a"), Batch("b", "2")) == ["b after {'orders': 1}"]
    assert look(memo, Batch("a"), Batch("b", "2")) == []


def test_a_part_of_which_more_is_to_come_is_not_remembered(memo: Memo) -> None:
    look(memo, Batch("a", whole=False))
    assert look(memo, Batch("a")) == ["a after None"]


def test_parts_that_are_gone_are_forgotten_and_all_after_a_while(memo: Memo) -> None:
    look(memo, Batch("a"), Batch("b"))
    look(memo, Batch("b"))
    assert memo.known().keys() == {"b"}
    assert 0 < int(str(memo.client.ttl(memo.key))) <= SECONDS
