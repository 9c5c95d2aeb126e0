"""The steps of a file import as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.state.heartbeat import Sign, beating
from orders_pipeline.staging.staging import Staging
from resources.order_store import OrderStore


@dataclass(frozen=True, slots=True)
class FileImports:
    """Opens the steps of an import on the order store and the staging area."""

    order_store: OrderStore
    staging: Staging
    settings: Settings = field(repr=False)

    @contextmanager
    def open(self, *keys: str) -> Iterator[FileImport]:
        """The steps of imports. In this context the order store is open and these imports send heartbeats."""
        with self.order_store.open() as engine, beating(engine, keys, Sign.WORK):
            yield FileImport(engine, self.staging, self.settings)
