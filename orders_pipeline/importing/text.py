"""Bytes in any encoding to UTF-8, by streaming; bytes that are no text are kept as stand-in characters."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

# Plane-16 private characters stand in for single bytes, so that a line's raw text can be written back as it was.
STAND_IN = 0x10FF00
STAND_IN_PATTERN = "[\U0010ff00-\U0010ffff]"
STAND_IN_PREFIX = b"\xf4\x8f"

_KEEP = "orders.keep"


def utf8_chunks(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The text of `chunks` as UTF-8, without a byte order mark; pieces end at any character."""
    codecs.register_error(_KEEP, _keep_bytes)
    decoder = _Utf8() if _is_utf8(encoding) else _Decoded(encoding)
    first = True
    for chunk in chunks:
        text = decoder.feed(chunk, final=False)
        if first and text:
            text, first = text.removeprefix(codecs.BOM_UTF8), False
        if text:
            yield text
    if text := decoder.feed(b"", final=True):
        yield text


def original_bytes(text: str, encoding: str) -> bytes:
    """`text` in `encoding`, stand-in characters as the bytes they stand for.

    Raises:
        UnicodeEncodeError: a character does not exist in the encoding.
    """
    pieces: list[bytes] = []
    plain = ""
    for character in text:
        if ord(character) < STAND_IN:
            plain += character
            continue
        pieces += [plain.encode(encoding), bytes([ord(character) - STAND_IN])]
        plain = ""
    return b"".join([*pieces, plain.encode(encoding)])


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", "ascii"}


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    kept = error.object[error.start : error.end]
    return "".join(chr(STAND_IN + byte) for byte in kept), error.end


class _Decoded:
    """Streaming decoder of any encoding that Python knows."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP)

    def feed(self, chunk: bytes, *, final: bool) -> bytes:
        text = self._decoder.decode(chunk, final)
        return _without_nul(text.encode("utf-8", errors="replace"))


class _Utf8:
    """Passes valid UTF-8 through without copying it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors=_KEEP)
        self._clean = True

    def feed(self, chunk: bytes, *, final: bool) -> bytes:
        if self._clean and _is_valid(chunk):
            return _without_nul(chunk)
        text = self._decoder.decode(chunk, final)
        self._clean = not self._decoder.getstate()[0]
        return _without_nul(text.encode("utf-8"))


def _is_valid(chunk: bytes) -> bool:
    if chunk.isascii():
        return True
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_nul(text: bytes) -> bytes:
    return text.replace(b"\x00", chr(STAND_IN).encode()) if b"\x00" in text else text
