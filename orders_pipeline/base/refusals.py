"""The refusal of a whole file."""

from __future__ import annotations

from orders_pipeline.base.text.printable import printable_line


class FileRefused(Exception):
    """A file cannot be imported, or a named profile cannot be used; no order entered the store.

    `code` is stable and snake_case, `message` one sentence naming the file and what was expected, `hint` the
    way out. Both may quote the file's name and content, so characters that cannot be printed are escaped.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = printable_line(message)
        self.hint = printable_line(hint)

    def __str__(self) -> str:
        return self.message
