"""Writes the exports of commands to a file, completely or not at all, or to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from cli.failure import CommandFailed
from cli.output import show
from orders_pipeline.base.files.new_files import READABLE, new_file


@contextmanager
def written(output: Path | None, mode: int = READABLE) -> Iterator[BinaryIO]:
    """Yields the stream for an export. A file gets its name only when it is complete.

    Args:
        output: None for stdout.
        mode: permissions of the file.
    """
    if output is None:
        with _stdout() as target:
            yield target
        return
    if output.exists():
        raise CommandFailed("file_exists", f"{output} already exists.", "Name another file.")
    unfinished = output.with_name(f"{output.name}.part")
    try:
        with new_file(unfinished, mode) as target:
            yield target
        unfinished.replace(output)
    except OSError as error:
        raise CommandFailed("not_written", f"{output} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _stdout() -> Iterator[BinaryIO]:
    if sys.stdout.isatty():
        # Control sequences in a file's content must not be sent to a terminal.
        written = BytesIO()
        yield written
        show(written.getvalue().decode(errors="backslashreplace"))
    else:
        yield sys.stdout.buffer
        sys.stdout.flush()
