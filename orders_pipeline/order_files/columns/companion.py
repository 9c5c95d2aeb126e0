"""The companion: a second file with order fields, joined to the first file's lines by order number."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import Companion
from orders_pipeline.order_files.records.source import Source, members_of, open_source


def find_companion(
    source: Source, companion: Companion, given: str | None, original: Path | None = None
) -> Source:
    """Finds the companion of an order file: the one given, or a match in its archive or its folder.

    Args:
        original: the order file, if `source` is a copy of it; its folder is searched. Symbolic links in this
            folder are ignored, because others may have put them there.

    Raises:
        FileRefused: no file matches, or several match.
    """
    path = Path(source.path)
    if given is not None:
        return open_source(Path(given))
    inside = [name for name in members_of(source) if name != source.member and _fits(name, companion)]
    if len(inside) == 1:
        return open_source(path, inside[0])
    beside = _beside(original or path, companion)
    if len(beside) == 1:
        return open_source(beside[0])
    what = "several files match" if beside or inside else "no file matches"
    raise FileRefused(
        "companion_missing",
        f"{source.name} needs a second file with its orders: {what} {companion.file}.",
        "Put one such file into the same folder or zip archive, or name it as the companion.",
    )


def _beside(path: Path, companion: Companion) -> list[Path]:
    folder = path.parent.resolve()
    return sorted(
        other
        for other in folder.glob(companion.file)
        if other.name != path.name and other.is_file() and not other.is_symlink()
    )


def _fits(name: str, companion: Companion) -> bool:
    return fnmatchcase(Path(name).name, companion.file)
