"""The folder that holds all state."""

from __future__ import annotations

from pathlib import Path


def make_home(home: Path) -> None:
    """Makes the folder for this user alone: it is going to hold customers, and passwords.

    One that exists keeps its permissions: whoever made it may share it with a group.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
