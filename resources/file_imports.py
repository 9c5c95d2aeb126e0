"""What the ops of an import work on, as one Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.heartbeat import Sign, beating
from orders_pipeline.staging.staging import Staging
from resources.order_store import OrderStore


@dataclass(frozen=True, slots=True)
class FileImports:
    """Opens the steps of an import on the order store and the staging area."""

    order_store: OrderStore
    staging: Staging
    settings: Settings = field(repr=False)

    @contextmanager
    def open(self, key: str) -> Iterator[FileImport]:
        """The steps, with the order store open for as long; meanwhile the import shows signs of life."""
        with self.order_store.open() as engine, beating(engine, key, Sign.WORK):
            yield FileImport(engine, self.staging, self.settings)
