"""The commands `orders payouts`, `reconcile` and `journal`: exit codes and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.made_up_payouts import MadeUp, make_up
from cli.main import app
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import open_engine
from tests.stores import prepare_store


@pytest.fixture
def made(tmp_path: Path) -> MadeUp:
    """The home that the commands use, with payments, and the matching files."""
    engine = open_engine(load_settings().store_url)
    prepare_store(engine)
    with engine.begin() as connection:
        made = make_up(connection, tmp_path, 200, seed=5)
    engine.dispose()
    return made


def orders(*arguments: str | Path) -> tuple[int, Any]:
    """Exit code and document of a command."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_files_are_imported_and_a_refused_one_is_an_error_in_its_place(made: MadeUp, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<Document>")
    code, outcomes = orders("payouts", "import", made.report, broken, *made.statements)
    assert code == 1
    assert [one.get("format") for one in outcomes] == ["stripe", None, "camt053", "camt053"]
    assert outcomes[1]["error"]["code"] == "xml_damaged"
    code, files = orders("payouts", "files")
    assert (code, len(files)) == (0, 3)
    assert orders("payouts", "rejects", str(files[0]["id"])) == (0, [])
    assert orders("payouts", "rejects", "99")[1]["error"]["code"] == "unknown_payout_file"


def test_a_reconciliation_exits_with_1_if_a_person_has_to_act(made: MadeUp) -> None:
    code, nothing = orders("reconcile")
    assert (code, nothing["findings"], nothing["reported_until"]) == (0, [], None)
    assert orders("payouts", "import", made.report, *made.statements)[0] == 0
    code, found = orders("reconcile", "--examples", "1")
    assert (code, found["ok"], found["differences"]) == (1, False, {"EUR": 0.0, "USD": 0.0})
    assert all(one["action"] and len(one["examples"]) == 1 for one in found["findings"])
    reversed_days = CliRunner().invoke(app, ["reconcile", "--start", "2025-02-01", "--end", "2025-01-01"])
    assert reversed_days.exit_code == 2


def test_the_journal_is_a_file_of_debits_and_credits(made: MadeUp, tmp_path: Path) -> None:
    assert orders("payouts", "import", made.report)[0] == 0
    code, written = orders("journal", "--currency", "USD", "--output", tmp_path / "journal.csv")
    lines = (tmp_path / "journal.csv").read_text().splitlines()
    assert (code, written["rows"]) == (0, len(lines) - 1)
    assert lines[0] == "date,account,debit,credit,currency,reference,text"
