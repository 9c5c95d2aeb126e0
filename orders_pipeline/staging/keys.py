"""Partition keys of order files: how they are made, and which ones are safe in a path."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,180}")
NAME_LENGTH = 80
KEY_DIGITS = 12


class BadPartitionKey(ValueError):
    """The text is not a partition key and is not safe as the name of a folder."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """The identity of an order file: two files with the same identity are the same import.

    Args:
        sha256: SHA-256 of the content.
        companion_sha256: SHA-256 of the second file; empty if there is none.
        said: the instructions for reading it, as `ReadingInstructions.words`.
    """

    sha256: str
    companion_sha256: str = ""
    said: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the identity; without instructions and companion, the SHA-256 of the content."""
        content = _sha256(self.sha256 + self.companion_sha256) if self.companion_sha256 else self.sha256
        return _sha256(f"{content} {self.said}") if self.said else content


def partition_key(name: str, digest: str, digits: int = KEY_DIGITS) -> str:
    """Makes a key from the plain letters of a file name and the first digits of the identity's digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    plain = re.sub(r"\.{2,}", ".", plain).strip(".")[:NAME_LENGTH].rstrip(".") or "file"
    return f"{plain}-{digest[:digits]}"


def safe(key: str) -> str:
    """Returns the key if it is safe to join to a path.

    Raises:
        BadPartitionKey: the key could lead outside the staging area.
    """
    if not KEY_PATTERN.fullmatch(key):
        raise BadPartitionKey(f"{key!r} is not a partition key. `orders stage FILE` prints the key of a file")
    return key


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
