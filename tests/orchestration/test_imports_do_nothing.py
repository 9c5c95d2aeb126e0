"""Importing a module of this project opens no file, database or connection."""

from __future__ import annotations

import json
import subprocess
import sys

from orders_pipeline.base.settings import PROJECT_ROOT

IMPORTING = """
import json, sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ROOT, EFFECTS = Path.cwd(), ("socket.connect", "sqlite3.connect")
seen, importing = [], ""

def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = Path(arguments[0]).resolve()
        ours = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv")
        if ours and "__pycache__" not in path.parts and path.suffix != ".py":
            seen.append([importing, str(path)])
    elif event in EFFECTS and importing:
        seen.append([importing, event])

sys.addaudithook(note)
for package in ("orders_pipeline", "resources", "jobs", "assets", "cli"):
    for path in sorted((ROOT / package).rglob("*.py")):
        if "migrations" in path.parts:
            continue  # alembic runs them
        parts = path.relative_to(ROOT).with_suffix("").parts
        importing = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        import_module(importing)
importing = ""
print(json.dumps(seen))
"""


def test_importing_any_module_has_no_effect_outside_the_process() -> None:
    command = [sys.executable, "-c", IMPORTING]
    done = subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
