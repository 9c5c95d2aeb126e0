"""File formats: how a file is recognised and converted to text, and how damaged files are refused."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.formats.file_format import Container
from orders_pipeline.order_files.records.formats.known_formats import FORMATS
from orders_pipeline.order_files.records.source import open_source, read_chunks
from tests.unit.order_files.datasets import shared
from tests.unit.order_files.files import HEADER, line
from tests.unit.order_files.parsing import parse

COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
DAMAGES = 400


def archive(compression: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as packed:
        packed.writestr("orders.csv", "\n".join([HEADER, *(line(number=f"{n}") for n in range(30)), ""]))
    return out.getvalue()


def text_of(file: Path) -> bytes:
    return b"".join(read_chunks(open_source(file)))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_archive_damaged_anywhere_is_read_or_refused(tmp_path: Path, compression: int) -> None:
    draw = random.Random(compression)  # noqa: S311 not for secrets
    whole = archive(compression)
    file = tmp_path / "orders.zip"
    refused = 0
    for _ in range(DAMAGES):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(4, len(damaged))] = draw.randrange(256)
        file.write_bytes(bytes(damaged[: draw.choice([None, draw.randrange(4, len(damaged))])]))
        try:
            text_of(file)
        except FileRefused:
            refused += 1
    assert refused > DAMAGES // 2


def test_archives_that_once_stopped_the_inbox_are_refused() -> None:
    poisoned = sorted(shared("cases/archives").glob("*.zip"))
    assert poisoned
    for file in poisoned:
        with pytest.raises(FileRefused) as refused:
            text_of(file)
        assert refused.value.code in {"archive_damaged", "archive_encrypted"}


def test_an_encrypted_archive_is_refused_as_such(tmp_path: Path) -> None:
    content = bytearray(archive(zipfile.ZIP_STORED))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file = tmp_path / "orders.zip"
    file.write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        text_of(file)
    assert refused.value.code == "archive_encrypted"


class Reversed:
    """An invented format: delimited text in reverse, after four bytes of magic."""

    magic = b"REV1"
    growth = 1
    bounded = False
    errors: tuple[type[Exception], ...] = ()

    def members(self, path: Path) -> None:  # noqa: ARG002
        return None

    @contextmanager
    def open(self, path: Path, member: str) -> Iterator[BinaryIO]:  # noqa: ARG002
        yield io.BytesIO(path.read_bytes().removeprefix(self.magic)[::-1])


def test_a_new_format_needs_only_its_class_and_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, Container.GZIP, Reversed())
    file = tmp_path / "orders.rev"
    file.write_bytes(b"REV1" + "\n".join([HEADER, line(), ""]).encode()[::-1])
    parsed = parse(file, tmp_path / "parsed").parsed
    assert (parsed.records, parsed.rejected_lines) == (1, 0)
