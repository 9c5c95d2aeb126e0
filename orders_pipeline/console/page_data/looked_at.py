"""Examines an uploaded file before its import, like `orders profile` and `orders import --dry-run`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import UnknownSku
from orders_pipeline.imports.arrival.preview_document import preview_document
from orders_pipeline.imports.arrival.reading_plan import planned
from orders_pipeline.imports.arrival.saved_profiles import is_profile_name, saved_profiles
from orders_pipeline.imports.dry_run import dry_run
from orders_pipeline.imports.file_import import parse_rules
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.order_files.columns.profile import built_in_profiles
from orders_pipeline.order_files.proposals.preview import preview_orders
from orders_pipeline.order_files.proposals.shown_columns import ShownColumn, columns_of, table_of
from orders_pipeline.order_files.reading_instructions import ReadingInstructions, instructions_from
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.source import open_source
from orders_pipeline.order_files.records.tables.table_reader import tables_in
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

ORDERS_SHOWN = 5
# The options that a person can set on the page of a file; all others need a profile.
SAID = ("profile", "sheet", "date_format", "decimal")


@dataclass(frozen=True, slots=True)
class LookedAt:
    """How a file is read: the document of `orders profile check`, and the file's columns."""

    document: dict[str, Any]
    columns: list[ShownColumn]


def said_in(context: ApiContext, fields: Mapping[str, str]) -> ReadingInstructions:
    """Returns the reading instructions in a URL or a form.

    Raises:
        Refused: 422, there is no such profile.
    """
    said = {name: fields[name] for name in SAID if fields.get(name)}
    with reading(context.engine) as connection:
        if "profile" in said and not is_profile_name(connection, said["profile"]):
            # Any other text would be used as the path of a file.
            raise Refused(422, f"There is no profile {said['profile']!r}.")
    return instructions_from(said)


def look_at_file(context: ApiContext, file: Path, instructions: ReadingInstructions) -> LookedAt:
    """Reads the start of a file.

    Raises:
        FileRefused: the file cannot be read with these instructions.
    """
    with (
        reading(context.engine) as connection,
        planned(connection, open_staging(context.settings), file, instructions) as plan,
    ):
        identified = plan.identified
        preview = preview_orders(file, identified, parse_rules(context.settings), ORDERS_SHOWN)
        columns = columns_of(table_of(file, identified), identified.profile)
        return LookedAt(preview_document(identified, preview), columns)


def try_file(context: ApiContext, file: Path, instructions: ReadingInstructions) -> ImportReport:
    """Reads the whole file, and reports what its import would do.

    Raises:
        FileRefused: the import would be refused.
    """
    settings = context.settings
    return dry_run(
        context.engine,
        open_staging(settings),
        parse_rules(settings),
        file,
        instructions,
        lists_unknown=settings.unknown_sku is UnknownSku.CREATE,
    )


def tables_of(file: Path) -> list[str]:
    """Returns the sheets or lists of a file to choose from; none if there is only one table."""
    with suppress(FileRefused):
        source = open_source(file)
        names = list(tables_in(source)) if source.content is not Content.TEXT else []
        return [name for name in names if name] if len(names) > 1 else []
    return []


def profile_names(connection: Connection) -> list[str]:
    """Returns the names of all profiles, saved profiles first."""
    return [*(one.name for one in saved_profiles(connection)), *built_in_profiles()]
