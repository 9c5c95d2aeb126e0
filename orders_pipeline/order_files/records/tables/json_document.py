"""JSON documents, read as a stream: a list of objects, or an object that contains such a list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.json_lines import (
    broken_row,
    column_names,
    positions,
    record_row,
)
from orders_pipeline.order_files.records.tables.json_records import (
    BrokenRecordError,
    flattened,
    json_decoder,
)
from orders_pipeline.order_files.records.tables.rows import Row, bounded, row_frames
from orders_pipeline.order_files.records.tables.table_text import table_text

MAX_VALUE_CHARS = 16 << 20
_BLANKS = " \t\r\n"

Element = tuple[str, int, Any]


class JsonDocument:
    """A JSON file with lists of records; the name of a list is its path, such as `data.orders`."""

    label = "JSON"
    growth = 1
    errors: tuple[type[Exception], ...] = ()

    def tables(self, source: Source) -> dict[str, bool]:
        """Returns the paths of the lists of objects; `$` is the document itself.

        Raises:
            FileRefused: the text is not valid JSON.
        """
        return {path: True for path, _, _ in _elements(source, json_decoder(CellText()))}

    def frames(
        self, source: Source, cells: CellText, header: tuple[str, ...] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yields the objects of a list; their columns are the keys of all objects.

        Raises:
            FileRefused: the text is not valid JSON, or the objects have too many keys.
        """
        decoder = json_decoder(cells)

        def read() -> Iterator[Element]:
            return (element for element in _elements(source, decoder) if element[0] == source.table)

        names = positions(header) if header else column_names(source, map(_record, read()))
        rows = (_row(element, names) for element in read())
        yield from row_frames(bounded(source, chain([Row(0, list(names))], rows)))


def _record(element: Element) -> dict[str, str] | None:
    try:
        return flattened(element[2])
    except BrokenRecordError:
        return None


def _row(element: Element, names: dict[str, int]) -> Row:
    _, number, value = element
    try:
        return record_row(number, flattened(value), names)
    except BrokenRecordError as broken:
        return broken_row(number, json.dumps(value, ensure_ascii=False), str(broken), names)


def _elements(source: Source, decoder: json.JSONDecoder) -> Iterator[Element]:
    """Yields path, number (from 1) and value of the elements of all lists of objects outside of lists."""
    text = _Text(table_text(source), decoder)

    def damaged(reason: str) -> FileRefused:
        message = f"{source.name} is not valid JSON: {reason}."
        return FileRefused("json_damaged", message, "Export it again. The file may be incomplete.")

    try:
        yield from _walk(text, "$")
        if text.peek():
            raise damaged("more text follows its end. For several objects, write one on each line")
    except json.JSONDecodeError as error:
        raise damaged(f"{error.msg} after character {text.before + error.pos:,}") from None
    except RecursionError:
        raise damaged("it is nested too deeply") from None


def _walk(text: _Text, path: str) -> Iterator[Element]:
    if text.peek() == "{":
        for key in _keys(text):
            yield from _walk(text, key if path == "$" else f"{path}.{key}")
    elif text.peek() == "[":
        yield from _list(text, path)
    else:
        text.value()


def _keys(text: _Text) -> Iterator[str]:
    """Yields the keys of an object; the caller reads the value of each."""
    for _ in _parts(text, "{", "}"):
        key = text.value()
        if not isinstance(key, str):
            raise text.error("A key was expected")
        text.take(":")
        yield key


def _list(text: _Text, path: str) -> Iterator[Element]:
    of_objects = False
    for number, _ in enumerate(_parts(text, "[", "]"), 1):
        of_objects = text.peek() == "{" if number == 1 else of_objects
        value = text.value()
        if of_objects:
            yield path, number, value


def _parts(text: _Text, opened: str, closed: str) -> Iterator[None]:
    """Yields once before each part of a list or an object, so that the caller can read the part."""
    text.take(opened)
    if text.peek() == closed:
        text.take(closed)
        return
    while True:
        yield
        if text.peek() == closed:
            text.take(closed)
            return
        text.take(",")


class _Text:
    """A stream of text with a position; `before` counts the characters before the buffer."""

    def __init__(self, pieces: Iterator[bytes], decoder: json.JSONDecoder) -> None:
        self.before = 0
        self._pieces = pieces
        self._decoder: Callable[[str, int], tuple[Any, int]] = decoder.raw_decode
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """Returns the next character that is not blank without reading it; an empty text at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _BLANKS:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Reads one character.

        Raises:
            JSONDecodeError: the next character is another one.
        """
        if self.peek() != character:
            raise self.error(f"{character!r} was expected")
        self._at += 1

    def value(self) -> Any:
        """Reads one value.

        Raises:
            JSONDecodeError: the value is not valid, incomplete, or longer than `MAX_VALUE_CHARS`.
        """
        self.peek()
        while True:
            try:
                value, end = self._decoder(self._buffer, self._at)
            except json.JSONDecodeError:
                if len(self._buffer) - self._at > MAX_VALUE_CHARS or not self._more():
                    raise
            else:
                # A number at the end of the buffer may continue in the text that follows.
                if end < len(self._buffer) or not self._more():
                    self._at = end
                    return value

    def error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._buffer, self._at)

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self.before += self._at
        self._buffer, self._at = self._buffer[self._at :] + piece.decode(), 0
        return True
