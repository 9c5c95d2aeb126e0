"""The texts of the console: `t.orders.title` is `title` in `texts/orders.toml`. Each page has a TOML file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FOLDER = Path(__file__).parent / "texts"


@cache
def texts() -> SimpleNamespace:
    """Returns the texts of all pages."""
    files = sorted(FOLDER.glob("*.toml"))
    return SimpleNamespace(**{file.stem: _names(tomllib.loads(file.read_text("utf-8"))) for file in files})


def _names(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _names(inner) for name, inner in value.items()})
    return value
