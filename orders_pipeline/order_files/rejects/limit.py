"""The limit of bad lines above which a file is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.parsed_file import ParsedFile

_LIMIT = re.compile(r"(\d{1,12})|(\d{1,3}(?:\.\d{1,6})?) ?%", re.ASCII)


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """A number of bad lines, or a percentage of all records."""

    text: str
    count: int | None
    percent: Decimal | None

    @classmethod
    def parse(cls, text: str) -> RejectLimit:
        """Parses a limit such as `100` or `5%`.

        Raises:
            FileRefused: the text is not a valid limit.
        """
        found = _LIMIT.fullmatch(text.strip())
        if found is None or (found[2] and Decimal(found[2]) > 100):
            message = f"The limit of rejects {text!r} is not valid."
            raise FileRefused("option_invalid", message, "Use a number or a percentage, such as 100 or 5%.")
        count, percent = found[1], found[2]
        return cls(found[0], int(count) if count else None, Decimal(percent) if percent else None)

    def is_exceeded(self, parsed: ParsedFile) -> bool:
        """Whether a file has more bad lines than the limit; good lines of rejected orders do not count."""
        allowed = self.count if self.percent is None else self.percent * parsed.records / 100
        return allowed is not None and parsed.rejected_lines > allowed

    def refusal(self, file_name: str, parsed: ParsedFile) -> FileRefused:
        """Returns the refusal of a file that exceeds the limit."""
        codes = ", ".join(f"{number:,} {code}" for code, number in parsed.rejects_by_code.items())
        counts = f"{parsed.rejected_lines:,} of {parsed.records:,} records are bad"
        return FileRefused(
            "too_many_rejects",
            f"{file_name}: {counts} ({codes}). The limit is {self.text}.",
            "See the rejects, then correct the file or raise the limit.",
        )
