"""A cache in Redis of counts of the parts of a store. Only changed parts are counted again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import redis


class Part(Protocol):
    """A part of a store, such as a batch."""

    @property
    def name(self) -> str:
        """Identifies the part within the store."""

    @property
    def state(self) -> str:
        """A value that differs after each change in the part."""

    @property
    def whole(self) -> bool:
        """Whether the part is complete. Counts of incomplete parts are not cached."""


AnyPart = TypeVar("AnyPart", bound=Part)
# The state of a part when it was counted, and its counts, JSON-ready.
Entry = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Memo:
    """A hash from the name of a part to its entry. It expires `lifetime` seconds after the last `keep`."""

    client: redis.Redis
    key: str
    lifetime: int

    def known(self) -> dict[str, Entry]:
        """All entries.

        Raises:
            RedisError: Redis does not answer.
        """
        texts = cast(dict[str, str], self.client.hgetall(self.key))
        return {name: cast(Entry, tuple(json.loads(text))) for name, text in texts.items()}

    def keep(self, known: Mapping[str, Entry], present: Mapping[str, Entry]) -> None:
        """Replaces the entries `known`, as read before, by `present`.

        Raises:
            RedisError: Redis does not answer, or rejects writes.
        """
        changed = {name: json.dumps(entry) for name, entry in present.items() if known.get(name) != entry}
        with self.client.pipeline(transaction=True) as pipeline:
            if changed:
                pipeline.hset(self.key, mapping=cast(Any, changed))
            if gone := known.keys() - present.keys():
                pipeline.hdel(self.key, *gone)
            pipeline.expire(self.key, self.lifetime)
            pipeline.execute()


def recount(
    parts: Iterable[AnyPart], known: Mapping[str, Entry], count: Callable[[AnyPart, Any], Any]
) -> list[tuple[AnyPart, Any]]:
    """Each part with its counts: cached if the part is unchanged, else counted again.

    Args:
        count: counts a part. Its second argument is the counts of an earlier state, if there are any.
    """
    return [(part, _value(part, known.get(part.name), count)) for part in parts]


def entries_of(counted: Iterable[tuple[Part, Any]]) -> dict[str, Entry]:
    """The entries of a recount that are worth caching."""
    return {part.name: (part.state, value) for part, value in counted if part.whole}


def _value(part: AnyPart, entry: Entry | None, count: Callable[[AnyPart, Any], Any]) -> Any:
    if entry and entry[0] == part.state:
        return entry[1]
    return count(part, entry[1] if entry else None)
