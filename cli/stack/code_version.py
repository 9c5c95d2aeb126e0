"""The code version: a digest of the project's files and its locked dependencies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT

PACKAGES = ("orders_pipeline", "resources", "jobs", "assets", "cli")
SINGLE_FILES = ("definitions.py", "requirements.lock")


def code_version() -> str:
    """Returns the digest, which changes with every change of the code or the locked dependencies."""
    digest = hashlib.sha256()
    for file in _files():
        digest.update(str(file.relative_to(PROJECT_ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _files() -> Iterator[Path]:
    yield from (PROJECT_ROOT / name for name in SINGLE_FILES)
    for package in PACKAGES:
        found = (PROJECT_ROOT / package).rglob("*")
        yield from sorted(file for file in found if file.is_file() and file.suffix != ".pyc")
