"""The order store as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current


@dataclass(frozen=True, slots=True)
class OrderStore:
    """Opens the order store; a plain object, so that no URL with a password shows in the Dagster UI."""

    url: str = field(repr=False)

    @contextmanager
    def open(self) -> Iterator[Engine]:
        """An engine on tables of the current version, closed afterwards."""
        engine = open_engine(self.url)
        try:
            ensure_current(engine)
            yield engine
        finally:
            engine.dispose()
