"""The two leaderboards: what they rank, and where each lies in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.figures.redis_keys import currency_suffix


class Board(StrEnum):
    """A leaderboard by the key of its default currency."""

    CUSTOMERS = "leaderboard:customers:spending"
    PRODUCTS = "leaderboard:products:sales"


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """Redis keys of one board in one currency.

    | key | holds |
    |---|---|
    | `board` | sorted set, never trimmed: customer ids by minor units spent, SKUs by units sold |
    | `whole` | `{store} {currency} {members}`, only while the sorted set holds every member |
    | `shadow` | the sorted set that a rebuild fills, gone a minute after its rebuild died |
    | `rebuild` | token of the rebuild under way, gone a minute after it died |
    """

    board: str
    whole: str
    shadow: str
    rebuild: str


def keys_of(board: Board, currency: str, default_currency: str) -> BoardKeys:
    """Keys of a board; other currencies than the default one have the suffix `:{CUR}`."""
    key = f"{board}{currency_suffix(currency, default_currency)}"
    return BoardKeys(key, f"{key}:whole", f"{key}:shadow", f"{key}:rebuild")


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place: rank from 1, equal scores by id ascending."""

    rank: int
    member: str
    score: int
