"""Heartbeats of imports, as the watchdog sees them."""

from __future__ import annotations

import threading

from sqlalchemy import update

from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.state.heartbeat import Sign, beating
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import imports
from tests.import_bench import ImportBench, Line


def seen(bench: ImportBench, key: str) -> Import:
    with reading(bench.engine) as connection:
        return get_import(connection, key)


def silence(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(run_beat_at=1, work_beat_at=1))


def test_a_step_shorter_than_a_beat_is_a_heartbeat(bench: ImportBench) -> None:
    key = bench.parsed(Line("1"))
    silence(bench)
    with beating(bench.engine, [key], Sign.WORK):
        pass
    found = seen(bench, key)
    assert (found.work_beat_at or 0) > 1
    assert found.run_beat_at == 1


def test_a_beat_that_cannot_be_noted_does_no_harm_to_the_work(lone_bench: ImportBench) -> None:
    key = lone_bench.parsed(Line("1"))
    nowhere = open_engine(f"sqlite:///{lone_bench.folder / 'without-tables.db'}")
    with beating(nowhere, [key], Sign.WORK, every=0.001):
        assert lone_bench.settle(key).orders["accepted"] == 1
    nowhere.dispose()


def test_a_question_that_fails_after_a_beat_does_not_end_the_beats(bench: ImportBench) -> None:
    key = bench.parsed(Line("1"))
    failed, asked_again = threading.Event(), threading.Event()

    def ask() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("Dagster's storage is away")
        asked_again.set()

    with beating(bench.engine, [key], Sign.RUN, every=0.001, then=ask):
        assert asked_again.wait(60)
