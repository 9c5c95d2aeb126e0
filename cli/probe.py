"""Health check of an HTTP server in a container: `python -m cli.probe URL` succeeds if the server responds.

It is a separate program, because some container engines split arguments that contain spaces.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 8


def answers(url: str, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the URL responds with 200 within `seconds`."""
    try:
        with urlopen(url, timeout=seconds) as answer:  # noqa: S310 the URL stands in compose.yaml
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, TimeoutError, ConnectionError):
        return False


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
