"""Partition keys and the folders that they name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.options import ReadOptions
from orders_pipeline.intake import said_of
from orders_pipeline.staging import KEY_PATTERN, BadPartitionKey, Staging, hash_file, partition_key

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("orders.csv", "orders.csv-0123456789ab"),
        ("Orders 2025 (final).csv", "Orders_2025_final_.csv-0123456789ab"),
        ("../../etc/passwd", "_._etc_passwd-0123456789ab"),
        ("a...b..csv", "a.b.csv-0123456789ab"),
        ("...", "file-0123456789ab"),
        ("заказы.csv", "_.csv-0123456789ab"),
        ("a\0b\n.csv", "a_b_.csv-0123456789ab"),
    ],
)
def test_a_key_is_the_plain_name_and_a_hash(name: str, key: str) -> None:
    assert partition_key(name, SHA) == key


@given(st.text())
def test_every_name_gives_a_key_that_is_a_safe_folder_name(name: str) -> None:
    key = partition_key(name, SHA)
    assert KEY_PATTERN.fullmatch(key)
    assert ".." not in key
    assert len(key.encode()) < 255
    assert Staging(Path("/staging")).folder(key).parent == Path("/staging")


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../x", "a/b", "a\\b", "a..b", "a\0b", "a\n", "é", " a", ".a", "a" * 300]
)
def test_what_could_lead_elsewhere_is_no_key(key: str, tmp_path: Path) -> None:
    with pytest.raises(BadPartitionKey, match="orders stage FILE"):
        Staging(tmp_path).folder(key)


def test_the_same_file_read_another_way_is_another_partition() -> None:
    ways = [
        said_of(None, None, ReadOptions()),
        said_of("default", None, ReadOptions()),
        said_of(None, "default", ReadOptions()),
        said_of(None, None, ReadOptions(encoding="cp1252")),
        said_of(None, None, ReadOptions(delimiter="cp1252")),
    ]
    assert ways[0] == ""
    assert len({partition_key("orders.csv", SHA, said) for said in ways}) == len(ways)


def test_a_staged_file_is_a_copy_with_its_hash(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(b"abc" * 500_000)
    staged = Staging(tmp_path / "staging").add(file)
    assert staged.path.read_bytes() == file.read_bytes()
    assert (staged.sha256, staged.bytes) == (hash_file(file), 1_500_000)
    assert Staging(tmp_path / "staging").original(staged.key) == staged.path
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [staged.key]


def test_a_file_that_changes_after_staging_changes_no_staged_one(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("first")
    staging = Staging(tmp_path / "staging")
    first = staging.add(file)
    file.write_text("second")
    assert staging.add(file).key != first.key
    assert first.path.read_text() == "first"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    file.chmod(0)
    with pytest.raises(FileRefused, match="cannot be staged"):
        Staging(tmp_path / "staging").add(file)


def test_a_file_that_went_missing_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be staged: No such file"):
        Staging(tmp_path / "staging").add(tmp_path / "orders.csv")
    assert list((tmp_path / "staging").iterdir()) == []


def test_one_try_at_parsing_does_not_see_another(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    key = partition_key("orders.csv", SHA)
    with staging.parsing(key) as first, staging.parsing(key) as second:
        for number, folder in enumerate((first, second)):
            folder.mkdir(parents=True)
            (folder / "batch").write_text(str(number))
        staging.keep_batches(key, second)
    assert (staging.batches(key) / "batch").read_text() == "1"
    assert list(staging.folder(key).iterdir()) == [staging.batches(key)]


def test_what_killed_tries_left_behind_is_removed(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    key = partition_key("orders.csv", SHA)
    left = staging.parsing(key)
    left.__enter__().mkdir(parents=True)
    staging.clear_tries(key)
    assert list(staging.folder(key).iterdir()) == []
