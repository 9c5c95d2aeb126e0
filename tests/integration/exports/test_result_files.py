"""Results in the outbox: each version is complete and written once, even after failures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from orders_pipeline.exports.outbox import Outbox, OutboxUnavailable
from orders_pipeline.exports.result_files import Written, any_due, write_due_results
from orders_pipeline.monitoring.alerts.rule_input import FailedResults
from orders_pipeline.monitoring.observations import _failed_results
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import result_files
from tests.chaos.commit_points import CommitPoints, lose_connection
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.stores import open_test_engine


def write(bench: ImportBench, place: Any = None) -> Written:
    outbox = place if isinstance(place, Outbox) else Outbox(str(place or bench.folder / "outbox"))
    return write_due_results(bench.engine, outbox, bench.folder / "scratch")


def is_due(bench: ImportBench) -> bool:
    with reading(bench.engine) as connection:
        return any_due(connection)


def files(bench: ImportBench) -> dict[str, str]:
    return {path.name: path.read_text() for path in (bench.folder / "outbox").iterdir()}


def declined(bench: ImportBench, name: str = "orders.csv") -> str:
    """Key of a file whose orders are declined."""
    bench.set(payment_success_rate=0)
    key = bench.import_lines(Line(f"{name}-1"), Line(f"{name}-2"), name=name).partition
    bench.set(payment_success_rate=1)
    return key


def paid_after_all(bench: ImportBench, key: str) -> None:
    bench.retry()
    bench.settle(key)


def test_each_change_of_an_outcome_is_a_new_version(bench: ImportBench) -> None:
    key = declined(bench)
    bench.parsed(Line("open"), name="open.csv")
    assert write(bench).names == [f"{key}.csv"]
    assert not is_due(bench)
    paid_after_all(bench, key)
    assert write(bench).names == [f"{key}.v2.csv"]
    RefundBench(bench).refund(asked("orders.csv-1", amount="4.00"))
    assert is_due(bench)
    assert write(bench).names == [f"{key}.v3.csv"]
    assert write(bench) == Written()
    found = files(bench)
    assert set(found) == {f"{key}.csv", f"{key}.v2.csv", f"{key}.v3.csv"}
    assert [found[name].count(",completed,") for name in sorted(found)] == [0, 2, 2]
    assert ",4.00," in found[f"{key}.v3.csv"]


def test_the_same_results_are_no_new_version(lone_bench: ImportBench) -> None:
    bench = lone_bench
    bench.import_lines(Line("1"))
    write(bench)
    before = files(bench)
    RefundBench(bench).refund(asked("1", amount="4.00", kind="dispute"))
    assert write(bench).names == []
    assert (files(bench), is_due(bench)) == (before, False)


def break_off(bench: ImportBench, point: int) -> bool:
    """Writes results until the store breaks off at a point of its commits; returns whether it did."""
    engine = open_test_engine(bench.engine.url.render_as_string(hide_password=False))
    CommitPoints(engine, point, lose_connection)
    try:
        write_due_results(engine, Outbox(str(bench.folder / "outbox")), bench.folder / "scratch")
    except OperationalError:
        return True
    finally:
        engine.dispose()
    return False


def begin_anew(bench: ImportBench) -> None:
    shutil.rmtree(bench.folder / "outbox", ignore_errors=True)
    with bench.engine.begin() as connection:
        connection.execute(result_files.delete())


def test_the_same_files_are_there_if_the_store_breaks_off_at_any_commit(lone_bench: ImportBench) -> None:
    bench = lone_bench
    for name in ("a.csv", "b.csv"):
        declined(bench, name)
    write(bench)
    whole, point = files(bench), 0
    begin_anew(bench)
    while break_off(bench, point):
        write(bench)
        assert (files(bench), is_due(bench)) == (whole, False)
        begin_anew(bench)
        point += 1
    assert (files(bench), point) == (whole, 2 * 2 * len(whole))


@pytest.mark.parametrize("point", range(4))
def test_results_that_change_after_a_crash_replace_no_file(lone_bench: ImportBench, point: int) -> None:
    bench = lone_bench
    key = declined(bench)
    assert break_off(bench, point)
    folder = bench.folder / "outbox"
    before = files(bench) if folder.exists() else {}
    paid_after_all(bench, key)
    write(bench)
    after = files(bench)
    newest = after[f"{key}.v2.csv" if before else f"{key}.csv"]
    assert newest.count(",completed,") == 2
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_an_outbox_that_fails_is_reported_and_holds_up_nothing(bench: ImportBench) -> None:
    key = bench.import_lines(Line("1")).partition
    (bench.folder / "outbox").write_text("no folder")
    assert "cannot be used" in str(write(bench).failure)
    bench.import_lines(Line("2"), name="later.csv")
    with reading(bench.engine) as connection:
        failed = _failed_results(connection, 0)
    assert isinstance(failed, FailedResults)
    assert failed.files == 1
    assert not is_due(bench)
    (bench.folder / "outbox").unlink()
    with bench.engine.begin() as connection:
        connection.execute(update(result_files).values(failed_at=1))
    assert is_due(bench)
    assert len(write(bench).names) == 2
    assert f"{key}.csv" in files(bench)
    with reading(bench.engine) as connection:
        assert _failed_results(connection, 0) is None


@pytest.mark.parametrize("url", ["memory://results", "local://{folder}", "file://{folder}"])
def test_an_outbox_may_be_any_storage(lone_bench: ImportBench, tmp_path: Path, url: str) -> None:
    key = lone_bench.import_lines(Line("1")).partition
    place = url.format(folder=tmp_path / "elsewhere")
    write(lone_bench, place)
    found, root = fsspec.url_to_fs(place)
    (name,) = (path.rpartition("/")[2] for path in found.ls(root, detail=False))
    assert name == f"{key}.csv"
    assert found.cat_file(f"{root}/{name}").startswith(b"number,status")


def test_a_url_that_cannot_be_opened_is_an_outbox_that_fails(tmp_path: Path) -> None:
    opening: Callable[[], object] = lambda: Outbox("nothing://there").put(tmp_path, "a.csv")  # noqa: E731
    with pytest.raises(OutboxUnavailable):
        opening()


def test_a_link_that_a_person_put_into_the_outbox_is_not_followed(tmp_path: Path) -> None:
    outbox, elsewhere, file = tmp_path / "outbox", tmp_path / "elsewhere", tmp_path / "file"
    outbox.mkdir()
    file.write_text("results")
    elsewhere.write_text("kept")
    for name in ("orders.csv", ".orders.csv.part"):
        (outbox / name).symlink_to(elsewhere)
    Outbox(str(outbox)).put(file, "orders.csv")
    assert elsewhere.read_text() == "kept"
    assert {path.name: path.is_symlink() for path in outbox.iterdir()} == {"orders.csv": False}
    assert (outbox / "orders.csv").read_text() == "results"
