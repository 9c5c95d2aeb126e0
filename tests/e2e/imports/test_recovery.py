"""A short run of `make chaos`, in which imports and refunds recover automatically."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import home
from tests.chaos.suite import Plan, run_back_end
from tests.warm_processes import warm_orders


@pytest.mark.timeout(600)
def test_imports_refunds_and_captures_end_rightly_whatever_is_killed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "ORDERS", [warm_orders()])
    said: list[str] = []
    faults = ("daemon killed", "worker killed")
    plan = Plan(faults=2, seed=5, orders=60, only=faults, scarce=False, small_files=0)
    result = run_back_end(tmp_path / "chaos", "sqlite", "redis", plan, said.append)
    assert result.violations == [], said
    assert result.harmed == len(result.injected) == 2
    assert result.refunds
    assert all(fault.recovered_in is not None for fault in result.injected)
