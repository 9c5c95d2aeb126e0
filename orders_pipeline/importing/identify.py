"""What kind of order file this is: encoding, dialect, header and column profile, from a bounded part of it."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.importing.dialect import Dialect
from orders_pipeline.importing.encodings import ASCII, DetectedEncoding, detect_encoding
from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.options import ReadOptions
from orders_pipeline.importing.parsed import Finding
from orders_pipeline.importing.profile import OrderField, Profile, built_in_profiles, load_profile
from orders_pipeline.importing.sample import HEAD_BYTES, Sample, take_sample
from orders_pipeline.importing.scanner import Scanned
from orders_pipeline.importing.sniff import NAMES, Sniffed, sniff
from orders_pipeline.importing.source import Container, Source, open_source
from orders_pipeline.importing.text import utf8_chunks

HEADER_SEARCH = 30


@dataclass(frozen=True, slots=True)
class Identified:
    """How a file is to be read. `skip_records` counts the records up to the header, which stands on `header_line`."""

    container: Container
    member: str
    profile: Profile
    encoding: str
    dialect: Dialect
    header: tuple[str, ...]
    header_line: int
    skip_records: int
    options: ReadOptions
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    profile: Profile
    index: int
    line: int
    names: tuple[str, ...]


def identify(path: Path, profile: str | None, options: ReadOptions) -> Identified:
    """Looks at the file's beginning; the profile is chosen by the header when not named.

    Raises:
        FileRefused: not a readable order file, or its columns fit no profile, or several.
    """
    source = open_source(path, options.member)
    chosen = load_profile(profile) if profile else None
    profiles = [chosen] if chosen else list(built_in_profiles().values())
    sample = take_sample(source)
    if not sample.head.strip():
        raise FileRefused(
            "file_empty",
            f"{source.name} is blank: a header and order lines were expected.",
            "Export it again.",
        )
    encoding = _encoding(source, sample, options, chosen)
    lines, line_end = _lines(sample, encoding.encoding)
    sniffed = sniff(
        lines,
        Dialect(line_end=line_end),
        _fixed(options, chosen),
        lambda fields: any(not p.missing(tuple(fields)) for p in profiles),
    )
    header = _find_header(source, sniffed, profiles, chosen)
    return Identified(
        container=source.container,
        member=source.member,
        profile=header.profile,
        encoding=encoding.encoding,
        dialect=sniffed.dialect,
        header=header.names,
        header_line=header.line,
        skip_records=header.index + 1,
        options=options,
        findings=_findings(source, encoding, sniffed, header, named=chosen is not None),
    )


def _encoding(
    source: Source, sample: Sample, options: ReadOptions, profile: Profile | None
) -> DetectedEncoding:
    given = options.encoding or (profile.encoding if profile else None)
    if given is None:
        return detect_encoding(sample.head, sample.marked, sample_is_whole=sample.whole)
    try:
        name = codecs.lookup(given).name
    except LookupError:
        raise FileRefused(
            "encoding_unknown",
            f"{source.name} cannot be read as {given!r}: there is no such encoding.",
            "Name one such as utf-8, cp1252 or mac_roman.",
        ) from None
    return DetectedEncoding(name, 1.0, "it was given")


def _lines(sample: Sample, encoding: str) -> tuple[list[str], str]:
    text = b"".join(utf8_chunks(iter([sample.head]), encoding)).decode()
    ends = {"\r\n": text.count("\r\n")}
    ends["\n"] = text.count("\n") - ends["\r\n"]
    ends["\r"] = text.count("\r") - ends["\r\n"]
    lines = [line.rstrip("\r\n") for line in io.StringIO(text, newline=None)]
    if len(sample.head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return lines, max(ends, key=lambda end: ends[end])


def _fixed(options: ReadOptions, profile: Profile | None) -> dict[str, str]:
    fixed = {}
    for part in ("delimiter", "quote", "escape"):
        given = getattr(options, part)
        if given is None and profile is not None:
            given = getattr(profile, part)
        if given is not None:
            fixed[part] = given.replace("\\t", "\t") if part == "delimiter" else given
    return fixed


def _find_header(
    source: Source, sniffed: Sniffed, profiles: list[Profile], chosen: Profile | None
) -> _Header:
    line = 1
    for index, record in enumerate(sniffed.records[:HEADER_SEARCH]):
        names = tuple(field.strip() for field in record.fields)
        fitting = [profile for profile in profiles if not profile.missing(names)]
        if record.problem is None and fitting:
            return _Header(_most_specific(source, fitting, names), index, line, names)
        line += record.lines
    raise _no_header(source, sniffed.records, profiles, chosen)


def _most_specific(source: Source, fitting: list[Profile], names: tuple[str, ...]) -> Profile:
    counts = {profile.name: len(profile.locate(names)) for profile in fitting}
    best = [profile for profile in fitting if counts[profile.name] == max(counts.values())]
    if len(best) > 1:
        raise FileRefused(
            "profile_ambiguous",
            f"{source.name} fits several profiles: {', '.join(profile.name for profile in best)}.",
            "Name the one to use.",
        )
    return best[0]


def _no_header(
    source: Source, records: tuple[Scanned, ...], profiles: list[Profile], chosen: Profile | None
) -> FileRefused:
    rows = [tuple(field.strip() for field in record.fields) for record in records[:HEADER_SEARCH]]
    nearest, names = max(
        ((profile, row) for row in rows for profile in profiles),
        key=lambda pair: len(pair[0].locate(pair[1])) / len(pair[0].columns),
        default=(profiles[0], ()),
    )
    missing = nearest.missing(names)
    if len(missing) == len(nearest.required):
        first = next((row for row in rows if any(row)), ())
        return FileRefused(
            "header_missing",
            f"{source.name} has no header that a profile knows: its first line reads {', '.join(first)[:120]!r}.",
            f"Add a header line such as that of the profile {nearest.name!r}: {', '.join(_expected(nearest))}.",
        )
    expected = ", ".join(" or ".join(nearest.columns[field]) for field in missing)
    subject = f"{source.name} has no column {expected}"
    which = (
        f"which the profile {nearest.name!r} requires"
        if chosen
        else f"which {nearest.name!r}, the nearest profile, requires"
    )
    return FileRefused(
        "column_missing", f"{subject}, {which}.", "Rename the columns, or write a profile for this file."
    )


def _expected(profile: Profile) -> list[str]:
    return [profile.columns[field][0] for field in profile.required]


def _findings(
    source: Source, encoding: DetectedEncoding, sniffed: Sniffed, header: _Header, *, named: bool
) -> tuple[Finding, ...]:
    dialect = sniffed.dialect
    ends = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
    given = "it was named" if named else f"its columns are those of line {header.line}"
    shown = "UTF-8 (ASCII so far)" if encoding.encoding == ASCII else encoding.encoding
    found = [
        Finding("profile", header.profile.name, 1.0, given),
        Finding("encoding", shown, encoding.confidence, encoding.reason),
        Finding(
            "delimiter", NAMES.get(dialect.delimiter, dialect.delimiter), sniffed.confidence, sniffed.reason
        ),
        Finding(
            "quote", NAMES.get(dialect.quote, dialect.quote or "none"), sniffed.confidence, sniffed.reason
        ),
        Finding("line end", ends[dialect.line_end], 1.0, "most of the first lines end so"),
    ]
    if dialect.escape:
        found.append(Finding("escape", dialect.escape, sniffed.confidence, "it stands before quotes"))
    if header.line > 1:
        found.append(Finding("header line", str(header.line), 1.0, "the lines before it are no header"))
    if source.container is not Container.PLAIN:
        found.append(Finding("container", source.container.value, 1.0, "its first bytes say so"))
    return tuple(found)


def positions(identified: Identified) -> dict[OrderField, int]:
    """Position of each mapped column in the file's records."""
    return identified.profile.locate(identified.header)
