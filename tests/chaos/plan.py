"""Which faults a run injects, and in which order; everything follows from its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

ORDER_FILES = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for each back end.

    Attributes:
        faults: how many strike, from the first.
        first: number of the fault with which the run goes on, counted from 1.
        orders: a file.
        a_round: faults after which all imports have to settle.
        only: names of the faults that are chosen from; empty: all.
        default_timeouts: whether the home's timeouts are those that it has without settings.
        scarce: whether orders for the last units of a product follow.
        small_files: how many are dropped into the inbox at once, in each round; they share runs.
        money_back: whether orders of the round before are refunded, captured, cancelled and retried.
    """

    faults: int
    seed: int
    orders: int
    first: int = 1
    a_round: int = 5
    only: tuple[str, ...] = ()
    default_timeouts: bool = False
    scarce: bool = True
    small_files: int = 40
    money_back: bool = True

    @property
    def rounds(self) -> range:
        """Numbers of the rounds, counted from 0, from the round of the first fault."""
        return range((self.first - 1) // self.a_round, -(-self.faults // self.a_round))

    def next_after(self, number: int) -> int:
        """Number of the first fault after a round."""
        return (number + 1) * self.a_round + 1

    def faults_of(self, number: int, names: Sequence[str], back_end: str) -> list[tuple[int, str]]:
        """The faults of a round with their numbers. All faults are used before one is repeated.

        Args:
            names: the faults that the back end can have.
        """
        draw = random.Random(f"{self.seed}/{back_end}")  # noqa: S311 no secret
        drawn: list[str] = []
        while len(drawn) < self.faults:
            drawn += draw.sample(names, len(names))
        begin = number * self.a_round
        end = min(begin + self.a_round, self.faults)
        return [(at + 1, drawn[at]) for at in range(max(begin, self.first - 1), end)]

    def captures_later(self, number: int) -> bool:
        """Whether payments are captured later: in the first half of the rounds, or if there is only one."""
        return number < max(self.rounds.stop // 2, 1)

    def chance(self, *of: object) -> random.Random:
        """A random source for one fault or one round, independent of earlier ones."""
        return random.Random("/".join(map(str, (self.seed, *of))))  # noqa: S311 no secret
