"""An identified order file: what was found out about how to read it."""

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
        companion_member: its name inside the archive.
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
        """Opens the identified file, which is now at `path`.

        Raises:
            FileRefused: see `open_source`.
        """
        return replace(open_source(path, self.member or None), called=self.file_name, table=self.table)

    def place(self, line: int) -> str:
        """Says where a record is, such as `line 12` or `row 12 of sheet Orders`."""
        return place_of(self.content, self.table, line)

    def file_with(self, field: OrderField) -> str:
        """Says which file holds a field, for messages: this one, or the second one."""
        companion = self.profile.companion
        second = companion is not None and field in companion.columns
        return f"{self.file_name}, second file" if second else self.file_name

    @property
    def payment(self) -> PaymentColumns | None:
        """What the file says about payments, and about refunds only if returns are taken."""
        payment = self.profile.payment
        if payment is None or are_returns_taken(self.profile.returns, self.options):
            return payment
        return payment.without_refunds()

    @property
    def cells(self) -> CellText:
        """How the values of typed cells are written."""
        return cell_text(self.options, self.profile)


def cell_text(options: ReadOptions, profile: Profile | None) -> CellText:
    """Returns how typed numbers are written: with the decimal separator that is set."""
    return CellText(options.decimal or (profile.decimal if profile else None) or ".")
