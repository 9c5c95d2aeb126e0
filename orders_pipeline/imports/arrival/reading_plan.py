"""The reading plan of an import: how to read its file, from the user's instructions and the file itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from orders_pipeline.imports.arrival.saved_profiles import known_profiles, with_saved_profile
from orders_pipeline.imports.documents import identified_of
from orders_pipeline.imports.import_row import Import, find_import
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import OF_TEXT, identify
from orders_pipeline.order_files.columns.origin import origin_of
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.source import open_source
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.staging import Staging

_SHARED_WITH_EXPORT = ("delimiter", "quote", "escape", "returns")


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How to read a file, the source of its orders, and the limit of bad lines (`100`, `5%`)."""

    identified: Identified
    source: str
    max_rejects: str | None

    @property
    def profile(self) -> str:
        """Name of the column profile."""
        return self.identified.profile.name

    @property
    def companion(self) -> Path | None:
        """The second file, if the profile has one and it is not in the same archive."""
        return Path(self.identified.companion) if self.identified.companion else None

    def changed_by(self, instructions: ReadingInstructions) -> ReadingPlan:
        """Returns the plan with these instructions applied, without reading the file again.

        Raises:
            FileRefused: the profile does not exist, or the limit is not valid.
        """
        before = self.identified
        profile = instructions.column_profile() or before.profile
        options = instructions.options.over(before.options)
        source = profile.name if self.source == before.profile.name else self.source
        return ReadingPlan(
            replace(before, profile=profile, options=options),
            instructions.source or source,
            _limit(instructions) or self.max_rejects,
        )


def plan_of(found: Import) -> ReadingPlan:
    """Returns the plan that is saved with an import."""
    return ReadingPlan(identified_of(found), found.source, found.max_rejects)


@contextmanager
def planned(
    connection: Connection,
    staging: Staging,
    file: Path,
    instructions: ReadingInstructions,
    copy_of: Path | None = None,
) -> Iterator[ReadingPlan]:
    """Plans how to read a file. An export of rejects gets the profile and source of its original.

    Its companion may be a copy that lives as long as the context.

    Args:
        copy_of: the order file, if `file` is a copy of it.

    Raises:
        FileRefused: the file is missing, unreadable or not a known kind of order file.
    """
    profile = with_saved_profile(connection, instructions).column_profile()
    source, options = instructions.source, instructions.options
    with ExitStack() as copies:
        if origin := _origin(connection, file):
            original = identified_of(origin)
            profile, source = profile or original.profile, source or origin.source
            shared = copies.enter_context(_options_of(staging, origin, original))
            if open_source(file, options.member).content is not Content.TEXT:
                # A spreadsheet program saved the export as a workbook.
                shared = replace(shared, **dict.fromkeys(OF_TEXT))
            options = options.over(shared)
        known = [] if profile else known_profiles(connection)
        identified = identify(file, profile, options, original=copy_of, known=known)
        yield ReadingPlan(identified, source or identified.profile.name, _limit(instructions))


def _limit(instructions: ReadingInstructions) -> str | None:
    return RejectLimit.parse(instructions.max_rejects).text if instructions.max_rejects else None


def _origin(connection: Connection, file: Path) -> Import | None:
    """Returns the import whose rejects a file contains, if it is such an export."""
    key = origin_of(file)
    return find_import(connection, key) if key else None


@contextmanager
def _options_of(staging: Staging, origin: Import, original: Identified) -> Iterator[ReadOptions]:
    """Yields the options that an export of rejects shares with its original."""
    said = original.options.said()
    shared = {name: said[name] for name in _SHARED_WITH_EXPORT if name in said}
    if not staging.has_companion(origin.key, original.companion):
        yield ReadOptions(**shared)
        return
    with staging.companion(origin.key, original.companion) as companion:
        yield ReadOptions(**shared, companion=str(companion))
