"""The findings of `orders doctor`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.base.telemetry.stack_trace import message_of


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `mend` is the fix of the problem, if there is one."""

    name: str
    level: Level
    detail: str
    mend: str = ""


Examination = Callable[[], Iterable[Finding]]


def ok(name: str, detail: str) -> Finding:
    """Returns a finding without a problem."""
    return Finding(name, Level.OK, detail)


def warning(name: str, detail: str, mend: str) -> Finding:
    """Returns a finding about something that works, but may fail later or for some users."""
    return Finding(name, Level.WARNING, detail, mend)


def error(name: str, detail: str, mend: str) -> Finding:
    """Returns a finding about something that does not work."""
    return Finding(name, Level.ERROR, detail, mend)


def examined(name: str, examine: Examination, broken: str) -> Iterator[Finding]:
    """Yields the findings of an examination; if it raises, an error with the fix `broken`."""
    try:
        yield from examine()
    except Exception as failed:  # noqa: BLE001 one failure must not stop the other examinations
        yield error(name, f"{type(failed).__name__}: {message_of(failed)}", broken)


def milliseconds_since(began: float) -> str:
    """Returns the time since `began` (from `time.monotonic`) as text."""
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
