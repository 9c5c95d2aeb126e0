"""Imports as release 0.1.0 left them: their files, the instructions, and their rows in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.arrival.sources import source_id
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.reading_instructions import ReadingInstructions, instructions_from
from orders_pipeline.staging.keys import FileIdentity
from orders_pipeline.staging.staging import hash_file
from orders_pipeline.store.schema import imports

FOLDER = Path(__file__).parent / "stored_documents" / "0_1_0"


@dataclass(frozen=True, slots=True)
class OldImport:
    """A file that release 0.1.0 staged and, unless `parsed` is None, parsed."""

    file: str
    said: dict[str, Any]
    partition_key: str
    file_sha256: str
    profile: str
    source: str
    status: str
    max_rejects: str | None
    identified: dict[str, Any]
    parsed: dict[str, Any] | None

    @property
    def path(self) -> Path:
        return FOLDER / "files" / self.file

    @property
    def words(self) -> dict[str, Any]:
        """The instructions, with the path of a profile of the user."""
        profile = self.said.get("profile", "")
        own = {"profile": str(FOLDER / "files" / profile)} if profile.endswith(".toml") else {}
        return {**self.said, **own}

    @property
    def instructions(self) -> ReadingInstructions:
        return instructions_from(self.words)

    @property
    def companion(self) -> Path | None:
        return (
            self.path.with_name(Path(self.identified["companion"]).name)
            if self.identified["companion"]
            else None
        )

    @property
    def identity(self) -> FileIdentity:
        companion = hash_file(self.companion) if self.companion else ""
        return FileIdentity(hash_file(self.path), companion, self.instructions.words)

    @property
    def row(self) -> Import:
        """The import as the store returns it."""
        none = dict.fromkeys(
            ("run_id", "started_at", "settled_at", "refused_because", "run_beat_at", "work_beat_at")
        )
        counts = dict.fromkeys(
            ("launches", "records", "rejected_lines", "lines_of_rejected_orders", "rejected_orders"), 0
        )
        return Import(
            id=1,
            key=self.partition_key,
            file_name=self.file,
            profile=self.profile,
            source=self.source,
            identified=self.identified,
            status=ImportStatus(self.status),
            file_sha256=self.file_sha256,
            parsed=self.parsed,
            max_rejects=self.max_rejects,
            **none,
            **counts,
        )

    def note(self, connection: Connection) -> None:
        """Adds the file as 0.1.0 did when it staged it."""
        values = {
            "partition_key": self.partition_key,
            "file_name": self.file,
            "file_sha256": self.file_sha256,
            "file_bytes": self.path.stat().st_size,
            "profile": self.profile,
            "source_id": source_id(connection, self.source),
            "identified": self.identified,
            "max_rejects": self.max_rejects,
            "status": ImportStatus.STAGED,
            "staged_at": 1,
        }
        connection.execute(insert(imports).values(values))


def old_imports() -> list[OldImport]:
    """All these imports."""
    return [OldImport(**one) for one in json.loads((FOLDER / "imports.json").read_text(encoding="utf-8"))]


def old_import(file: str) -> OldImport:
    """The import of a file."""
    return next(one for one in old_imports() if one.file == file)
