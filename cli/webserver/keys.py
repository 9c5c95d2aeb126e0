"""The keys for Dagster's webserver: the home's key, API keys in the store, and one-time links."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from cli.webserver.links import use_link
from orders_pipeline.access.api_keys import find_key, is_use_noted, note_use
from orders_pipeline.base.files.secret_files import is_same_secret
from orders_pipeline.base.model import Scope
from orders_pipeline.store.engine import reading


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one home. A key in the store needs the scope."""

    run: Path
    home_key: str
    engine: Engine
    scope: Scope

    def find(self, shown: str) -> str | None:
        """Returns the key that was sent, or the home's key for a one-time link; None if it is unknown."""
        if use_link(self.run, shown):
            return self.home_key
        return shown if self.knows(shown) else None

    def knows(self, key: str) -> bool:
        """Whether this key is valid now. It may have been revoked since the sign-in."""
        if is_same_secret(key, self.home_key):
            return True
        with reading(self.engine) as connection:
            found = find_key(connection, key)
        if found is None or self.scope not in found.scope.with_lower():
            return False
        if not is_use_noted(found):
            with self.engine.begin() as connection:
                note_use(connection, found.name)
        return True
