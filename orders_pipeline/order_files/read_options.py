"""What a caller may say about a file, and the rules that its orders are held to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Overrides of what is detected; None leaves a question to detection.

    `date_format` is an order of day, month and year (`DMY`, `MDY`, `YMD`) or a strptime format; `decimal` is
    `.` or `,`; `companion` is the second file of a profile that takes two.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header_line: int | None = None
    date_format: str | None = None
    decimal: str | None = None
    member: str | None = None
    companion: str | None = None


@dataclass(frozen=True, slots=True)
class ParseRules:
    """What the orders of a file are held to.

    `timezone` is an IANA name: naive times are local to it, and days are counted in it. Order days outside
    `first_day`..`last_day` are rejected. A large file goes into batches of about `batch_lines` lines, a
    middling one into smaller ones, so that there are two for each of `workers` processes.
    """

    currency: str
    timezone: str
    first_day: date
    last_day: date
    batch_lines: int = 250_000
    workers: int = 2
