"""The code version: a digest of the project's files and its locked dependencies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT

PACKAGES = ("orders_pipeline", "resources", "jobs", "assets", "cli")
SINGLE_FILES = ("definitions.py", "requirements.lock")


def code_version(project: Path = PROJECT_ROOT) -> str:
    """Returns the digest, which is different after every change of the code or the locked dependencies."""
    digest = hashlib.sha256()
    for file in _files(project):
        digest.update(str(file.relative_to(project)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _files(project: Path) -> Iterator[Path]:
    yield from (project / name for name in SINGLE_FILES)
    for package in PACKAGES:
        found = (project / package).rglob("*")
        yield from sorted(file for file in found if file.is_file() and file.suffix != ".pyc")
