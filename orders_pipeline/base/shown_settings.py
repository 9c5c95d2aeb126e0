"""The settings in effect, as commands and pages show them."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from orders_pipeline.base.settings import Settings

HIDDEN = "(hidden)"


def shown_settings(settings: Settings) -> list[dict[str, Any]]:
    """Every setting. Passwords, keys and URLs that can contain them are hidden."""
    return [_setting(settings, name, info) for name, info in Settings.model_fields.items()]


def _setting(settings: Settings, name: str, info: FieldInfo) -> dict[str, Any]:
    value, default = getattr(settings, name), info.get_default(call_default_factory=True)
    secret = not info.repr and bool(value)
    return {
        "name": f"ORDERS_{name.upper()}",
        "value": HIDDEN if secret else _plain(value),
        "is_default": value == default,
    }


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else str(value)
