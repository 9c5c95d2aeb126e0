"""Order files that people send in parts: looked at first, and then imported or discarded.

They are stored next to the staged files and belong to the user who sends them. Retention removes abandoned
uploads.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.secret_files import write_private
from orders_pipeline.staging.file_names import safe_name
from orders_pipeline.staging.staging import Staging

MOST_OPEN = 100
_PREFIX = ".incoming-upload-"
_ABOUT = "about.json"


class UnknownUploadError(LookupError):
    """There is no such upload, or it belongs to another user."""


class TooManyUploadsError(ValueError):
    """A user has `MOST_OPEN` uploads that are neither imported nor discarded."""


class UploadBusyError(RuntimeError):
    """Another request is sending a part of the upload."""


class WrongOffsetError(ValueError):
    """A part does not begin where the upload ends."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is sent, or was sent and is not imported yet.

    Attributes:
        token: random id of the upload, used in addresses.
        length: its size in bytes, when it is complete.
        owner: who sends it, as in the audit trail.
        begun_at: in microseconds since 1970.
    """

    token: str
    name: str
    length: int
    owner: str
    begun_at: int
    folder: Path = field(repr=False)

    @property
    def file(self) -> Path:
        """The file. It is alone in its folder, because second files are searched in the folder of a file."""
        return self.folder / "original" / self.name

    @property
    def offset(self) -> int:
        """The number of bytes that have arrived."""
        return self.file.stat().st_size

    @property
    def is_complete(self) -> bool:
        """Whether the whole file has arrived."""
        return self.offset == self.length


def begin_upload(staging: Staging, name: str, length: int, owner: str) -> Upload:
    """Makes room for a file.

    Raises:
        TooManyUploadsError: the owner has too many of them.
    """
    if len(uploads_of(staging, owner)) >= MOST_OPEN:
        raise TooManyUploadsError
    make_home(staging.folder.parent)
    token = uuid4().hex
    made = Upload(token, safe_name(name), length, owner, now_us(), staging.folder / f"{_PREFIX}{token}")
    made.file.parent.mkdir(parents=True, mode=0o700)
    made.file.touch(mode=0o600)
    fields = {name: value for name, value in asdict(made).items() if name != "folder"}
    write_private(made.folder / _ABOUT, json.dumps(fields))
    return made


def find_upload(staging: Staging, token: str, owner: str) -> Upload:
    """The upload with this token.

    Raises:
        UnknownUploadError: there is no such upload, or it belongs to another user.
    """
    found = _read(staging.folder / f"{_PREFIX}{token}") if re.fullmatch("[0-9a-f]{32}", token) else None
    if found is None or found.owner != owner:
        raise UnknownUploadError(token)
    return found


def uploads_of(staging: Staging, owner: str) -> list[Upload]:
    """Returns the uploads of a user, newest first."""
    found = map(_read, staging.folder.glob(f"{_PREFIX}*"))
    own = [upload for upload in found if upload and upload.owner == owner]
    return sorted(own, key=lambda upload: -upload.begun_at)


def discard_upload(upload: Upload) -> None:
    """Removes an upload."""
    shutil.rmtree(upload.folder, ignore_errors=True)


@contextmanager
def appending(upload: Upload, offset: int) -> Iterator[BinaryIO]:
    """Opens an upload for the part that begins at `offset`. What is written stays, whatever happens later.

    Raises:
        UploadBusyError: another request is sending a part.
        WrongOffsetError: it ends elsewhere.
    """
    with upload.file.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusyError(upload.token) from None
        if upload.offset != offset:
            raise WrongOffsetError(offset)
        yield file


def _read(folder: Path) -> Upload | None:
    try:
        return Upload(**json.loads((folder / _ABOUT).read_text("utf-8")), folder=folder)
    except FileNotFoundError:
        return None
