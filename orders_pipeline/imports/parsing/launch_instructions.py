"""Applies the instructions of a launch to a staged file; they override those given at staging."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from orders_pipeline.imports.arrival.reading_plan import ReadingPlan, plan_of
from orders_pipeline.imports.arrival.saved_profiles import with_saved_profile
from orders_pipeline.imports.arrival.staged import note_plan
from orders_pipeline.imports.import_row import Import, is_parsed
from orders_pipeline.imports.parsing.parsing import local_copies
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.engine import reading


class AlreadyParsedError(ValueError):
    """A launch has other instructions for a file that is already parsed."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            f"{file_name} is already parsed with other options. To use these options, stage the file again"
        )


def follow_instructions(
    engine: Engine, staging: Staging, found: Import, instructions: ReadingInstructions
) -> Import:
    """Saves the instructions of a launch with the import, and returns the import.

    Raises:
        FileRefused: the file cannot be read with these instructions.
        AlreadyParsedError: the file is already parsed with other instructions.
    """
    if instructions == NOTHING_SAID:
        return found
    with reading(engine) as connection:
        instructions = with_saved_profile(connection, instructions)
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
