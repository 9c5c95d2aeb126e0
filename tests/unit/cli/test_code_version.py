"""The digest by which `orders up` recognises processes with old code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.programs.code_version import PACKAGES, SINGLE_FILES, code_version


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a few files."""
    for name in (*SINGLE_FILES, *(f"{package}/module.py" for package in PACKAGES)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_same_files_have_the_same_version_whatever_python_compiled_of_them(project: Path) -> None:
    before = code_version(project)
    (project / "jobs" / "__pycache__").mkdir()
    (project / "jobs" / "__pycache__" / "module.cpython-311.pyc").write_bytes(b"compiled")
    (project / "README.md").write_text("text")
    assert code_version(project) == before


@pytest.mark.parametrize("name", ["jobs/module.py", "requirements.lock", "orders_pipeline/new.sql"])
def test_a_changed_or_new_file_makes_another_version(project: Path, name: str) -> None:
    before = code_version(project)
    (project / name).write_text("changed")
    assert code_version(project) != before
