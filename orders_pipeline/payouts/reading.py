"""Recognises a provider's report or a bank statement, and reads the whole file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TypeVar

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.regular_file import open_regular_file
from orders_pipeline.payouts.lines import BankStatement, LineRejected, ProviderReport
from orders_pipeline.payouts.reports.plain import PlainProfile
from orders_pipeline.payouts.reports.report import read_report
from orders_pipeline.payouts.statements import camt053, mt940

Content = TypeVar("Content", bytes, str)
ENCODING_HINT = "Download it again, and do not save it in a spreadsheet."
LARGEST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """A provider's report or a bank statement, with its content."""

    name: str
    format: str
    sha256: str
    bytes: int
    content: ProviderReport | BankStatement


def read_file(
    file: Path, zone: tzinfo, profile: PlainProfile | None, *, name: str = "", follow_links: bool = True
) -> PayoutFile:
    """Reads a provider's report or a bank statement.

    Args:
        zone: time zone of times without an offset, and of the days of statements.
        profile: how a plain CSV file is read; None for the formats that are recognised.
        name: original name of the file, if it is stored under another name.
        follow_links: whether the path may be a symbolic link; must be false if others may write to the
            folder.

    Raises:
        FileRefused: the file cannot be read, has no known format, or is damaged.
    """
    name = name or file.name
    raw = _bytes(file, name, follow_links=follow_links)
    found, content = _content(name, raw, zone, profile)
    return PayoutFile(name, found, hashlib.sha256(raw).hexdigest(), len(raw), content)


def _bytes(file: Path, name: str, *, follow_links: bool) -> bytes:
    try:
        with open_regular_file(file, follow_links=follow_links) as opened:
            raw = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise FileRefused("file_unreadable", f"{file} cannot be read: {error.strerror}.", "") from None
    if len(raw) > LARGEST_BYTES:
        message = f"{name} has more than {LARGEST_BYTES >> 20} MiB."
        raise FileRefused("file_too_large", message, "Download the report in parts.")
    if not raw.strip():
        raise FileRefused("file_empty", f"{name} is empty.", "Download it again.")
    return raw


def _content(
    name: str, raw: bytes, zone: tzinfo, profile: PlainProfile | None
) -> tuple[str, ProviderReport | BankStatement]:
    if profile is None and camt053.recognises(raw):
        return camt053.NAME, _whole(name, camt053.read_statement, raw, zone)
    text = _text(name, raw)
    if profile is None and mt940.recognises(text):
        return mt940.NAME, _whole(name, mt940.read_statement, text, zone)
    return read_report(name, text, zone, profile)


def _whole(
    name: str, read: Callable[[str, Content, tzinfo], BankStatement], content: Content, zone: tzinfo
) -> BankStatement:
    """Reads statements. If a balance or an account cannot be read, the whole file is refused."""
    try:
        return read(name, content, zone)
    except LineRejected as rejected:
        message = f"{name} has a balance that cannot be read: {rejected.message}"
        raise FileRefused(
            "statement_damaged", message, "Download the statement from the bank again."
        ) from None


def _text(name: str, raw: bytes) -> str:
    if b"\0" in raw:
        message = f"{name} is not text in UTF-8: it has zero bytes."
        raise FileRefused("encoding_wrong", message, ENCODING_HINT)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if mt940.recognises(statement := raw.decode("latin-1")):
            # The format does not define an encoding, and banks write names in the usual one of their country.
            return statement
        message = f"{name} is not text in UTF-8: byte {error.start + 1:,} is 0x{raw[error.start]:02X}."
        raise FileRefused("encoding_wrong", message, ENCODING_HINT) from None
