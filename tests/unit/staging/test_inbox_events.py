"""Files of the inbox are noticed when they are complete: closed after writing, or moved in."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.staging.inbox_events import watching

PATIENCE_SECONDS = 30


def test_a_file_is_noticed_when_it_is_closed_or_moved_in_and_not_before(tmp_path: Path) -> None:
    folder, noticed = tmp_path / "inbox", SimpleQueue[str]()
    folder.mkdir()
    with watching(folder, noticed.put) as watch:
        assert watch.look_after()
        with (folder / "written.csv").open("w") as file:
            file.write("begun")
            file.flush()
            (tmp_path / "aside.csv").write_text("whole")
            (tmp_path / "aside.csv").rename(folder / "moved.csv")
            assert noticed.get(timeout=PATIENCE_SECONDS) == "moved.csv"
        assert noticed.get(timeout=PATIENCE_SECONDS) == "written.csv"
        # Files that are moved away, and events in folders, are not noticed.
        (folder / "moved.csv").rename(tmp_path / "done.csv")
        (folder / "sub").mkdir()
        (folder / "sub" / "inside.csv").write_text("whole")
        (folder / "written.csv").rename(folder / "renamed.csv")
        assert noticed.get(timeout=PATIENCE_SECONDS) == "renamed.csv"


def test_a_folder_that_appears_or_is_replaced_is_watched_from_then_on(tmp_path: Path) -> None:
    folder, noticed = tmp_path / "inbox", SimpleQueue[str]()
    with watching(folder, noticed.put) as watch:
        assert not watch.look_after()
        for name in ("first.csv", "second.csv"):
            folder.mkdir()
            assert watch.look_after()
            assert not watch.look_after()
            (folder / name).write_text("whole")
            assert noticed.get(timeout=PATIENCE_SECONDS) == name
            folder.rename(tmp_path / f"before-{name}")


def test_one_of_two_works_on_a_file(tmp_path: Path) -> None:
    inbox, file = Inbox(tmp_path), tmp_path / "a.csv"
    file.write_text("whole")
    with inbox.claimed(file) as ours:
        assert ours
        with inbox.claimed(file) as others:
            assert not others
    with inbox.claimed(file) as again:
        assert again


def test_only_a_file_with_content_is_complete_at_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for name in ("whole.csv", "transfer.csv.part", ".hidden.csv"):
        (tmp_path / name).write_text("whole")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "whole.csv")
    (tmp_path / "folder").mkdir()
    found = [path.name for path in tmp_path.iterdir() if inbox.dropped_at(path.name)]
    assert found == ["whole.csv"]
    assert inbox.dropped_at("gone.csv") is None
