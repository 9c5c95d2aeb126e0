"""Partition keys, and the files in the staging area under them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from socket import AF_UNIX, socket

import fsspec
import pytest
from fsspec.registry import _registry as known_filesystems
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.staging.keys import KEY_PATTERN, BadPartitionKey, partition_key, safe
from orders_pipeline.staging.remote_area import StagingUnavailable
from orders_pipeline.staging.staging import CopiedFile, Staging, hash_file, open_staging

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
    assert (Path("/staging") / safe(key)).parent == Path("/staging")


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../x", "a/b", "a\\b", "a..b", "a\0b", "a\n", "é", " a", ".a", "a" * 300]
)
def test_what_could_lead_elsewhere_is_no_key(key: str, tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    for use in (staging.clear_tries, staging.remove, staging.remove_batches):
        with pytest.raises(BadPartitionKey, match="orders stage FILE"):
            use(key)


@pytest.mark.parametrize("name", ["../../x.csv", "/x.csv", "..", "/", "a/..", "x.csv"])
def test_no_name_leads_out_of_the_staging_area(name: str, tmp_path: Path) -> None:
    file = tmp_path / "sent"
    file.write_bytes(b"x")
    staging = Staging(tmp_path / "staging")
    with staging.copied(file, name=name) as copied:
        assert copied.original.is_relative_to(staging.folder)
        assert copied.original.resolve() == copied.original
        assert copied.name in ("x.csv", "orders")


@pytest.fixture(params=["folder", "memory"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    """An empty staging area: a local folder, or a store without folders and renaming."""
    url = f"memory://{tmp_path}/area" if request.param == "memory" else ""
    return Staging(tmp_path / "staging", url)


def in_it(staging: Staging) -> set[str]:
    """Names of all files in the area."""
    if not staging.url:
        return {str(path.relative_to(staging.folder)) for path in staging.folder.rglob("*") if path.is_file()}
    files, root = fsspec.url_to_fs(staging.url)
    return {path.removeprefix(f"{root}/") for path in files.find(root)}


def stage(staging: Staging, file: Path, companion: Path | None = None) -> tuple[str, CopiedFile]:
    """Key of a file that was staged, and its copy."""
    with staging.copied(file) as alone:
        copied = staging.with_companion(alone, companion)
        key = partition_key(file.name, copied.sha256)
        staging.keep(copied, key)
        return key, copied


def parse_a_batch(staging: Staging, key: str, content: str, *, keep: bool = True) -> None:
    """Does what parsing does: sends and keeps the batches of one try."""
    with staging.parsing(key) as folder:
        folder.mkdir(parents=True)
        for part in ("orders", "lines"):
            (folder / f"batch-0001.{part}.parquet").write_text(content)
        staging.send_batches(key, folder)
        if keep:
            staging.keep_batches(key, folder)


def batch_content(staging: Staging, key: str) -> set[str]:
    with staging.batch(key, 1) as folder:
        return {path.read_text() for path in folder.glob("batch-0001.*")}


def test_a_staged_file_is_a_copy_with_its_hash(staging: Staging, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(b"abc" * 500_000)
    key, copied = stage(staging, file)
    with staging.original(key) as copy:
        assert copy.read_bytes() == file.read_bytes()
    assert (copied.sha256, copied.bytes) == (hash_file(file), 1_500_000)
    assert in_it(staging) == {f"{key}/original"}
    assert not list(staging.folder.glob(".incoming-*"))


def test_a_copy_that_is_not_kept_leaves_nothing(staging: Staging, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    with staging.copied(file) as alone:
        copied = staging.with_companion(alone, file)
        assert copied.companion_sha256 == copied.sha256 == hash_file(copied.original)
    assert in_it(staging) == set()
    assert list(staging.folder.iterdir()) == []


def test_a_file_that_changes_after_staging_changes_no_staged_one(staging: Staging, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("first")
    first, _ = stage(staging, file)
    file.write_text("second")
    assert stage(staging, file)[0] != first
    with staging.original(first) as copy:
        assert copy.read_text() == "first"


def test_a_companion_is_next_to_its_file_under_its_own_name(staging: Staging, tmp_path: Path) -> None:
    file, companion = tmp_path / "items.csv", tmp_path / "heads.csv"
    file.write_text("items")
    companion.write_text("heads")
    key, _ = stage(staging, file, companion)
    assert staging.has_companion(key, "/elsewhere/heads.csv")
    assert not staging.has_companion(key, "")
    with staging.companion(key, "/elsewhere/heads.csv") as copy:
        assert copy is not None
        assert (copy.name, copy.read_text()) == ("heads.csv", "heads")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(staging: Staging, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    file.chmod(0)
    with pytest.raises(FileRefused, match="cannot be read"):
        stage(staging, file)


def test_a_file_that_went_missing_is_refused_and_leaves_nothing(staging: Staging, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="does not exist"):
        stage(staging, tmp_path / "orders.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_staging_area_that_cannot_be_written_is_no_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    (tmp_path / "staging").write_text("a file where the folder should be")
    with pytest.raises(StagingUnavailable, match="cannot be written: Not a directory"):
        stage(Staging(tmp_path / "staging"), file)


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder"])
def test_what_is_no_regular_file_is_refused_without_opening_it(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_text("x")
    path = tmp_path / "orders.csv"
    with socket(AF_UNIX) as made:
        match kind:
            case "link":
                path.symlink_to(tmp_path / "secret")
            case "pipe":
                os.mkfifo(path)
            case "socket":
                made.bind(str(path))
            case _:
                path.mkdir()
        staging = Staging(tmp_path / "staging")
        with pytest.raises(FileRefused, match=" is a ") as refused, staging.copied(path, follow_links=False):
            pass
    assert refused.value.code == "not_a_file"
    assert not [one for one in (tmp_path / "staging").rglob("*") if one.is_file()]


def test_one_try_at_parsing_does_not_see_another(staging: Staging) -> None:
    key = partition_key("orders.csv", SHA)
    with staging.parsing(key) as first, staging.parsing(key) as second:
        for number, folder in enumerate((first, second)):
            folder.mkdir(parents=True)
            for part in ("orders", "lines"):
                (folder / f"batch-0001.{part}.parquet").write_text(str(number))
        staging.send_batches(key, second)
        staging.keep_batches(key, second)
    assert batch_content(staging, key) == {"1"}


def test_batches_that_were_only_sent_are_not_there_yet(staging: Staging) -> None:
    key = partition_key("orders.csv", SHA)
    parse_a_batch(staging, key, "sent", keep=False)
    assert not staging.has_batches(key, [1])


def test_batches_are_exchanged_as_a_whole(staging: Staging) -> None:
    key = partition_key("orders.csv", SHA)
    for content in ("first PAR1", "second PAR1"):
        parse_a_batch(staging, key, content)
    assert staging.has_batches(key, [1])
    assert not staging.has_batches(key, [1, 2])
    assert batch_content(staging, key) == {"second PAR1"}


def test_a_batch_that_vanishes_while_batches_are_looked_at_is_not_there(tmp_path: Path) -> None:
    staging, key = Staging(tmp_path), partition_key("orders.csv", SHA)
    parse_a_batch(staging, key, "PAR1")
    # The file is listed, but gone when it is opened.
    batch = tmp_path / key / "batches" / "batch-0001.orders.parquet"
    batch.unlink()
    batch.symlink_to("gone")
    assert not staging.has_batches(key, [1])


def test_the_name_of_a_staged_file_is_on_disk_with_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, companion = tmp_path / "items.csv", tmp_path / "heads.csv"
    file.write_text("items")
    companion.write_text("heads")
    synced: dict[str, set[str]] = {}

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced[path.name] = {found.name for found in path.iterdir()} if path.is_dir() else set()

    monkeypatch.setattr(os, "fsync", note)
    key, _ = stage(Staging(tmp_path / "staging"), file, companion)
    folders = {name: names for name, names in synced.items() if names}
    assert {"items.csv", "companion", "heads.csv"} <= synced.keys()
    assert folders.pop("staging") >= {key}
    assert folders == {key: {"original", "companion"}, "companion": {"heads.csv"}}


def test_what_killed_tries_left_behind_is_removed_and_the_batches_stay(staging: Staging) -> None:
    key = partition_key("orders.csv", SHA)
    parse_a_batch(staging, key, "kept")
    kept = in_it(staging)
    parse_a_batch(staging, key, "left", keep=False)
    left = staging.parsing(key)
    folder = left.__enter__()
    folder.mkdir(parents=True)
    (folder / "batch-0001.orders.parquet").write_text("left")
    staging.send_batches(key, folder)
    staging.clear_tries(key)
    assert in_it(staging) == kept
    assert batch_content(staging, key) == {"kept"}


def test_removed_batches_leave_the_original_and_removing_all_leaves_nothing(
    staging: Staging, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    key, _ = stage(staging, file)
    parse_a_batch(staging, key, "old")
    staging.remove_batches(key)
    assert in_it(staging) == {f"{key}/original"}
    assert not staging.has_batches(key, [1])
    staging.remove(key)
    staging.remove(key)
    assert in_it(staging) == set()
    with pytest.raises(FileRefused, match="is missing"), staging.original(key):
        pass


def test_what_was_fetched_is_removed_and_so_is_what_a_killed_process_fetched(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("x")
    staging = Staging(tmp_path / "staging", f"memory://{tmp_path}/area")
    key, _ = stage(staging, file)
    left = staging.folder / ".scratch-left"
    left.mkdir()
    os.utime(left, (0, 0))
    with staging.original(key) as copy:
        assert [path.name for path in staging.folder.iterdir()] == [copy.parent.name]
    assert list(staging.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nothing://x", "ORDERS_STAGING_URL: Protocol not known: nothing"),
        ("s3://bucket", r"s3:// needs another package: pip install 'orders-pipeline\[s3\]'"),
    ],
)
def test_an_area_that_cannot_be_opened_says_what_is_missing(
    url: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(known_filesystems, "s3", raising=False)
    with pytest.raises(SettingsError, match=says):
        Staging(tmp_path, url).has_batches(partition_key("orders.csv", SHA), [1])


def test_a_folder_that_all_machines_mount_is_a_local_one(tmp_path: Path) -> None:
    assert open_staging(Settings(home=tmp_path, staging_url="file:///mnt/staging")) == Staging(
        Path("/mnt/staging")
    )
