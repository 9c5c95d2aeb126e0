"""The file of background programs is read by the version that wrote it and by later ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.stack.programs.program import Port, Program, load_programs, save_programs
from orders_pipeline.base.documents import NewerDocumentError

API = Program("api", ["python", "-m", "cli.api"], "/srv", {"A": "1"}, port=Port(8000, "ORDERS_API_PORT"))
BEAT = Program("beat", ["true"], "/srv")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "programs.json"
    save_programs(path, [API, BEAT])
    return path


def test_programs_are_read_as_they_were_saved(file: Path) -> None:
    assert load_programs(file) == {"api": API, "beat": BEAT}


def test_a_field_that_the_file_lacks_has_its_default(file: Path) -> None:
    found = json.loads(file.read_text())
    del found["beat"]["stop_group"]
    file.write_text(json.dumps(found))
    assert load_programs(file)["beat"] == BEAT


def test_a_file_of_a_newer_version_is_refused_in_words(file: Path) -> None:
    found = json.loads(file.read_text())
    found["beat"]["nice"] = 5
    file.write_text(json.dumps(found))
    with pytest.raises(NewerDocumentError, match=r"programs\.json was written by a newer .* nice"):
        load_programs(file)
