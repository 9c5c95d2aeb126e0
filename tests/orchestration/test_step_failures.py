"""What the order store keeps about failed steps of a real run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from orders_pipeline.failed_work.listing import Wanted, failed_work
from orders_pipeline.payments.gateway import Charge, Outcome
from orders_pipeline.store.engine import reading
from tests.import_bench import many_orders
from tests.orchestration.test_import_job import Home, Silent, home, with_gateway

__all__ = ["home"]


@dataclass(slots=True)
class Failing:
    """A gateway that fails with this error."""

    error: Exception

    async def charge(self, charges: Sequence[Charge]) -> AsyncIterator[Sequence[Outcome]]:
        for _ in charges:
            raise self.error
            yield []


def failed_steps(home: Home) -> list[dict[str, Any]]:
    with reading(home.bench.engine) as connection:
        steps: list[dict[str, Any]] = failed_work(connection, Wanted(), 10)["steps"]
    return steps


def test_a_failed_step_is_listed_with_its_trace_until_the_import_is_through(home: Home) -> None:
    key = home.bench.stage(home.bench.write(*many_orders(3)))
    result = with_gateway(home, Failing(ValueError("cannot read 'Ada Lovelace'"))).run(key)
    assert not result.success
    (failed,) = failed_steps(home)
    assert (failed["step"], failed["batch"], failed["reason"]) == ("charge_payments", 1, "ValueError")
    assert (failed["attempts"], failed["run_id"], failed["partition"]) == (1, result.run_id, key)
    assert "raise self.error" in failed["trace"]
    assert "Ada" not in str(failed)
    assert home.run(key).success
    assert failed_steps(home) == []


def test_each_try_of_a_transient_failure_counts(home: Home) -> None:
    key = home.bench.stage(home.bench.write(*many_orders(3)))
    assert not with_gateway(home, Failing(ConnectionError("away"))).run(key).success
    (failed,) = failed_steps(home)
    assert (failed["reason"], failed["attempts"]) == ("ConnectionError", 3)


def test_an_import_whose_summary_fails_says_so_of_the_whole_file(home: Home) -> None:
    key = home.bench.stage(home.bench.write(*many_orders(3)))
    assert not with_gateway(home, Silent()).run(key).success
    (failed,) = failed_steps(home)
    assert (failed["step"], failed["batch"], failed["reason"]) == ("summarize_import", 0, "OpenOrdersError")
    assert "3 payment_processing" in failed["message"]
