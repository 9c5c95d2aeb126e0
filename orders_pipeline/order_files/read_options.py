"""The options for reading a file, and the rules for its orders."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any

from orders_pipeline.order_files.option import option


class Repeated(StrEnum):
    """Values of the option `repeated`: import orders after a repeated header once, or refuse the file."""

    ONCE = "once"
    REFUSE = "refuse"


class BrokenLines(StrEnum):
    """Values of the option `broken_lines`: read those with only one possible reading, or reject all."""

    READ = "read"
    REJECT = "reject"


class Returns(StrEnum):
    """Values of the option `returns`: accept the returns that the profile describes, or reject them."""

    TAKE = "take"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options that override detection; None means that the value is detected.

    Attributes:
        quote: empty means that fields are not quoted.
        escape: empty means that there is no escape character.
        date_format: an order of day, month and year (`DMY`, `MDY`, `YMD`), a strptime format, `excel`,
            `excel1904`, `epoch` or `epoch_ms`; several formats have `|` between them.
        decimal: the decimal separator, `.` or `,`.
        leave_out: kinds of lines, besides those that the profile leaves out.
        repeated: what happens with orders that are repeated after a repeated header; see `Repeated`.
        broken_lines: what happens with lines that have a delimiter or a quote too many or too few; see
            `BrokenLines`.
        returns: whether the returns in the file are accepted; see `Returns`.
        companion: path of the second file, for a profile that has one.

    To add an option, add a field. The command line, the launch configuration in Dagster, partition keys and
    stored documents are made from the fields.
    """

    encoding: str | None = option("Encoding, such as cp1252. Default: detected.")
    delimiter: str | None = option("Delimiter. Default: detected.")
    quote: str | None = option("Quote character. Default: detected.")
    escape: str | None = option("Escape character. Default: detected.")
    header_line: int | None = option("Line number of the header row. Default: detected.", least=1)
    date_format: str | None = option("DMY, MDY, YMD, a strptime format, excel or epoch. Default: detected.")
    decimal: str | None = option("Decimal separator, . or , (default: detected).")
    leave_out: str | None = option("Lines to leave out of their orders: free, returned, or free,returned.")
    repeated: str | None = option("Orders repeated after a repeated header: import once (default) or refuse.")
    broken_lines: str | None = option(
        "Broken lines with only one possible reading: read (default) or reject."
    )
    returns: str | None = option("Returns: take or reject. Default: as the profile says.")
    member: str | None = option("File to read from a zip archive with several files.", at_launch=False)
    sheet: str | None = option(
        "Sheet of a workbook, or list in a JSON file. Default: the one that fits.", at_launch=False
    )
    companion: str | None = option("Second file, for a profile that needs two files.", at_launch=False)

    def said(self) -> dict[str, Any]:
        """Returns the options that are set, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def over(self, others: ReadOptions) -> ReadOptions:
        """Returns these options, completed from `others`."""
        return replace(others, **self.said())


@dataclass(frozen=True, slots=True)
class ParseRules:
    """The rules for the orders of a file.

    Attributes:
        currency: currency of lines that have none.
        timezone: IANA name of the time zone of times without an offset, and of days.
        first_day: the first allowed order day.
        last_day: the last allowed order day.
        batch_lines: size of a batch of a large file, in lines.
        workers: number of worker processes; a file that is not large gets up to two batches for each of them.
        contacts: whether the addresses and languages of customers are read.
    """

    currency: str
    timezone: str
    first_day: date
    last_day: date
    batch_lines: int = 250_000
    workers: int = 2
    contacts: bool = False
