"""Identifies an order file: detects encoding, dialect, header and profile from a sample of bounded size."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.companion import find_companion
from orders_pipeline.order_files.columns.header import Header, find_header
from orders_pipeline.order_files.columns.header_names import MOST_COLUMNS
from orders_pipeline.order_files.columns.identified import Identified, cell_text
from orders_pipeline.order_files.columns.line_rules import kinds_in
from orders_pipeline.order_files.columns.profile import (
    Companion,
    Profile,
    built_in_profiles,
    load_profile,
)
from orders_pipeline.order_files.columns.return_rules import check_returns
from orders_pipeline.order_files.export_note import with_noted_options
from orders_pipeline.order_files.parsed_file import Finding
from orders_pipeline.order_files.read_options import BrokenLines, ReadOptions, Repeated, Returns
from orders_pipeline.order_files.records.content import Content, place_of
from orders_pipeline.order_files.records.encodings import ASCII, DetectedEncoding, detect_encoding
from orders_pipeline.order_files.records.formats.file_format import Container
from orders_pipeline.order_files.records.sample import HEAD_BYTES, Sample, take_sample
from orders_pipeline.order_files.records.sniff import NAMES, KnowsHeader, Sniffed, long_delimiter, sniff
from orders_pipeline.order_files.records.source import Source, open_source
from orders_pipeline.order_files.records.text import complete_lines, decode_start

# Options that only delimited text has.
OF_TEXT = ("encoding", "delimiter", "quote", "escape")
_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


@dataclass(frozen=True, slots=True)
class Looked:
    """Encoding, dialect and first lines of a file, without knowing what its columns mean."""

    source: Source
    encoding: DetectedEncoding
    options: ReadOptions
    sniffed: Sniffed
    lines: list[str]


def identify(
    path: Path,
    profile: str | Profile | None,
    options: ReadOptions,
    called: str = "",
    original: Path | None = None,
    known: Sequence[Profile] = (),
) -> Identified:
    """Identifies a file from its start.

    Args:
        profile: a profile, its name, or the path of its TOML file; None chooses it by the header row.
        options: override what is detected.
        called: the file's original name, if it is stored under another.
        original: the order file, if `path` is a copy of it; its second file is searched in the same folder.
        known: saved profiles, which are preferred to the built-in ones.

    Raises:
        FileRefused: the file is not a readable order file, or its columns fit no profile or several.
    """
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    profiles = [chosen] if chosen else [*known, *built_in_profiles().values()]
    leave_out = tuple(one.companion.file for one in profiles if one.companion)
    source = replace(open_source(path, options.member, leave_out), called=called)
    identified = _identified_table(source, profiles, options, named=chosen is not None)
    companion = identified.profile.companion
    return identified if companion is None else _with_companion(identified, source, companion, original)


def identify_companion(path: Path, main: Identified) -> tuple[Source, Identified] | None:
    """Identifies the second file of an identified file, now stored at `path`; None if it needs none.

    Raises:
        FileRefused: the second file is missing, unreadable, or lacks a column.
    """
    companion = main.profile.companion
    if companion is None:
        return None
    inside = not main.companion
    source = open_source(path if inside else Path(main.companion), main.companion_member or None)
    # Only the columns of the second file are required here; the others are in the first file.
    skip = {
        name: at for name, at in main.profile.skip.items() if not main.profile.places((name,), main.header)
    }
    others = {"columns": companion.columns, "items": None, "joined": {}, "companion": None, "skip": skip}
    others["lines"] = None
    others |= {"amounts": None, "payment": None, "returns": None}
    profile = Profile.model_construct(**{**dict(main.profile), **others})
    options = ReadOptions(broken_lines=main.options.broken_lines)
    identified = _identified_table(source, [profile], options, named=True)
    return replace(source, table=identified.table), identified


def _with_companion(
    identified: Identified, source: Source, companion: Companion, original: Path | None
) -> Identified:
    found = find_companion(source, companion, identified.options.companion, original)
    note = Finding(
        "companion", found.member or found.name, 1.0, "the profile needs a second file with the orders"
    )
    return replace(
        identified,
        companion="" if found.path == source.path else found.path,
        companion_member=found.member,
        findings=(*identified.findings, note),
    )


def _identified_table(
    source: Source, profiles: list[Profile], options: ReadOptions, *, named: bool
) -> Identified:
    """Identifies a file with several tables by the only one that fits a profile."""
    refuse_misplaced(source, options)
    if source.content is Content.TEXT:
        return _identified(source, profiles, options, named=named)
    from orders_pipeline.order_files.records.tables.first_records import only_table  # noqa: PLC0415 as below

    return only_table(source, options.sheet, lambda table: _identified(table, profiles, options, named=named))


def _identified(source: Source, profiles: list[Profile], options: ReadOptions, *, named: bool) -> Identified:
    def knows_header(fields: list[str]) -> bool:
        names = tuple(fields)
        return len(names) <= MOST_COLUMNS and any(profile.fits(names) for profile in profiles)

    kinds_in(options.leave_out)
    _check_choices(options)
    looked = look_at(source, options, profiles[0] if named else None, knows_header)
    header = _header(looked, profiles)
    payment = header.profile.payment
    check_returns(header.profile.returns, options, tells_refunds=bool(payment and payment.tells_refunds))
    return Identified(
        file_name=source.name,
        container=source.container,
        member=source.member,
        profile=header.profile,
        encoding=looked.encoding.encoding,
        dialect=looked.sniffed.dialect,
        header=header.names,
        header_line=header.line,
        skip_records=header.index + 1,
        companion="",
        companion_member="",
        options=looked.options,
        findings=tuple(_findings(looked, header, named=named)),
        content=source.content,
        table=source.table,
    )


def look_at(
    source: Source, options: ReadOptions, profile: Profile | None, knows_header: KnowsHeader
) -> Looked:
    """Detects the encoding and dialect of a file.

    Raises:
        FileRefused: the file cannot be read, is blank, or is not delimited text.
    """
    if source.content is not Content.TEXT:
        return _look_at_table(source, options, profile)
    sample = take_sample(source)
    if not sample.head.strip():
        message = f"{source.name} is blank. A header row and order lines were expected."
        raise FileRefused("file_empty", message, "Export it again.")
    if _is_binary(sample.head):
        message = f"{source.name} contains binary data. An order file in CSV was expected."
        raise FileRefused("not_text", message, "Export it as CSV.")
    options = with_noted_options(sample.head, options)
    encoding = _encoding(source, sample, options, profile)
    lines, line_end = _lines(sample, encoding.encoding)
    fixed = _fixed(options, profile)
    stated = re.fullmatch(r"\ufeff?sep=(.)", lines[0].strip("\n")) if lines else None
    if stated and "delimiter" not in fixed:
        fixed["delimiter"] = stated[1]
    sniffed = sniff(lines, line_end, fixed, knows_header)
    return Looked(source, encoding, options, sniffed, lines)


def refuse_misplaced(source: Source, options: ReadOptions) -> None:
    """Checks that the options apply to this kind of file, such as a delimiter to text.

    Raises:
        FileRefused: an option would have no effect.
    """
    if source.content is Content.TEXT:
        if options.sheet is not None:
            message = f"{source.name} is delimited text. It has no sheet {options.sheet!r}."
            raise FileRefused("sheet_unknown", message, "Leave out --sheet.")
        return
    for name in OF_TEXT:
        if getattr(options, name) is not None:
            message = f"{source.name} is read as {_table_label(source)}, which has no {name} to set."
            raise FileRefused("option_invalid", message, f"Leave out --{name}.")


def _look_at_table(source: Source, options: ReadOptions, profile: Profile | None) -> Looked:
    from orders_pipeline.order_files.records.tables.first_records import (  # noqa: PLC0415 as below
        IN_UNICODE,
        first_records,
    )

    sniffed = first_records(source, cell_text(options, profile))
    first = ",".join(sniffed.records[0].fields) if sniffed.records else ""
    return Looked(source, IN_UNICODE, with_noted_options(first.encode(), options), sniffed, [])


def _check_choices(options: ReadOptions) -> None:
    """Checks the options that have a fixed set of values.

    Raises:
        FileRefused: an option has another value.
    """
    choices: dict[str, type[StrEnum]] = {
        "repeated": Repeated,
        "broken_lines": BrokenLines,
        "returns": Returns,
    }
    for name, words in choices.items():
        given = getattr(options, name)
        if given is not None and given not in set(words):
            message = f"The option {name} {given!r} is not valid."
            raise FileRefused("option_invalid", message, f"Use {' or '.join(words)}.")


def _header(looked: Looked, profiles: list[Profile]) -> Header:
    if delimiter := long_delimiter(looked.lines):
        refuse_long_delimiter(looked.source.name, delimiter)
    return find_header(looked.source.name, looked.sniffed, profiles, looked.options.header_line)


def refuse_long_delimiter(file_name: str, delimiter: str) -> None:
    """Refuses a file whose delimiter has several characters.

    Raises:
        FileRefused: always.
    """
    raise FileRefused(
        "delimiter_too_long",
        f"{file_name} uses the delimiter {delimiter!r}. A delimiter of one character was expected.",
        "Export it with a comma, semicolon, tab or pipe as the delimiter.",
    )


def _encoding(
    source: Source, sample: Sample, options: ReadOptions, profile: Profile | None
) -> DetectedEncoding:
    given = options.encoding or (profile.encoding if profile else None)
    if given is None:
        return detect_encoding(sample.head, sample.marked, sample_is_whole=sample.whole)
    try:
        return DetectedEncoding(_text_codec(given), 1.0, "set by option or profile")
    except LookupError:
        message = f"{source.name} cannot be read: there is no encoding {given!r}."
        raise FileRefused(
            "encoding_unknown", message, "Use an encoding such as utf-8, cp1252 or mac_roman."
        ) from None


def _is_binary(head: bytes) -> bool:
    """Whether the bytes have many control characters, apart from the NUL bytes of UTF-16 and UTF-32."""
    control = sum(head.count(bytes([byte])) for byte in (*range(1, 9), *range(14, 32)))
    return control * 50 > len(head)


def _text_codec(name: str) -> str:
    """Returns Python's name of an encoding; ASCII becomes UTF-8, so that an invalid byte rejects a line."""
    found = codecs.lookup(name).name
    # Raises LookupError for codecs that do not decode text, such as base64.
    b" ".decode(found, "replace")
    return "utf-8" if found == ASCII else found


def _lines(sample: Sample, encoding: str) -> tuple[list[str], str]:
    """Returns the complete lines of the sample and the most frequent line end."""
    text = decode_start(sample.head, encoding)
    pairs = text.count("\r\n")
    ends = {"\n": text.count("\n") - pairs, "\r\n": pairs, "\r": text.count("\r") - pairs}
    lines = complete_lines(text, whole=len(sample.head) < HEAD_BYTES)
    return lines, max(ends, key=lambda end: ends[end])


def _fixed(options: ReadOptions, profile: Profile | None) -> dict[str, str]:
    fixed = {}
    for part in ("delimiter", "quote", "escape"):
        given = getattr(options, part)
        if given is None and profile is not None:
            given = getattr(profile, part)
        if given is not None:
            fixed[part] = given.replace("\\t", "\t")
            _check_character(part, fixed[part])
    return fixed


def _check_character(part: str, given: str) -> None:
    if len(given) > 1 or (part == "delimiter" and not given) or given in {"\n", "\r"}:
        message = f"The {part} {given!r} is not valid. One character was expected."
        raise FileRefused("option_invalid", message, "Use a single character, such as ; or \\t.")


def _findings(looked: Looked, header: Header, *, named: bool) -> Iterator[Finding]:
    sniffed, encoding = looked.sniffed, looked.encoding
    dialect = sniffed.dialect
    place = place_of(looked.source.content, looked.source.table, header.line)
    chosen = "set by option" if named else f"{place if header.line else 'the file'} has all its columns"
    yield Finding("profile", header.profile.name, 1.0, chosen)
    if looked.source.content is not Content.TEXT:
        yield from _table_findings(looked.source, header)
        return
    shown = "UTF-8 (only ASCII so far)" if encoding.encoding == ASCII else encoding.encoding
    yield Finding("encoding", shown, encoding.confidence, encoding.reason)
    parts = {"delimiter": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape}
    given = _fixed(looked.options, header.profile if named else None)
    for part, value in parts.items():
        if part in given:
            yield Finding(part, NAMES.get(value, value), 1.0, "set by option or profile")
        elif part != "escape" or value:
            yield Finding(part, NAMES.get(value, value), sniffed.confidence, sniffed.reason)
    yield Finding("line end", _LINE_ENDS[dialect.line_end], 1.0, "the most frequent one in the first lines")
    if header.line > 1:
        yield Finding("header line", str(header.line), 1.0, "the lines before it do not fit a profile")
    yield from _container_finding(looked.source)


def _container_finding(source: Source) -> Iterator[Finding]:
    if source.container is not Container.PLAIN:
        yield Finding("container", source.container.value, 1.0, "from its first bytes")


def _table_findings(source: Source, header: Header) -> Iterator[Finding]:
    yield Finding("format", _table_label(source), 1.0, "from its content")
    if source.table:
        yield Finding("table", source.table, 1.0, "set by option, or the only one with all columns")
    if header.line > 1:
        yield Finding("header row", str(header.line), 1.0, "the rows before it do not fit a profile")
    yield from _container_finding(source)


def _table_label(source: Source) -> str:
    # What reads tables loads polars, which `orders import` of a text file does without.
    from orders_pipeline.order_files.records.tables.known_tables import TABLES  # noqa: PLC0415

    return TABLES[source.content].label
