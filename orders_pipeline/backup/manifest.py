"""The manifest of a backup: its origin, and checksums of its files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from orders_pipeline.backup.errors import BackupError
from orders_pipeline.staging.staging import hash_file

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """The head of a backup.

    Args:
        made_at: ISO 8601, UTC.
        version: of the software that made it.
        database: `sqlite` or `postgresql`. A backup is restored only into the same kind.
        revision: migration revision of the tables.
        token: identifies the order store that was backed up.
        rows: number of rows by table.
        files: SHA-256 by path inside the backup.
    """

    made_at: str
    version: str
    database: str
    revision: str
    token: str
    rows: dict[str, int]
    files: dict[str, str]
    format: int = FORMAT


def _manifest(document: dict[str, Any]) -> Manifest:
    unknown = document.keys() - {one.name for one in fields(Manifest)}
    if unknown or document.get("format", FORMAT) != FORMAT:
        what = (
            f"the unknown fields {', '.join(sorted(unknown))}"
            if unknown
            else f"the format {document['format']}"
        )
        hint = f"It was made by version {document.get('version')}; restore it with that version."
        raise BackupError("other_backup_format", f"The backup has {what}.", hint)
    return Manifest(**document)


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, except the manifest."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    sums = {path.relative_to(folder).as_posix(): hash_file(path) for path in found}
    sums.pop(MANIFEST, None)
    return sums


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest to the folder of the files that it describes."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of an unpacked backup, and verifies the checksums of its files.

    Raises:
        BackupError: the file is no backup of this software, or is damaged or changed.
    """
    try:
        manifest = _manifest(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError):
        raise BackupError("not_a_backup", "The file is not a backup made by `orders backup`.") from None
    found = checksums(folder)
    differing = sorted(
        name for name in found.keys() | manifest.files.keys() if found.get(name) != manifest.files.get(name)
    )
    if differing:
        named = ", ".join(differing[:3])
        raise BackupError("backup_damaged", f"The backup is damaged: {named} does not match the manifest.")
    return manifest
