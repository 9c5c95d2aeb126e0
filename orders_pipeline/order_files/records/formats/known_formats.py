"""The supported ways of packing a file."""

from __future__ import annotations

from orders_pipeline.order_files.records.formats.file_format import Container, FileFormat
from orders_pipeline.order_files.records.formats.gzip_file import GzipFile
from orders_pipeline.order_files.records.formats.plain_text import PlainText
from orders_pipeline.order_files.records.formats.zip_archive import ZipArchive

FORMATS: dict[Container, FileFormat] = {
    Container.GZIP: GzipFile(),
    Container.ZIP: ZipArchive(),
    # Plain text must be last: its `magic` is empty and matches every file.
    Container.PLAIN: PlainText(),
}
