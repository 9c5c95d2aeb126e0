"""Cache of daily and range KPIs in Redis. Its documents are never older than the published figures.

| key | holds |
|---|---|
| `kpis:daily:{date}[:{CUR}]` | document of a day, 24 hours |
| `kpis:range:{start}:{end}[:{CUR}]` | document of a range, 1 hour; invalidated when a day in it changes |
| `kpis:cached` | sorted set of the keys above, scored by expiry in seconds since 1970 |
| `kpis:generation` | `{store}:{random}`, replaced at each change |

A refresh publishes the new figures first and then changes the generation. A reader notes the generation
before it computes a document. The document is cached only if the generation is still the same.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import redis

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.figures.kpis.kpi_documents import Document, is_of_this_version
from orders_pipeline.figures.redis_keys import currency_suffix
from orders_pipeline.services.redis_clients import UNREACHABLE

DAILY_SECONDS = 24 * 3600
RANGE_SECONDS = 3600
KEYS_AT_ONCE = 1000
GENERATION, INDEX = "kpis:generation", "kpis:cached"
SCRIPTS = "orders_pipeline.figures.kpis"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KpiCache:
    """Documents of days and ranges. `owner` is the id of their order store."""

    client: redis.Redis
    owner: str
    currency: str

    def daily(self, day: date, currency: str, compute: Callable[[], Document]) -> Document:
        """The document of a day. It is computed if it is not in Redis or Redis is down."""
        return self._cached(self._daily_key(day, currency), currency, DAILY_SECONDS, compute)

    def range(self, start: date, end: date, currency: str, compute: Callable[[], Document]) -> Document:
        """The document of a range of days. It is computed if it is not in Redis or Redis is down."""
        key = f"kpis:range:{start}:{end}{currency_suffix(currency, self.currency)}"
        return self._cached(key, currency, RANGE_SECONDS, compute)

    def all_daily(self) -> Iterator[tuple[str, Document]]:
        """The keys and documents of all cached days of this order store."""
        yield from self._held(lambda: list(self.client.scan_iter("kpis:daily:*", count=KEYS_AT_ONCE)))

    def some_daily(self, wanted: Iterable[tuple[date, str]]) -> Iterator[tuple[str, Document]]:
        """The keys and documents of these days and currencies; those that are not cached are left out."""
        yield from self._held(lambda: [self._daily_key(day, currency) for day, currency in wanted])

    def _held(self, find: Callable[[], list[str]]) -> Iterator[tuple[str, Document]]:
        if not str(self.client.get(GENERATION)).startswith(f"{self.owner}:"):
            return
        keys = find()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            part = keys[start : start + KEYS_AT_ONCE]
            for key, found in zip(part, cast(list[str | None], self.client.mget(part)), strict=True):
                if found is not None:
                    yield str(key), json.loads(found)

    def replace_days(self, days: Iterable[date], documents: Mapping[tuple[date, str], Document]) -> None:
        """Invalidates every document that includes one of these days, and caches their new documents.

        The caller must publish the new figures first. Keys of `documents` are day and currency.
        """
        self._own_generation()
        listed = sorted(day.isoformat() for day in days)
        self._run("void.lua", [GENERATION, INDEX], [self._new_generation(), time.time(), *listed])
        with self.client.pipeline(transaction=True) as pipeline:
            for (day, currency), document in documents.items():
                key = self._daily_key(day, currency)
                pipeline.set(key, json.dumps(document), ex=DAILY_SECONDS)
                pipeline.zadd(INDEX, {key: time.time() + DAILY_SECONDS})
            pipeline.execute()

    def _cached(self, key: str, currency: str, lifetime: int, compute: Callable[[], Document]) -> Document:
        try:
            generation = self._own_generation()
            found = cast(str | None, self.client.get(key))
        except UNREACHABLE as error:
            log.warning("Redis is down; figures are computed without it: %s", error)
            return compute()
        document: Document = json.loads(found) if found else {}
        if document.get("currency") == currency and is_of_this_version(document):
            return document
        document = compute()
        with suppress(*UNREACHABLE):
            arguments = [generation, json.dumps(document), lifetime, time.time() + lifetime]
            self._run("fill.lua", [GENERATION, INDEX, key], arguments)
        return document

    def _own_generation(self) -> str:
        generation = cast(str | None, self.client.get(GENERATION))
        if generation is not None and generation.startswith(f"{self.owner}:"):
            return generation
        return self._take_over()

    def _take_over(self) -> str:
        """Drops documents of another or an unknown order store, and starts a new generation."""
        for pattern in ("kpis:daily:*", "kpis:range:*"):
            for key in self.client.scan_iter(pattern, count=1000):
                self.client.delete(key)
        generation = self._new_generation()
        self.client.set(GENERATION, generation)
        return generation

    def _new_generation(self) -> str:
        return f"{self.owner}:{secrets.token_hex(8)}"

    def _daily_key(self, day: date, currency: str) -> str:
        return f"kpis:daily:{day}{currency_suffix(currency, self.currency)}"

    def _run(self, name: str, keys: list[str], arguments: list[Any]) -> None:
        self.client.register_script(package_text(SCRIPTS, f"lua/{name}"))(keys=keys, args=arguments)
