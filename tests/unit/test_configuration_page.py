"""`docs/configuration.md` lists every setting with its default and limits, from the settings class."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

from orders_pipeline.base.settings import PROJECT_ROOT, Settings

PAGE = PROJECT_ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

One class defines every setting: [`base/settings.py`](../orders_pipeline/base/settings.py). Commands,
workers, API and Dagster read the settings once, when they start, from the environment and from `.env` in
the project's root. Exported variables take precedence over `.env`. In `.env`, write
`NAME=${NAME:-value}`. Dagster's own commands let the file override the environment; in this form, an
exported variable still takes precedence.

If a value is invalid, the program exits and names the variable and the problem. Each command warns you
about a variable that begins with `ORDERS_` and is not a setting, and suggests the setting that you
probably meant.

Workers keep the settings with which they were started. If workers run with other settings, `orders
import` says so. Some settings affect how orders are processed (`ORDERS_PAYMENT_*`, `ORDERS_UNKNOWN_SKU*`,
`ORDERS_TIMEZONE`, `ORDERS_CURRENCY`). They must be the same on every machine of one order store.

| variable | default | allowed | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The expected content of the page."""
    described = Settings.model_json_schema(by_alias=False)
    definitions = described.get("$defs", {})
    return HEAD + "".join(
        f"| `{field.validation_alias or f'ORDERS_{name.upper()}'}` | {_shown(field.default)} | "
        f"{_allowed(described['properties'][name], definitions)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )


def _shown(default: object) -> str:
    if isinstance(default, Path):
        return f"`{default.relative_to(PROJECT_ROOT)}`"
    value = str(default.value if isinstance(default, Enum) else default)
    return f"`{value}`" if default not in {"", None} else "empty"


def _allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    schema = schema.get("anyOf", [schema])[0]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    limits = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    stated = [words.format(f"{schema[limit]:g}") for limit, words in limits.items() if limit in schema]
    return " ".join(stated) or KINDS.get(schema.get("format", schema.get("type", "")), "text")


KINDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "date": "day",
    "path": "path",
}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    sys.stdout.write(page())
