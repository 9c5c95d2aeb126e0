"""Imports with a staging area on S3: the home contains none of their files."""

from __future__ import annotations

import fsspec
import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.staging.remote_area import StagingUnavailable
from tests.import_bench import RUN, ImportBench, Line, many_orders

ORDERS = [*many_orders(40), Line("bad", quantity=0), *many_orders(9, "m", currency="EUR")]


@pytest.fixture
def on_s3(lone_bench: ImportBench, s3_url: str) -> ImportBench:
    """A home whose files are staged on S3, in batches of ten lines."""
    lone_bench.set(staging_url=s3_url, batch_lines=10)
    return lone_bench


def stored(bench: ImportBench) -> set[str]:
    """Names of the objects in the area; all tries have one name."""
    files, root = fsspec.url_to_fs(bench.settings.staging_url)
    files.invalidate_cache()
    return {path.removeprefix(f"{root}/") for path in files.find(root)}


def lose(bench: ImportBench, part: str) -> None:
    """Removes all objects with this in their name."""
    files, root = fsspec.url_to_fs(bench.settings.staging_url)
    for name in [name for name in stored(bench) if part in name]:
        files.rm_file(f"{root}/{name}")


def is_whole(bench: ImportBench, key: str) -> bool:
    report = bench.settle(key)
    assert (report.orders, report.records) == ({"accepted": 49, "rejected": 1, "duplicate": 0}, 50)
    assert set(bench.statuses().values()) == {"completed"}
    assert bench.broken_checks() == set()
    return not list(bench.settings.staging_folder.iterdir())


def test_an_import_leaves_nothing_on_the_machine(on_s3: ImportBench) -> None:
    key = on_s3.stage(on_s3.write(*ORDERS))
    assert is_whole(on_s3, key)
    assert {f"{key}/original", f"{key}/batches"} <= stored(on_s3)


@pytest.mark.parametrize("part", ["parsing-", "batch-0003.orders", "/batches"])
def test_lost_batches_are_parsed_again(on_s3: ImportBench, part: str) -> None:
    key = on_s3.stage(on_s3.write(*ORDERS))
    numbers = on_s3.steps.parse(key, RUN)
    on_s3.up_to("roll_back", key, numbers[0])
    lose(on_s3, part)
    assert is_whole(on_s3, key)


def test_a_lost_original_is_named_and_staging_it_again_helps(on_s3: ImportBench) -> None:
    file = on_s3.write(*ORDERS)
    key = on_s3.stage(file)
    lose(on_s3, "original")
    with pytest.raises(FileRefused, match="is missing") as refused:
        on_s3.steps.parse(key, RUN)
    assert refused.value.code == "staged_file_lost"
    assert on_s3.stage(file) == key
    assert is_whole(on_s3, key)


def test_conflicting_orders_are_exported_from_the_staged_copy(on_s3: ImportBench) -> None:
    on_s3.import_lines(Line("1"))
    key = on_s3.stage(on_s3.write(Line("1", quantity=5), name="second.csv"))
    on_s3.settle(key)
    assert b"1,c1,Ada,MOUSE,Mouse,5," in on_s3.exported(key)


def test_an_area_that_does_not_answer_is_worth_another_try(
    on_s3: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = on_s3.stage(on_s3.write(*ORDERS))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(StagingUnavailable, match="cannot be used") as failed:
        on_s3.steps.parse(key, RUN)
    assert isinstance(failed.value, ConnectionError)
    assert on_s3.found(key).status == "running"
