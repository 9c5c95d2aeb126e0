"""Each text of the console is shown somewhere."""

from __future__ import annotations

import re
import tomllib

from orders_pipeline.base.settings import PROJECT_ROOT

CONSOLE = PROJECT_ROOT / "orders_pipeline" / "console"
# Texts whose names are put together, such as that of an event by its status.
PUT_TOGETHER = re.compile(r"title_\d+|event_\w+|\w+_asked")


def test_no_text_is_left_over() -> None:
    sources = [file for kind in ("py", "html") for file in CONSOLE.rglob(f"*.{kind}")]
    words = {word for file in sources for word in re.findall(r"\w+", file.read_text("utf-8"))}
    left_over = [
        f"{file.stem}.{name}"
        for file in CONSOLE.glob("texts/*.toml")
        for name, text in tomllib.loads(file.read_text("utf-8")).items()
        # The names in tables are values, such as reasons.
        if not isinstance(text, dict) and name not in words and not PUT_TOGETHER.fullmatch(name)
    ]
    assert left_over == []
