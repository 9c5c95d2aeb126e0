"""The staging area: a folder per order file, named by its partition key, with the file and its batches."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from orders_pipeline.importing.errors import FileRefused

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,180}")
NAME_LENGTH = 80
CHUNK = 1 << 20
TRY = "parsing-"


class BadPartitionKey(ValueError):
    """The key names no staged file and cannot be a folder's name."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """An order file as it lies in the staging area."""

    key: str
    name: str
    sha256: str
    bytes: int
    path: Path


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging area below one folder."""

    root: Path

    def add(self, file: Path, said: str = "", companion: Path | None = None) -> StagedFile:
        """Copies a file in; the same content of the same name, read the same way, has the same key.

        Args:
            said: what the user said about how to read it; read another way, it is another import.
            companion: a second file that belongs to it, whose content is part of the key.

        Raises:
            FileRefused: a file cannot be read.
        """
        incoming = self.root / f".incoming-{uuid4().hex}"
        incoming.mkdir(parents=True)
        try:
            sha256, size = _copy_and_hash(file, incoming / "original")
            if companion:
                said += _copy_and_hash(companion, incoming / "companion")[0]
            key = partition_key(file.name, sha256, said)
            folder = self.folder(key)
            folder.mkdir(exist_ok=True)
            if companion:
                self._keep_companion(key, incoming / "companion", companion.name)
            (incoming / "original").replace(folder / "original")
        except OSError as error:
            raise FileRefused(
                "file_unreadable",
                f"{error.filename or file} cannot be staged: {error.strerror}.",
                "Check its permissions and the disk.",
            ) from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return StagedFile(key, file.name, sha256, size, folder / "original")

    def _keep_companion(self, key: str, copied: Path, name: str) -> None:
        target = self.companion(key, name)
        if target is not None:
            target.parent.mkdir(exist_ok=True)
            copied.replace(target)

    def companion(self, key: str, path: str) -> Path | None:
        """Where the copy of a companion lies that was at `path`; None where there is none."""
        return self.folder(key) / "companion" / Path(path).name if path else None

    def folder(self, key: str) -> Path:
        """The folder of a partition key.

        Raises:
            BadPartitionKey: the key could lead outside the staging area.
        """
        if not KEY_PATTERN.fullmatch(key):
            raise BadPartitionKey(f"{key!r} is not a partition key; `orders stage FILE` makes and prints one")
        return self.root / key

    def original(self, key: str) -> Path:
        """Where the staged file lies."""
        return self.folder(key) / "original"

    def batches(self, key: str) -> Path:
        """Where the parsed batches lie."""
        return self.folder(key) / "batches"

    def has_batch(self, key: str, number: int) -> bool:
        """Whether a parsed batch lies there whole."""
        name = self.batches(key) / f"batch-{number:04}"
        return all(name.with_suffix(f".{part}.parquet").is_file() for part in ("orders", "lines"))

    @contextmanager
    def parsing(self, key: str) -> Iterator[Path]:
        """A folder of its own for one try at parsing; what is not kept as the batches is removed."""
        folder = self.folder(key) / f"{TRY}{uuid4().hex}"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep_batches(self, key: str, parsed: Path) -> None:
        """Makes the folder of a try the batches of the file."""
        shutil.rmtree(self.batches(key), ignore_errors=True)
        parsed.rename(self.batches(key))

    def clear_tries(self, key: str) -> None:
        """Removes what tries that were killed left behind."""
        for folder in self.folder(key).glob(f"{TRY}*"):
            shutil.rmtree(folder, ignore_errors=True)


def partition_key(name: str, sha256: str, said: str = "") -> str:
    """Key of a file: its name in plain letters, and 12 digits of a hash of its content and how to read it."""
    digest = hashlib.sha256(f"{sha256}{said}".encode()).hexdigest() if said else sha256
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    plain = re.sub(r"\.{2,}", ".", plain).strip(".")[:NAME_LENGTH].rstrip(".") or "file"
    return f"{plain}-{digest[:12]}"


def hash_file(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


def _copy_and_hash(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            writer.write(chunk)
    shutil.copystat(source, target)
    return digest.hexdigest(), size
