"""A leaderboard in Redis, which is used only while it is complete.

Scores are absolute totals with a version (`Score`), so a repeated or outdated score changes nothing. Redis
stores a version only for members that ever had a refund. All others have version 0, and their scores only
grow.

A rebuild fills a shadow set and then replaces the board with it. It registers its token before it reads the
totals. A publisher commits its totals to the order store before it adds them to the shadow set of a
registered rebuild. So totals that the rebuild did not read yet are added by their publisher.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

import redis

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.figures.leaderboards.boards import BoardKeys, Place, Score

# A Lua call in Redis accepts at most a few thousand arguments.
MEMBERS_AT_ONCE = 2000
REBUILD_SECONDS = 60
POLL_SECONDS = 0.02
PACKAGE = "orders_pipeline.figures.leaderboards"
Item = TypeVar("Item")


class RebuildLostError(RuntimeError):
    """Redis lost the data of a running rebuild: Redis was emptied, or the rebuild paused for a minute."""


@dataclass(frozen=True, slots=True)
class RedisBoard:
    """One board in one currency.

    Args:
        owner: the order store and the currency of the scores.
        scale: see `Board.score_scale`. Scores in Redis are exact up to 9 * 10**15.
    """

    client: redis.Redis
    keys: BoardKeys
    owner: str
    scale: int

    def publish(self, scores: Iterable[Score]) -> bool:
        """Sets the scores of members, unless newer scores are stored.

        Returns:
            Whether the board is complete or being rebuilt. Otherwise the caller must rebuild it.
        """
        return all(
            self._run("publish", self._all_keys, [self.owner, *self._flat(part)])
            for part in _parts(scores, MEMBERS_AT_ONCE)
        )

    def begin_rebuild(self) -> str:
        """Registers a rebuild and returns its token. Waits while another rebuild runs."""
        token = secrets.token_hex(8)
        while not self.client.set(self.keys.rebuild, token, nx=True, ex=REBUILD_SECONDS):
            time.sleep(POLL_SECONDS)
        self.client.delete(self.keys.shadow, self.keys.shadow_versions)
        return token

    def finish_rebuild(self, token: str, scores: Iterable[Score]) -> int:
        """Fills the shadow set with scores read after `begin_rebuild` and replaces the board with it.

        Returns:
            The number of members.

        Raises:
            RebuildLostError: the rebuild's data is no longer in Redis; it must be started again.
        """
        members = 0
        for part in _parts(scores, MEMBERS_AT_ONCE):
            members += len(part)
            keys = [self.keys.rebuild, self.keys.shadow, self.keys.shadow_versions]
            self._still_ours(self._run("fill_shadow", keys, [token, REBUILD_SECONDS, *self._flat(part)]))
        self._still_ours(self._run("swap", self._all_keys, [self.owner, token]))
        return members

    def places(self, first: int, number: int) -> list[Place] | None:
        """Up to `number` places, starting at rank `first`; None if the board is incomplete."""
        found = self._run("places", self._shown_keys, [self.owner, first - 1, number])
        if found is None:
            return None
        pairs = zip(found[::2], found[1::2], strict=True)
        return [
            Place(rank, member, self._own_score(score)) for rank, (member, score) in enumerate(pairs, first)
        ]

    def place(self, member: str) -> list[Place] | None:
        """The place of a member; empty if it is not on the board; None if the board is incomplete."""
        found = self._run("place", self._shown_keys, [self.owner, member])
        if found is None:
            return None
        return [Place(found[0] + 1, member, self._own_score(found[1]))] if found else []

    def _flat(self, scores: Sequence[Score]) -> list[str | int | float]:
        """Returns the arguments of `add` in `common.lua`."""
        plain: list[str | int | float] = []
        changed: list[str | int | float] = []
        for member, score, version in scores:
            if version:
                changed += (self._score_in_redis(score), member, version)
            else:
                plain += (self._score_in_redis(score), member)
        return [len(plain) // 2, *plain, *changed]

    def _score_in_redis(self, score: int) -> int | float:
        return score / self.scale if score % self.scale else score // self.scale

    def _own_score(self, score: str) -> int:
        return round(float(score) * self.scale)

    @property
    def _shown_keys(self) -> list[str]:
        return [self.keys.board, self.keys.versions, self.keys.whole]

    @property
    def _all_keys(self) -> list[str]:
        return [*self._shown_keys, self.keys.shadow, self.keys.shadow_versions, self.keys.rebuild]

    def _still_ours(self, answer: Any) -> None:
        if not answer:
            raise RebuildLostError(f"the rebuild of {self.keys.board} was lost")

    def _run(self, name: str, keys: list[str], arguments: Sequence[str | int | float]) -> Any:
        text = "".join(package_text(PACKAGE, f"lua/{part}.lua") for part in ("common", name))
        return cast(Any, self.client.register_script(text))(keys=keys, args=arguments)


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
