"""Compiled statements, shared by all engines of a process.

A worker opens an engine for each step. With a cache for each engine, it would compile every statement again
in every step, which takes a fifth of the processor time of a small import.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import LRUCache

MOST = 1000


class CompiledStatements(LRUCache[tuple[Any, ...], Any]):
    """A cache for SQLAlchemy's option `compiled_cache`.

    The keys of SQLAlchemy begin with the engine's own dialect object. Here, equal dialects share statements.
    """

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return super().__getitem__(_without_engine(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(_without_engine(key), compiled)

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_without_engine(key), default)


def _without_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return dialect.name, dialect.driver, dialect.server_version_info, *statement


STATEMENTS = CompiledStatements(MOST)
