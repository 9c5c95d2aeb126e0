"""The partition keys of release 0.1.0, to find the files that it staged.

Release 0.1.0 hashed the `repr` of its own values. This module writes that text field by field. It must never
change, so it must not use the classes of later releases.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from orders_pipeline.order_files.columns.profile import Profile, built_in_profiles, load_profile
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.keys import FileIdentity, partition_key

_OPTIONS = (
    "encoding",
    "delimiter",
    "quote",
    "escape",
    "header_line",
    "date_format",
    "decimal",
    "member",
    "companion",
)
_PROFILE: dict[str, Any] = {
    "name": None,
    "description": "",
    "columns": None,
    "joined": {},
    "optional": [],
    "constants": {},
    "values": {},
    "inherit": [],
    "fallback": {},
    "skip": {},
    "items": None,
    "companion": None,
    "date_order": None,
    "short_date_order": None,
    "timezone": None,
    "decimal": None,
    "encoding": None,
    "delimiter": None,
    "quote": None,
    "escape": None,
}
_PARTS: dict[str, dict[str, Any]] = {
    "items": {"columns": None, "fields": None, "separator": "|", "assign": ":", "between": ""},
    "companion": {"file": None, "columns": None},
}


def key_of_0_1_0(name: str, identity: FileIdentity, instructions: ReadingInstructions) -> str | None:
    """Returns the key that 0.1.0 gave a file with these instructions; None if it did not support them."""
    said = _said(instructions)
    if said is None:
        return None
    more = said + identity.companion_sha256
    digest = hashlib.sha256(f"{identity.sha256}{more}".encode()).hexdigest() if more else identity.sha256
    return partition_key(name, digest)


def _said(instructions: ReadingInstructions) -> str | None:
    options = {**instructions.options.said(), "companion": None}
    if instructions.saved or not options.keys() <= set(_OPTIONS):
        return None
    profile, source = instructions.profile or None, instructions.source or None
    if profile is None and source is None and set(options.values()) == {None}:
        return ""
    counted = _profile(profile) if profile else "None"
    shown = ", ".join(f"{option}={options.get(option)!r}" for option in _OPTIONS)
    return f"({counted}, {source!r}, ReadOptions({shown}))" if counted else None


def _profile(name_or_path: str) -> str | None:
    if name_or_path in built_in_profiles():
        return repr(name_or_path)
    text = _profile_text(load_profile(name_or_path))
    return repr(hashlib.sha256(text.encode()).hexdigest()) if text else None


def _profile_text(profile: Profile) -> str | None:
    said = profile.model_dump(mode="json", exclude_unset=True)
    parts = {name: _whole(said[name], defaults) for name, defaults in _PARTS.items() if said.get(name)}
    whole = _whole({**said, **parts}, _PROFILE)
    if whole is None or None in parts.values():
        return None
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def _whole(said: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any] | None:
    """Returns all fields of 0.1.0, in its order; None if `said` has other fields."""
    return {**defaults, **said} if said.keys() <= defaults.keys() else None
