"""The plan of `make chaos`: a seed always gives the same faults, even if a run is continued."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.faults import FAULTS
from tests.chaos.plan import Plan

NAMES, BACK_END = list(FAULTS), "sqlite + redis"
PLAN = Plan(faults=100, seed=7, orders=1, a_round=7)


def faults(plan: Plan) -> list[tuple[int, str]]:
    return [one for number in plan.rounds for one in plan.faults_of(number, NAMES, BACK_END)]


def test_a_run_goes_on_at_any_fault_with_the_same_sequence() -> None:
    assert [number for number, _ in faults(PLAN)] == list(range(1, 101))
    for first in (1, 2, 8, 50, 100):
        assert faults(replace(PLAN, first=first)) == faults(PLAN)[first - 1 :]


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    assert faults(replace(PLAN, faults=200))[:100] == faults(PLAN)


def test_each_fault_has_its_turn_before_any_comes_again() -> None:
    drawn = [name for _, name in faults(PLAN)]
    assert sorted(drawn[: len(NAMES)]) == sorted(NAMES)
    assert drawn != [name for _, name in faults(replace(PLAN, seed=8))]
