"""An identified order file: the detected encoding, dialect, header and profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from orders_pipeline.order_files.columns.money_columns import PaymentColumns
from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.columns.return_rules import are_returns_taken
from orders_pipeline.order_files.parsed_file import Finding
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.content import Content, place_of
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.formats.file_format import Container
from orders_pipeline.order_files.records.source import Source, open_source
from orders_pipeline.order_files.records.tables.cell_text import CellText


@dataclass(frozen=True, slots=True)
class Identified:
    """How to read an order file.

    Attributes:
        file_name: original name of the file.
        member: file inside an archive.
        header_line: physical line of the header row.
        skip_records: number of records up to and including the header row.
        companion: path of the second file, if the profile has one; empty if it is in the same archive.
        companion_member: name of the second file inside the archive.
        findings: what was detected, for reports.
        content: the kind of its records.
        table: the sheet of a workbook, or the path of a list in JSON.
    """

    file_name: str
    container: Container
    member: str
    profile: Profile
    encoding: str
    dialect: Dialect
    header: tuple[str, ...]
    header_line: int
    skip_records: int
    companion: str
    companion_member: str
    options: ReadOptions
    findings: tuple[Finding, ...]
    content: Content = Content.TEXT
    table: str = ""

    def opened(self, path: Path) -> Source:
        """Opens the identified file, which is stored at `path` now.

        Raises:
            FileRefused: see `open_source`.
        """
        return replace(open_source(path, self.member or None), called=self.file_name, table=self.table)

    def place(self, line: int) -> str:
        """Returns where a record is, such as `line 12` or `row 12 of sheet Orders`."""
        return place_of(self.content, self.table, line)

    def file_with(self, field: OrderField) -> str:
        """Returns the name of the file that contains a field, for messages: this file or the second one."""
        companion = self.profile.companion
        second = companion is not None and field in companion.columns
        return f"{self.file_name}, second file" if second else self.file_name

    @property
    def payment(self) -> PaymentColumns | None:
        """The columns with payments; those with refunds are included only if returns are accepted."""
        payment = self.profile.payment
        if payment is None or are_returns_taken(self.profile.returns, self.options):
            return payment
        return payment.without_refunds()

    @property
    def cells(self) -> CellText:
        """Converts typed cells to text."""
        return cell_text(self.options, self.profile)


def cell_text(options: ReadOptions, profile: Profile | None) -> CellText:
    """Returns the converter of typed cells to text; the options or the profile set its decimal separator."""
    return CellText(options.decimal or (profile.decimal if profile else None) or ".")
