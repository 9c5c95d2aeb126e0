"""The user name and password of Flower."""

from __future__ import annotations

import secrets

from cli.stack.layout import Layout
from orders_pipeline.base.files.secret_files import kept_secret
from orders_pipeline.base.settings import Settings


def flower_login(settings: Settings) -> str:
    """Returns `USER:PASSWORD` from the settings, or a random one that is saved in `run/flower.login`."""
    if settings.flower_login:
        return settings.flower_login
    return kept_secret(
        Layout(settings.home).run / "flower.login", lambda: f"orders:{secrets.token_urlsafe(24)}"
    )
