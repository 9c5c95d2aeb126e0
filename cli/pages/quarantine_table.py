"""The table of files in quarantine."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from orders_pipeline.imports.arrival.quarantine import QuarantinedFile, quarantine_document


def quarantine_table(found: list[QuarantinedFile]) -> Table:
    """Returns a table of files in quarantine; times are in UTC."""
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("id", justify="right", no_wrap=True)
    for name in ("file", "since", "reason", "what is wrong", "what to do"):
        table.add_column(name, overflow="fold")
    for file in found:
        since = str(quarantine_document(file)["quarantined_at"])[:16].replace("T", " ")
        reason = file.closed_as or file.code
        cells = (file.file_name, since, reason, file.message, file.hint)
        table.add_row(str(file.id), *(escape(cell) for cell in cells))
    return table
