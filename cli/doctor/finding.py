"""What the doctor finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, how it stands, and how to mend it where that is needed."""

    name: str
    level: Level
    detail: str
    mend: str = ""


Examination = Callable[[], Iterable[Finding]]


def ok(name: str, detail: str) -> Finding:
    """Nothing to mend."""
    return Finding(name, Level.OK, detail)


def warning(name: str, detail: str, mend: str) -> Finding:
    """It works, and may not for long or not for all."""
    return Finding(name, Level.WARNING, detail, mend)


def error(name: str, detail: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(name, Level.ERROR, detail, mend)


def examined(name: str, examine: Examination, broken: str) -> Iterator[Finding]:
    """The findings of an examination; one that fails is an error, mended as `broken` says."""
    try:
        yield from examine()
    except Exception as failed:  # noqa: BLE001 whatever is broken, the others are examined
        reason = str(failed).partition("\n")[0]
        yield error(name, f"{type(failed).__name__}: {reason}", broken)


def milliseconds_since(began: float) -> str:
    """Time since a moment of `time.monotonic`."""
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
