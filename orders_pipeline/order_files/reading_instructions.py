"""The user's instructions for reading an order file, as one value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orders_pipeline.order_files.columns.profile import Profile, built_in_profiles, load_profile
from orders_pipeline.order_files.option import Option, option, options_of
from orders_pipeline.order_files.read_options import ReadOptions

# Values that need no quotes. ASCII only, because the set of Unicode letters changes between Python versions.
_PLAIN = re.compile(r"[!#-\[\]-~]+")


@dataclass(frozen=True, slots=True)
class ReadingInstructions:
    """The user's instructions for reading an order file; None means that the value is detected from the file.

    Attributes:
        profile: the name of a column profile, or the path of a TOML file.
        source: the source of the orders, a part of their identity.
        max_rejects: the limit of bad lines, such as `100` or `5%`; a file with more is refused.
        options: how to read the file.
        saved: the profile itself, if `profile` is the name of a profile saved in the store.
    """

    profile: str | None = option("Column profile: a name or a TOML file. Default: by the header row.")
    source: str | None = option("Source of the orders. Default: the name of the profile.", at_launch=False)
    max_rejects: str | None = option(
        "Refuse a file with more bad lines than this number or share (such as 100 or 5%)."
    )
    options: ReadOptions = field(default_factory=ReadOptions)
    saved: Profile | None = None

    def column_profile(self) -> Profile | None:
        """The profile that `profile` names; None if the profile is to be found by the header row.

        Raises:
            FileRefused: the profile does not exist or is not valid.
        """
        return self.saved or (load_profile(self.profile) if self.profile else None)

    @property
    def words(self) -> str:
        """The instructions as sorted words, such as `decimal=, source=x`; a part of the partition key.

        A value with spaces, quotes or non-ASCII letters is a JSON string. A user's own profile is given by
        the SHA-256 of its content. Two instructions are left out: the limit of rejects, which does not change
        how a file is read, and the path of the second file, whose content is a part of the key. Without
        instructions, the result is empty.

        Raises:
            FileRefused: the profile does not exist or is not valid.
        """
        profile = self._name_or_digest()
        said = {**self.options.said(), "profile": profile, "source": self.source or None, "companion": None}
        return " ".join(f"{name}={_word(said[name])}" for name in sorted(said) if said[name] is not None)

    def _name_or_digest(self) -> str | None:
        if self.profile in built_in_profiles():
            return self.profile
        own = self.column_profile()
        return f"sha256:{own.digest}" if own else None


NOTHING_SAID = ReadingInstructions()


def all_options() -> list[Option]:
    """Returns all options for reading a file."""
    return [*options_of(ReadingInstructions), *options_of(ReadOptions)]


def instructions_from(values: Mapping[str, Any]) -> ReadingInstructions:
    """Makes instructions from values by option name; an option without a value, or with None, is not set."""
    of_reading = {one.name for one in options_of(ReadOptions)}
    options = ReadOptions(**{name: value for name, value in values.items() if name in of_reading})
    others = {name: value or None for name, value in values.items() if name not in of_reading}
    return ReadingInstructions(**others, options=options)


def _word(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
