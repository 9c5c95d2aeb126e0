"""What can go wrong with the background processes."""

from __future__ import annotations

from cli.output import CommandFailed


class StackError(CommandFailed):
    """The processes could not be started or reached."""
