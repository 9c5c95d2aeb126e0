"""An order file as its import will read it: by what the user says, and what the file itself says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from orders_pipeline.base.documents import from_json
from orders_pipeline.imports.import_row import find_import
from orders_pipeline.order_files.columns.identify import Identified, identify
from orders_pipeline.order_files.columns.profile import Profile, built_in_profiles, load_profile
from orders_pipeline.order_files.export_note import exported_from
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.staging.staging import Staging, hash_file, partition_key

_SHARED_WITH_EXPORT = ("delimiter", "quote", "escape")


@dataclass(frozen=True, slots=True)
class Intake:
    """A file that can be imported; `said` is what the user said about how to read it, as part of its
    identity."""

    file: Path
    identified: Identified
    source: str
    said: str

    @property
    def companion(self) -> Path | None:
        """The second file of a profile that takes two, where it is a file of its own."""
        return Path(self.identified.companion) if self.identified.companion else None

    def key(self) -> str:
        """The partition key that staging gives it."""
        companion = hash_file(self.companion) if self.companion else ""
        return partition_key(self.file.name, hash_file(self.file), self.said + companion)


@contextmanager
def take_in(
    connection: Connection,
    staging: Staging,
    file: Path,
    profile: str | None,
    source: str | None,
    options: ReadOptions,
) -> Iterator[Intake]:
    """Identifies a file. An export of rejects is read as its original was: same profile, same source.

    Its companion may be a copy that lives as long as the context.

    Raises:
        FileRefused: the file is missing, unreadable or of no known shape.
    """
    profile, source = profile or None, source or None
    said = said_of(profile, source, options)
    chosen = load_profile(profile) if profile else None
    key = exported_from(file)
    origin = find_import(connection, key) if key else None
    with ExitStack() as copies:
        if origin:
            original = from_json(Identified, origin.identified)
            chosen, source = chosen or original.profile, source or origin.source
            beside = None
            if staging.has_companion(origin.key, original.companion):
                beside = copies.enter_context(staging.companion(origin.key, original.companion))
            options = _as_original(options, original, beside)
        identified = identify(file, chosen, options)
        yield Intake(file, identified, source or identified.profile.name, said)


def _as_original(options: ReadOptions, original: Identified, companion: Path | None) -> ReadOptions:
    """`options`, filled in with what was said of the original."""
    shared = {name: getattr(options, name) or getattr(original.options, name) for name in _SHARED_WITH_EXPORT}
    beside = str(companion) if companion else None
    return replace(options, **shared, companion=options.companion or beside)


def said_of(profile: str | None, source: str | None, options: ReadOptions) -> str:
    """What the user said about how to read a file, as part of its identity; empty where nothing was said.

    A profile of the user's own counts by its content, and a companion file by its own.
    """
    options = replace(options, companion=None)
    if profile is None and source is None and options == ReadOptions():
        return ""
    return repr((_identity_of(profile) if profile else None, source, options))


def _identity_of(name_or_path: str) -> str:
    if name_or_path in built_in_profiles():
        return name_or_path
    profile: Profile = load_profile(name_or_path)
    return hashlib.sha256(profile.model_dump_json().encode()).hexdigest()
