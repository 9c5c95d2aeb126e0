"""Health check of what serves HTTP in a container: `python -m cli.probe URL` ends well where it answers.

A program without arguments that hold spaces: some container engines split them.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 8


def answers(url: str, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the URL answers with 200 in so many seconds."""
    try:
        with urlopen(url, timeout=seconds) as answer:  # noqa: S310 the URL stands in compose.yaml
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, TimeoutError, ConnectionError):
        return False


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
