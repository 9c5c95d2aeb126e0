"""How many bad lines a file may have before it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.parsed_file import ParsedFile

_LIMIT = re.compile(r"(\d{1,12})|(\d{1,3}(?:\.\d{1,6})?) ?%", re.ASCII)


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """A count of bad lines, or a share of all records in percent."""

    text: str
    count: int | None
    percent: Decimal | None

    @classmethod
    def parse(cls, text: str) -> RejectLimit:
        """`100` or `5%`.

        Raises:
            FileRefused: it is neither.
        """
        found = _LIMIT.fullmatch(text.strip())
        if found is None or (found[2] and Decimal(found[2]) > 100):
            message = f"The limit of rejects {text!r} cannot be used: a count or a share was expected."
            raise FileRefused("option_invalid", message, "Name one such as 100 or 5%.")
        count, percent = found[1], found[2]
        return cls(found[0], int(count) if count else None, Decimal(percent) if percent else None)

    def check(self, file_name: str, parsed: ParsedFile) -> None:
        """Compares a file's bad lines; good lines lost with their order do not count.

        Raises:
            FileRefused: there are more.
        """
        allowed = self.count if self.percent is None else self.percent * parsed.records / 100
        if allowed is None or parsed.rejected_lines <= allowed:
            return
        codes = ", ".join(f"{number:,} {code}" for code, number in parsed.rejects_by_code.items())
        counts = f"{parsed.rejected_lines:,} of {parsed.records:,} records are bad"
        raise FileRefused(
            "too_many_rejects",
            f"{file_name}: {counts} ({codes}), and {self.text} are allowed.",
            "Look at the rejects, correct the file, or allow more.",
        )
