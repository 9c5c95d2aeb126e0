"""Private names of Dagster, dagster-celery, Celery and kombu are used only in `jobs/dagster_seams`.

Its contract tests may use them as well, to compare.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT

ROOM = PROJECT_ROOT / "jobs" / "dagster_seams"
CONTRACTS = PROJECT_ROOT / "tests" / "orchestration" / "dagster_seams"
CODE = ("assets", "benchmarks", "cli", "jobs", "orders_pipeline", "resources", "tests")
LIBRARIES = re.compile(r"(dagster\w*|celery|kombu)(\.\w+)*")
# The names that the libraries document, by the module from which their documentation imports them.
DOCUMENTED = {
    "celery",
    "celery.bootsteps",
    "celery.exceptions",
    "celery.result",
    "celery.signals",
    "dagster",
    "kombu",
    "kombu.connection",
    "kombu.entity",
    "kombu.exceptions",
}
PURPOSES = ("\nFor: ", "\nWithout it: ", "\nInstead: ")


def is_private(module: str) -> bool:
    return bool(LIBRARIES.fullmatch(module)) and module not in DOCUMENTED


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules that a file imports; for `from dagster import _check`, also the name with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name[0] == "_")


def private_names(source: str) -> set[str]:
    """Private modules that a source imports, or private names in a text, for example in a patch."""
    if not LIBRARIES.search(source):
        return set()  # true for most files, which take long to parse
    tree = ast.parse(source)
    texts = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    named = {text for text in texts if LIBRARIES.fullmatch(text) and "._" in text}
    return named | {name for name in imported(tree) if is_private(name)}


def seams() -> list[Path]:
    return [path for path in sorted(ROOM.glob("*.py")) if path.name != "__init__.py"]


def test_nobody_outside_the_room_names_what_is_private() -> None:
    inside = {*ROOM.glob("*.py"), *CONTRACTS.glob("*.py"), Path(__file__)}
    ours = [path for folder in CODE for path in (PROJECT_ROOT / folder).rglob("*.py")]
    outside = [path for path in [*ours, PROJECT_ROOT / "definitions.py"] if path not in inside]
    found = {str(path.relative_to(PROJECT_ROOT)): private_names(path.read_text()) for path in outside}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from dagster._core.storage import sql", "dagster._core.storage"),
        ("import dagster._check as check", "dagster._check"),
        ("from dagster import _check", "dagster._check"),
        ("from dagster_celery.make_app import make_app", "dagster_celery.make_app"),
        ("def late():\n    import kombu.transport.redis", "kombu.transport.redis"),
        ("from celery.worker import state", "celery.worker"),
        ("patch('dagster._core.storage.sql.stamp')", "dagster._core.storage.sql.stamp"),
    ],
)
def test_a_private_name_is_found(source: str, name: str) -> None:
    assert private_names(source) == {name}


@pytest.mark.parametrize("source", ["from dagster import job", "import kombu", "from celery import signals"])
def test_a_documented_name_is_nothing_to_find(source: str) -> None:
    assert private_names(source) == set()


def test_no_private_name_is_used_in_two_seams() -> None:
    places: dict[str, list[str]] = {}
    for seam in seams():
        for node in ast.walk(ast.parse(seam.read_text())):
            if isinstance(node, ast.ImportFrom) and is_private(str(node.module)):
                for alias in node.names:
                    places.setdefault(f"{node.module}.{alias.name}", []).append(seam.stem)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("seam", seams(), ids=lambda path: path.stem)
def test_a_seam_says_what_it_is_for_and_has_a_contract_test(seam: Path) -> None:
    docstring = ast.get_docstring(ast.parse(seam.read_text())) or ""
    assert all(purpose in docstring for purpose in PURPOSES)
    contracts = "".join(path.read_text() for path in CONTRACTS.glob("*.py"))
    assert f"jobs.dagster_seams.{seam.stem} import" in contracts
