"""The supported file formats, and the names of common unsupported ones."""

from __future__ import annotations

from orders_pipeline.order_files.records.formats.file_format import Container, FileFormat
from orders_pipeline.order_files.records.formats.gzip_file import GzipFile
from orders_pipeline.order_files.records.formats.plain_text import PlainText
from orders_pipeline.order_files.records.formats.zip_archive import ZipArchive

FORMATS: dict[Container, FileFormat] = {
    Container.GZIP: GzipFile(),
    Container.ZIP: ZipArchive(),
    # The magic of plain text is empty and matches every file, so plain text comes last.
    Container.PLAIN: PlainText(),
}

# The first bytes of a file, and what users call such a file.
UNREADABLE = {
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "an SQLite database",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"ARROW1": "an Arrow file",
}
