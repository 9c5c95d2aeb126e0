"""Many small files imported in one process: each has the same result as alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import select, update

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.failed_work.stalled import retry_stalled
from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.imports.arrival.intake import pause_intake
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.imports.small_files import SmallFiles, first_unfinished, refusals_of, require_staged
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, ChargesOpenError, Outcome
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, step_failures
from tests.chaos.outcomes import outcomes
from tests.import_bench import RUN, ImportBench, Line, many_orders, write_orders
from tests.stores import open_test_engine

PAID = 0.6
FINISHED, RUNNING = ImportStatus.FINISHED, ImportStatus.RUNNING


@dataclass(slots=True)
class Till:
    """A gateway that counts the batches of charges, and does not answer for some orders."""

    gateway: Any = field(default_factory=lambda: SimulatedGateway("a seed", PAID, 0, 0))
    silent_for: str = "nobody"
    asked: list[list[str]] = field(default_factory=list)

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        self.asked.append([charge.key for charge in charges])
        known = [charge for charge in charges if self.silent_for not in charge.key]
        for charge in known:
            yield [self.gateway.outcome_of(charge)]
        if len(known) < len(charges):
            raise ChargesOpenError(len(charges) - len(known), len(charges))

    def answers(self) -> bool:
        return True

    def holds(self, outcome: Outcome) -> bool:
        return bool(self.gateway.holds(outcome))


def staged(bench: ImportBench, *names: str) -> list[str]:
    """Keys of staged files of ten orders each."""
    lines = {name: [Line("bad", quantity=0), *many_orders(10, f"{name}-")] for name in names}
    return [bench.stage(write_orders(bench.folder / f"{name}.csv", lines[name])) for name in names]


def small_files(bench: ImportBench, gateway: Any = None, run: str = RUN, **more: Any) -> SmallFiles:
    steps = replace(bench.steps, counts_tries=False)
    return SmallFiles(steps, run, gateway or Till(), **more)


def import_all(bench: ImportBench, keys: list[str], gateway: Any = None, run: str = RUN) -> SmallFiles:
    """Imports the files, and returns the results."""
    files = small_files(bench, gateway, run)
    for _ in files.import_all(keys):
        pass
    return files


def noted_failures(bench: ImportBench) -> list[tuple[Any, ...]]:
    query = select(imports.c.partition_key, step_failures.c.step, step_failures.c.error).join(step_failures)
    with reading(bench.engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def damage_document(bench: ImportBench, key: str) -> dict[str, Any]:
    """Makes the import of a file fail without a refusal: only a newer version can read its document.

    Returns:
        The document as it was.
    """
    before = bench.found(key).identified
    set_document(bench, key, {"version": 99})
    return before


def set_document(bench: ImportBench, key: str, document: dict[str, Any]) -> None:
    here = imports.c.partition_key == key
    with bench.engine.begin() as connection:
        connection.execute(update(imports).where(here).values(identified=document))


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ImportBench]:
    """A home in which each file is imported in its own run."""
    engine = open_test_engine(f"sqlite:///{tmp_path / 'alone' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path / "alone")
    bench.set(payment_success_rate=PAID)
    yield bench
    engine.dispose()


def test_each_file_has_the_same_result_as_alone(bench: ImportBench, alone: ImportBench) -> None:
    reports = list(small_files(bench).import_all(staged(bench, "a", "b", "c")))
    expected = [alone.settle(key) for key in staged(alone, "a", "b", "c")]
    assert [comparable(report) for report in reports] == [comparable(report) for report in expected]
    assert outcomes(bench.engine) == outcomes(alone.engine)
    assert set(bench.statuses().values()) == {"completed", "rollback"}
    assert bench.broken_checks() == set()


def comparable(report: ImportReport) -> ImportReport:
    return replace(report, seconds=0, orders_per_second=0)


def test_their_charges_are_open_at_the_same_time(bench: ImportBench) -> None:
    till = Till()
    import_all(bench, staged(bench, "a", "b", "c"), till)
    assert [len(keys) for keys in till.asked] == [30]


def test_a_file_that_is_refused_or_fails_harms_no_other(bench: ImportBench) -> None:
    keys = staged(bench, "a", "damaged", "b", "unreadable", "c")
    (bench.staged(keys[1]) / "original").write_text("other content")
    damage_document(bench, keys[3])
    files = import_all(bench, keys)
    assert {key: type(error).__name__ for key, error in files.failed.items()} == {
        keys[1]: "FileRefused",
        keys[3]: "NewerDocumentError",
    }
    assert isinstance(files.failed[keys[1]], FileRefused)
    found = [bench.found(key).status for key in keys]
    assert found == [FINISHED, ImportStatus.REFUSED, FINISHED, RUNNING, FINISHED]
    with reading(bench.engine) as connection:
        assert refusals_of(connection, keys, RUN) == {keys[1]: "staged_file_damaged"}
        assert refusals_of(connection, keys, "another run") == {}
    assert noted_failures(bench) == [(keys[3], "parse_order_file", "NewerDocumentError")]
    assert bench.broken_checks() == set()


def test_a_file_whose_charges_stay_open_is_settled_alone_and_charged_once(bench: ImportBench) -> None:
    keys, till = staged(bench, "a", "b", "c"), Till(silent_for="/b-7/")
    files = import_all(bench, keys, till)
    assert list(files.failed) == [keys[1]]
    assert [bench.found(key).status for key in keys] == [FINISHED, RUNNING, FINISHED]
    assert noted_failures(bench) == [(keys[1], "charge_payments", "ChargesOpenError")]
    assert sum(status == "payment_processing" for status in bench.statuses().values()) == 10
    till.silent_for = "nobody"
    for number in bench.steps.parse(keys[1], "alone"):
        bench.steps.charge(keys[1], number, till)
    assert till.asked[1:] == [["default/b-7/1"]]
    bench.settle(keys[1])
    assert bench.broken_checks() == set()


def test_an_error_of_the_store_or_the_gateway_ends_the_import_of_all_files(bench: ImportBench) -> None:
    keys = staged(bench, "a", "b", "c")

    away = Leaderboards(bench.engine, Redis(port=9), "a store", "USD")
    files = small_files(bench, boards=away, fatal=(RedisError,))
    with pytest.raises(RedisError):
        list(files.import_all(keys))
    assert {bench.found(key).status for key in keys} == {RUNNING}
    for key in keys:
        bench.settle(key)
    assert bench.broken_checks() == set()


def test_work_that_is_delivered_again_reports_finished_files_and_leaves_begun_ones(
    bench: ImportBench,
) -> None:
    keys = staged(bench, "finished", "begun", "new", "of-another-run")
    import_all(bench, keys[:1])
    bench.steps.parse(keys[1], RUN)
    import_all(bench, keys[3:], run="another run")
    again = list(small_files(bench).import_all(keys))
    assert [report.partition for report in again] == [keys[0], keys[2]]
    assert bench.found(keys[1]).status is RUNNING
    assert list(small_files(bench).import_all(keys[:1])) == again[:1]


def test_no_file_is_begun_while_the_intake_is_paused(bench: ImportBench) -> None:
    keys = staged(bench, "a", "b")
    with bench.engine.begin() as connection:
        pause_intake(connection, "cli:ada", "stocktaking")
    assert import_all(bench, keys).failed == {}
    assert [(bench.found(key).status, bench.found(key).run_id) for key in keys] == [("staged", None)] * 2


def test_a_file_that_is_left_is_found_until_all_have_ended(bench: ImportBench) -> None:
    keys = staged(bench, "a", "b")
    with reading(bench.engine) as connection:
        require_staged(connection, keys)
        assert first_unfinished(connection, keys) is not None
        with pytest.raises(LookupError, match="'unknown'"):
            require_staged(connection, [*keys, "unknown"])
    import_all(bench, keys)
    with reading(bench.engine) as connection:
        assert first_unfinished(connection, keys) is None


def sold_out(bench: ImportBench, *names: str) -> list[str]:
    """Keys of finished imports whose orders ran out of stock, and were reopened after there was more."""
    bench.stock(MOUSE=0)
    keys = staged(bench, *names)
    import_all(bench, keys, run="the first run")
    with bench.engine.begin() as connection:
        restock(connection, "MOUSE", 1000)
    assert set(bench.statuses().values()) == {"failed"}
    retry_orders(bench.engine, Chosen(), 1000, "cli:ada")
    return keys


@pytest.mark.parametrize("paused", [False, True])
def test_reopened_imports_are_settled_together_even_while_the_intake_is_paused(
    bench: ImportBench, *, paused: bool
) -> None:
    keys, till = sold_out(bench, "a", "b"), Till()
    new = staged(bench, "new")
    if paused:
        with bench.engine.begin() as connection:
            pause_intake(connection, "cli:ada", "stocktaking")
    reports = list(small_files(bench, till, "the second run").import_all([*keys, *new]))
    assert [report.partition for report in reports] == (keys if paused else [*keys, *new])
    assert len(till.asked) == 1
    assert {bench.found(key).run_id for key in keys} == {"the second run"}
    assert "failed" not in bench.statuses().values()
    assert bench.broken_checks() == set()


def test_a_reopened_import_that_a_run_has_begun_is_left_to_a_run_of_its_own(bench: ImportBench) -> None:
    begun, waiting = sold_out(bench, "begun", "waiting")
    bench.steps.parse(begun, "the second run")
    for run, expected in (("the second run", [waiting]), ("another run", [])):
        reports = small_files(bench, run=run).import_all([begun, waiting])
        assert [report.partition for report in reports] == expected
    assert bench.found(begun).status is RUNNING


def test_a_step_that_failed_before_and_succeeds_in_a_shared_run_is_no_longer_listed(
    bench: ImportBench,
) -> None:
    (key,) = staged(bench, "a")
    before = damage_document(bench, key)
    import_all(bench, [key])
    assert noted_failures(bench) == [(key, "parse_order_file", "NewerDocumentError")]
    with bench.engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "no progress")
    assert retry_stalled(bench.engine, [key], "cli:ada") == [key]
    set_document(bench, key, before)
    assert import_all(bench, [key], run="another run").failed == {}
    assert noted_failures(bench) == []
