"""Publishers, rebuilds and flushes in any order on a real Redis: finally, the board shows the totals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import hypothesis.strategies as st
import redis
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orders_pipeline.figures.leaderboards.boards import Board, Score, keys_of
from orders_pipeline.figures.leaderboards.redis_board import RebuildLostError, RedisBoard
from tests.sweeps import examples

MEMBERS = ("a", "b", "c")
members = st.sampled_from(MEMBERS)
amounts = st.integers(1, 9)


@dataclass(frozen=True, slots=True)
class Total:
    """A row of totals, as transactions change it."""

    spent: int = 0
    refunded: int = 0
    version: int = 0


class BoardMachine(RuleBasedStateMachine):
    """One board, and publishers that read totals early and write to Redis late or twice."""

    def __init__(self, board: RedisBoard) -> None:
        super().__init__()
        board.client.flushall()
        self.board = board
        self.totals: dict[str, Total] = {}
        self.unsent: list[list[Score]] = []
        self.sent: list[list[Score]] = []
        self.rebuilds: list[tuple[str, list[Score]]] = []

    @rule(member=members, amount=amounts)
    def complete_an_order(self, member: str, amount: int) -> None:
        total = self.totals.get(member, Total())
        self._commit(member, replace(total, spent=total.spent + amount))

    @rule(member=members, amount=amounts)
    def refund(self, member: str, amount: int) -> None:
        total = self.totals.get(member, Total())
        self._commit(member, replace(total, refunded=total.refunded + amount, version=total.version + 1))

    @rule(member=members)
    def undo_all_refunds(self, member: str) -> None:
        if (total := self.totals.get(member)) and total.refunded:
            self._commit(member, replace(total, refunded=0, version=total.version + 1))

    @precondition(lambda self: self.unsent)
    @rule(data=st.data())
    def publish_late(self, data: st.DataObject) -> None:
        scores = self.unsent.pop(data.draw(st.integers(0, len(self.unsent) - 1)))
        self.sent.append(scores)
        self._publish(scores)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def publish_again(self, data: st.DataObject) -> None:
        self._publish(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: not self.board.client.exists(self.board.keys.rebuild))
    @rule()
    def begin_a_rebuild(self) -> None:
        self.rebuilds.append((self.board.begin_rebuild(), self._scores()))

    @precondition(lambda self: self.rebuilds)
    @rule(data=st.data())
    def finish_a_rebuild(self, data: st.DataObject) -> None:
        self._finish(*self.rebuilds.pop(data.draw(st.integers(0, len(self.rebuilds) - 1))))

    @rule()
    def flush(self) -> None:
        self.board.client.flushall()

    @rule(key=st.sampled_from(["board", "versions"]))
    def lose_a_key(self, key: str) -> None:
        self.board.client.delete(getattr(self.board.keys, key))

    @invariant()
    def a_whole_board_shows_what_was_published(self) -> None:
        if not self.unsent and (places := self.board.places(1, len(MEMBERS))) is not None:
            assert {place.member: place.score for place in places} == {
                member: score for member, score, _ in self._scores()
            }

    def teardown(self) -> None:
        for scores in self.unsent:
            self._publish(scores)
        self.unsent.clear()
        while self.board.places(1, 1) is None and self.rebuilds:
            self._finish(*self.rebuilds.pop())
        self.a_whole_board_shows_what_was_published()

    def _finish(self, token: str, scores: list[Score]) -> None:
        try:
            self.board.finish_rebuild(token, scores)
        except RebuildLostError:
            assert token != self.board.client.get(self.board.keys.rebuild)

    def _commit(self, member: str, total: Total) -> None:
        self.totals[member] = total
        self.unsent.append([_score(member, total)])

    def _publish(self, scores: list[Score]) -> None:
        if not self.board.publish(scores):
            self.board.finish_rebuild(self.board.begin_rebuild(), self._scores())

    def _scores(self) -> list[Score]:
        return [_score(member, total) for member, total in self.totals.items()]


def _score(member: str, total: Total) -> Score:
    return member, total.spent - total.refunded, total.version


def test_late_repeated_and_outdated_publications_never_win(any_redis_url: str) -> None:
    with redis.Redis.from_url(any_redis_url, decode_responses=True) as client:
        keys = keys_of(Board.CUSTOMERS, "USD", "USD")
        board = RedisBoard(client, keys, "store USD", Board.CUSTOMERS.score_scale)
        run_state_machine_as_test(partial(BoardMachine, board), settings=examples(60))
