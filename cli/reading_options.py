"""The options that say how order files are read, the same for each command that reads some."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from orders_pipeline.order_files.read_options import ReadOptions

ProfileOption = Annotated[
    str | None, typer.Option(help="Column profile, or the path of one; else by the header.")
]
SourceOption = Annotated[
    str | None, typer.Option(help="Where the orders come from; else the profile's name.")
]
MaxRejectsOption = Annotated[
    str | None,
    typer.Option(help="Refuse a file with more bad lines than this count (100) or share (5%)."),
]

_OPTIONS: dict[str, Any] = {
    "encoding": Annotated[str | None, typer.Option(help="Encoding, such as cp1252; else detected.")],
    "delimiter": Annotated[str | None, typer.Option(help="Delimiter; else detected.")],
    "quote": Annotated[str | None, typer.Option(help="Quote character; else detected.")],
    "escape": Annotated[str | None, typer.Option(help="Escape character; else detected.")],
    "header_line": Annotated[int | None, typer.Option(help="Line of the header; else detected.", min=1)],
    "date_format": Annotated[str | None, typer.Option(help="DMY, MDY, YMD or a strptime format.")],
    "decimal": Annotated[str | None, typer.Option(help="Decimal sign, . or ,; else detected.")],
    "member": Annotated[str | None, typer.Option(help="File inside a zip archive that holds several.")],
    "companion": Annotated[str | None, typer.Option(help="Second file of a profile that takes two.")],
}


def reading_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, which it gets as its argument `options`."""
    own = inspect.signature(function, eval_str=True)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        given = {name: kwargs.pop(name) for name in _OPTIONS}
        function(*args, options=ReadOptions(**given), **kwargs)

    kept = [parameter for name, parameter in own.parameters.items() if name != "options"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]
    run.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
    return run
