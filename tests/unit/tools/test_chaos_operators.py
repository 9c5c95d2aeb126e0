"""How long the operators of the chaos suite retry before they report a hang."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.money import STEP_HUNG_AFTER_SECONDS, Actions, NotYetError, Operators


class Clock:
    """A clock that advances only during sleeps; a last fault ends at a given time."""

    def __init__(self, home: Any, fault_at: float) -> None:
        self.now, self.home, self.fault_at = 0.0, home, fault_at

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.fault_at:
            self.home.left_alone_at = self.fault_at


def operators_at_work_until(monkeypatch: pytest.MonkeyPatch, fault_at: float, done_at: float) -> Operators:
    home: Any = SimpleNamespace(in_use=RLock(), left_alone_at=0.0)
    clock = Clock(home, fault_at)
    monkeypatch.setattr("tests.chaos.money.time", clock)

    class Patient(Operators):
        def _steps(self) -> Sequence[Callable[[], None]]:
            def step() -> None:
                if clock.now < done_at:
                    raise NotYetError("captures are open")

            return [step]

    operators = Patient(home, Actions("round1", "key", True, (), (), ()), Path())
    operators._work()
    return operators


def test_a_fault_that_strikes_meanwhile_gives_a_step_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    late = STEP_HUNG_AFTER_SECONDS + 100
    assert operators_at_work_until(monkeypatch, fault_at=200, done_at=late).problems == []


def test_a_step_that_takes_too_long_after_the_last_fault_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    never = operators_at_work_until(monkeypatch, fault_at=200, done_at=200 + STEP_HUNG_AFTER_SECONDS + 10)
    assert never.problems == ["money back hung for round1: NotYetError: captures are open"]
