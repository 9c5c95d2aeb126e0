"""The folder of the real files, next to the project. Without it, a test is skipped; in CI, it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared"


def dataset(name: str) -> Path:
    """A real order file."""
    return shared(f"datasets/{name}")


def shared(name: str) -> Path:
    """A file or folder next to the project."""
    path = SHARED / name
    if not path.exists():
        message = f"no such files beside the project: ../shared/{name}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
