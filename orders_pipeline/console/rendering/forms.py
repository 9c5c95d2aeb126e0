"""Types of form fields, and redirects after a form."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Form, Request
from starlette.responses import RedirectResponse, Response

MOST_CHARACTERS = 500
# NUL is refused, because databases cannot store it in text.
NO_NUL = r"^[^\x00]*$"
Field = Annotated[str, Form(max_length=MOST_CHARACTERS, pattern=NO_NUL)]
# Passwords: too long ones are refused later with a message, and NUL only makes a password wrong.
Password = Annotated[str, Form(max_length=10_000)]
# The most fields of a form: a page of rejected lines with all their cells.
MOST_FIELDS = 20_000


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form(max_fields=MOST_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


# The texts of a form whose fields depend on a file.
Fields = Annotated[dict[str, str], Depends(_fields)]


def gone_to(path: str, **query: str) -> Response:
    """Redirects the browser to a page after a form, so that a reload does not send the form again."""
    address = f"{path}?{urlencode(query)}" if query else path
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def led_to(request: Request, path: str) -> Response:
    """Does the same as `gone_to` after a form that htmx has sent."""
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return gone_to(path)
