"""The same orders give the same result on {SQLite, PostgreSQL} x {Redis, RabbitMQ}, by `orders import`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.chaos.outcomes import Rows, outcomes, units_sold
from tests.chaos.workload import (
    PAYMENT_SEED,
    SCARCE_UNITS,
    SUCCESS_RATE,
    order_file,
    scarce_file,
    stock_up,
    undisturbed,
)
from tests.e2e.orders_command import orders_process
from tests.import_bench import ImportBench
from tests.sweeps import cases

# So that each file has several batches.
ORDERS, SCARCE_ORDERS = min(cases(100), 200), 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def ample(folder: Path) -> Path:
    """Orders for which there is enough stock."""
    return order_file(folder, 3, 1, ORDERS)


@pytest.fixture(scope="module")
def scarce(folder: Path) -> Path:
    """Six times as many orders as units; the gateway accepts all of them."""
    return scarce_file(folder, 3, SCARCE_ORDERS)


@pytest.fixture(scope="module")
def expected(folder: Path, ample: Path, scarce: Path) -> tuple[dict[str, Rows], dict[str, int]]:
    """The results of the files in this process, without a broker; and the units sold."""
    with undisturbed(folder) as bench:
        for file in (ample, scarce):
            bench.settle(bench.stage(file))
        return ample_outcomes(bench), units_sold(bench.engine)


def ample_outcomes(bench: ImportBench) -> dict[str, Rows]:
    """All outcomes, except which orders got the scarce product."""
    return {
        name: [row for row in rows if "scarce-" not in repr(row)]
        for name, rows in outcomes(bench.engine).items()
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "redis" else str(request.getfixturevalue("rabbitmq_url"))


@pytest.fixture
def home(tmp_path: Path, database_url: str, broker_url: str) -> Iterator[ImportBench]:
    """A stocked home whose files have several batches."""
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        broker_url=broker_url,
        payment_seed=PAYMENT_SEED,
        payment_success_rate=SUCCESS_RATE,
        payment_delay_min=0,
        payment_delay_max=0,
        worker_processes=2,
        batch_lines=100,
        transaction_orders=20,
    )
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.settings = settings
    stock_up(bench)
    yield bench
    engine.dispose()


@pytest.mark.timeout(600)
def test_outcomes_are_the_same_on_each_back_end_and_so_are_units_sold_where_stock_is_scarce(
    home: ImportBench, ample: Path, scarce: Path, expected: tuple[dict[str, Rows], dict[str, int]]
) -> None:
    done = orders_process(home.settings, "import", ample, scarce, "--json")
    assert done.code == 0, done.out + done.err
    assert ample_outcomes(home) == expected[0]
    assert units_sold(home.engine) == expected[1]
    assert expected[1]["SCARCE"] == SCARCE_UNITS
    assert home.broken_checks() == set()
