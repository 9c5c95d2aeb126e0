"""Parsing a staged file: once, as was said of it, and again where its batches were lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.base.documents import from_json, to_json
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.import_row import Import, get_import, is_parsed
from orders_pipeline.imports.life import lock_import, refuse_import, stall_import
from orders_pipeline.imports.parsed_batches import (
    batch_numbers,
    batches_to_load,
    note_parsed,
    register_parsed,
)
from orders_pipeline.imports.rejects import keep_rejects
from orders_pipeline.imports.staged import read_as
from orders_pipeline.order_files.columns.identify import Identified, identify
from orders_pipeline.order_files.columns.profile import load_profile
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules, ReadOptions
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.staging import Staging, hash_file


class AlreadyParsedError(ValueError):
    """A launch says how to read a file that was parsed in another way."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            f"{file_name} was already parsed in another way: stage it anew with these options to read it so"
        )


class BatchesLost(RuntimeError):
    """The batches of a file that is partly imported are gone, and cannot be made again."""

    def __init__(self, file_name: str, why: str) -> None:
        super().__init__(f"The parsed batches of {file_name} are gone and cannot be made again: {why}")


@dataclass(frozen=True, slots=True)
class ToldAtLaunch:
    """How to read a staged file; what is None stays as it was staged."""

    profile: str | None = None
    max_rejects: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)


NOTHING_TOLD = ToldAtLaunch()


@dataclass(frozen=True, slots=True)
class FileParsing:
    """Parses staged files, new ones under these rules."""

    engine: Engine
    staging: Staging
    rules: ParseRules

    def read_as_told(self, found: Import, told: ToldAtLaunch) -> Import:
        """The import with what is told noted on it.

        Raises:
            FileRefused: the file cannot be read so.
            AlreadyParsedError: it was parsed in another way.
        """
        if told == NOTHING_TOLD:
            return found
        before = from_json(Identified, found.identified)
        with self._refusing(found):
            profile = load_profile(told.profile) if told.profile else before.profile
            given = {name: value for name, value in asdict(told.options).items() if value is not None}
            options = replace(before.options, **given)
            limit = RejectLimit.parse(told.max_rejects).text if told.max_rejects else found.max_rejects
            if (profile, options, limit) == (before.profile, before.options, found.max_rejects):
                return found
            if is_parsed(found):
                raise AlreadyParsedError(found.file_name)
            with self._staged(found, before) as (original, companion):
                options = replace(options, companion=companion)
                identified = identify(original, profile, options, found.file_name)
        source = profile.name if found.source == found.profile else found.source
        with self.engine.begin() as connection:
            return read_as(connection, found, profile.name, source, to_json(identified), limit)

    def parse(self, found: Import) -> list[int]:
        """Parses a file; the numbers of its batches.

        Raises:
            FileRefused: it cannot be imported, which is noted on its import.
        """
        # Another try may be at work on the same file; each parses for itself, and the first to end is kept.
        with self.staging.parsing(found.key) as folder:
            with self._refusing(found):
                parsed = self._parsed(found, self.rules, folder)
            with self._refusing(found, (parsed, folder)):
                if found.max_rejects:
                    RejectLimit.parse(found.max_rejects).check(found.file_name, parsed)
            self.staging.send_batches(found.key, folder)
            with self.engine.begin() as connection:
                if register_parsed(connection, found.id, parsed, self.rules, _rejects_in(folder)):
                    self.staging.keep_batches(found.key, folder)
                return batch_numbers(connection, found.id)

    def restore(self, found: Import) -> list[int]:
        """Parses a file again if batches are gone that are still to be loaded; the numbers of all.

        Raises:
            BatchesLost: it came out in another way, or its original is gone, too.
        """
        with self.engine.begin() as connection:
            numbers = batch_numbers(connection, found.id)
            waiting = batches_to_load(connection, found.id)
        if found.parsed is None or self.staging.has_batches(found.key, waiting):
            return numbers
        before, rules = from_json(ParsedFile, found.parsed), from_json(ParseRules, found.parsed["rules"])
        with self.staging.parsing(found.key) as folder:
            try:
                again = self._parsed(found, rules, folder)
            except FileRefused as refused:
                raise self._stalled(found, f"{refused.message} {refused.hint}") from refused
            if again != before:
                raise self._stalled(found, "the staged copy, parsed again, gives others.")
            self.staging.send_batches(found.key, folder)
            self.staging.keep_batches(found.key, folder)
        return numbers

    def _parsed(self, found: Import, rules: ParseRules, folder: Path) -> ParsedFile:
        identified = from_json(Identified, found.identified)
        with self._staged(found, identified) as (original, companion):
            if hash_file(original) != found.file_sha256:
                raise FileRefused(
                    "staged_file_damaged",
                    f"The staged copy of {found.file_name} is not what was staged.",
                    "Import or stage the file again: its import goes on where it stopped.",
                )
            return parse_order_file(original, replace(identified, companion=companion or ""), rules, folder)

    @contextmanager
    def _staged(self, found: Import, identified: Identified) -> Iterator[tuple[Path, str | None]]:
        """The staged file, and its companion if it has one, as local files."""
        with (
            self.staging.original(found.key) as original,
            self.staging.companion(found.key, identified.companion) as companion,
        ):
            yield original, str(companion) if companion else None

    @contextmanager
    def _refusing(self, found: Import, known: tuple[ParsedFile, Path] | None = None) -> Iterator[None]:
        """Notes on an import that is not parsed why its file is refused, with its rejects where known."""
        try:
            yield
        except FileRefused as refused:
            with self.engine.begin() as connection:
                lock_import(connection, found.id)
                # A twin under other words may have got further: what it did stays.
                if not is_parsed(get_import(connection, found.key)):
                    reason = f"{refused.message} {refused.hint}"
                    refuse_import(connection, found.id, refused.code, reason)
                    if known:
                        note_parsed(connection, found.id, known[0], self.rules)
                        keep_rejects(connection, found.id, _rejects_in(known[1]))
            raise

    def _stalled(self, found: Import, why: str) -> BatchesLost:
        lost = BatchesLost(found.file_name, why)
        with self.engine.begin() as connection:
            stall_import(connection, found.id, str(lost))
        return lost


def _rejects_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("rejects-*.parquet"))
