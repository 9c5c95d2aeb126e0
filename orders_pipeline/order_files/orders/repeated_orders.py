"""Repeated orders: after a repeated header they are imported once, elsewhere they cause a warning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from orders_pipeline.order_files.parsed_file import FileWarning

_LINE = ("customer_id", "customer_name", "sku", "product_name", "count", "total", "currency", "instant")
_PAGES = (
    "Orders are repeated after a repeated header, with the same lines. Their lines were imported once. To "
    "refuse such a file, set the option repeated to refuse."
)
_ELSEWHERE = (
    "All lines of these orders occur more than once, and not next to each other. All lines were imported. "
    "Check whether these orders were exported twice."
)
_TIMES = (2, 3)


@dataclass(frozen=True, slots=True)
class LinesOnce:
    """The lines without those that repeat an order, the number of lines left out, and warnings."""

    lines: pl.DataFrame
    repeated: int
    warnings: tuple[FileWarning, ...]


def lines_once(lines: pl.DataFrame, pages: Sequence[int]) -> LinesOnce:
    """Removes orders that are repeated with the same lines on a later page, after a repeated header.

    Args:
        lines: converted lines, sorted by `run`, the number of their order.
        pages: record numbers of the repeated headers, ascending.
    """
    if not lines.height or lines["run"][-1] + 1 == lines.height:
        return LinesOnce(lines, 0, ())
    again = _again(lines, pages) if pages else None
    kept = lines if again is None else lines.filter(~again)
    warnings = [
        *_warning("repeated_lines", _PAGES, 0 if again is None else lines.filter(again)["run"].n_unique())
    ]
    warnings += _warning("order_lines_repeated", _ELSEWHERE, _orders_twice(kept))
    return LinesOnce(kept, lines.height - kept.height, tuple(warnings))


def _warning(code: str, message: str, count: int) -> Iterator[FileWarning]:
    if count:
        yield FileWarning(code, message, count)


def _content(lines: pl.DataFrame) -> pl.Series:
    """Returns a hash of the content of each line."""
    more = [name for name in lines.columns if "+" in name or name.startswith("payment_")]
    return lines.select(*_LINE, *more).hash_rows(seed=5)


def _again(lines: pl.DataFrame, pages: Sequence[int]) -> pl.Series | None:
    """Returns for each line whether its page repeats the whole order of an earlier page.

    None if none does.
    """
    paged = lines.with_columns(page=pl.Series(pages, dtype=pl.Int64).search_sorted(lines["record"]))
    several = paged.group_by("run").agg(pl.col("page").n_unique()).filter(pl.col("page") > 1)["run"]
    ordered = pl.col("order").is_not_null() & pl.col("run").is_in(several.implode())
    suspects = paged.filter(ordered & pl.col("code").is_null().all().over("run"))
    if not suspects.height:
        return None
    suspects = suspects.with_columns(content=_content(suspects))
    page = suspects.group_by("run", "page", maintain_order=True).agg(pl.col("content").sort())
    first = page.with_columns(original=pl.col("content").first().over("run", mapping_strategy="join"))
    same = first.filter(pl.col("page") != pl.col("page").first().over("run")).filter(
        pl.col("content") == pl.col("original")
    )
    if not same.height:
        return None
    marked = paged.select("run", "page").join(
        same.select("run", "page", again=pl.lit(value=True)),
        on=["run", "page"],
        how="left",
        maintain_order="left",
    )
    return marked["again"].fill_null(value=False)


def _orders_twice(lines: pl.DataFrame) -> int:
    """Counts the orders whose lines are repeated exactly, but not next to each other."""
    runs = lines["run"].rle().struct.unnest()
    length = runs["len"].cast(pl.Int64)
    start = length.cum_sum() - length
    suspects: set[int] = set()
    for times in _TIMES:
        places = runs.select(run="value", start=start, part=length // times).filter(
            (length % times == 0) & (length > 1)
        )
        if places.height:
            one, other = places["start"], places["start"] + places["part"]
            total, sku = lines["total"], lines["sku"]
            alike = (total.gather(one) == total.gather(other)) & (sku.gather(one) == sku.gather(other))
            suspects |= set(places.filter(alike)["run"])
    if not suspects:
        return 0
    of_suspects = lines.filter(pl.col("run").is_in(sorted(suspects)) & pl.col("order").is_not_null())
    table = (
        of_suspects.with_columns(content=_content(of_suspects))
        .group_by("run")
        .agg(
            "content",
            units=(pl.col("content").n_unique() == 1)
            & (pl.col("record").max() - pl.col("record").min() < pl.len()),
            good=pl.col("code").is_null().all(),
        )
    )
    twice = pl.any_horizontal(_is_periodic(times) for times in _TIMES)
    return table.filter(twice & ~pl.col("units") & pl.col("good")).height


def _is_periodic(times: int) -> pl.Expr:
    content = pl.col("content")
    length = content.list.len()
    part = length // times
    pieces = [content.list.slice(part * at, part) for at in range(times)]
    return (length % times == 0) & pl.all_horizontal(piece == pieces[0] for piece in pieces[1:])
