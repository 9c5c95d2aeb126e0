"""Parses a staged file: gathers the input, parses, and saves the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Engine

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.documents import Parsed, identified_of
from orders_pipeline.imports.import_row import Import, get_import, is_parsed
from orders_pipeline.imports.money_back.store_returns import prepare_returns
from orders_pipeline.imports.parsed_batches import batch_numbers
from orders_pipeline.imports.parsing.registering import note_parsed, register_parsed
from orders_pipeline.imports.rejects import keep_rejects, rejects_in
from orders_pipeline.imports.state.status import lock_import, refuse_import
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.staging import Staging, hash_file
from orders_pipeline.stock.catalog import UnknownProducts


@dataclass(frozen=True, slots=True)
class ParsingInput:
    """The input for parsing a staged file.

    Args:
        sha256: SHA-256 of the file when it was staged.
        original: local path of the staged file; `identified` has the local path of its companion.
        folder: folder for batches and rejects.
    """

    name: str
    sha256: str
    original: Path
    identified: Identified
    folder: Path


@contextmanager
def parsing_input(staging: Staging, found: Import) -> Iterator[ParsingInput]:
    """Yields the input for parsing the staged file of an import; removes its folder unless it is kept.

    Raises:
        FileRefused: the staged file or its companion is missing.
    """
    # Another attempt may parse the same file now. Each has its own folder; the first to finish is kept.
    with (
        local_copies(staging, found) as (original, identified),
        staging.parsing(found.key) as folder,
    ):
        yield ParsingInput(found.file_name, found.file_sha256, original, identified, folder)


@contextmanager
def local_copies(staging: Staging, found: Import) -> Iterator[tuple[Path, Identified]]:
    """Yields local paths of the staged file and, in `Identified`, of its companion.

    Raises:
        FileRefused: one of the files is missing.
    """
    identified = identified_of(found)
    with (
        staging.original(found.key) as original,
        staging.companion(found.key, identified.companion) as companion,
    ):
        yield original, replace(identified, companion=str(companion or ""))


def parse_staged(given: ParsingInput, rules: ParseRules) -> Parsed:
    """Parses a staged file into its folder. Reads only the files, not the store.

    Raises:
        FileRefused: the file has changed since it was staged, or cannot be imported.
    """
    if hash_file(given.original) != given.sha256:
        raise FileRefused(
            "staged_file_damaged",
            f"The staged copy of {given.name} has changed since it was staged.",
            "Import or stage the file again. The import continues where it stopped.",
        )
    return Parsed(parse_order_file(given.original, given.identified, rules, given.folder), rules)


def keep_parsed(
    engine: Engine,
    staging: Staging,
    found: Import,
    parsed: Parsed,
    folder: Path,
    unknown: UnknownProducts,
) -> list[int]:
    """Saves the result of parsing and returns the numbers of the batches.

    Args:
        unknown: what to do with products of returns that the store does not know.

    Raises:
        FileRefused: the file has more bad lines than the limit. Its rejects are kept for inspection.
    """
    limit = RejectLimit.parse(found.max_rejects) if found.max_rejects else None
    if limit and limit.is_exceeded(parsed.file):
        _keep_for_inspection(engine, found, parsed, folder)
        raise limit.refusal(found.file_name, parsed.file)
    staging.send_batches(found.key, folder)
    prepare_returns(engine, folder, unknown)
    with engine.begin() as connection:
        if register_parsed(connection, found.id, parsed, folder):
            staging.keep_batches(found.key, folder)
        return batch_numbers(connection, found.id)


@contextmanager
def noting_refusals(engine: Engine, found: Import) -> Iterator[None]:
    """Saves the reason with the import if its file is refused."""
    try:
        yield
    except FileRefused as refused:
        with engine.begin() as connection:
            if _is_still_unparsed(connection, found):
                refuse_import(connection, found.id, refused.code, f"{refused.message} {refused.hint}")
        raise


def _keep_for_inspection(engine: Engine, found: Import, parsed: Parsed, folder: Path) -> None:
    with engine.begin() as connection:
        if _is_still_unparsed(connection, found):
            note_parsed(connection, found.id, parsed)
            keep_rejects(connection, found.id, rejects_in(folder))


def _is_still_unparsed(connection: Connection, found: Import) -> bool:
    """Locks the import and checks it again: an attempt with other instructions may have parsed it."""
    lock_import(connection, found.id)
    return not is_parsed(get_import(connection, found.key))
