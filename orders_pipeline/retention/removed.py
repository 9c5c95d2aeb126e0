"""The result of a retention rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Removed:
    """What one rule removed, or would remove in a dry run.

    Attributes:
        what: the kind of data.
        number: how many were removed.
        days: how long this kind is kept.
    """

    what: str
    number: int
    days: int
