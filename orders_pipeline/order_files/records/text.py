"""Decodes a stream of bytes in any encoding to UTF-8; undecodable bytes become stand-in characters."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Protocol

from orders_pipeline.order_files.records.encodings import ASCII, DetectedEncoding, detect_encoding, is_utf8

# Each undecodable byte is replaced with a private-use character of Unicode plane 16, its stand-in, so that an
# export can write the original bytes. NUL is replaced too, because PostgreSQL cannot store it.
STAND_IN = 0x10FF00
STAND_IN_PATTERN = "[\U0010ff00-\U0010ffff]"
STAND_IN_PREFIX = b"\xf4\x8f"

_KEEP = "orders.keep"


class TextStream:
    """The text of a file as UTF-8, without a byte order mark.

    If the sample of a file was all ASCII, its encoding is detected at the first non-ASCII byte; `decided`
    then holds the result.
    """

    def __init__(self, encoding: str) -> None:
        codecs.register_error(_KEEP, _keep_bytes)
        self.decided: DetectedEncoding | None = None
        self._decoder: _Decoder | None = None if encoding == ASCII else _decoder(encoding)

    @property
    def all_ascii(self) -> bool:
        """Whether the text is known to be all ASCII so far."""
        return self._decoder is None

    def decoded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yields the text in pieces; a piece can end anywhere, but not inside a character."""
        first = True
        for chunk in chunks:
            text = self._feed(chunk)
            if first and text:
                text, first = text.removeprefix(codecs.BOM_UTF8), False
            if text:
                yield text
        if self._decoder and (text := self._decoder.feed(b"", final=True)):
            yield text

    def _feed(self, chunk: bytes) -> bytes:
        if self._decoder is None:
            if chunk.isascii():
                return without_nul(chunk)
            marked = [line for line in chunk.splitlines(keepends=True) if not line.isascii()]
            self.decided = detect_encoding(b"", b"".join(marked))
            self._decoder = _decoder(self.decided.encoding)
        return self._decoder.feed(chunk, final=False)


def decode_start(head: bytes, encoding: str) -> str:
    """Decodes the first bytes of a file."""
    return b"".join(TextStream(encoding).decoded(iter([head]))).decode()


def complete_lines(text: str, *, whole: bool) -> list[str]:
    """Splits the first text of a file into lines; unless it is the whole file, its last line is left out."""
    lines = [line.rstrip("\n") for line in io.StringIO(text.replace("\r\r\n", "\r\n"), newline=None)]
    return lines if whole or len(lines) == 1 else lines[:-1]


def original_bytes(text: str, encoding: str) -> bytes:
    """Encodes `text`; each stand-in character becomes its original byte.

    Raises:
        UnicodeEncodeError: the encoding does not have one of the characters.
    """
    pieces: list[bytes] = []
    start = 0
    for at, character in enumerate(text):
        if ord(character) >= STAND_IN:
            pieces += [text[start:at].encode(encoding), bytes([ord(character) - STAND_IN])]
            start = at + 1
    return b"".join([*pieces, text[start:].encode(encoding)])


def without_nul(text: bytes) -> bytes:
    """Replaces each NUL in UTF-8 text with a stand-in character."""
    return text.replace(b"\x00", chr(STAND_IN).encode()) if b"\x00" in text else text


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    kept = error.object[error.start : error.end]
    return "".join(chr(STAND_IN + byte) for byte in kept), error.end


class _Decoder(Protocol):
    def feed(self, chunk: bytes, *, final: bool) -> bytes: ...


def _decoder(encoding: str) -> _Decoder:
    return _Utf8() if is_utf8(encoding) else _Decoded(encoding)


class _Decoded:
    """Streaming decoder for any encoding that Python knows."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP)

    def feed(self, chunk: bytes, *, final: bool) -> bytes:
        text = self._decoder.decode(chunk, final)
        return without_nul(text.encode("utf-8", errors="replace"))


class _Utf8:
    """Passes valid UTF-8 through without copying it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors=_KEEP)
        self._between_characters = True

    def feed(self, chunk: bytes, *, final: bool) -> bytes:
        if self._between_characters and _is_valid(chunk):
            return without_nul(chunk)
        text = self._decoder.decode(chunk, final)
        self._between_characters = not self._decoder.getstate()[0]
        return without_nul(text.encode("utf-8"))


def _is_valid(chunk: bytes) -> bool:
    if chunk.isascii():
        return True
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True
