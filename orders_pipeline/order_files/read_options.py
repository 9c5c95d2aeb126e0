"""What a caller may say about a file, and the rules that its orders are held to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from orders_pipeline.order_files.option import option


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Overrides of what is detected; None leaves a question to detection.

    `date_format` is an order of day, month and year (`DMY`, `MDY`, `YMD`) or a strptime format; `decimal` is
    `.` or `,`; an empty `quote` or `escape` says that there is none; `companion` is the second file of a
    profile that takes two.

    A new option is one more field. The command line, the configuration of a launch, partition keys and stored
    documents follow from it.
    """

    encoding: str | None = option("Encoding, such as cp1252; else detected.")
    delimiter: str | None = option("Delimiter; else detected.")
    quote: str | None = option("Quote character; else detected.")
    escape: str | None = option("Escape character; else detected.")
    header_line: int | None = option("Line of the header; else detected.", least=1)
    date_format: str | None = option("DMY, MDY, YMD or a strptime format.")
    decimal: str | None = option("Decimal sign, . or ,; else detected.")
    member: str | None = option("File inside a zip archive that holds several.", at_launch=False)
    companion: str | None = option("Second file of a profile that takes two.", at_launch=False)

    def said(self) -> dict[str, Any]:
        """The options that are given, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def over(self, others: ReadOptions) -> ReadOptions:
        """These options, and from `others` those that are not given here."""
        return replace(others, **self.said())


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
