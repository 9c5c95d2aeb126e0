"""The companion: a second file with order fields, joined to the first file's lines by order number."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import Companion, OrderField
from orders_pipeline.order_files.records.source import Source, members_of, open_source
from orders_pipeline.order_files.reject_codes import RejectCode


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


def join_orders(lines: pl.DataFrame, orders: pl.DataFrame | None, companion: Companion) -> pl.DataFrame:
    """Adds the fields of their orders to `lines`.

    Marks lines whose order the companion lacks or has twice.
    """
    fields = [field.value for field in companion.columns if field is not OrderField.ORDER_NUMBER]
    status = "skipped_order"
    if orders is None:
        schema = {"order": pl.String, **dict.fromkeys([*fields, status], pl.String), "found": pl.UInt32}
        known = pl.DataFrame(schema=schema)
    else:
        fields = [name for name in fields if name in orders.columns]
        sound = orders.filter(pl.col("problem").is_null() & pl.col("order").is_not_null())
        known = sound.group_by("order").agg(
            pl.col(fields).first(), pl.col("skipped").first().alias(status), found=pl.len()
        )
    joined = lines.join(known, on="order", how="left", maintain_order="left")
    problem = (
        pl.when(pl.col("problem").is_not_null() | pl.col("order").is_null())
        .then(pl.col("problem"))
        .when(pl.col("found").is_null())
        .then(pl.lit(RejectCode.ORDER_UNKNOWN.value))
        .when(pl.col("found") > 1)
        .then(pl.lit(RejectCode.ORDER_TWICE.value))
    )
    return joined.with_columns(problem=problem, skipped=pl.coalesce("skipped", status)).drop("found", status)


def _beside(path: Path, companion: Companion) -> list[Path]:
    folder = path.parent.resolve()
    return sorted(
        other
        for other in folder.glob(companion.file)
        if other.name != path.name and other.is_file() and not other.is_symlink()
    )


def _fits(name: str, companion: Companion) -> bool:
    return fnmatchcase(Path(name).name, companion.file)
