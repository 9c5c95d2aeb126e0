"""The two leaderboards, and their keys in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.figures.redis_keys import currency_suffix


class Board(StrEnum):
    """A leaderboard. The value is its Redis key in the default currency."""

    CUSTOMERS = "leaderboard:customers:spending"
    PRODUCTS = "leaderboard:products:sales"


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """Redis keys of one board in one currency.

    | key | holds |
    |---|---|
    | `board` | sorted set, never trimmed: customer ids by minor units spent, or SKUs by units sold |
    | `whole` | `{store} {currency} {members}`; exists only while the sorted set is complete |
    | `shadow` | sorted set that a rebuild fills; expires a minute after the rebuild dies |
    | `rebuild` | token of the running rebuild; expires a minute after the rebuild dies |
    """

    board: str
    whole: str
    shadow: str
    rebuild: str


def keys_of(board: Board, currency: str, default_currency: str) -> BoardKeys:
    """Keys of a board. They end in `:{CUR}`, except those of the default currency."""
    key = f"{board}{currency_suffix(currency, default_currency)}"
    return BoardKeys(key, f"{key}:whole", f"{key}:shadow", f"{key}:rebuild")


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place. Ranks start at 1; equal scores are ordered by id, ascending."""

    rank: int
    member: str
    score: int
