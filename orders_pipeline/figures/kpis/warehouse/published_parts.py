"""The files of the readers' copy. Each Parquet file, a part, has the rows of one table in one period.

| table | part | period |
|---|---|---|
| `daily_kpis` | `published/daily_kpis/2025.parquet` | a year |
| all others | `details/customer_sales_by_day/2025-11.parquet` | a month |

A part is replaced as a whole, and `published` has only one table, so any tool that reads all its files counts
each figure once. `parts.json` lists the parts that must exist.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import file_digest
from pathlib import Path

PUBLISHED, DETAILS, LISTING = "published", "details", "parts.json"
LISTING_VERSION = 2
# The one table of the folder `published`.
DAILY = "daily_kpis"
YEAR = len("2025")
# Table and period.
PartName = tuple[str, str]


class PartsLost(LookupError):
    """Published figures are missing or cannot be read. `periods` is empty if all of them are."""

    def __init__(self, periods: Collection[str] = ()) -> None:
        self.periods = sorted(periods)
        named = f"of {', '.join(self.periods)} " if self.periods else ""
        super().__init__(
            f"The published figures {named}are missing or damaged. "
            "`orders up` computes them again within a minute, `orders kpis rebuild` at once."
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A published file. `digest` is its SHA-256."""

    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The published parts, by table and period.

    Args:
        made_for: identifies the order store and the layout of the tables.
    """

    made_for: str
    parts: Mapping[str, Mapping[str, Part]]

    def months(self) -> list[str]:
        """The months with figures, in order."""
        return sorted({month for table, parts in self.parts.items() if table != DAILY for month in parts})

    def with_parts(self, new: Mapping[PartName, Part]) -> Listing:
        """Returns a copy with parts added or replaced."""
        parts = {table: dict(of_table) for table, of_table in self.parts.items()}
        for (table, period), part in new.items():
            parts.setdefault(table, {})[period] = part
        return Listing(self.made_for, parts)

    def without_parts(self, gone: Collection[PartName]) -> Listing:
        """Returns a copy without these parts."""
        return Listing(
            self.made_for,
            {
                table: {period: part for period, part in parts.items() if (table, period) not in gone}
                for table, parts in self.parts.items()
            },
        )


def month_of(day: date) -> str:
    """Returns the month of a day, such as `2025-11`. Months as text have the same order as days."""
    return day.isoformat()[:7]


def period_of(table: str, month: str) -> str:
    """Returns the period of the part that contains a table's rows of this month."""
    return month[:YEAR] if table == DAILY else month


def days_of(period: str) -> tuple[date, date]:
    """Returns the first and the last day of a month or a year."""
    if len(period) == YEAR:
        return date(int(period), 1, 1), date(int(period), 12, 31)
    first = date.fromisoformat(f"{period}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def published_folder(folder: Path) -> Path:
    """Returns the subfolder of the warehouse folder that other tools read as Parquet."""
    return folder / PUBLISHED


def details_folder(folder: Path) -> Path:
    """Returns the subfolder with the parts of all other tables."""
    return folder / DETAILS


def part_file(folder: Path, table: str, period: str) -> Path:
    """Path of a part."""
    parent = published_folder(folder) if table == DAILY else details_folder(folder)
    return parent / table / f"{period}.parquet"


def describe(file: Path) -> Part:
    """Size and checksum of a part."""
    with file.open("rb") as opened:
        return Part(file.stat().st_size, file_digest(opened, "sha256").hexdigest())


def read_listing(folder: Path) -> Listing | None:
    """The listing; None if it is missing or damaged, or of an older version."""
    try:
        document = json.loads((folder / LISTING).read_bytes())
        if document["version"] != LISTING_VERSION:
            return None
        parts = {
            table: {period: Part(*part) for period, part in periods.items()}
            for table, periods in document["parts"].items()
        }
        return Listing(document["made_for"], parts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_listing(folder: Path, listing: Listing) -> None:
    """Replaces the listing atomically."""
    document = {
        "version": LISTING_VERSION,
        "made_for": listing.made_for,
        "parts": {
            table: {period: [part.bytes, part.digest] for period, part in periods.items()}
            for table, periods in listing.parts.items()
        },
    }
    target = folder / LISTING
    unfinished = target.with_name(f".{LISTING}")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.replace(target)


def wanted_parts(listing: Listing, months: Iterable[str]) -> Iterator[PartName]:
    """The listed parts that have rows of these months, in order."""
    wanted = list(months)
    for table, parts in listing.parts.items():
        for period in sorted({period_of(table, month) for month in wanted} & parts.keys()):
            yield table, period


def missing_periods(folder: Path, listing: Listing, months: Iterable[str]) -> set[str]:
    """Returns the periods of missing parts in these months."""
    return {
        period
        for table, period in wanted_parts(listing, months)
        if not part_file(folder, table, period).is_file()
    }


def changed_periods(folder: Path, listing: Listing) -> set[str]:
    """Returns the periods of which a part is missing or has another size. No file is opened."""
    return {
        period
        for table, parts in listing.parts.items()
        for period, part in parts.items()
        if _size(part_file(folder, table, period)) != part.bytes
    }


def damaged_periods(folder: Path, listing: Listing, months: Iterable[str]) -> set[str]:
    """Returns the periods of parts in these months that are missing or changed. Reads all these parts."""
    return {
        period
        for table, period in wanted_parts(listing, months)
        if _described(part_file(folder, table, period)) != listing.parts[table][period]
    }


def remove(path: Path) -> None:
    """Removes a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(file: Path) -> int | None:
    with suppress(OSError):
        return file.stat().st_size if file.is_file() else None
    return None


def _described(file: Path) -> Part | None:
    try:
        return describe(file)
    except OSError:
        return None
