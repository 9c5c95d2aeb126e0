"""A file keeps its partition key, even one of release 0.1.0, and is never mistaken for another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.arrival.keys_of_0_1_0 import key_of_0_1_0
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.reading_instructions import instructions_from
from orders_pipeline.staging.keys import partition_key
from tests.import_bench import RUN, ImportBench, Line
from tests.old_imports import OldImport, old_import, old_imports

each_old_import = pytest.mark.parametrize("old", old_imports(), ids=lambda old: old.file)


def note(bench: ImportBench, *olds: OldImport) -> None:
    """Adds these imports to the store as 0.1.0 did."""
    with bench.engine.begin() as connection:
        for old in olds:
            old.note(connection)


@each_old_import
def test_the_key_that_0_1_0_gave_a_file_is_known(old: OldImport) -> None:
    assert key_of_0_1_0(old.file, old.identity, old.instructions) == old.partition_key


@each_old_import
def test_a_file_about_which_nothing_was_said_keeps_its_key(old: OldImport) -> None:
    same = partition_key(old.file, old.identity.digest) == old.partition_key
    assert same is (old.instructions.words == "")


@each_old_import
def test_a_file_that_0_1_0_staged_is_found_again_and_goes_on(lone_bench: ImportBench, old: OldImport) -> None:
    bench = lone_bench
    note(bench, *{one.file: one for one in (old_import("odd.csv"), old)}.values())
    assert bench.dry_run(old.path, **{**old.words, "max_rejects": None}).partition == old.partition_key
    assert bench.stage(old.path, **{**old.words, "max_rejects": None}) == old.partition_key
    report = bench.settle(old.partition_key)
    assert old.parsed is None or report.records == old.parsed["records"]
    before = bench.everything()
    assert bench.stage(old.path, **old.words) == old.partition_key
    assert bench.everything() == before
    assert bench.broken_checks() == set()


def test_an_import_that_0_1_0_staged_is_launched_without_being_staged_again(lone_bench: ImportBench) -> None:
    for old in old_imports():
        note(lone_bench, old)
        with lone_bench.staging.copied(old.path) as alone:
            copied = lone_bench.staging.with_companion(alone, old.companion)
            lone_bench.staging.keep(copied, old.partition_key)
        if old.file == "limited.csv":
            with pytest.raises(FileRefused, match="The limit is 0"):
                lone_bench.steps.parse(old.partition_key, RUN)
        else:
            lone_bench.settle(old.partition_key)
    assert {old.partition_key for old in old_imports()} == set(lone_bench.keys().values())
    assert lone_bench.broken_checks() == set()


def test_other_words_make_another_import_whose_known_orders_are_duplicates(
    lone_bench: ImportBench,
) -> None:
    old = old_import("said.csv")
    note(lone_bench, old)
    assert lone_bench.settle(lone_bench.stage(old.path, **old.words)).orders["accepted"] == 2
    read_otherwise = lone_bench.stage(old.path, **{**old.words, "encoding": "utf-8"})
    assert lone_bench.settle(read_otherwise).orders == {"accepted": 0, "rejected": 1, "duplicate": 2}
    other_source = lone_bench.stage(old.path, **{**old.words, "source": "web"})
    assert lone_bench.settle(other_source).orders["accepted"] == 2
    assert len({old.partition_key, read_otherwise, other_source}) == 3


def colliding(bench: ImportBench, first: Import) -> Path:
    """A file with the same name and, if keys have one digit, the same key as the first."""
    for number in range(1000):
        file = bench.write(Line(f"other{number}"))
        try:
            if stage_file(bench.engine, bench.staging, file, digits=1).key == first.key:
                break
        except FileRefused:
            return file
    raise AssertionError("no file has the key, or one was taken for another")


def test_a_file_with_the_key_of_another_is_refused_and_leaves_the_other_alone(bench: ImportBench) -> None:
    original = bench.write(Line("1"))
    first = stage_file(bench.engine, bench.staging, original, digits=1)
    text = original.read_text()
    file = colliding(bench, first)
    before = bench.everything()
    with pytest.raises(FileRefused) as refused:
        stage_file(bench.engine, bench.staging, file, digits=1)
    assert refused.value.code == "partition_key_taken"
    assert refused.value.message.count("orders.csv") >= 2
    assert first.file_sha256 in refused.value.message
    assert bench.everything() == before
    with bench.staging.original(first.key) as staged:
        assert staged.read_text() == text
    assert bench.settle(first.key).orders["accepted"] == 1


def test_the_same_file_said_otherwise_is_not_taken_for_the_first_when_their_keys_collide(
    lone_bench: ImportBench,
) -> None:
    file = lone_bench.write(Line("1"))
    stage_file(lone_bench.engine, lone_bench.staging, file, digits=0)
    with pytest.raises(FileRefused, match="content is the same, but their options"):
        stage_file(lone_bench.engine, lone_bench.staging, file, instructions_from({"source": "x"}), digits=0)
    assert len(lone_bench.rows("imports")) == 1


def test_the_companion_counts_when_keys_collide(lone_bench: ImportBench, tmp_path: Path) -> None:
    old = old_import("olist_order_items_dataset.csv")
    assert old.companion is not None
    other = tmp_path / "orders.csv"
    other.write_text(old.companion.read_text() + '"o3","c-1","delivered","2017-04-27 10:53:06"\n')
    for companion, taken in ((old.companion, False), (old.companion, False), (other, True)):
        said = instructions_from({"companion": str(companion)})
        if taken:
            with pytest.raises(FileRefused, match="partition key"):
                stage_file(lone_bench.engine, lone_bench.staging, old.path, said, digits=0)
        else:
            stage_file(lone_bench.engine, lone_bench.staging, old.path, said, digits=0)
