"""One-time links for signing in. Each is a file in `run/links`, named by the digest of the link's token.

Only the home's owner can make them. Using a link removes its file, which only one request can do.
"""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from pathlib import Path

SIGN_IN = "/sign-in"
# The access of a webserver that requires no sign-in.
OPEN = "open"
LIVES_SECONDS = 600


def make_link(run: Path) -> str:
    """Returns a new token. Removes old tokens that were not used."""
    folder = run / "links"
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.iterdir():
        if _is_old(file):
            file.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    _file(run, token).touch(mode=0o600)
    return token


def use_link(run: Path, token: str) -> bool:
    """Returns whether this token is valid, and makes it invalid. A token is valid once, for ten minutes."""
    file = _file(run, token)
    try:
        old = _is_old(file)
        file.unlink()
    except FileNotFoundError:
        return False
    return not old


def _is_old(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime > LIVES_SECONDS
    except FileNotFoundError:
        return False


def _file(run: Path, token: str) -> Path:
    return run / "links" / sha256(token.encode()).hexdigest()
