"""Reads passwords for commands: typed twice, or from a file.

Arguments are not used: other users can list them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from cli.failure import CommandFailed

STDIN = "-"


def asked_password(file: Path | None) -> str:
    """Returns the first line of a file or of stdin (`-`); without a file, asks twice at the terminal."""
    if file is None:
        return _typed()
    try:
        lines = (sys.stdin.read() if str(file) == STDIN else file.read_text()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed("no_password", f"The password cannot be read from {file}: {error}.") from None
    return lines[0] if lines else ""


def _typed() -> str:
    if not sys.stdin.isatty():
        hint = "Use --password-file FILE, or --password-file - to read it from stdin."
        raise CommandFailed("no_password", "There is no terminal to ask for the password.", hint)
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password
