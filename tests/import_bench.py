"""Order files with any content, and their import step by step in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from threading import Barrier, Thread
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, select

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.settings import Settings, UnknownSku
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.dry_run import dry_run
from orders_pipeline.imports.file_import import FileImport, parse_rules
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.results.reject_export import write_rejects
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.order_files.reading_instructions import instructions_from
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.staging.staging import Staging, open_staging
from orders_pipeline.stock.product_list import ProductRow, import_products
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import imports, metadata, order_lines, orders, products
from orders_pipeline.verify.everything import verify_home
from tests.stores import prepare_store

HEADER = "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date"
RUN = "run-1"


SIGNS_OF_LIFE = {"run_beat_at", "work_beat_at", "launches", "progress_seen"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order file in the column profile `default`."""

    order: str
    sku: str = "MOUSE"
    quantity: int | str = 1
    price: str = "10.00"
    customer: str = "c1"
    name: str = "Ada"
    currency: str = "USD"
    date: str = "2025-11-10 10:00:00"
    product: str = "Mouse"

    def __str__(self) -> str:
        fields = (self.order, self.customer, self.name, self.sku, self.product)
        fields += (str(self.quantity), self.price, self.currency, self.date)
        return ",".join(_quoted(field) for field in fields)


def _quoted(value: str) -> str:
    special = any(sign in value for sign in ',"\n')
    return '"{}"'.format(value.replace('"', '""')) if special else value


def write_orders(file: Path, lines: Sequence[Line | str]) -> Path:
    """An order file of these lines."""
    file.write_text("\n".join([HEADER, *(str(line) for line in lines), ""]), encoding="utf-8")
    return file


def many_orders(count: int, prefix: str = "n", **same: Any) -> list[Line]:
    """Orders of one line each."""
    return [Line(f"{prefix}{number}", **same) for number in range(count)]


@dataclass(slots=True)
class ImportBench:
    """A home with its order store; by default, every payment succeeds at once."""

    engine: Engine
    folder: Path
    settings: Settings

    @classmethod
    def at(cls, engine: Engine, folder: Path) -> ImportBench:
        """A bench on tables of the current version, with this payment seed."""
        prepare_store(engine)
        settings = Settings(
            home=folder / "home",
            payment_success_rate=1,
            payment_delay_min=0,
            payment_delay_max=0,
            refund_delay_min=0,
            refund_delay_max=0,
            payment_seed="a seed",
            unknown_sku_stock=1_000_000_000,
        )
        connect_gateway(settings, engine)
        return cls(engine, folder, settings)

    def set(self, **changes: Any) -> None:
        """Changes settings."""
        self.settings = self.settings.model_copy(update=changes)

    def reject_unknown_products(self) -> None:
        self.set(unknown_sku=UnknownSku.REJECT)

    @property
    def steps(self) -> FileImport:
        return FileImport(self.engine, self.staging, self.settings)

    @property
    def gateway(self) -> PaymentGateway:
        return connect_gateway(self.settings, self.engine)

    def stock(self, **units: int) -> None:
        """Lists products with this stock."""
        rows = [ProductRow(sku, sku.title(), 100_000, stock) for sku, stock in units.items()]
        with self.engine.begin() as connection:
            import_products(connection, rows)

    def write(self, *lines: Line | str, name: str = "orders.csv") -> Path:
        return write_orders(self.folder / name, lines)

    def staged(self, key: str) -> Path:
        """The folder of a staged file in the local staging area."""
        return self.settings.staging_folder / key

    @property
    def staging(self) -> Staging:
        return open_staging(self.settings)

    def stage(self, file: Path, **said: Any) -> str:
        """Key of the staged file, with these instructions."""
        return stage_file(self.engine, self.staging, file, instructions_from(said)).key

    def stage_with_returns(
        self, *lines: Line | str, name: str = "orders.csv", named: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Key of a staged file with returns, which have numbers with an R and are imported.

        Args:
            named: the orders that returns name, by the number of the return; these numbers have an S.
        """
        text = package_text("orders_pipeline.order_files.columns", "profiles/default.toml")
        profile = self.folder / "default.toml"
        rules = 'number = "S*"\nof = "of"' if named else 'number = "R*"'
        profile.write_text(f"{text}\n[returns]\n{rules}\n", encoding="utf-8")
        file = self.write(*lines, name=name)
        if named:
            header, *rows = file.read_text("utf-8").splitlines()
            rows = [f"{row},{named.get(row.partition(',')[0], '')}" for row in rows]
            file.write_text("\n".join([f"{header},of", *rows, ""]), encoding="utf-8")
        return self.stage(file, profile=str(profile), returns="take")

    def dry_run(self, file: Path, **said: Any) -> ImportReport:
        """The result of a dry run of a file."""
        lists = self.settings.unknown_sku is UnknownSku.CREATE
        rules, instructions = parse_rules(self.settings), instructions_from(said)
        return dry_run(self.engine, self.staging, rules, file, instructions, lists_unknown=lists)

    def found(self, key: str) -> Import:
        """The import of a partition key."""
        with reading(self.engine) as connection:
            return get_import(connection, key)

    def exported(self, key: str, *, escape_formulas: bool = False) -> bytes:
        """The export of an import's rejects."""
        target = BytesIO()
        with reading(self.engine) as connection:
            found = get_import(connection, key)
            write_rejects(connection, self.staging, found, target, escape_formulas=escape_formulas)
        return target.getvalue()

    def parsed(self, *lines: Line | str, name: str = "orders.csv", source: str | None = None) -> str:
        """Key of a file that was staged and parsed."""
        key = self.stage(self.write(*lines, name=name), source=source)
        self.steps.parse(key, RUN)
        return key

    def up_to(self, last: str, key: str, number: int = 1) -> None:
        """Runs the steps of a batch up to and including the named one."""
        for name in STEPS[: STEPS.index(last) + 1]:
            self.step(name, key, number)

    def step(self, name: str, key: str, number: int = 1) -> Any:
        """One step of a batch."""
        more = [self.gateway] if name == "charge" else []
        return getattr(self.steps, name)(key, number, *more)

    def settle(self, key: str) -> ImportReport:
        """Runs all steps of a staged file."""
        for number in self.steps.parse(key, RUN):
            self.up_to("roll_back", key, number)
        return self.steps.finish(key)

    def import_lines(
        self, *lines: Line | str, name: str = "orders.csv", source: str | None = None
    ) -> ImportReport:
        """Writes, stages and settles an order file."""
        return self.settle(self.stage(self.write(*lines, name=name), source=source))

    def statuses(self) -> dict[str, str]:
        """Status of each order by its number."""
        with reading(self.engine) as connection:
            return dict(connection.execute(select(orders.c.number, orders.c.status)).all())

    def shelf(self) -> dict[str, tuple[int, int, int]]:
        """Units on hand, reserved and sold by SKU."""
        columns = (products.c.sku, products.c.on_hand, products.c.reserved, products.c.sold)
        with reading(self.engine) as connection:
            return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(select(*columns))}

    def rows(self, table: str, *left_out: str) -> list[tuple[Any, ...]]:
        """All rows of a table, sorted by all their values."""
        wanted = [column for column in metadata.tables[table].c if column.name not in left_out]
        with reading(self.engine) as connection:
            return sorted((tuple(row) for row in connection.execute(select(*wanted))), key=repr)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, without heartbeats."""
        return {table: self.rows(table, *SIGNS_OF_LIFE) for table in metadata.tables}

    def keys(self) -> dict[str, str]:
        """Partition key of each file by its name."""
        with reading(self.engine) as connection:
            return dict(connection.execute(select(imports.c.file_name, imports.c.partition_key)).all())

    def retry(self, *numbers: str) -> dict[str, int]:
        """Gives failed orders a new attempt."""
        return retry_orders(self.engine, Chosen(numbers), self.settings.transaction_orders, "cli:ada")

    def lines_of(self, number: str) -> list[tuple[int, int, int]]:
        """Units, total in 1/10,000 and file line of an order's lines."""
        query = (
            select(order_lines.c.quantity, order_lines.c.total, order_lines.c.file_line)
            .join(orders)
            .where(orders.c.number == number)
            .order_by(order_lines.c.line)
        )
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def broken_checks(self) -> set[str]:
        """Names of the violated invariants."""
        return {check.name for check in verify_home(self.engine, self.settings) if not check.ok}

    def race(self, *actions: Callable[[ImportBench], object]) -> list[object]:
        """Runs actions concurrently, each on its own connections; returns their results in order."""
        barrier, results = Barrier(len(actions)), [None] * len(actions)
        racers = [
            Thread(target=self._run, args=(barrier, results, at, action)) for at, action in enumerate(actions)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    def _run(
        self, barrier: Barrier, results: list[Any], at: int, action: Callable[[ImportBench], object]
    ) -> None:
        engine = open_engine(self.engine.url.render_as_string(hide_password=False))
        try:
            barrier.wait()
            results[at] = action(replace(self, engine=engine))
        except Exception as error:  # noqa: BLE001 raised by the thread that waits
            results[at] = error
        finally:
            engine.dispose()


STEPS = ("load", "reserve", "charge", "finalize", "roll_back")
