"""The failure of a command, as its user sees it."""

from __future__ import annotations


class CommandFailed(Exception):
    """A command failed or was refused; the message and hint are for the user."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
