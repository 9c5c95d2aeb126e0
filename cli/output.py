"""Output of commands: one JSON document or readable text on stdout, everything else on stderr."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from io import StringIO
from typing import Annotated, Any, NoReturn, ParamSpec

import typer
from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from cli.failure import CommandFailed
from orders_pipeline.base.text.printable import json_text, printable

Arguments = ParamSpec("Arguments")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
PIPE_COLUMNS = 10_000
NO_TEXT = re.compile("[\0\ud800-\udfff]")


class UnbrokenConsole(Console):
    """A console for untrusted texts, which does not wrap lines in a pipe or a file.

    Paths and keys are not broken, and control sequences in texts are not sent to the terminal.
    """

    @property  # type: ignore[misc] # nothing sets it
    def size(self) -> ConsoleDimensions:
        """The size of the terminal, or `COLUMNS`; in a pipe or a file, wide enough for any line."""
        known = super().size
        if self.is_terminal or "COLUMNS" in self._environ:
            return known
        return ConsoleDimensions(PIPE_COLUMNS, known.height)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Renders without control sequences in texts, such as those of a file's name or content."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


page = UnbrokenConsole()
progress = UnbrokenConsole(stderr=True)


def emit(document: Any) -> None:
    """Prints one JSON document."""
    value = asdict(document) if is_dataclass(document) and not isinstance(document, type) else document
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_whole(table: Table) -> None:
    """Prints a table without truncating cells, even on a narrow terminal, so that keys can be copied."""
    wide = Console(width=PIPE_COLUMNS, file=StringIO(), force_terminal=page.is_terminal)
    wide.width = Measurement.get(wide, wide.options, table).maximum
    with wide.capture() as captured:
        wide.print(table)
    page.print(Text.from_ansi(captured.get().rstrip("\n")), soft_wrap=True, highlight=False)


def show(text: str) -> None:
    """Prints a text unchanged, but without control sequences if stdout is a terminal."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def error_object(error: CommandFailed) -> dict[str, Any]:
    """Returns the JSON document of a failure."""
    return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}


def show_error(error: CommandFailed, as_json: bool) -> None:
    """Prints a failure: as JSON on stdout, or as text on stderr."""
    if as_json:
        emit(error_object(error))
    else:
        progress.print(f"[bold red]Error:[/] {escape(error.message)}", highlight=False)
        if error.hint:
            progress.print(f"[dim]{escape(error.hint)}[/]", highlight=False)


def explained(error: Exception) -> CommandFailed:
    """Returns what an exception means to the user."""
    from cli.explained import explain  # noqa: PLC0415 loads much that only errors need

    return explain(error)


def wrong_usage(code: str, message: str, as_json: bool) -> NoReturn:
    """Refuses options that cannot be combined, with exit code 2."""
    show_error(CommandFailed(code, message, "See --help for the options."), as_json)
    raise typer.Exit(2)


def _require_text(value: object) -> None:
    """Refuses text that cannot be stored: with NUL, or with bytes that are not UTF-8.

    Paths may contain such bytes.
    """
    if isinstance(value, list | tuple):
        for one in value:
            _require_text(one)
    elif isinstance(value, str) and NO_TEXT.search(value):
        raise typer.BadParameter(f"{printable(value)} is not text in UTF-8.")


def command(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Wraps a command: an exception becomes a message and exit code 1, wrong usage exit code 2."""

    @functools.wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        for value in kwargs.values():
            _require_text(value)
        try:
            function(*args, **kwargs)
        except (typer.Exit, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 the boundary: the user gets a message and exit code 1
            show_error(explained(error), bool(kwargs.get("as_json")))
            raise typer.Exit(1) from None

    return run
