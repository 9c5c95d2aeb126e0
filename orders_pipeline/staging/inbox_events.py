"""Notices files of the inbox that are complete: closed after writing, or moved in.

The kernel reports such files (inotify), but not those that another machine writes to a network folder, and it
drops events if too many come at once. `Inbox.waiting` finds the files that were missed, only later.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileClosedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyConstants

COMPLETE = InotifyConstants.IN_CLOSE_WRITE | InotifyConstants.IN_MOVED_TO
log = logging.getLogger(__name__)


class Watch:
    """A watch of a folder that may appear later, or be replaced by another.

    Args:
        complete: is called with the name of each complete file, in a thread of the watch.
    """

    def __init__(self, folder: Path, complete: Callable[[str], None]) -> None:
        self._folder, self._complete = folder, complete
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None

    def look_after(self) -> bool:
        """Watches the current folder; returns whether the watch is new, so that it may have missed files."""
        found = _identity(self._folder)
        if found == self._watched:
            return False
        self.stop()
        if found is None:
            return False
        observer = BaseObserver(_CompleteFiles)
        observer.schedule(_Handler(self._complete), str(self._folder))
        try:
            observer.start()
        except OSError as error:
            # The system's number of watches is limited.
            log.warning("files in %s are noticed late: %s", self._folder, error.strerror)
            self._watched = found
            return False
        self._observer, self._watched = observer, found
        return True

    def stop(self) -> None:
        """Ends the watch."""
        if self._observer:
            self._observer.stop()
        self._observer = self._watched = None


@contextmanager
def watching(folder: Path, complete: Callable[[str], None]) -> Iterator[Watch]:
    """Yields a watch that ends with the context. It begins with `look_after`."""
    watch = Watch(folder, complete)
    try:
        yield watch
    finally:
        watch.stop()


class _CompleteFiles(InotifyFullEmitter):
    def get_event_mask_from_filter(self) -> int:
        # The class also asks for files that are moved away, and delays events after each by half a second.
        return COMPLETE


class _Handler(FileSystemEventHandler):
    def __init__(self, complete: Callable[[str], None]) -> None:
        self._complete = complete

    def dispatch(self, event: FileSystemEvent) -> None:
        if isinstance(event, FileClosedEvent):
            self._complete(os.path.basename(os.fsdecode(event.src_path)))
        elif isinstance(event, FileMovedEvent) and event.dest_path:
            self._complete(os.path.basename(os.fsdecode(event.dest_path)))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
