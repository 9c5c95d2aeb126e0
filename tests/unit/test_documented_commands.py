"""Every `orders` command in the documents exists, with the options that are shown."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from cli.main import app
from tests.documents import blocks, commands, pages

SHOWN = [
    (page.name, line)
    for page in pages()
    for block in blocks(page)
    if block.language in {"console", "sh"}
    for line in commands(block)
    if re.match(r"(\w+=\S+ )*orders ", line)
]


def parse(command: Any, arguments: list[str], parent: Any = None) -> None:
    """Parses a command line without running the command.

    Raises:
        UsageError: it would be refused.
    """
    try:
        context = command.make_context(command.name, list(arguments), parent=parent)
    except typer.Exit:
        # `--help` ends with this exception.
        return
    if hasattr(command, "resolve_command"):
        _, chosen, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(chosen, rest, context)


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_shown_command_is_taken(page: str, line: str) -> None:  # noqa: ARG001 names the test
    words = shlex.split(line)
    for stop in ("|", ">", "&&", "&", "2>"):
        words = words[: words.index(stop)] if stop in words else words
    parse(typer.main.get_command(app), words[words.index("orders") + 1 :])


@pytest.mark.parametrize("line", ["import FILE --no-such-option", "no-such-command"])
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such"):
        parse(typer.main.get_command(app), line.split())
