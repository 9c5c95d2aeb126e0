"""The inbox folder: what counts as complete, and where files go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.staging.inbox import Inbox

REFUSED = FileRefused("unknown_header", "No profile fits.", "Name one.")


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    (tmp_path / "inbox").mkdir()
    return Inbox(tmp_path / "inbox", stable_seconds=0)


def put(inbox: Inbox, name: str, content: str = "content") -> Path:
    file = inbox.folder / name
    file.write_text(content)
    return file


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(Inbox(tmp_path / "nowhere").complete_files()) == []


def test_files_come_by_name_and_folders_do_not(inbox: Inbox) -> None:
    for name in ("b.csv", "a.csv"):
        put(inbox, name)
    (inbox.folder / "a folder").mkdir()
    assert [path.name for path in inbox.complete_files()] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", [".hidden.csv", "a.csv.part", "a.csv.TMP", "a.crdownload", "a.filepart"])
def test_unfinished_transfers_are_left_alone(inbox: Inbox, name: str) -> None:
    put(inbox, name)
    assert list(inbox.complete_files()) == []


def test_a_file_that_still_changes_is_left_alone(inbox: Inbox) -> None:
    put(inbox, "a.csv")
    assert list(Inbox(inbox.folder, stable_seconds=60).complete_files()) == []


def test_a_file_whose_time_was_set_back_is_still_new(inbox: Inbox) -> None:
    hour_ago = time.time() - 3600
    os.utime(put(inbox, "a.csv"), (hour_ago, hour_ago))
    assert list(Inbox(inbox.folder, stable_seconds=60).complete_files()) == []


def test_a_file_that_was_taken_away_meanwhile_harms_nothing(inbox: Inbox) -> None:
    for name in ("a.csv", "b.csv"):
        put(inbox, name)
    names = []
    for path in inbox.complete_files():
        names.append(path.name)
        (inbox.folder / "b.csv").unlink(missing_ok=True)
    assert names == ["a.csv"]


def test_a_link_to_nothing_harms_nothing(inbox: Inbox) -> None:
    (inbox.folder / "a.csv").symlink_to(inbox.folder / "nothing")
    assert list(inbox.complete_files()) == []


def test_kept_files_of_one_name_stand_side_by_side(inbox: Inbox) -> None:
    kept = [inbox.keep(put(inbox, "a.csv", f"content {number}")) for number in range(3)]
    assert [path.name for path in kept] == ["a.csv", "a-2.csv", "a-3.csv"]
    assert [path.read_text() for path in kept] == ["content 0", "content 1", "content 2"]
    assert list(inbox.complete_files()) == []


def test_a_quarantined_file_has_its_reason_beside_it(inbox: Inbox) -> None:
    target = inbox.quarantine(put(inbox, "a.csv"), REFUSED)
    assert target == inbox.folder / "quarantine" / "a.csv"
    reason = target.with_name("a.csv.reason.txt")
    assert reason.read_text() == "unknown_header\nNo profile fits.\nName one.\n"
