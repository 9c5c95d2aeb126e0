"""A launch may say how to read a staged file otherwise than was said when it was staged."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from orders_pipeline.imports.import_row import Import, is_parsed
from orders_pipeline.imports.parsing import local_copies
from orders_pipeline.imports.reading_plan import ReadingPlan, plan_of
from orders_pipeline.imports.staged import note_plan
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.staging.staging import Staging


class AlreadyParsedError(ValueError):
    """A launch says how to read a file that was parsed in another way."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            f"{file_name} was already parsed in another way: stage it anew with these options to read it so"
        )


def follow_instructions(
    engine: Engine, staging: Staging, found: Import, instructions: ReadingInstructions
) -> Import:
    """The import, with the instructions of a launch noted on it.

    Raises:
        FileRefused: the file cannot be read so.
        AlreadyParsedError: it was parsed in another way.
    """
    if instructions == NOTHING_SAID:
        return found
    before = plan_of(found)
    plan = before.changed_by(instructions)
    if plan == before:
        return found
    if is_parsed(found):
        raise AlreadyParsedError(found.file_name)
    plan = _identified_anew(staging, found, plan)
    with engine.begin() as connection:
        return note_plan(connection, found, plan)


def _identified_anew(staging: Staging, found: Import, plan: ReadingPlan) -> ReadingPlan:
    with local_copies(staging, found) as (original, copied):
        options = replace(plan.identified.options, companion=copied.companion or None)
        identified = identify(original, plan.identified.profile, options, found.file_name)
        return replace(plan, identified=identified)
