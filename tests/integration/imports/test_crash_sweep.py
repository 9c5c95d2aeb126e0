"""An import that is killed at each of its commits in turn, and launched again.

`CRASH_POINT=17 pytest tests/integration/imports/test_crash_sweep.py` replays one point.
"""

from __future__ import annotations

import os
import random
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from orders_pipeline.payments.gateway import idempotency_key
from tests.chaos.commit_points import KILLED, CommitPoints, lose_connection
from tests.chaos.crashing_import import (
    GATEWAY_URL,
    LINES,
    bench_at,
    crash,
    crashing_imports,
    prepare,
    run_import,
    run_over_http,
    run_together,
)
from tests.chaos.outcomes import outcomes
from tests.import_bench import RUN, STEPS, ImportBench
from tests.servers.gateway_server import GatewayServer, running_gateway
from tests.services import create_database, drop_database
from tests.stores import open_test_engine
from tests.sweeps import cases, sample

# `make sweep SWEEPS=20` tries every point of an import.
FIRST_CRASHES, SECOND_CRASHES, LOST_ANSWERS, CRASHES_TOGETHER, CRASHES_OVER_HTTP = 10, 2, 4, 4, 4


@pytest.fixture(scope="session")
def crasher() -> Iterator[Popen[str]]:
    with crashing_imports() as process:
        yield process


@pytest.fixture
def prepared(store_url: str, tmp_path: Path) -> tuple[str, Path]:
    """URL and folder of a home to copy, in which one import has ended."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    engine = open_test_engine(store_url)
    prepare(bench_at(engine, folder))
    engine.dispose()
    return store_url, folder


@contextmanager
def copy_of(prepared: tuple[str, Path]) -> Iterator[ImportBench]:
    """A copy of the prepared home, which is removed afterwards."""
    url, folder = prepared
    copied = folder.with_name(uuid.uuid4().hex)
    shutil.copytree(folder, copied)
    engine = open_test_engine(_copy_store(url, copied))
    try:
        yield bench_at(engine, copied)
    finally:
        engine.dispose()
        shutil.rmtree(copied)
        if engine.dialect.name == "postgresql":
            drop_database(url.rpartition("/")[0], str(engine.url.database))


def _copy_store(url: str, folder: Path) -> str:
    server, _, database = url.rpartition("/")
    if url.startswith("sqlite"):
        return f"sqlite:///{shutil.copy(str(make_url(url).database), folder)}"
    return create_database(server, f"copy_{uuid.uuid4().hex}", database)


def undisturbed(
    prepared: tuple[str, Path], action: Callable[[ImportBench], object] = run_import
) -> tuple[int, object]:
    """How many points an import has, and its undisturbed result."""
    with copy_of(prepared) as bench:
        commits = CommitPoints(bench.engine)
        action(bench)
        assert bench.broken_checks() == set()
        assert set(bench.statuses().values()) >= {"completed", "rollback"}
        return commits.points, outcomes(bench.engine)


def _chosen(points: int, store_url: str, crashes: int = FIRST_CRASHES) -> list[int]:
    """The crash points to try, different ones for each kind of store."""
    if "CRASH_POINT" in os.environ:
        return [int(os.environ["CRASH_POINT"])]
    return sample(range(points), crashes, make_url(store_url).get_backend_name())


@pytest.mark.timeout(900)
def test_an_import_killed_at_any_commit_has_the_same_result_when_launched_again(
    prepared: tuple[str, Path], store_url: str, crasher: Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    points, expected = undisturbed(prepared)
    for point in (chosen := _chosen(points, store_url)):
        with copy_of(prepared) as bench:
            assert crash(crasher, bench, point) == KILLED
            run_import(bench)
            assert outcomes(bench.engine) == expected, f"replay with CRASH_POINT={point}"
            assert bench.broken_checks() == set(), f"replay with CRASH_POINT={point}"
    with capsys.disabled():
        os.write(1, f" [{len(chosen)} of {points} crash points recovered] ".encode())


@pytest.mark.timeout(900)
def test_files_of_a_shared_run_that_is_killed_have_the_same_result_when_it_is_delivered_again(
    prepared: tuple[str, Path], store_url: str, crasher: Popen[str]
) -> None:
    points, expected = undisturbed(prepared, run_together)
    for point in _chosen(points, store_url, CRASHES_TOGETHER):
        with copy_of(prepared) as bench:
            assert crash(crasher, bench, point, "together") == KILLED
            # The watchdog launches files that were begun in runs of their own.
            for key in run_together(bench):
                bench.settle(key)
            assert outcomes(bench.engine) == expected, f"replay with CRASH_POINT={point}"
            assert bench.broken_checks() == set(), f"replay with CRASH_POINT={point}"


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """A gateway that forgets keys at once, so sending a charge again would capture it twice."""
    with running_gateway(tmp_path_factory.mktemp("gateway"), "--forget-keys", "0") as server:
        yield server


@pytest.mark.timeout(900)
def test_an_import_killed_at_any_commit_captures_once_though_the_gateway_forgets_its_keys(
    store_url: str, tmp_path: Path, crasher: Popen[str], forgetful: GatewayServer
) -> None:
    (folder := tmp_path / "prepared").mkdir()
    engine = open_test_engine(store_url)
    bench_at(engine, folder).stock(MOUSE=100, CABLE=100, RARE=1)
    engine.dispose()
    (folder / GATEWAY_URL).write_text(forgetful.url)
    with copy_of((store_url, folder)) as bench:
        commits = CommitPoints(bench.engine)
        run_over_http(bench)
        assert_captured_once(bench, forgetful)
    killed = 0
    for point in _chosen(commits.points, store_url, CRASHES_OVER_HTTP):
        with copy_of((store_url, folder)) as bench:
            ended = crash(crasher, bench, point, "over_http")
            # Outcomes are saved every half second, so a quick run has fewer commits than a slow one.
            assert ended in (KILLED, 0)
            killed += ended == KILLED
            run_over_http(bench)
            assert_captured_once(bench, forgetful)
    assert killed


def assert_captured_once(bench: ImportBench, gateway: GatewayServer) -> None:
    source, statuses = bench.folder.name, bench.statuses()
    assert set(statuses.values()) <= {"completed", "rollback", "failed"}
    captured = {reference for reference, (_, _, transaction) in gateway.journal().items() if transaction}
    assert {reference for reference in captured if reference.startswith(f"{source}/")} == {
        idempotency_key(source, number, 1) for number, status in statuses.items() if status == "completed"
    }


def test_a_step_whose_commit_was_not_answered_has_the_same_result_when_tried_again(
    prepared: tuple[str, Path],
) -> None:
    points, expected = undisturbed(prepared)
    after_commits = range(1, points, 2)
    for point in sample(after_commits, LOST_ANSWERS, "lost"):
        with copy_of(prepared) as bench:
            CommitPoints(bench.engine, point, lose_connection)
            import_stubbornly(bench)
            assert outcomes(bench.engine) == expected, f"point {point}"
            assert bench.broken_checks() == set(), f"point {point}"


def import_stubbornly(bench: ImportBench) -> None:
    """The import, in which steps that lost their connection are retried as Dagster does."""
    key = twice(lambda: bench.stage_with_returns(*LINES))
    for number in twice(lambda: bench.steps.parse(key, RUN)):
        for name in STEPS:
            twice(partial(bench.step, name, key, number))
    twice(lambda: bench.steps.finish(key))


def twice(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except OperationalError:
        return action()


def test_an_import_killed_again_while_it_recovers_has_the_same_result(
    prepared: tuple[str, Path], crasher: Popen[str]
) -> None:
    points, expected = undisturbed(prepared)
    draw = random.Random(5)  # noqa: S311 no secret
    for _ in range(cases(SECOND_CRASHES)):
        first, second = draw.randrange(points), draw.randrange(points)
        with copy_of(prepared) as bench:
            assert crash(crasher, bench, first) == KILLED
            # A relaunch has fewer commits than the first launch, so it may end before it would be killed.
            assert crash(crasher, bench, second) in (KILLED, 0)
            run_import(bench)
            assert outcomes(bench.engine) == expected, f"killed at {first}, then at {second}"
            assert bench.broken_checks() == set(), f"killed at {first}, then at {second}"
