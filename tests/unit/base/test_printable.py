"""Text that is safe to print and to store."""

from __future__ import annotations

import os

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.text.printable import printable_line


@pytest.mark.parametrize("text", ["orders.csv", "Bestellungen März.csv", "注文 1.csv", r"a\b.csv", ""])
def test_readable_text_stays_as_it_is(text: str) -> None:
    assert printable_line(text) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a\xff.csv", r"a\xff.csv"),
        (b"\x1b]0;owned\x07.csv", r"\x1b]0;owned\x07.csv"),
        (b"two\nlines.csv", r"two\nlines.csv"),
        ("vsc.\u202eexe".encode(), r"vsc.\u202eexe"),
        ("a\u200bb\x00".encode(), r"a\u200bb\x00"),
    ],
)
def test_what_cannot_be_read_is_escaped(name: bytes, shown: str) -> None:
    assert printable_line(os.fsdecode(name)) == shown
    printable_line(os.fsdecode(name)).encode()


def test_a_lone_surrogate_is_escaped() -> None:
    assert printable_line("\ud800") == r"\ud800"


def test_the_message_of_a_refusal_can_be_printed_whatever_the_file_is_called_and_holds() -> None:
    name = os.fsdecode(b"a\xff\x1b[2J.csv")
    refused = FileRefused("file_empty", f"{name} is empty.", f"Rename {name}.")
    assert refused.message == str(refused) == r"a\xff\x1b[2J.csv is empty."
    assert refused.hint == r"Rename a\xff\x1b[2J.csv."
