"""The user name and password of Flower."""

from __future__ import annotations

import os
import secrets

from cli.stack.layout import Layout
from orders_pipeline.base.settings import Settings


def flower_login(settings: Settings) -> str:
    """Returns `USER:PASSWORD` from the settings, or a random one that is saved in `run/flower.login`."""
    if settings.flower_login:
        return settings.flower_login
    file = Layout(settings.home).run / "flower.login"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(descriptor, "w") as opened:
        opened.write(login := f"orders:{secrets.token_urlsafe(24)}")
    return login
