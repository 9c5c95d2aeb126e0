"""Physical lines: splits a block of text into lines and keeps their line ends.

A line ends with LF, CRLF, CR, or CR CR LF (from a text that was converted twice). One file can mix them.
"""

from __future__ import annotations

import io

import polars as pl


class Lines:
    """The lines of a block.

    `ends` is either the line end of all lines or a boolean for each line: whether it ends with CRLF, not LF.
    """

    def __init__(self, text: pl.Series, ends: str | pl.Series) -> None:
        self.text = text
        self._ends = ends

    def __len__(self) -> int:
        return self.text.len()

    def __getitem__(self, index: int, /) -> str:
        line: str = self.text[index]
        return line

    def end(self, index: int) -> str:
        """Returns the line end of the line at `index`."""
        if isinstance(self._ends, str):
            return self._ends
        return "\r\n" if self._ends[index] else "\n"

    def window(self, start: int, count: int) -> Lines:
        """Returns at most `count` lines, from line `start`."""
        ends = self._ends if isinstance(self._ends, str) else self._ends.slice(start, count)
        return Lines(self.text.slice(start, count), ends)

    def tail(self, start: int) -> bytes:
        """Returns the bytes of the block from line `start` to its end."""
        return "".join(self[i] + self.end(i) for i in range(start, len(self))).encode()


def cut(text: bytes) -> tuple[bytes, bytes]:
    """Splits `text` after the last line end that the next chunk cannot change."""
    end = text.rfind(b"\n") + 1
    if not end:
        end = text.rstrip(b"\r").rfind(b"\r") + 1
    return text[:end], text[end:]


def strip_blank_end(block: bytes) -> tuple[bytes, bytes]:
    """Splits `block` into its lines and the blank lines at its end."""
    body = block.rstrip(b"\r\n")
    if not body:
        return b"", block
    ends = block[len(body) :]
    first = next((end for end in (b"\r\r\n", b"\r\n", b"\n", b"\r") if ends.startswith(end)), b"")
    return body + first, ends[len(first) :]


def split_lines(block: bytes) -> Lines:
    """Splits `block` into lines."""
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
    # `pl.read_lines` drops one CR before a line feed. CRLF is doubled to CR CR LF first, so that a
    # remaining CR marks the lines that ended with CRLF.
    kept = _lines(block.replace(b"\r\n", b"\r\r\n"))
    return Lines(kept.str.strip_suffix("\r"), kept.str.ends_with("\r"))


def _lines(block: bytes) -> pl.Series:
    return pl.read_lines(io.BytesIO(block))["line"].rechunk()
