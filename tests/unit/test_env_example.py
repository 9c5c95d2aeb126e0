"""`.env.example` lists every setting with its meaning and its default."""

from __future__ import annotations

import sys
import textwrap
from enum import Enum
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT, Settings

HEAD = """\
# Every setting with its default. To change one, export it, or put NAME=${NAME:-value} into `.env`, which
# `make` writes: in that form an exported variable still comes first in Dagster's own commands, too.
# Relative paths start at the folder that a command runs in.
"""


def env_example() -> str:
    """The expected content of the file, from the settings class."""
    return HEAD + "".join(
        f"\n{textwrap.fill(field.description or '', 110, initial_indent='# ', subsequent_indent='# ')}\n"
        f"#{field.validation_alias or f'ORDERS_{name.upper()}'}={_shown(field.default)}\n"
        for name, field in Settings.model_fields.items()
    )


def _shown(default: object) -> str:
    if isinstance(default, Path):
        return str(default.relative_to(PROJECT_ROOT))
    value = default.value if isinstance(default, Enum) else default
    return "" if value is None else str(value)


def test_the_example_lists_every_setting_with_its_default() -> None:
    assert (PROJECT_ROOT / ".env.example").read_text() == env_example()


if __name__ == "__main__":
    sys.stdout.write(env_example())
