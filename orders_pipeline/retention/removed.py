"""What retention removed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Removed:
    """What one rule removed, or would remove: so many of these; `days` is how long they are kept."""

    what: str
    number: int
    days: int
