"""Imports many small files in one process.

Each step runs for all files before the next one, so that their charges are open at the same time. A file that
fails is left out of the following steps, and the others continue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.import_row import (
    Import,
    UnknownPartitionError,
    find_import,
    get_import,
    seconds_to_settle,
)
from orders_pipeline.imports.results.report import ImportReport, report_import
from orders_pipeline.imports.state.step_failures import WHOLE_FILE, Step, noting_failures
from orders_pipeline.imports.state.traced_steps import traced_step
from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.lifecycle.charge_together import charge_together
from orders_pipeline.payments.gateway import Charge, PaymentGateway
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports


@dataclass(slots=True)
class SmallFile:
    """A small file on its way through the steps."""

    key: str
    import_id: int
    is_new: bool
    batches: list[int] = field(default_factory=list)
    charges: dict[BatchKey, list[Charge]] = field(default_factory=dict)
    report: ImportReport | None = None


@dataclass(slots=True)
class SmallFiles:
    """The import of small files in one run.

    Args:
        boards: the leaderboards to update with finished batches, and with the returns and refunds of files.
        fatal: errors that are not those of a single file; they end the import of all files.
        failed: the error of each file that was not imported, by its partition key.
    """

    steps: FileImport
    run_id: str
    gateway: PaymentGateway
    boards: Leaderboards | None = None
    fatal: tuple[type[Exception], ...] = ()
    failed: dict[str, Exception] = field(default_factory=dict)

    def import_all(self, keys: Sequence[str]) -> Iterator[ImportReport]:
        """Imports the files that await a run, and yields the report of each finished one.

        They are new, or no run has begun them since their orders were reopened.

        After the death of a worker, the repeated step also yields the reports of the files that were already
        finished. It leaves files that were begun to runs of their own, because one of them may have killed
        the worker.
        """
        yield from self._finished_before(keys)
        files = list(self._each(self._waiting(keys), self._parse))
        files = list(self._each(files, self._reserve))
        files = list(self._each(files, self._request_payments))
        charges = {key: batch for file in files for key, batch in file.charges.items()}
        still_open = charge_together(self.steps.engine, self.gateway, charges)
        for file in self._each(files, lambda file: self._settle(file, still_open)):
            if file.report:
                yield file.report

    def _waiting(self, keys: Sequence[str]) -> list[SmallFile]:
        is_new = imports.c.status == ImportStatus.STAGED
        reopened = (imports.c.status == ImportStatus.RUNNING) & (imports.c.launches == 0)
        # A task that is delivered again leaves out the files that this run has already begun.
        reopened &= imports.c.run_id.is_distinct_from(self.run_id)
        files = select(imports.c.partition_key, imports.c.id, is_new).where(imports.c.partition_key.in_(keys))
        with reading(self.steps.engine) as connection:
            wanted = reopened if current_pause(connection) else is_new | reopened
            return [SmallFile(*row) for row in connection.execute(files.where(wanted).order_by(imports.c.id))]

    def _finished_before(self, keys: Sequence[str]) -> list[ImportReport]:
        finished = select(imports.c.partition_key).where(
            imports.c.partition_key.in_(keys),
            imports.c.status == ImportStatus.FINISHED,
            imports.c.run_id == self.run_id,
        )
        with reading(self.steps.engine) as connection:
            again = [get_import(connection, key) for key in connection.execute(finished).scalars().all()]
            return [report_import(connection, found, seconds_to_settle(found)) for found in again]

    def _each(self, files: Iterable[SmallFile], step: Callable[[SmallFile], None]) -> Iterator[SmallFile]:
        """Runs a step for each file, and yields the files that did not fail."""
        for file in files:
            try:
                step(file)
            except self.fatal:
                raise
            except Exception as error:  # noqa: BLE001 it is stored, and a failed file harms no other
                self.failed[file.key] = error
            else:
                yield file

    def _parse(self, file: SmallFile) -> None:
        with self._noted(file, "parse_order_file"):
            file.batches = self.steps.parse(file.key, self.run_id)

    def _reserve(self, file: SmallFile) -> None:
        for number in file.batches:
            with self._noted(file, "load_orders", number):
                self.steps.load(file.key, number)
            with self._noted(file, "reserve_stock", number):
                self.steps.reserve(file.key, number)

    def _request_payments(self, file: SmallFile) -> None:
        for number in file.batches:
            with self._noted(file, "charge_payments", number):
                charges = self.steps.request_payments(file.key, number)
            file.charges[BatchKey(file.import_id, number)] = charges

    def _settle(self, file: SmallFile, still_open: Mapping[BatchKey, Exception]) -> None:
        for number in file.batches:
            with self._noted(file, "charge_payments", number):
                if error := still_open.get(BatchKey(file.import_id, number)):
                    raise error
            with self._noted(file, "finalize_orders", number):
                finalized = self.steps.finalize(file.key, number)
                if self.boards:
                    self.boards.publish_window(finalized.window)
            with self._noted(file, "roll_back_orders", number):
                self.steps.roll_back(file.key, number)
        with self._noted(file, "summarize_import"):
            file.report = self.steps.finish(file.key, self.boards)

    @contextmanager
    def _noted(self, file: SmallFile, name: str, batch: int = WHOLE_FILE) -> Iterator[None]:
        """Stores a failure under the name of the step's op, so that its success in another run removes it."""
        step, engine = Step(file.key, name, self.run_id, batch), self.steps.engine
        with noting_failures(engine, step, first_try=file.is_new), traced_step(engine, step):
            yield


def require_staged(connection: Connection, keys: Sequence[str]) -> None:
    """Checks that a file is staged under each of these partition keys.

    Raises:
        UnknownPartitionError: none is staged under one of them.
    """
    found = connection.execute(select(imports.c.partition_key).where(imports.c.partition_key.in_(keys)))
    if unknown := set(keys).difference(found.scalars()):
        raise UnknownPartitionError(min(unknown))


def refusals_of(connection: Connection, keys: Sequence[str], run_id: str) -> dict[str, str]:
    """Returns the codes of the refused files of a run, by partition key."""
    refused = select(imports.c.partition_key, imports.c.refused_code).where(
        imports.c.partition_key.in_(keys),
        imports.c.status == ImportStatus.REFUSED,
        imports.c.run_id == run_id,
    )
    return dict(connection.execute(refused.order_by(imports.c.id)).all())


def first_unfinished(connection: Connection, keys: Sequence[str]) -> Import | None:
    """Returns one of these imports that is not finished, refused or stalled."""
    unfinished = (ImportStatus.STAGED, ImportStatus.RUNNING)
    query = select(imports.c.partition_key).where(
        imports.c.partition_key.in_(keys), imports.c.status.in_(unfinished)
    )
    key = connection.execute(query.order_by(imports.c.id).limit(1)).scalar()
    return find_import(connection, key) if key else None
