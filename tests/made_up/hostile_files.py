"""Hostile files for an inbox: odd names, damaged archives and workbooks, links, pipes, and odd content."""

from __future__ import annotations

import gzip
import io
import os
import random
import string
import zipfile
from collections.abc import Callable
from pathlib import Path

import xlsxwriter

from tests.import_bench import Line, write_orders

HEADS = (
    b"",
    b"\n\n \n",
    b"\x00" * 100,
    b"%PDF-1.7 nothing",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\xff\xfe" + "what,is,this\n1,2,3\n".encode("utf-16-le"),
    b"\xef\xbb\xbfwhat;is;this\n",
    b"what,is,this\n1,2,3\n",
    b'"what,is\nthis' * 50,
    b"<html><script>alert(1)</script></html>",
    b"\x1b]0;owned\x07,\x1b[2J\n1,2\n",
    b"order_id,customer_id\n1,2\n",
    b"=cmd|' /C calc'!A0,b\n1,2\n",
    b"a||b||c\n1||2||3\n",
    b",\n" * 1000,
    b"|" * 5000,
    b"\\" * 5000,
    b"'\"" * 3000,
    b"[" * 100_000,
    b'{"orders": ' * 5000,
    b'{"a": 1, "a": 2}\n{"a": 1e400, "b": NaN}\n',
    b'[{"order_id": "\\ud800", "x": ' + b"9" * 5000 + b"}]",
    b'[1, "two", null, [], {}]',
    b'{"orders": [{"order_id": {"id": {"id": 1}}}]',
)
ODD_NAMES = (
    "-rf", "$(reboot)", "`id`", "a;b", "'; DROP TABLE imports; --", "<b>x", "[bold]x", "CON", "a ",
    " a", "two\nlines", "tab\t", "\x1b[2J", "\x7f", "\u202exslc", "\u200b", "%s%n", "{0}", "nul\u2400",
    "é" * 120, "e\u0301", "x" * 251, "\N{SNOWMAN}" * 80, "a.csv.reason.txt", ".csvx", "~", "#", "a\\b", "*",
)  # fmt: skip
CELLS = ("order_id", "=cmd|' /C calc'!A0", "=1/0", -1, 1e300, True, "\x1b[2J", "x" * 30_000, "", "2025-13-45")


class HostileFiles:
    """Fills a folder with hostile files. None of them is an order file.

    Attributes:
        secret: the content of a file elsewhere, to which links point; it is a good order file.
    """

    def __init__(self, folder: Path, elsewhere: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.secret = b"the-other-shop"
        elsewhere.mkdir()
        self._elsewhere = write_orders(elsewhere / "secret.csv", [Line("1", customer=self.secret.decode())])
        self._before = self._elsewhere.read_bytes()

    def make(self, number: int) -> int:
        """Makes about this number of files; returns the exact number."""
        kinds: list[Callable[[bytes], None]] = (
            [self._file] * 6 + [self._archive] * 5 + [self._workbook] * 2 + [self._link, self._pipe]
        )
        for _ in range(number):
            path = os.path.join(os.fsencode(self.folder), self._name())
            if not os.path.lexists(path):
                self.chance.choice(kinds)(path)
        return len(self._made())

    def is_untouched(self) -> bool:
        """Whether the targets of the links are unchanged."""
        return [*self._elsewhere.parent.iterdir()] == [self._elsewhere] and (
            self._elsewhere.read_bytes() == self._before
        )

    def _made(self) -> list[os.DirEntry[str]]:
        good = ("0-first.csv", "m-middle.csv", "z-last.csv")
        with os.scandir(self.folder) as entries:
            return [entry for entry in entries if entry.name not in good]

    def _name(self) -> bytes:
        odd = self.chance.random()
        if odd < 0.3:
            raw = bytes(
                self.chance.choices([*range(1, 47), *range(48, 256)], k=self.chance.choice((3, 20, 251)))
            )
        elif odd < 0.6:
            raw = self.chance.choice(ODD_NAMES).encode()[:251]
        else:
            raw = "".join(self.chance.choices(string.ascii_letters, k=8)).encode()
        ending = self.chance.choice((b"", b".csv", b".zip", b".gz", b".\xff"))
        return b"h" + raw[: 254 - len(ending)] + ending

    def _content(self) -> bytes:
        if self.chance.random() < 0.3:
            return self.chance.randbytes(self.chance.choice((1, 50, 5000)))
        return self.chance.choice(HEADS)

    def _file(self, path: bytes) -> None:
        Path(os.fsdecode(path)).write_bytes(self._content())

    def _archive(self, path: bytes) -> None:
        packed = gzip.compress(self._content() * 20) if self.chance.random() < 0.3 else self._zip()
        self._write_damaged(path, packed)

    def _workbook(self, path: bytes) -> None:
        target = io.BytesIO()
        with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
            for name in self.chance.sample(
                ("orders", "=1+1", "x" * 31, "é\u202e"), self.chance.randrange(1, 4)
            ):
                sheet = book.add_worksheet(name)
                for row in range(self.chance.choice((0, 1, 30))):
                    sheet.write_row(row, self.chance.randrange(3), self.chance.sample(CELLS, 3))
        self._write_damaged(path, target.getvalue())

    def _write_damaged(self, path: bytes, packed: bytes) -> None:
        damaged = bytearray(packed)
        for _ in range(self.chance.choice((0, 1, 3, 20))):
            # The first bytes are kept, so that the file is still recognised as an archive.
            damaged[self.chance.randrange(4, len(damaged))] = self.chance.randrange(256)
        if self.chance.random() < 0.2:
            del damaged[self.chance.randrange(4, len(damaged)) :]
        Path(os.fsdecode(path)).write_bytes(damaged)

    def _zip(self) -> bytes:
        target = io.BytesIO()
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        with zipfile.ZipFile(target, "w", self.chance.choice(methods)) as archive:
            for number in range(self.chance.choice((0, 1, 1, 1, 3))):
                archive.writestr(f"{number}\x1b../../é.csv", self._content() * self.chance.choice((1, 200)))
        return target.getvalue()

    def _link(self, path: bytes) -> None:
        os.symlink(
            self.chance.choice(
                (
                    os.fsencode(self._elsewhere),
                    os.fsencode(self._elsewhere.parent),
                    b"/proc/self/environ",
                    b"/dev/zero",
                    b"nothing",
                    os.path.basename(path),
                )
            ),
            path,
        )

    def _pipe(self, path: bytes) -> None:
        os.mkfifo(path)
