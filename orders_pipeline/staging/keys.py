"""Partition keys: what they are made of, and which texts are safe as one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,180}")
NAME_LENGTH = 80
KEY_DIGITS = 12


class BadPartitionKey(ValueError):
    """The key names no staged file and cannot be a folder's name."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What makes an order file the one that was staged before.

    Args:
        sha256: of its content.
        companion_sha256: of the content of its second file, empty where it has none.
        said: what was said about how to read it, `ReadingInstructions.words`.
    """

    sha256: str
    companion_sha256: str = ""
    said: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it; where nothing was said and there is no companion, that of the content."""
        content = _sha256(self.sha256 + self.companion_sha256) if self.companion_sha256 else self.sha256
        return _sha256(f"{content} {self.said}") if self.said else content


def partition_key(name: str, digest: str, digits: int = KEY_DIGITS) -> str:
    """Key of a file: its name in plain letters, and the first digits of the digest of its identity."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    plain = re.sub(r"\.{2,}", ".", plain).strip(".")[:NAME_LENGTH].rstrip(".") or "file"
    return f"{plain}-{digest[:digits]}"


def safe(key: str) -> str:
    """The key, which may be joined to a path.

    Raises:
        BadPartitionKey: it could lead outside the staging area.
    """
    if not KEY_PATTERN.fullmatch(key):
        raise BadPartitionKey(f"{key!r} is not a partition key; `orders stage FILE` makes and prints one")
    return key


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
