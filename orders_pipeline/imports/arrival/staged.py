"""Stages order files: copies them to the staging area and saves them as imports."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.arrival.import_keys import key_for, require_same_file
from orders_pipeline.imports.arrival.reading_plan import ReadingPlan, planned
from orders_pipeline.imports.arrival.saved_profiles import with_saved_profile
from orders_pipeline.imports.arrival.sources import source_id
from orders_pipeline.imports.documents import identified_document, identity_of
from orders_pipeline.imports.import_row import Import, find_import, get_import, is_parsed
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.payouts.recognising import refuse_payouts
from orders_pipeline.staging.keys import KEY_DIGITS, FileIdentity
from orders_pipeline.staging.staging import CopiedFile, Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports
from orders_pipeline.store.statements.upsert import insert_into


@dataclass(frozen=True, slots=True)
class Dropped:
    """When a file was dropped into the inbox (ns since 1970), and its name there.

    Others may write to the inbox, so the file must not be a symbolic link.
    """

    at: int
    name: str


def stage_file(
    engine: Engine,
    staging: Staging,
    file: Path,
    instructions: ReadingInstructions = NOTHING_SAID,
    digits: int = KEY_DIGITS,
    dropped: Dropped | None = None,
) -> Import:
    """Copies a file to the staging area, identifies it and saves it in the store.

    Args:
        digits: number of hash digits in the partition key.
        dropped: for a file from the inbox; its import is launched, unless it is finished.

    Raises:
        FileRefused: the file is missing, unreadable or not a known kind of order file, or another file has
            its key.
        StagingUnavailable: the staging area does not answer.
    """
    name, follow_links = (dropped.name, False) if dropped else (file.name, True)
    with ExitStack() as copies:
        copied = copies.enter_context(staging.copied(file, name=name, follow_links=follow_links))
        if instructions.profile is None:
            refuse_payouts(copied.original, name)
        with reading(engine) as connection:
            plan = copies.enter_context(planned(connection, staging, copied.original, instructions, file))
        copied = staging.with_companion(copied, plan.companion, follow_links=follow_links)
        with reading(engine) as connection:
            instructions = with_saved_profile(connection, instructions)
            identity = FileIdentity(copied.sha256, copied.companion_sha256, instructions.words)
            key = key_for(connection, name, identity, instructions, digits)
        staging.keep(copied, key)
    with engine.begin() as connection:
        found = _add_import(connection, key, copied, identity, plan)
        if dropped and found.status is not ImportStatus.FINISHED:
            this = imports.c.id == found.id
            connection.execute(update(imports).where(this).values(dropped_at=dropped.at))
    return found


def _add_import(
    connection: Connection, key: str, copied: CopiedFile, identity: FileIdentity, plan: ReadingPlan
) -> Import:
    """Saves a staged file, unless it is saved already; new instructions apply until it is parsed."""
    if find_import(connection, key) is None:
        new = insert_into(connection, imports).values(
            partition_key=key,
            file_name=copied.name,
            file_sha256=copied.sha256,
            file_bytes=copied.bytes,
            profile=plan.profile,
            source_id=source_id(connection, plan.source),
            identified=identified_document(plan.identified, identity),
            status=ImportStatus.STAGED,
            staged_at=now_us(),
        )
        connection.execute(new.on_conflict_do_nothing())
    found = get_import(connection, key)
    require_same_file(found, copied.name, identity)
    connection.execute(update(imports).where(imports.c.id == found.id).values(original_removed_at=None))
    return found if is_parsed(found) else note_plan(connection, found, plan, identity)


def note_plan(
    connection: Connection, found: Import, plan: ReadingPlan, identity: FileIdentity | None = None
) -> Import:
    """Saves how to read a file that is not parsed yet.

    Args:
        identity: the identity of the file; None keeps the saved one.
    """
    values = {
        "profile": plan.profile,
        "source_id": source_id(connection, plan.source),
        "identified": identified_document(plan.identified, identity or identity_of(found)),
        "max_rejects": plan.max_rejects,
    }
    not_parsed = (imports.c.id == found.id) & (imports.c.records == 0)
    connection.execute(update(imports).where(not_parsed).values(values))
    return get_import(connection, found.key)
