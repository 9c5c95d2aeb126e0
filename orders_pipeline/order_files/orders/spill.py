"""The spill: stores the lines of a large file on disk, in parts by a hash of the order number.

All lines of an order are in the same part, so no order is split.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

MAX_BATCHES = 64
FEW_BATCHES = 4
BATCHES_A_WORKER = 2
# In files with up to FEW_BATCHES batches, a batch is smaller than the batches of a large file by this factor.
FEW_BATCHES_SHRINK = 10
PART_LINES = 80_000
MAX_PARTS = 512


class Spill:
    """Raw lines in `count` parts. A single part is kept in memory; several are files in `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.count = count
        self._kept: list[pl.DataFrame] = []
        self._lengths: list[list[int]] = [[] for _ in range(count)]
        if count > 1:
            folder.mkdir(parents=True)

    def add(self, frame: pl.DataFrame) -> None:
        """Adds lines with the columns `order` and `record`; lines without an order are added to any part."""
        if self.count == 1:
            self._kept.append(frame)
            return
        number = pl.col("record").cast(pl.UInt64)
        key = pl.when(pl.col("order").is_null()).then(number).otherwise(pl.col("order").hash(seed=17))
        part = (key % self.count).cast(pl.Int32)
        pieces = frame.with_columns(part=part).partition_by("part", as_dict=True, include_key=False)
        for (number,), piece in pieces.items():
            with self._file(number).open("ab") as file:
                start = file.tell()
                piece.rechunk().write_ipc_stream(file)
                self._lengths[number].append(file.tell() - start)

    def part(self, number: int) -> pl.DataFrame | None:
        """Returns the lines of one part in file order, or None, and deletes the part."""
        if self.count == 1:
            frames, self._kept = self._kept, []
        elif self._lengths[number]:
            with self._file(number).open("rb") as file:
                frames = [pl.read_ipc_stream(io.BytesIO(file.read(n))) for n in self._lengths[number]]
            self._file(number).unlink()
        else:
            frames = []
        return pl.concat(frames) if frames else None

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.arrows"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the lines of a file are divided: into `batches` of `pieces` parts each."""

    batches: int
    pieces: int = 1

    @property
    def parts(self) -> int:
        """Number of parts. Batch `n` (from 0) has the parts from `n * pieces`."""
        return self.batches * self.pieces


def plan_parts(lines: float, batch_lines: int, workers: int) -> Plan:
    """Plans batches and parts for about `lines` lines.

    A small file is one batch, because each batch needs its own steps. A larger file has up to two batches for
    each worker process, to keep all workers busy. A still larger file has one batch for each `batch_lines`
    lines, at most 64. Parts are small enough to fit into memory.
    """
    enough = max(FEW_BATCHES, BATCHES_A_WORKER * workers)
    few = min(enough, MAX_BATCHES, round(lines * FEW_BATCHES_SHRINK / batch_lines))
    batches = max(1, few, min(MAX_BATCHES, round(lines / batch_lines)))
    pieces = min(MAX_PARTS // batches, -(-int(lines) // (batches * PART_LINES)))
    return Plan(batches, max(1, pieces))
