"""The job `import_orders`: the real Dagster graph and stores, its steps executed in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RetryPolicy,
)
from sqlalchemy import Engine, text

from definitions import build_definitions
from jobs.failures import THREE_TRIES
from jobs.figures.day_checks import DAY_CHECKS
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs.file_checks import FILE_CHECKS
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, Outcome
from orders_pipeline.verify.file_checks import FEW_REJECTED
from tests.import_bench import ImportBench, Line, many_orders
from tests.orchestration.dagster_seams.staleness import shown_as
from tests.stores import open_test_engine

BOTH_ASSETS = {"orders", "rejected_order_rows"}


@dataclass(slots=True)
class Home:
    """A home, its Dagster instance and its definitions."""

    bench: ImportBench
    instance: DagsterInstance
    definitions: Definitions

    def run(self, key: str) -> ExecuteInProcessResult:
        """Runs the job for a partition key, whatever the outcome."""
        job = self.definitions.resolve_job_def(IMPORT_ORDERS)
        return job.execute_in_process(
            instance=self.instance, tags={"dagster/partition": key}, raise_on_error=False
        )

    def import_lines(self, *lines: Line | str) -> ExecuteInProcessResult:
        return self.run(self.bench.stage(self.bench.write(*lines)))


@pytest.fixture
def home(tmp_path: Path, redis_url: str) -> Iterator[Home]:
    engine = open_test_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Home(bench, instance, build_definitions(bench.settings))
    engine.dispose()


def rebuilt(home: Home, **settings: Any) -> Home:
    """The same home with other settings."""
    home.bench.set(**settings)
    return Home(home.bench, home.instance, build_definitions(home.bench.settings))


def with_gateway(home: Home, gateway: Any) -> Home:
    """The same home with another payment gateway."""
    resources = {**(home.definitions.resources or {}), "payment_gateway": FixedGateway(gateway)}
    assets, jobs = home.definitions.assets, home.definitions.jobs
    return Home(home.bench, home.instance, Definitions(assets=assets, jobs=jobs, resources=resources))


@dataclass(frozen=True, slots=True)
class FixedGateway:
    gateway: Any

    @contextmanager
    def open(self, _engine: Engine) -> Iterator[Any]:
        yield self.gateway


def metadata_of(result: ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """Metadata values of an asset's one materialization."""
    (event,) = [
        event
        for event in result.all_events
        if event.event_type is DagsterEventType.ASSET_MATERIALIZATION
        and event.asset_key
        and event.asset_key.to_user_string() == asset
    ]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def steps_in(result: ExecuteInProcessResult, kind: DagsterEventType) -> list[str]:
    return [event.step_key or "" for event in result.all_events if event.event_type is kind]


def error_of(result: ExecuteInProcessResult) -> str:
    """What the failed steps reported."""
    failures = [event for event in result.all_events if event.is_step_failure]
    return " ".join(str(event.step_failure_data.error) for event in failures)


def test_all_paid(home: Home) -> None:
    result = home.import_lines(*many_orders(5))
    assert result.success
    assert home.bench.statuses() == {f"n{n}": "completed" for n in range(5)}
    orders = metadata_of(result, "orders")
    assert (orders["completed"], orders["rollback"], orders["failed"]) == (5, 0, 0)
    assert orders["revenue_USD"] == 50.0
    assert home.bench.broken_checks() == set()


def test_all_declined(home: Home) -> None:
    result = rebuilt(home, payment_success_rate=0).import_lines(*many_orders(5))
    assert result.success
    assert set(home.bench.statuses().values()) == {"rollback"}
    assert metadata_of(result, "orders")["rollback"] == 5


def test_some_paid_some_declined_some_out_of_stock(home: Home) -> None:
    home.bench.stock(MOUSE=30)
    result = rebuilt(home, payment_success_rate=0.5).import_lines(*many_orders(40), Line("bad", quantity=0))
    assert result.success
    assert set(home.bench.statuses().values()) == {"completed", "rollback", "failed"}
    assert metadata_of(result, "rejected_order_rows")["rejects_by_code"] == {"quantity_not_positive": 1}
    assert home.bench.broken_checks() == set()


def test_nothing_accepted(home: Home) -> None:
    result = home.import_lines(Line("1", quantity=0), Line("2", price="free"))
    assert result.success
    orders = metadata_of(result, "orders")
    assert (orders["records"], orders["rejected_lines"], orders["orders_accepted"]) == (2, 2, 0)
    assert metadata_of(result, "rejected_order_rows")["dagster/row_count"] == 2
    assert home.bench.rows("imports")[0][8] == "finished"


def test_all_out_of_stock(home: Home) -> None:
    home.bench.stock(MOUSE=0)
    assert home.import_lines(*many_orders(3)).success
    assert set(home.bench.statuses().values()) == {"failed"}


def test_many_batches(home: Home) -> None:
    many = rebuilt(home, batch_lines=5, transaction_orders=2, payment_success_rate=0.5)
    result = many.import_lines(*many_orders(60))
    assert result.success
    batches = [step for step in steps_in(result, DagsterEventType.STEP_SUCCESS) if "load_orders" in step]
    assert len(batches) > 4
    assert len(home.bench.statuses()) == 60
    assert home.bench.broken_checks() == set()


def test_steps_hand_nothing_on_through_files(home: Home) -> None:
    result = rebuilt(home, batch_lines=5).import_lines(*many_orders(20))
    assert result.success
    kept = (DagsterEventType.HANDLED_OUTPUT, DagsterEventType.LOADED_INPUT)
    assert [event for event in result.all_events if event.event_type in kept] == []


def test_a_finished_file_run_again_changes_nothing(home: Home) -> None:
    key = home.bench.stage(home.bench.write(*many_orders(5), Line("bad", quantity=0)))
    assert home.run(key).success
    tables = ("orders", "order_lines", "payments", "rejects", "customer_totals", "product_totals", "kpi_days")
    before = {table: home.bench.rows(table) for table in tables}
    again = home.run(key)
    assert again.success
    assert metadata_of(again, "orders")["completed"] == 5
    assert {table: home.bench.rows(table) for table in tables} == before


def test_each_run_materializes_both_assets_of_its_partition_and_the_days_that_it_changed(home: Home) -> None:
    key = home.bench.stage(home.bench.write(Line("1")))
    result = home.run(key)
    events = [e for e in result.all_events if e.event_type is DagsterEventType.ASSET_MATERIALIZATION]
    assert {(e.asset_key.to_user_string(), e.partition) for e in events if e.asset_key} == {
        *((asset, key) for asset in BOTH_ASSETS),
        ("daily_kpis", "2025-11-10"),
    }


def test_after_imports_everything_that_they_touched_is_checked_and_nothing_is_unsynced(home: Home) -> None:
    assert home.import_lines(Line("1")).success
    result = home.import_lines(Line("2"), Line("3", quantity=0))
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks == dict.fromkeys([*FILE_CHECKS, *DAY_CHECKS], True) | {FEW_REJECTED: False}
    key = home.bench.rows("imports")[1][1]
    for asset, partition in (("orders", key), ("rejected_order_rows", key), ("daily_kpis", "2025-11-10")):
        assert shown_as(home.definitions, home.instance, asset, partition) == "FRESH"
    checks_job = home.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(),
        asset_check_selection={AssetCheckKey(AssetKey(one.asset), name) for name, one in FILE_CHECKS.items()},
    )
    again = checks_job.execute_in_process(instance=home.instance, tags={"dagster/partition": key})
    assert {one.check_name: one.passed for one in again.get_asset_check_evaluations()} == {
        name: checks[name] for name in FILE_CHECKS
    }


def test_a_staged_file_that_dagster_does_not_know_is_made_known(home: Home) -> None:
    key = home.bench.stage(home.bench.write(Line("1")))
    assert not home.instance.has_dynamic_partition(ORDER_FILES, key)
    assert home.run(key).success
    assert home.instance.has_dynamic_partition(ORDER_FILES, key)


@pytest.mark.parametrize("key", ["orders.csv-000000000000", "../../etc/passwd", "a...b"])
def test_a_key_under_which_nothing_is_staged_fails_once_and_is_not_made_known(home: Home, key: str) -> None:
    result = home.run(key)
    assert not result.success
    assert "orders stage FILE" in error_of(result)
    assert steps_in(result, DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert not home.instance.has_dynamic_partition(ORDER_FILES, key)


def test_a_refused_file_fails_once_and_leaves_nothing_half_imported(home: Home) -> None:
    lines = [Line(f"{n}", date=f"0{n + 1}/02/2025 10:00") for n in range(5)]
    key = home.bench.stage(home.bench.write(*lines))
    result = home.run(key)
    assert not result.success
    assert steps_in(result, DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert steps_in(result, DagsterEventType.STEP_FAILURE) == ["import_order_file.parse_order_file"]
    assert "date" in error_of(result)
    assert home.bench.statuses() == {}
    with home.bench.engine.connect() as connection:
        refused = get_import(connection, key)
    assert refused.status == "refused"
    assert refused.refused_because


@dataclass(slots=True)
class Unreachable:
    """A gateway that cannot be reached during the first calls."""

    gateway: SimulatedGateway
    times: int

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        if self.times:
            self.times -= 1
            raise ConnectionError("the gateway cannot be reached")
        async for outcomes in self.gateway.charge(charges):
            yield outcomes


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryPolicy, "calculate_delay", lambda _policy, _attempt: 0)


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize(("times", "ends_well"), [(2, True), (3, False)])
def test_what_is_transient_is_tried_three_times(home: Home, times: int, *, ends_well: bool) -> None:
    gateway = Unreachable(SimulatedGateway("a seed", 1, 0, 0), times)
    result = with_gateway(home, gateway).import_lines(*many_orders(3))
    assert result.success is ends_well
    retried = steps_in(result, DagsterEventType.STEP_UP_FOR_RETRY)
    assert len(retried) == 2
    assert all("charge_payments" in step for step in retried)
    assert set(home.bench.statuses().values()) == {"completed" if ends_well else "payment_processing"}
    assert home.bench.broken_checks() == set()


def test_waits_between_tries_grow() -> None:
    waits = [[THREE_TRIES.calculate_delay(attempt) for attempt in (1, 2)] for _ in range(20)]
    assert all(0 <= first <= second for first, second in waits)


@dataclass(slots=True)
class Broken:
    """A gateway with a bug."""

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        raise KeyError(f"a bug in {len(charges)} charges")
        yield []


def test_a_bug_is_not_tried_again_and_can_be_gone_on_from(home: Home) -> None:
    key = home.bench.stage(home.bench.write(*many_orders(3)))
    result = with_gateway(home, Broken()).run(key)
    assert not result.success
    assert steps_in(result, DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert home.run(key).success
    assert set(home.bench.statuses().values()) == {"completed"}


@dataclass(slots=True)
class Silent:
    """A gateway that returns no outcomes and raises no error."""

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        for _ in charges[:0]:
            yield []


def test_the_summary_fails_when_the_store_shows_an_unsettled_order(home: Home) -> None:
    result = with_gateway(home, Silent()).import_lines(*many_orders(3))
    assert not result.success
    assert steps_in(result, DagsterEventType.STEP_FAILURE) == ["import_order_file.summarize_import"]
    assert "3 payment_processing" in error_of(result)


def test_metadata_shows_counts_and_a_preview_and_names_no_customer(home: Home) -> None:
    result = home.import_lines(
        *many_orders(12, customer="c-secret", name="Ada Lovelace"),
        Line("bad", quantity=0, customer="c-secret", name="Ada Lovelace"),
        Line("worse", price="x", customer="c-secret", name="Ada Lovelace"),
    )
    orders, rejected = metadata_of(result, "orders"), metadata_of(result, "rejected_order_rows")
    assert (orders["records"], orders["accepted_lines"], orders["rejected_lines"]) == (14, 12, 2)
    assert (orders["orders_accepted"], orders["orders_rejected"], orders["orders_duplicate"]) == (12, 2, 0)
    assert orders["orders_per_second"] > 0
    assert orders["dagster/row_count"] == 12
    preview = [record.data for record in orders["preview"].records]
    assert preview[0] == {
        "order": "n0",
        "day": "2025-11-10",
        "total": "10.00",
        "currency": "USD",
        "status": "completed",
    }
    assert len(preview) == 10
    assert [record.data["code"] for record in rejected["first_rejects"].records] == [
        "quantity_not_positive",
        "price_unreadable",
    ]
    everything = " ".join(str(event) for event in result.all_events)
    assert "secret" not in everything
    assert "Lovelace" not in everything


def test_a_statement_that_the_store_refuses_names_no_customer(home: Home) -> None:
    key = home.bench.stage(home.bench.write(Line("1", customer="c-secret", name="Ada Lovelace")))
    with home.bench.engine.begin() as connection:
        connection.execute(text("ALTER TABLE customers RENAME COLUMN name TO nick"))
    result = home.run(key)
    assert not result.success
    everything = " ".join(str(event) for event in result.all_events)
    assert "secret" not in everything
    assert "Lovelace" not in everything


def test_the_definitions_load_with_both_assets_in_the_job(home: Home) -> None:
    Definitions.validate_loadable(home.definitions)
    job = home.definitions.resolve_job_def(IMPORT_ORDERS)
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == BOTH_ASSETS
    assert isinstance(home.bench.settings, Settings)


def test_returns_are_on_the_leaderboards_when_the_import_ends(home: Home, redis_url: str) -> None:
    lines = (Line("1", quantity=3), Line("R1", quantity=-1), Line("R2", customer="c2", quantity=-1))
    result = home.run(home.bench.stage_with_returns(*lines))
    assert metadata_of(result, "orders")["returns"] == 2
    settings = home.bench.settings
    with open_figures(home.bench.engine, settings.warehouse, redis_url, "USD", settings.zone) as figures:
        customers = figures.boards.live(Board.CUSTOMERS, "USD").places(1, 10)
        products = figures.boards.live(Board.PRODUCTS, "USD").places(1, 10)
    assert [(place.member, place.score) for place in customers or []] == [("c1", 2_000), ("c2", -1_000)]
    assert [(place.member, place.score) for place in products or []] == [("MOUSE", 1_000)]
