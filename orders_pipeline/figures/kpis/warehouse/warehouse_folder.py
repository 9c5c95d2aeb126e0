"""The folder of the warehouse: its DuckDB file, and a record of the last rebuild after damage."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from orders_pipeline.base.clock import now_us

REBUILD = "rebuild.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Why figures had to be computed again, and when, in microseconds since 1970."""

    at: int
    reason: str


def warehouse_file(folder: Path) -> Path:
    """Returns the path of the DuckDB file. Only the writer opens it."""
    return folder / "warehouse.duckdb"


def note_rebuild(folder: Path, reason: str) -> None:
    """Logs that figures are computed again from the order store, and records it for the alert."""
    log.warning("Figures are computed again from the order store: %s", reason)
    (folder / REBUILD).write_text(json.dumps(asdict(Rebuild(now_us(), reason))), encoding="utf-8")


def last_rebuild(folder: Path) -> Rebuild | None:
    """Returns the last rebuild after damage; None if there was none."""
    try:
        return Rebuild(**json.loads((folder / REBUILD).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
