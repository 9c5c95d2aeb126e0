"""Errors of backup and restore."""

from __future__ import annotations


class BackupError(RuntimeError):
    """A backup cannot be made or restored; nothing was changed.

    `code` is stable and snake_case; `hint` says how to continue.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
