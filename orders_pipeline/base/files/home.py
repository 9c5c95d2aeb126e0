"""The folder that holds all state."""

from __future__ import annotations

from pathlib import Path


def make_home(home: Path) -> None:
    """Creates the folder for this user alone, because it will hold customer data and passwords.

    An existing folder keeps its permissions: its owner may share it with a group.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
