"""Parquet files. Their columns have types, so no format of numbers or dates is guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.source import FREE_BYTES, MAX_RATIO, Source
from orders_pipeline.order_files.records.tables.cell_text import DIGITS, CellText
from orders_pipeline.order_files.records.tables.rows import (
    FRAME_CHARS,
    MAX_COLUMNS,
    Row,
    row_frames,
    too_large,
    too_wide,
)

BATCH_ROWS = 50_000
# A row group is unpacked as a whole, one column after the other.
MAX_GROUP_BYTES = 2 << 30


class Parquet:
    """Apache Parquet; nested columns become columns such as `customer.email`."""

    label = "Parquet"
    growth = 8
    errors: tuple[type[Exception], ...] = (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        ValueError,
    )

    def tables(self, source: Source) -> dict[str, bool]:  # noqa: ARG002 the file is the table
        return {"": True}

    def frames(
        self,
        source: Source,
        cells: CellText,
        header: tuple[str, ...] | None = None,  # noqa: ARG002 the file says its columns first
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows.

        Raises:
            FileRefused: the rows unpack to too much, or have too many columns.
        """
        _refuse_bomb(source)
        start, left = 1, max(FREE_BYTES, source.size() * MAX_RATIO)
        scan = pl.scan_parquet(source.path, glob=False)
        if not scan.collect_schema():
            return
        for batch in scan.collect_batches(chunk_size=BATCH_ROWS, lazy=True):
            texts = _texts(batch, cells)
            if texts.width > MAX_COLUMNS:
                raise too_wide(source)
            if start == 1:
                yield from row_frames([Row(0, texts.columns)])
            sizes = texts.select(pl.sum_horizontal(pl.all().str.len_bytes()) + texts.width).to_series()
            left -= int(sizes.sum())
            if left < 0:
                raise too_large(source)
            yield from _pieces(_numbered(texts, start), sizes)
            start += batch.height


def _refuse_bomb(source: Source) -> None:
    """Refuses a file that would unpack to too much, according to its metadata.

    Raises:
        FileRefused: the sizes in the metadata are too large.
    """
    import duckdb  # noqa: PLC0415 takes long, and only Parquet files need it

    query = "SELECT row_group_id, sum(total_uncompressed_size) FROM parquet_metadata(?) GROUP BY ALL"
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            found = connection.execute(query, [_literal(source.path)]).fetchall()
    except duckdb.Error as error:
        raise ValueError(str(error).partition("\n")[0]) from None
    groups = [int(size or 0) for _, size in found]
    if sum(groups) > max(FREE_BYTES, source.size() * MAX_RATIO):
        raise too_large(source)
    if groups and max(groups) > MAX_GROUP_BYTES:
        raise FileRefused(
            "archive_too_large",
            f"{source.name} has a row group of more than {MAX_GROUP_BYTES >> 30} GiB.",
            "Write it with smaller row groups, such as 1,000,000 rows.",
        )


def _literal(path: str) -> str:
    """Returns a path with its special characters escaped, so that DuckDB does not read it as a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _numbered(texts: pl.DataFrame, start: int) -> pl.DataFrame:
    nothing = pl.lit(None, pl.String)
    names = {name: str(at) for at, name in enumerate(texts.columns)}
    numbers = pl.int_range(start, start + texts.height, dtype=pl.Int64)
    return texts.rename(names).select(pl.all(), line=numbers, problem=nothing, detail=nothing, raw=nothing)


def _pieces(frame: pl.DataFrame, sizes: pl.Series) -> Iterator[pl.DataFrame]:
    """Divides a frame into pieces of about `FRAME_CHARS`; `sizes` has the size of each row in bytes."""
    piece = sizes.cum_sum() // FRAME_CHARS
    if not frame.height or piece[-1] == 0:
        yield frame
        return
    yield from frame.with_columns(piece=piece).partition_by("piece", include_key=False)


def _texts(batch: pl.DataFrame, cells: CellText) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {}
    for series in batch.get_columns():
        _add_texts(series, series.name, cells, columns)
    return pl.DataFrame(columns)


def _add_texts(series: pl.Series, name: str, cells: CellText, columns: dict[str, pl.Series]) -> None:
    if isinstance(series.dtype, pl.Struct):
        for field in series.struct.fields:
            _add_texts(series.struct.field(field), f"{name}.{field}", cells, columns)
    elif name in columns:
        raise ValueError(f"the column {name} is there twice")
    else:
        columns[name] = _text(series, cells).fill_null("")


def _text(series: pl.Series, cells: CellText) -> pl.Series:
    kind = series.dtype
    if kind.is_float():
        return _number_text(series.cast(pl.Float64), cells)
    if kind.is_decimal():
        return _separated(series.cast(pl.String), cells)
    if kind.is_nested():
        return pl.Series([_json(value) for value in series.to_list()], dtype=pl.String)
    if isinstance(kind, pl.Datetime):
        return series.dt.to_string("%Y-%m-%d %H:%M:%S" + ("%:z" if kind.time_zone else ""))
    return series.cast(pl.String)


def _number_text(values: pl.Series, cells: CellText) -> pl.Series:
    """Writes floats as `CellText.number` does; numbers of the usual size all at once."""
    values = values.set(values.is_nan(), None)
    plain = values.round_sig_figs(DIGITS).cast(pl.String).str.strip_suffix(".0")
    odd = plain.str.contains("e", literal=True) | (values.abs() >= 10**DIGITS)
    texts = _separated(plain, cells)
    if not odd.any():
        return texts
    rare = [cells.number(value) if value is not None else None for value in values.filter(odd)]
    return texts.scatter(odd.arg_true(), rare)


def _separated(texts: pl.Series, cells: CellText) -> pl.Series:
    # As in `CellText`: a fourth decimal shows that the separator is not one of thousands.
    clear = texts.str.replace(r"(\.\d{3})$", "${1}0")
    return clear if cells.decimal == "." else clear.str.replace(".", cells.decimal, literal=True)


def _json(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str) if value else None
