"""A short piece of `make chaos`: faults under a running stack, from which imports recover by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.suite import Plan, run_back_end


@pytest.mark.timeout(600)
def test_imports_end_rightly_by_themselves_whatever_is_killed_meanwhile(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan(faults=2, seed=5, orders=60, scarce=False, small_files=0)
    result = run_back_end(tmp_path / "chaos", "sqlite", "redis", plan, said.append)
    assert result.violations == [], said
    assert len(result.injected) == 2
    assert all(fault.recovered_in is not None for fault in result.injected)
