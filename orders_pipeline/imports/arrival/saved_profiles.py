"""Column profiles of this shop, saved in the order store: files with their columns need no instructions."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import (
    PROFILE_NAME,
    Profile,
    built_in_profiles,
    parse_profile,
)
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.store.schema import column_profiles, imports
from orders_pipeline.store.statements.upsert import insert_into


@dataclass(frozen=True, slots=True)
class SavedProfile:
    """A saved profile as TOML text; `saved_at` is in microseconds since 1970."""

    name: str
    toml: str
    saved_at: int
    saved_by: str

    @property
    def profile(self) -> Profile:
        """The profile.

        Raises:
            FileRefused: this version does not understand it.
        """
        return parse_profile(self.toml, f"{self.name}.toml")

    @property
    def problem(self) -> str:
        """Why this version does not understand the profile; empty if it does."""
        try:
            self.profile  # noqa: B018
        except FileRefused as refused:
            return refused.message
        return ""


def profile_document(saved: SavedProfile) -> dict[str, Any]:
    """A saved profile as commands show it."""
    at, problem = to_datetime(saved.saved_at).isoformat(), saved.problem
    description = "" if problem else saved.profile.description
    return {**asdict(saved), "saved_at": at, "description": description, "problem": problem}


def saved_profiles(connection: Connection) -> list[SavedProfile]:
    """The saved profiles by name."""
    query = select(column_profiles).order_by(column_profiles.c.name)
    return [SavedProfile(**row) for row in connection.execute(query).mappings()]


def known_profiles(connection: Connection) -> list[Profile]:
    """The saved profiles that this version understands. Others are ignored when files are recognised."""
    known = []
    for saved in saved_profiles(connection):
        with suppress(FileRefused):
            known.append(saved.profile)
    return known


def find_saved_profile(connection: Connection, name: str) -> SavedProfile | None:
    """The saved profile with this name."""
    query = select(column_profiles).where(column_profiles.c.name == name)
    row = connection.execute(query).mappings().first()
    return SavedProfile(**row) if row else None


def save_profile(
    connection: Connection, name: str, toml: str, actor: str, *, replaces: bool = False
) -> SavedProfile:
    """Saves a profile under a name.

    Args:
        replaces: whether it may replace a saved profile with this name.

    Raises:
        FileRefused: the name or the profile is not valid, or the name is taken.
    """
    _check_name(name)
    if parse_profile(toml, f"{name}.toml").name != name:
        message = f"The profile contains another name than {name!r}."
        raise FileRefused("profile_invalid", message, "Remove the line with the name.")
    saved = SavedProfile(name, toml, now_us(), actor)
    values = {"toml": toml, "saved_at": saved.saved_at, "saved_by": actor}
    added = insert_into(connection, column_profiles).values(name=name, **values)
    replacing = added.on_conflict_do_update(index_elements=["name"], set_=values)
    if not connection.execute(replacing if replaces else added.on_conflict_do_nothing()).rowcount:
        message = f"There is a saved profile {name!r}."
        raise FileRefused("profile_exists", message, "Choose another name, or replace it.")
    record_action(connection, actor, "profiles.save", name)
    return saved


def _check_name(name: str) -> None:
    if not re.fullmatch(PROFILE_NAME, name):
        message = f"{name!r} cannot be the name of a profile."
        raise FileRefused("bad_profile_name", message, "Use small letters, digits, - and _.")
    if name in built_in_profiles():
        message = f"There is a built-in profile {name!r}."
        raise FileRefused("profile_exists", message, "Choose another name.")


def remove_profile(connection: Connection, name: str, actor: str) -> bool:
    """Removes a saved profile. Files that were staged with it keep it.

    Returns:
        Whether there was one.
    """
    removed = connection.execute(delete(column_profiles).where(column_profiles.c.name == name))
    if not removed.rowcount:
        return False
    record_action(connection, actor, "profiles.remove", name)
    return True


def files_by_profile(connection: Connection) -> dict[str, int]:
    """How many files were read with each profile."""
    query = select(imports.c.profile, func.count()).group_by(imports.c.profile)
    return dict(connection.execute(query).all())


def is_profile_name(connection: Connection, name: str) -> bool:
    """Whether a built-in or a saved profile has this name."""
    return name in built_in_profiles() or find_saved_profile(connection, name) is not None


def with_saved_profile(connection: Connection, instructions: ReadingInstructions) -> ReadingInstructions:
    """Completes instructions that name a saved profile."""
    name = instructions.profile
    if not name or instructions.saved or name in built_in_profiles():
        return instructions
    found = find_saved_profile(connection, name)
    return replace(instructions, saved=found.profile) if found else instructions
