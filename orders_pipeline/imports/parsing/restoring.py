"""Creates lost batches again from the staged file."""

from __future__ import annotations

from sqlalchemy import Engine

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.documents import parsed_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.parsed_batches import batch_numbers, batches_to_load
from orders_pipeline.imports.parsing.parsing import parse_staged, parsing_input
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.staging.staging import Staging


class BatchesLost(RuntimeError):
    """The batches of a partly imported file are lost and cannot be made again."""

    def __init__(self, file_name: str, why: str) -> None:
        super().__init__(f"The parsed batches of {file_name} are lost and cannot be created again: {why}")


def restore_batches(engine: Engine, staging: Staging, found: Import) -> list[int]:
    """Parses a file again, with the same rules, if batches that are not loaded yet are lost.

    Returns:
        The numbers of all batches.

    Raises:
        BatchesLost: the new batches differ, or the original is lost, too.
    """
    with engine.begin() as connection:
        numbers = batch_numbers(connection, found.id)
        waiting = batches_to_load(connection, found.id)
    if not staging.has_batches(found.key, waiting):
        try:
            _parse_again(staging, found)
        except (FileRefused, _ComesOutOtherwise) as error:
            lost = BatchesLost(found.file_name, _why(error))
            with engine.begin() as connection:
                stall_import(connection, found.id, str(lost))
            raise lost from error
    return numbers


class _ComesOutOtherwise(RuntimeError):
    def __init__(self) -> None:
        super().__init__("parsing the staged copy again gives other batches.")


def _parse_again(staging: Staging, found: Import) -> None:
    before = parsed_of(found)
    if before is None:
        return
    with parsing_input(staging, found) as given:
        if not parse_staged(given, before.rules).file.has_batches_of(before.file):
            raise _ComesOutOtherwise
        staging.send_batches(found.key, given.folder)
        staging.keep_batches(found.key, given.folder)


def _why(error: FileRefused | _ComesOutOtherwise) -> str:
    return f"{error.message} {error.hint}" if isinstance(error, FileRefused) else str(error)
