"""The inbox folder: which files are complete, and where they are moved."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.staging.inbox import Inbox, InboxUnusable

REFUSED = FileRefused("unknown_header", "No profile fits.", "Name one.")


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    (tmp_path / "inbox").mkdir()
    return Inbox(tmp_path / "inbox", stable_seconds=0)


def put(inbox: Inbox, name: str, content: str = "content") -> Path:
    file = inbox.folder / name
    file.write_text(content)
    return file


def names_in(inbox: Inbox) -> list[str]:
    """Names of the complete files."""
    return sorted(name for _, name in inbox.waiting())


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert names_in(Inbox(tmp_path / "nowhere")) == []


def test_files_come_by_name_and_folders_do_not(inbox: Inbox) -> None:
    for name in ("b.csv", "a.csv"):
        put(inbox, name)
    (inbox.folder / "a folder").mkdir()
    assert names_in(inbox) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", [".hidden.csv", "a.csv.part", "a.csv.TMP", "a.crdownload", "a.filepart"])
def test_unfinished_transfers_are_left_alone(inbox: Inbox, name: str) -> None:
    put(inbox, name)
    assert names_in(inbox) == []


def test_a_file_that_still_changes_is_left_alone(inbox: Inbox) -> None:
    put(inbox, "a.csv")
    assert names_in(Inbox(inbox.folder, stable_seconds=60)) == []


def test_a_file_whose_time_was_set_back_is_still_new(inbox: Inbox) -> None:
    hour_ago = time.time() - 3600
    os.utime(put(inbox, "a.csv"), (hour_ago, hour_ago))
    assert names_in(Inbox(inbox.folder, stable_seconds=60)) == []


@pytest.mark.parametrize("ahead", [-3600, 3600], ids=["behind", "ahead"])
def test_the_clock_of_a_file_server_decides_in_its_own_folder(
    inbox: Inbox, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.require_usable()
    put(inbox, "a.csv")
    machine = time.time() - ahead
    monkeypatch.setattr(time, "time", lambda: machine)
    monkeypatch.setattr(time, "time_ns", lambda: int(machine * 1e9))
    assert names_in(inbox) == ["a.csv"]
    assert names_in(Inbox(inbox.folder, stable_seconds=60)) == []


def test_what_is_no_folder_is_listed_whatever_it_is(inbox: Inbox) -> None:
    (inbox.folder / "link.csv").symlink_to(inbox.folder / "nothing")
    (inbox.folder / "link to a folder").symlink_to(inbox.folder.parent)
    os.mkfifo(inbox.folder / "pipe.csv")
    names = names_in(inbox)
    assert names == ["link to a folder", "link.csv", "pipe.csv"]


def test_a_file_with_a_time_in_the_future_is_complete(inbox: Inbox) -> None:
    next_year = time.time() + 365 * 86400
    file = put(inbox, "a.csv")
    os.utime(file, (next_year, next_year))
    assert names_in(inbox) == [file.name]


def test_kept_files_of_one_name_stand_side_by_side(inbox: Inbox) -> None:
    kept = [inbox.keep(put(inbox, "a.csv", f"content {number}")) for number in range(3)]
    assert [path.name for path in kept] == ["a.csv", "a-2.csv", "a-3.csv"]
    assert [path.read_text() for path in kept] == ["content 0", "content 1", "content 2"]
    assert names_in(inbox) == []


def test_many_files_of_one_name_are_all_kept(inbox: Inbox) -> None:
    kept = {inbox.keep(put(inbox, "a.csv")).name for _ in range(20)}
    assert len(kept) == 20
    assert all(name.startswith("a") and name.endswith(".csv") for name in kept)


@pytest.mark.parametrize(
    ("name", "kept_as"),
    [
        (b"a\xff.csv", r"a\xff.csv"),
        (b"\x1b[2J.csv", r"\x1b[2J.csv"),
        (b"n" * 251 + b".csv", "n" * 228 + ".csv"),
        ("\N{SNOWMAN}".encode() * 85, "\N{SNOWMAN}" * 77),
        (b"\xff" * 255, (r"\xff" * 60)[:232]),
        (b"a." + b"x" * 250, "a." + "x" * 230),
    ],
)
def test_files_are_kept_under_names_that_can_be_printed_and_numbered(
    inbox: Inbox, name: bytes, kept_as: str
) -> None:
    for number in range(2):
        path = inbox.folder / os.fsdecode(name)
        path.write_text("x")
        kept = inbox.quarantine(path, REFUSED)
        assert kept.name.isprintable()
        assert len(os.fsencode(kept.name + ".reason.txt")) <= 255
        if number == 0:
            assert kept.name == kept_as
    assert len(list((inbox.folder / "quarantine").iterdir())) == 4


def test_a_quarantined_file_has_its_reason_next_to_it(inbox: Inbox) -> None:
    target = inbox.quarantine(put(inbox, "a.csv"), REFUSED)
    assert target == inbox.folder / "quarantine" / "a.csv"
    reason = target.with_name("a.csv.reason.txt")
    assert reason.read_text() == "unknown_header\nNo profile fits.\nName one.\n"
    found = inbox.reason_of("a.csv")
    assert (found.code, found.message, found.hint) == (REFUSED.code, REFUSED.message, REFUSED.hint)


def test_a_file_named_like_a_note_is_not_overwritten_by_one(inbox: Inbox) -> None:
    inbox.quarantine(put(inbox, "a.csv.reason.txt", "not a note"), REFUSED)
    kept = inbox.quarantine(put(inbox, "a.csv"), REFUSED)
    assert kept.name == "a-2.csv"
    assert (inbox.folder / "quarantine" / "a.csv.reason.txt").read_text() == "not a note"


@pytest.mark.parametrize("name", ["done", "quarantine"])
def test_a_link_in_the_place_of_a_folder_is_refused_and_never_followed(
    inbox: Inbox, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (inbox.folder / name).symlink_to(elsewhere)
    with pytest.raises(InboxUnusable, match=f"{name} is a symbolic link"):
        inbox.require_usable()
    with pytest.raises(InboxUnusable):
        inbox.keep(put(inbox, "a.csv")) if name == "done" else inbox.quarantine(put(inbox, "a.csv"), REFUSED)
    assert inbox.remove_put_aside(time.time() + 3600, dry=False) == 0
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    assert (inbox.folder / "a.csv").exists()


def test_links_in_quarantine_are_removed_and_what_they_point_to_stays(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    (inbox.folder / "link.csv").symlink_to(tmp_path / "precious")
    inbox.quarantine(inbox.folder / "link.csv", REFUSED)
    assert inbox.remove_put_aside(time.time() + 3600, dry=False) == 2
    assert list((inbox.folder / "quarantine").iterdir()) == []
    assert (tmp_path / "precious").exists()
