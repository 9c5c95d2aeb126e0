"""What Dagster stores and shows about a failed step contains no row of the file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from dagster import DagsterInstance

from definitions import build_definitions
from jobs.dagster_seams.runs import first_causes
from orders_pipeline.failed_work.listing import Wanted, failed_work
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench
from tests.integration.store.test_errors_without_rows import CANARY, WRITES, canaries, failing_on
from tests.orchestration.test_import_job import Home, home, with_gateway
from tests.orchestration.test_step_failures import Failing
from tests.services import drop_database
from tests.stores import create_migrated_database, open_test_engine

__all__ = ["home"]


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Home]:
    """A home on each kind of order store."""
    if request.param == "sqlite":
        yield request.getfixturevalue("home")
        return
    server, name = request.getfixturevalue("postgres_server"), f"test_{uuid.uuid4().hex}"
    url = create_migrated_database(server, name)
    engine = open_test_engine(url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, database_url=url)
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Home(bench, instance, build_definitions(bench.settings))
    engine.dispose()
    drop_database(server, name)


def kept_of(home: Home, run_id: str) -> str:
    """Everything that Dagster stores about a failed run."""
    with reading(home.bench.engine) as connection:
        stored = failed_work(connection, Wanted(), 10)["steps"]
    assert stored
    causes = list(first_causes(home.instance, run_id))
    return f"{home.instance.all_logs(run_id)} {stored} {causes}"


@pytest.mark.parametrize("step", WRITES)
def test_no_row_of_a_step_that_fails_gets_out(
    any_home: Home, step: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if step == "roll_back":
        any_home.bench.set(payment_success_rate=0)
        any_home.definitions = build_definitions(any_home.bench.settings)
    key = any_home.bench.stage(any_home.bench.write(*canaries(3)))
    with failing_on(any_home.bench.engine, step, "refused"):
        result = any_home.run(key)
    assert not result.success
    assert CANARY.findall(kept_of(any_home, result.run_id)) == []
    assert CANARY.findall("".join(capfd.readouterr())) == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError("cannot read 'Canary O'Neil'"),
        KeyError("Canary Name"),
        pl.exceptions.ComputeError('could not append value: "Canary Name"'),
    ],
)
def test_no_value_of_a_library_s_error_gets_out(home: Home, error: Exception) -> None:
    key = home.bench.stage(home.bench.write(*canaries(3)))
    result = with_gateway(home, Failing(error)).run(key)
    kept = kept_of(home, result.run_id)
    assert type(error).__name__ in kept
    assert "raise self.error" in kept
    assert CANARY.findall(kept) == []
