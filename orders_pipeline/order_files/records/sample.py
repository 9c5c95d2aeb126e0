"""The sample of a file that detection reads; its size is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orders_pipeline.order_files.records.source import Source, read_chunks

HEAD_BYTES = 512 << 10
SCANNED_BYTES = 64 << 20
MARKED_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a file.

    Attributes:
        head: the first bytes.
        marked: lines with non-ASCII bytes.
        whole: whether the sample covers the whole file.
    """

    head: bytes
    marked: bytes
    whole: bool


def take_sample(source: Source) -> Sample:
    """Reads at most `SCANNED_BYTES` of the unpacked file."""
    head, marked, rest, seen = b"", b"", b"", 0
    for chunk in read_chunks(source, 1 << 20):
        head += chunk[: max(0, HEAD_BYTES - len(head))]
        seen += len(chunk)
        lines = (rest + chunk).splitlines(keepends=True)
        rest = lines.pop() if len(lines) > 1 else b""
        marked += b"".join(_marked(lines, MARKED_BYTES - len(marked)))
        if seen >= SCANNED_BYTES or len(marked) >= MARKED_BYTES:
            return Sample(head, marked, whole=False)
    return Sample(head, marked + b"".join(_marked([rest], MARKED_BYTES)), whole=True)


def _marked(lines: list[bytes], room: int) -> Iterator[bytes]:
    for line in lines:
        if room <= 0:
            return
        if not line.isascii():
            room -= len(line)
            yield line
