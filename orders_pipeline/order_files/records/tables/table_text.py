"""The text of a table format that is text, such as JSON: unpacked, and decoded to UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.records import MAX_LINE_BYTES
from orders_pipeline.order_files.records.source import Source, read_chunks
from orders_pipeline.order_files.records.text import TextStream


class TextLine(NamedTuple):
    """A line without its line feed; `is_complete` is false for a last line without a line feed."""

    number: int
    text: str
    is_complete: bool


def table_text(source: Source) -> Iterator[bytes]:
    """Yields the text as UTF-8, in pieces.

    Bytes that are neither UTF-8 nor UTF-16 become stand-in characters.
    """
    chunks = read_chunks(source)
    first = next(chunks, b"")
    wide = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return TextStream("utf-16" if wide else "utf-8").decoded(chain([first], chunks))


def table_lines(source: Source) -> Iterator[TextLine]:
    """Yields the lines that are not blank.

    Raises:
        FileRefused: a line is too long.
    """
    rest, number = b"", 0
    for piece in table_text(source):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            message = f"{source.name} has a line longer than {MAX_LINE_BYTES >> 20} MiB."
            raise FileRefused("line_too_long", message, "Export it again, with each record on its own line.")
        for number, line in enumerate(lines, number + 1):  # noqa: B020 counting goes on over the pieces
            if line.strip():
                yield TextLine(number, line.decode(), True)
    if rest.strip():
        yield TextLine(number + 1, rest.decode(), False)
