"""The version of this code: pyproject.toml takes it from here, and the image has no pyproject.toml."""

from __future__ import annotations

VERSION = "0.2.0"
