"""Finds the header row of an order file and the profile that it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.header_names import MOST_COLUMNS
from orders_pipeline.order_files.columns.invisible import visible
from orders_pipeline.order_files.columns.profile import Profile, is_built_in
from orders_pipeline.order_files.records.scanner import Scanned
from orders_pipeline.order_files.records.sniff import Sniffed

HEADER_SEARCH = 30
TOO_MANY_COLUMNS = MOST_COLUMNS + 1


@dataclass(frozen=True, slots=True)
class Header:
    """A header row: its record index, its physical line, its column names, and the profile it fits."""

    profile: Profile
    index: int
    line: int
    names: tuple[str, ...]


def find_header(file_name: str, sniffed: Sniffed, profiles: Sequence[Profile], line: int | None) -> Header:
    """Finds the first record that has all columns of a profile, or the one on physical line `line`.

    Raises:
        FileRefused: there is no such record, it fits several profiles equally well, or a name of the profile
            fits several columns.
    """
    at = sniffed.first_line
    for index, record in enumerate(sniffed.records[:HEADER_SEARCH]):
        names = tuple(visible(field) for field in record.fields[:TOO_MANY_COLUMNS])
        fitting = [profile for profile in profiles if profile.fits(names)]
        if record.problem is None and fitting and line in (None, at):
            profile = _most_specific(file_name, fitting, names)
            _refuse_ambiguous(file_name, profile, names)
            return Header(profile, index, at, widen(names, sniffed.records[index + 1 :]))
        at += record.lines
    raise _no_header(file_name, sniffed.records, profiles)


def widen(names: tuple[str, ...], records: Sequence[Scanned]) -> tuple[str, ...]:
    """Adapts `names` to records that all have one delimiter more or less at the end of the line."""
    rows = [r.fields for r in records if r.problem is None and any(field.strip() for field in r.fields)]
    if rows and all(len(row) == len(names) + 1 and not row[-1].strip() for row in rows):
        return (*names, "")
    if rows and names[-1:] == ("",) and all(len(row) == len(names) - 1 for row in rows):
        return names[:-1]
    return names


def _most_specific(file_name: str, fitting: list[Profile], names: tuple[str, ...]) -> Profile:
    """Returns the profile with the most columns.

    A profile that a person saved is preferred to built-in ones.
    """
    own = [profile for profile in fitting if not is_built_in(profile)]
    counts = {profile.name: len(profile.locate(names)) for profile in own or fitting}
    best = [profile for profile in own or fitting if counts[profile.name] == max(counts.values())]
    if len(best) > 1:
        which = ", ".join(profile.name for profile in best)
        raise FileRefused(
            "profile_ambiguous", f"{file_name} fits several profiles: {which}.", "Choose one of them."
        )
    return best[0]


def _refuse_ambiguous(file_name: str, profile: Profile, names: tuple[str, ...]) -> None:
    places = profile.ambiguous(names)
    if not places:
        return
    columns = " and ".join(f"{names[at]!r} (column {at + 1})" for at in places)
    same = len({names[at] for at in places}) == 1
    raise FileRefused(
        "column_ambiguous",
        f"{file_name} has several columns that the profile {profile.name!r} may mean: {columns}.",
        "Rename or remove all but one of them in the file."
        if same
        else "Write the exact name of the right column in a profile.",
    )


def _no_header(file_name: str, records: Sequence[Scanned], profiles: Sequence[Profile]) -> FileRefused:
    rows = [tuple(f.strip() for f in one.fields[:TOO_MANY_COLUMNS]) for one in records[:HEADER_SEARCH]]
    nearest, names = max(
        ((profile, row) for row in rows for profile in profiles),
        key=lambda pair: len(pair[0].locate(pair[1])) - len(pair[0].missing(pair[1])),
        default=(profiles[0], ()),
    )
    missing = nearest.missing(names)
    located = nearest.locate(names)
    if not located or (len(located) == 1 and len(profiles) > 1):
        return _headless(file_name, rows, profiles)
    columns = "no column " + missing[0] if len(missing) == 1 else "none of the columns " + ", ".join(missing)
    which = (
        f"the profile {nearest.name!r}" if len(profiles) == 1 else f"{nearest.name!r}, the nearest profile,"
    )
    return FileRefused(
        "column_missing",
        f"{file_name} has {columns}, which {which} requires.",
        "Draft a profile for this file with `orders profile new`, or rename the columns.",
    )


def _headless(file_name: str, rows: list[tuple[str, ...]], profiles: Sequence[Profile]) -> FileRefused:
    shown = next((profile for profile in profiles if profile.name == "default"), profiles[0])
    first = next((row for row in rows if any(row)), ())
    expected = ", ".join(shown.columns[field][0] for field in shown.required)
    return FileRefused(
        "header_missing",
        f"{file_name} has no header row that fits a profile. Its first line is {', '.join(first)[:120]!r}.",
        f"Add the header row of the profile {shown.name!r} ({expected}), or draft one: `orders profile new`.",
    )
