"""Static files of the console. Browsers cache them, because their addresses contain a hash of the content."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent.parent / "static"
STATIC_URL = "/look"
ICONS = STATIC / "vendor" / "lucide"
FOREVER = "public, max-age=31536000, immutable"


class ForeverStatic(StaticFiles):
    """Static files that browsers may cache forever if their address contains a hash."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns the response with a file; a file with a hash in its address never changes."""
        response = await super().get_response(path, scope)
        if scope["query_string"] and response.status_code in {200, 304}:
            response.headers["Cache-Control"] = FOREVER
        return response


@cache
def static_url(path: str) -> str:
    """Returns the address of a file, from its path in `static`."""
    digest = sha256((STATIC / path).read_bytes()).hexdigest()
    return f"{STATIC_URL}/{path}?v={digest[:12]}"


@cache
def icon(name: str) -> Markup:
    """Returns an icon for use next to a text; it is hidden from screen readers."""
    drawn = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    shapes = re.sub(r"\s+", " ", drawn.partition("<svg")[2].partition(">")[2].partition("</svg>")[0])
    # The markup is safe, because it is a file of this package.
    return Markup(  # noqa: S704
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
        f' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{shapes}</svg>'
    )
