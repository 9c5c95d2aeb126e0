"""Physical lines: where a block of text may be cut, and its lines with the ends that they had.

A line ends with LF, CRLF, CR or the CR CR LF of a text converted twice, also within one file.
"""

from __future__ import annotations

import io

import polars as pl


class Lines:
    """The lines of a block; `ends` is one line end for all, or tells line by line whether there is a CR."""

    def __init__(self, text: pl.Series, ends: str | pl.Series) -> None:
        self.text = text
        self._ends = ends

    def __len__(self) -> int:
        return self.text.len()

    def __getitem__(self, index: int, /) -> str:
        line: str = self.text[index]
        return line

    def end(self, index: int) -> str:
        """The end of the line at `index`."""
        if isinstance(self._ends, str):
            return self._ends
        return "\r\n" if self._ends[index] else "\n"

    def window(self, start: int, count: int) -> Lines:
        """At most `count` lines from `start` on."""
        ends = self._ends if isinstance(self._ends, str) else self._ends.slice(start, count)
        return Lines(self.text.slice(start, count), ends)

    def tail(self, start: int) -> bytes:
        """The block's bytes from line `start` on."""
        return "".join(self[i] + self.end(i) for i in range(start, len(self))).encode()


def cut(text: bytes) -> tuple[bytes, bytes]:
    """`text` up to its last certain line end, and the rest."""
    end = text.rfind(b"\n") + 1
    if not end:
        end = text.rstrip(b"\r").rfind(b"\r") + 1
    return text[:end], text[end:]


def strip_blank_end(block: bytes) -> tuple[bytes, bytes]:
    """`block` without the blank lines at its end, which begin after the line end of its last line."""
    body = block.rstrip(b"\r\n")
    if not body:
        return b"", block
    ends = block[len(body) :]
    first = next((end for end in (b"\r\r\n", b"\r\n", b"\n", b"\r") if ends.startswith(end)), b"")
    return body + first, ends[len(first) :]


def split_lines(block: bytes) -> Lines:
    """The lines of `block`."""
    if b"\r" not in block:
        return Lines(_lines(block), "\n")
    block = block.replace(b"\r\r\n", b"\r\n")
    pairs, feeds = block.count(b"\r\n"), block.count(b"\n")
    if block.count(b"\r") > pairs:
        only_cr = not feeds
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return Lines(_lines(block), "\r" if only_cr else "\n")
    if pairs == feeds:
        return Lines(_lines(block), "\r\n")
    # The reader drops one CR before a line feed; of two it leaves one, which tells how the line ended.
    kept = _lines(block.replace(b"\r\n", b"\r\r\n"))
    return Lines(kept.str.strip_suffix("\r"), kept.str.ends_with("\r"))


def _lines(block: bytes) -> pl.Series:
    return pl.read_lines(io.BytesIO(block))["line"].rechunk()
