"""`orders capture`, and `orders cancel` for authorized orders: options, output and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.capture_bench import CaptureBench
from tests.e2e.orders_command import orders
from tests.import_bench import ImportBench, many_orders


@pytest.fixture
def captures(tmp_path: Path, redis_url: str) -> CaptureBench:
    """A home with authorized orders. Only Redis runs."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    captures = CaptureBench.on(ImportBench.at(engine, tmp_path), redis_url=redis_url)
    captures.bench.stock(MOUSE=100)
    captures.bench.import_lines(*many_orders(5))
    return captures


def document(settings: Settings, *arguments: str) -> dict[str, Any]:
    done = orders(settings, *arguments, "--json")
    assert done.code == 0, done
    found: dict[str, Any] = done.document
    return found


def test_orders_are_captured_at_once_and_their_history_tells_it(captures: CaptureBench) -> None:
    settings = captures.bench.settings
    assert document(settings, "capture", "--all", "--dry-run") == {
        "dry_run": True,
        "orders": 5,
        "amounts": {"USD": "50.00"},
        "ends": {},
    }
    done = document(settings, "capture", "n0", "n1")
    assert (done["orders"], done["ends"]) == (2, {"captured": 2})
    assert document(settings, "capture", "n0")["orders"] == 0
    assert document(settings, "show", "n0")["authorizations"][0]["status"] == "captured"
    assert "capture requested by cli:" in orders(settings, "show", "n0").out
    (top,) = document(settings, "leaderboard", "customers")  # type: ignore[misc]
    assert top["total_spent"] == 20.0
    (audited,) = [one for one in document(settings, "audit") if one["action"] == "orders.capture"][:1]  # type: ignore[index]
    assert audited["detail"]["chosen"] == {"orders": ["n0"]}
    assert "3 authorized" in orders(settings, "files", *captures.bench.keys().values()).out
    assert "held" in orders(settings, "files").out
    assert document(settings, "verify")["ok"]


def test_what_cannot_be_captured_is_refused_with_its_reason(captures: CaptureBench) -> None:
    settings = captures.bench.settings
    cancelled = document(settings, "cancel", "n3")
    assert cancelled["orders"] == 1
    assert captures.bench.statuses()["n3"] == "rollback"
    refused = orders(settings, "capture", "n3", "n4", "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_capturable")
    assert "n3 of default is rollback" in refused.error["message"]
    assert captures.bench.statuses()["n4"] == "authorized"
    assert orders(settings, "capture", "--json").code == 2
    unlucky = settings.model_copy(update={"capture_success_rate": 0.0})
    declined = orders(unlucky, "capture", "n4", "--json")
    assert (declined.code, declined.error["code"]) == (1, "capture_declined")
    assert captures.bench.statuses()["n4"] == "rollback"
    assert document(settings, "verify")["ok"]
