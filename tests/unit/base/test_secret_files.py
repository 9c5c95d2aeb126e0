"""Files with secrets: complete or missing, and readable only by their owner."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.stack.programs.flower_login import flower_login
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.files.secret_files import SHORTEST, is_same_secret, kept_secret, write_private
from orders_pipeline.base.settings import Settings, SettingsError, load_settings
from orders_pipeline.figures.kpis.publisher import publisher_name
from orders_pipeline.services.redis_server import embedded_redis_url, prepare_server

SECRET = "long enough to be kept"  # noqa: S105
# Each secret of a home, and the function that returns it.
KEPT = {
    "run/api.key": lambda home: api_key("", home),
    "run/flower.login": lambda home: flower_login(Settings(home=home)),
    "run/redis.url": embedded_redis_url,
    "publisher.id": lambda home: publisher_name(home / "warehouse").rpartition("#")[2],
}


@pytest.mark.parametrize("name", KEPT)
def test_a_secret_is_drawn_once_for_all_and_is_its_owner_s_alone(name: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = set(pool.map(KEPT[name], [tmp_path] * 20))
    file = tmp_path / name
    assert drawn == {file.read_text().strip()}
    assert len(file.read_text()) >= SHORTEST
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path for path in file.parent.iterdir() if path.suffix == ".new"] == []


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("left", ["", "\n", "redis://:abc", "orders:"])
def test_what_a_killed_process_left_is_created_again(name: str, left: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(left)
    drawn = KEPT[name](tmp_path)
    assert len(drawn) >= SHORTEST
    assert drawn == KEPT[name](tmp_path) == file.read_text().strip()


def test_a_new_secret_in_place_of_an_incomplete_one_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "key").write_text("short")
    with caplog.at_level(logging.ERROR):
        kept_secret(tmp_path / "key", lambda: SECRET)
    assert "orders restart" in caplog.text
    assert "short" not in caplog.text


def test_a_secret_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET)
    file.chmod(0o644)
    assert kept_secret(file, str) == SECRET
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_write_that_breaks_off_leaves_the_old_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "key"
    write_private(file, SECRET)
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_private(file, "another")
    assert file.read_text() == SECRET
    monkeypatch.undo()
    write_private(file, "another")
    assert file.read_text() == "another"


def test_the_configuration_of_redis_is_written_aside_too(tmp_path: Path) -> None:
    prepare_server(tmp_path)
    config = tmp_path / "run" / "redis.conf"
    assert config.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in config.parent.glob("*.new")] == []


@pytest.mark.parametrize(("shown", "expected"), [("", ""), ("short", "short"), (SECRET, SECRET + "!")])
def test_nothing_equals_an_empty_short_or_other_secret(shown: str, expected: str) -> None:
    assert not is_same_secret(shown, expected)
    assert is_same_secret(SECRET, SECRET)


def test_a_short_key_in_the_settings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_API_KEY", "short")
    with pytest.raises(SettingsError, match="ORDERS_API_KEY: a key has at least 16 characters"):
        load_settings()
