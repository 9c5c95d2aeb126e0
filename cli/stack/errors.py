"""Errors of the background processes."""

from __future__ import annotations

from cli.failure import CommandFailed


class StackError(CommandFailed):
    """The background processes cannot be started or reached."""
