"""What was counted of the parts of a store, remembered in Redis: only a part that moved is counted again."""

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
        """Tells it from all other parts of the store."""

    @property
    def state(self) -> str:
        """Changes with each move in the part."""

    @property
    def whole(self) -> bool:
        """Whether all of it is there; only then is what was counted worth remembering."""


AnyPart = TypeVar("AnyPart", bound=Part)
# The state in which a part was counted, and what was counted, JSON-ready.
Entry = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Memo:
    """A hash of entries by the name of their part; it goes `lifetime` seconds after it was last kept."""

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
        """Makes `present` the entries; `known` are those that were read before.

        Raises:
            RedisError: Redis does not answer, or takes no writes.
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
    """Each part with what is counted of it: remembered where the part did not move, else counted again.

    Args:
        count: counts a part; its second argument is what was counted in an earlier state, if anything.
    """
    return [(part, _value(part, known.get(part.name), count)) for part in parts]


def entries_of(counted: Iterable[tuple[Part, Any]]) -> dict[str, Entry]:
    """What is worth remembering of a recount."""
    return {part.name: (part.state, value) for part, value in counted if part.whole}


def _value(part: AnyPart, entry: Entry | None, count: Callable[[AnyPart, Any], Any]) -> Any:
    if entry and entry[0] == part.state:
        return entry[1]
    return count(part, entry[1] if entry else None)
