"""Parts of a packed workbook: XML that is unpacked and parsed as a stream, up to a limit of its size."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.parsers import expat

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.content import encrypted
from orders_pipeline.order_files.records.formats.zip_archive import ZIP_ERRORS
from orders_pipeline.order_files.records.source import FREE_BYTES, MAX_RATIO, Source
from orders_pipeline.order_files.records.tables.rows import too_large

PACKED_ERRORS: tuple[type[Exception], ...] = (*ZIP_ERRORS, expat.ExpatError)
CHUNK_BYTES = 1 << 18

Attributes = dict[str, str]


class XmlParts:
    """The parts of a workbook. All of them together unpack to at most `MAX_RATIO` times its size."""

    def __init__(self, source: Source, archive: zipfile.ZipFile) -> None:
        self._source = source
        self._archive = archive
        self._left = max(FREE_BYTES, source.size() * MAX_RATIO)

    def __contains__(self, name: str) -> bool:
        return name in self._archive.NameToInfo

    def parsed(
        self,
        name: str,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> Iterator[None]:
        """Parses a part and calls `start`, `end` and `text`; yields after each chunk.

        Raises:
            FileRefused: the workbook unpacks to too much, is encrypted, or defines entities.
        """
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        for chunk in self._chunks(name):
            parser.Parse(chunk)
            yield
        parser.Parse(b"", True)
        yield

    def _chunks(self, name: str) -> Iterator[bytes]:
        info = self._archive.getinfo(name)
        if info.flag_bits & 1:
            raise encrypted(self._source.name)
        with self._archive.open(info) as file:
            while chunk := file.read(CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise too_large(self._source)
                yield chunk

    def _refuse_doctype(self, *_: object) -> None:
        message = f"{self._source.name} is not a valid workbook: its XML defines entities."
        raise FileRefused("file_damaged", message, "Save it again in a spreadsheet program.")


@contextmanager
def opened(source: Source) -> Iterator[XmlParts]:
    """Opens a packed workbook."""
    with zipfile.ZipFile(source.path) as archive:
        yield XmlParts(source, archive)


def local(name: str) -> str:
    """Returns the name of an element or attribute without its prefix."""
    return name.rpartition(":")[2]


def locals_of(attributes: Attributes) -> Attributes:
    """Returns attributes by their names without prefixes."""
    return {local(name): value for name, value in attributes.items()}
