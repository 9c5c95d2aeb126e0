"""The two leaderboards, and their keys in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.base.amounts.quantities import QUANTITY_SCALE
from orders_pipeline.figures.redis_keys import currency_suffix

# A member, its absolute score, and the version of the score. The version is 0 before the first refund and
# increases with each change of the refunded amount. Of two scores with the same version, the higher one is
# newer.
Score = tuple[str, int, int]


class Board(StrEnum):
    """A leaderboard. The value is its Redis key in the default currency."""

    CUSTOMERS = "leaderboard:customers:spending"
    PRODUCTS = "leaderboard:products:sales"

    @property
    def score_scale(self) -> int:
        """The divisor for scores in Redis: ours are minor units of money, or 1/1,000 of units."""
        return QUANTITY_SCALE if self is Board.PRODUCTS else 1


@dataclass(frozen=True, slots=True)
class BoardKeys:
    """Redis keys of one board in one currency.

    | key | holds |
    |---|---|
    | `board` | sorted set, never trimmed: customer ids by net minor units, or SKUs by net units |
    | `versions` | hash: version of the score of each member that ever had a refund |
    | `whole` | `{store} {currency} {members} {versions}`; exists only while the two above are complete |
    | `shadow`, `shadow_versions` | filled by a rebuild; expire a minute after the rebuild stops |
    | `rebuild` | token of the running rebuild; expires a minute after the rebuild stops |
    """

    board: str
    versions: str
    whole: str
    shadow: str
    shadow_versions: str
    rebuild: str


def keys_of(board: Board, currency: str, default_currency: str) -> BoardKeys:
    """Returns the keys of a board. They end with `:{CUR}`, except those of the default currency."""
    key = f"{board}{currency_suffix(currency, default_currency)}"
    return BoardKeys(
        board=key,
        versions=f"{key}:versions",
        whole=f"{key}:whole",
        shadow=f"{key}:shadow",
        shadow_versions=f"{key}:shadow:versions",
        rebuild=f"{key}:rebuild",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a member. Ranks start at 1; equal scores are ordered by id, ascending.

    `score` is an integer; see `Board.score_scale`.
    """

    rank: int
    member: str
    score: int
