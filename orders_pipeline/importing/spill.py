"""Lines of a large file, kept on disk by a hash of their order number, so that no order is ever split."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

MAX_BATCHES = 64
FEW_BATCHES = 8
# Batches of a middling file are this much smaller than those of a large one.
FEW_BATCHES_SHRINK = 5


class Spill:
    """Holds raw lines in `count` parts: in memory while there is one part, else in files of `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.count = count
        self._kept: list[pl.DataFrame] = []
        self._pieces = 0
        if count > 1:
            folder.mkdir(parents=True)

    def add(self, frame: pl.DataFrame) -> None:
        """Takes lines with the column `order`; those without an order go to the first part."""
        if self.count == 1:
            self._kept.append(frame)
            return
        part = (pl.col("order").hash(seed=17) % self.count).fill_null(0).cast(pl.Int32)
        self._pieces += 1
        for key, piece in (
            frame.with_columns(part=part).partition_by("part", as_dict=True, include_key=False).items()
        ):
            piece.write_ipc(self._folder / f"{key[0]}-{self._pieces}.arrow", compression="uncompressed")

    def part(self, number: int) -> pl.DataFrame | None:
        """The lines of one part in file order, None when there are none; the part is given up."""
        if self.count == 1:
            frames, self._kept = self._kept, []
            return pl.concat(frames) if frames else None
        files = [self._folder / f"{number}-{piece}.arrow" for piece in range(1, self._pieces + 1)]
        files = [file for file in files if file.exists()]
        frames = [pl.read_ipc(file.read_bytes()) for file in files]
        for file in files:
            file.unlink()
        return pl.concat(frames) if frames else None

    def close(self) -> None:
        """Removes what was kept on disk."""
        if self.count > 1:
            shutil.rmtree(self._folder, ignore_errors=True)


def batch_count(total_bytes: int, bytes_per_line: float, batch_lines: int) -> int:
    """Number of batches for a file of about `total_bytes`.

    One for a small file, as each batch costs steps; up to 8 that keep all workers busy; then one for each
    `batch_lines`, at most 64.
    """
    estimated = total_bytes / max(1.0, bytes_per_line)
    few = min(FEW_BATCHES, round(estimated * FEW_BATCHES_SHRINK / batch_lines))
    return max(1, few, min(MAX_BATCHES, round(estimated / batch_lines)))
