"""Takes files from the inbox: each is staged or imported, or goes to quarantine with its reason.

Order files become staged imports. Reports of payment providers and bank statements are recognised by their
first lines, and imported at once.

No file blocks the others: an error with one file affects only that file. An error that would affect every
file, such as a store that does not answer, stops the work, and no file is quarantined for it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.telemetry.stack_trace import message_of, stack_trace
from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.imports.arrival.quarantine import (
    QuarantinedFile,
    add_quarantined,
    close_removed,
    close_retried,
    files_to_retry,
    names_in_quarantine,
    refuse_again,
)
from orders_pipeline.imports.arrival.staged import Dropped, stage_file
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.reading_instructions import (
    NOTHING_SAID,
    ReadingInstructions,
    instructions_from,
)
from orders_pipeline.payouts.importing import PayoutImport, import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.payouts.recognising import is_about_payouts
from orders_pipeline.staging.file_names import NOTE
from orders_pipeline.staging.inbox import QUARANTINE, Inbox, InboxUnusable
from orders_pipeline.staging.remote_area import StagingUnavailable
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.engine import reading

# After that, the folder is listed again, so that new files do not wait for all older ones.
LIST_AGAIN_SECONDS = 10.0
TRY_AGAIN_SECONDS = 30.0
ACTOR = "inbox"
OUTAGES = (StagingUnavailable, InboxUnusable, OperationalError, InterfaceError, TimeoutError)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class DroppedFiles:
    """The files of an inbox, taken in turn.

    Attributes:
        zone: time zone of the times in payment providers' reports and bank statements.
        troubled: when a file that stays in the inbox was last tried, on the monotonic clock. It waits before
            its next try, so that it does not hold up the others.
    """

    inbox: Inbox
    zone: tzinfo = UTC
    troubled: dict[tuple[int, str], float] = field(default_factory=dict)

    def take_in(self, engine: Engine, staging: Staging, seconds: float = LIST_AGAIN_SECONDS) -> bool:
        """Takes in files for some seconds, and finishes the current one; returns whether files are left.

        Raises:
            InboxUnusable: no file can be moved.
            StagingUnavailable: the staging area does not answer.
            DBAPIError: the order store does not answer.
        """
        if not self.inbox.folder.is_dir():
            return False
        self.inbox.require_usable()
        match_rows_with_files(engine, self.inbox)
        retry_files(engine, staging, self.inbox, self.zone)
        ends = time.monotonic() + seconds
        for dropped_at, name in self._in_turn():
            if _is_paused(engine):
                return False
            self._take(engine, staging, Dropped(dropped_at, name))
            if time.monotonic() > ends:
                return True
        return False

    def take_at_once(self, engine: Engine, staging: Staging, name: str) -> bool:
        """Takes in one file that has just become complete; returns whether an order file is staged.

        A file that is refused stays where it is: its writer may go on with it, or its companion may follow.
        `take_in` decides about it when it has not changed for some seconds.
        """
        dropped_at, path = self.inbox.dropped_at(name), self.inbox.folder / name
        if dropped_at is None or _is_paused(engine):
            return False
        self.inbox.require_usable()
        with self.inbox.claimed(path) as ours:
            if not ours:
                return False
            taken = try_to_take(engine, staging, path, Dropped(dropped_at, name), self.zone)
            if isinstance(taken, FileRefused):
                return False
            self.inbox.keep(path)
        return isinstance(taken, Import)

    def _in_turn(self) -> Iterator[tuple[int, str]]:
        """Yields complete files, alternating between the oldest and the newest.

        So a backlog shrinks from its oldest end, and a file that arrives later does not wait for all of it.
        """
        since = time.monotonic() - TRY_AGAIN_SECONDS
        self.troubled = {file: tried for file, tried in self.troubled.items() if tried > since}
        waiting = deque(sorted(file for file in self.inbox.waiting() if file not in self.troubled))
        while waiting:
            yield waiting.popleft()
            if waiting:
                yield waiting.pop()

    def _take(self, engine: Engine, staging: Staging, dropped: Dropped) -> None:
        path = self.inbox.folder / dropped.name
        with self.inbox.claimed(path) as ours:
            if ours:
                self._take_claimed(engine, staging, path, dropped)

    def _take_claimed(self, engine: Engine, staging: Staging, path: Path, dropped: Dropped) -> None:
        file = (dropped.at, dropped.name)
        self.troubled[file] = time.monotonic()
        try:
            taken = try_to_take(engine, staging, path, dropped, self.zone)
            if not isinstance(taken, FileRefused):
                self.inbox.keep(path)
            elif taken.code != "file_missing":
                _quarantine(engine, self.inbox, path, taken)
        except FileNotFoundError:
            log.info("%s was taken out of the inbox", printable_line(dropped.name))
        except OUTAGES:
            raise
        except OSError as error:
            log.error("%s cannot be moved out of the inbox: %s", printable_line(dropped.name), error.strerror)
            return
        del self.troubled[file]


def try_to_take(
    engine: Engine,
    staging: Staging,
    path: Path,
    dropped: Dropped,
    zone: tzinfo,
    instructions: ReadingInstructions = NOTHING_SAID,
) -> Import | PayoutImport | FileRefused:
    """Stages an order file, or imports a file about payouts; returns the import, or why it is refused."""
    try:
        if instructions == NOTHING_SAID and is_about_payouts(path, follow_links=False):
            name = printable_line(dropped.name)
            return import_file(engine, read_file(path, zone, None, name=name, follow_links=False), ACTOR)
        return stage_file(engine, staging, path, instructions, dropped=dropped)
    except FileRefused as refused:
        return refused
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 one file, whatever is in it, must not stop the others
        log.error("%s cannot be read:\n%s", printable_line(path.name), stack_trace(error))
        return FileRefused(
            "internal_error",
            f"{path.name} cannot be read: {type(error).__name__}: {message_of(error)}.",
            "Check the file. The log of the code server has the stack trace.",
        )


def match_rows_with_files(engine: Engine, inbox: Inbox) -> None:
    """Adds rows of quarantined files that have none, such as those of release 0.1.0, and closes rows whose
    file is gone.
    """
    with reading(engine) as connection:
        are_open, known = names_in_quarantine(connection)
    names = inbox.quarantined()
    for name in sorted(names - known):
        if not name.endswith(NOTE):
            with suppress(FileNotFoundError):
                _adopt(engine, inbox, name)
    if gone := are_open - names:
        with engine.begin() as connection:
            close_removed(connection, gone)


def retry_files(engine: Engine, staging: Staging, inbox: Inbox, zone: tzinfo) -> None:
    """Tries quarantined files again whose retry was requested."""
    with reading(engine) as connection:
        asked = files_to_retry(connection)
    for file in asked:
        _retry(engine, staging, inbox, file, zone)


def _retry(engine: Engine, staging: Staging, inbox: Inbox, file: QuarantinedFile, zone: tzinfo) -> None:
    path = inbox.folder / QUARANTINE / file.kept_as
    dropped = Dropped(time.time_ns(), file.file_name)
    taken = try_to_take(engine, staging, path, dropped, zone, instructions_from(file.retry_as or {}))
    with engine.begin() as connection:
        if isinstance(taken, FileRefused):
            refuse_again(connection, file.id, taken)
            return
        close_retried(connection, file.id, taken.key if isinstance(taken, Import) else None)
    inbox.keep_retried(file.kept_as)


def _quarantine(engine: Engine, inbox: Inbox, path: Path, refused: FileRefused) -> None:
    size = path.lstat().st_size
    kept = inbox.quarantine(path, refused)
    log.error("%s is in quarantine: %s", printable_line(path.name), refused.message)
    with engine.begin() as connection:
        add_quarantined(connection, printable_line(path.name), kept.name, size, refused)


def _adopt(engine: Engine, inbox: Inbox, name: str) -> None:
    reason = inbox.reason_of(name)
    kept = inbox.renamed_safely(name)
    size = (inbox.folder / QUARANTINE / kept).lstat().st_size
    with engine.begin() as connection:
        add_quarantined(connection, printable_line(name), kept, size, reason)


def _is_paused(engine: Engine) -> bool:
    with reading(engine) as connection:
        return current_pause(connection) is not None
