"""The files of the readers' copy: one Parquet file, a part, for each table and month.

`published/daily_kpis/2025-11.parquet`. A part is replaced whole, so `published/daily_kpis/*.parquet` contains
each figure once, at any time and for any tool. `published/parts.json` lists the parts that must be there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import file_digest
from pathlib import Path

PUBLISHED, LISTING = "published", "parts.json"
LISTING_VERSION = 1


class PartsLost(LookupError):
    """Published figures are missing or cannot be read. `months` is empty if all of them are."""

    def __init__(self, months: Collection[str] = ()) -> None:
        self.months = sorted(months)
        named = f"of {', '.join(self.months)} " if self.months else ""
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
    """The published parts, by table and month.

    Args:
        made_for: identifies the order store and the layout of the tables.
    """

    made_for: str
    parts: Mapping[str, Mapping[str, Part]]

    def months(self) -> list[str]:
        """The months that have figures, in order."""
        return sorted({month for parts in self.parts.values() for month in parts})

    def with_part(self, table: str, month: str, part: Part) -> Listing:
        """This listing with one part added or replaced."""
        return Listing(self.made_for, {**self.parts, table: {**self.parts.get(table, {}), month: part}})


def month_of(day: date) -> str:
    """The month of a day, such as `2025-11`. Months sort as their days do."""
    return day.isoformat()[:7]


def days_of(month: str) -> tuple[date, date]:
    """The first and the last day of a month."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def published_folder(folder: Path) -> Path:
    """The readers' copy of a warehouse folder."""
    return folder / PUBLISHED


def part_file(folder: Path, table: str, month: str) -> Path:
    """Path of a part."""
    return published_folder(folder) / table / f"{month}.parquet"


def describe(file: Path) -> Part:
    """Size and checksum of a part."""
    with file.open("rb") as opened:
        return Part(file.stat().st_size, file_digest(opened, "sha256").hexdigest())


def read_listing(folder: Path) -> Listing | None:
    """The listing; None if it is missing or damaged, as in a folder that version 0.1.0 wrote."""
    try:
        document = json.loads((published_folder(folder) / LISTING).read_bytes())
        if document["version"] != LISTING_VERSION:
            return None
        parts = {
            table: {month: Part(*part) for month, part in months.items()}
            for table, months in document["parts"].items()
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
            table: {month: [part.bytes, part.digest] for month, part in months.items()}
            for table, months in listing.parts.items()
        },
    }
    target = published_folder(folder) / LISTING
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_name(f".{LISTING}")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.replace(target)


def missing_months(folder: Path, listing: Listing, months: Iterable[str]) -> set[str]:
    """Those of these months of which a listed part is not there."""
    wanted = set(months)
    return {
        month
        for table, parts in listing.parts.items()
        for month in parts.keys() & wanted
        if not part_file(folder, table, month).is_file()
    }


def changed_months(folder: Path, listing: Listing) -> set[str]:
    """Months of which a part is missing or has another size. Nothing is read."""
    return {
        month
        for table, parts in listing.parts.items()
        for month, part in parts.items()
        if _size(part_file(folder, table, month)) != part.bytes
    }


def damaged_months(folder: Path, listing: Listing, months: Iterable[str]) -> set[str]:
    """Those of these months of which a part is missing or has other content. Reads all their parts."""
    wanted = set(months)
    return {
        month
        for table, parts in listing.parts.items()
        for month in parts.keys() & wanted
        if _described(part_file(folder, table, month)) != parts[month]
    }


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
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
