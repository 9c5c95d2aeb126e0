"""A variable that looks like a setting but is none is reported, on stderr and by the doctor."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cli.doctor import machine
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.base.variables import OWN, given_variables, unused_variables
from tests.e2e.orders_command import ORDERS


def test_every_setting_and_what_the_projects_own_processes_set_is_known() -> None:
    settings = [f"ORDERS_{name.upper()}" for name in Settings.model_fields]
    assert unused_variables([*settings, *OWN, "orders_home", "DAGSTER_HOME", "PATH"]) == []


def test_a_misspelt_setting_is_reported_with_the_one_that_was_meant() -> None:
    assert unused_variables(["ORDERS_DATABSE_URL"]) == [
        "ORDERS_DATABSE_URL is not a setting; did you mean ORDERS_DATABASE_URL?"
    ]
    assert unused_variables(["ORDERS_ZZZ"]) == ["ORDERS_ZZZ is not a setting"]


def test_a_retired_setting_is_reported_with_the_reason() -> None:
    (message,) = unused_variables(["ORDERS_CODE_SERVER_PORT"])
    assert "no longer has any effect" in message


@pytest.mark.parametrize(
    "name",
    ["ORDERS_PORT", "ORDERS_SERVICE_HOST", "ORDERS_WEB_SERVICE_PORT_HTTP", "ORDERS_PORT_8000_TCP_ADDR"],
)
def test_what_kubernetes_sets_for_a_service_is_no_misspelling(name: str) -> None:
    assert unused_variables([name]) == []


def test_variables_of_the_env_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ORDERS_HOEM=/elsewhere\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    assert "ORDERS_HOEM" in given_variables()


def test_a_command_tells_on_stderr_and_its_document_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_TIMEZONEE", "UTC")
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    done = subprocess.run(
        [*ORDERS, "files", "--json"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert "did you mean ORDERS_TIMEZONE?" in done.stderr
    assert json.loads(done.stdout) is not None


def test_the_doctor_tells_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.level for finding in machine.variables()] == ["ok"]
    monkeypatch.setenv("ORDERS_TIMEZONEE", "UTC")
    assert [finding.level for finding in machine.variables()] == ["warning"]
