"""`deploy/orders` reads the settings as systemd does, and runs the command as the user of the service."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from tests.services import require_service

SCRIPT = PROJECT_ROOT / "deploy" / "orders"
# systemd's own parser of such files, which generates the environment of user sessions.
SYSTEMD = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
FILES = {
    "A=postgresql://u:p%40@h/db?sslmode=verify-full&sslrootcert=/ca.pem\n": {
        "A": "postgresql://u:p%40@h/db?sslmode=verify-full&sslrootcert=/ca.pem"
    },
    'A="a b" c\n': {"A": "a bc"},
    "A='q\\n$HOME'\n": {"A": "q\\n$HOME"},
    "# B=1\n; C=1\n  # D=1\n\nA=1\n": {"A": "1"},
    "  A = g  \n": {"A": "g"},
    "A=a#b ;c\n": {"A": "a#b ;c"},
    'A="x"y"z"\n': {"A": 'xy"z"'},
    'A=x"y z"\n': {"A": 'x"y z"'},
    'A="a\\qb\\"c\\\\"\n': {"A": 'a\\qb"c\\'},
    'A="two\nlines"\nB=1\n': {"A": "two\nlines", "B": "1"},
    "A=1 \\\n  2 \nB=3\n": {"A": "1   2", "B": "3"},
    "A=a\\ \nB=\\\\x\\y\n": {"A": "a ", "B": "\\xy"},
    "A=a\\  \n": {"A": "a "},
    "A=\nB=''\n": {"A": "", "B": ""},
    "A=1\nA=2\n": {"A": "2"},
    "nothing\nexport B=1\nA=1": {"A": "1"},
    "A='open": {"A": "open"},
    'A="open\\': {"A": "open"},
    "A=x\\": {"A": "x"},
    "A=1\r\nB=2\r\n": {"A": "1", "B": "2"},
    "A=`id`;$(id)&&id|id\n": {"A": "`id`;$(id)&&id|id"},
    "A=b=c==\n": {"A": "b=c=="},
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("orders_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("text", FILES)
def test_a_file_is_read_by_systemds_rules(script: ModuleType, text: str) -> None:
    assert {name: value for name, value in script.assignments(text) if " " not in name} == FILES[text]


@pytest.mark.parametrize("text", [text for text in FILES if "$" not in text])
def test_systemd_reads_the_same(tmp_path: Path, text: str) -> None:
    require_service("systemd's reader of environment files", SYSTEMD.exists(), f"{SYSTEMD} is absent")
    folder = tmp_path / "environment.d"
    folder.mkdir()
    (folder / "1.conf").write_text(text, newline="")
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    printed = subprocess.run([SYSTEMD], env=environment, capture_output=True, text=True, check=True).stdout
    read = dict(part.partition("=")[::2] for part in shlex.split(printed))
    # It writes a newline as two characters, and omits empty values.
    expected = {name: value.replace("\n", "\\n") for name, value in FILES[text].items() if value}
    assert {name: value for name, value in read.items() if name in "ABCD"} == expected


def test_a_comment_that_systemds_versions_read_differently_is_refused(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="versions of systemd"):
        list(script.assignments("# one \\\nA=1\n"))


def test_the_command_gets_the_settings_whole_and_runs_as_the_other_user(tmp_path: Path) -> None:
    require_service(
        "another user", os.geteuid() == 0 and shutil.which("runuser"), "this needs root and runuser"
    )
    settings, url = tmp_path / "settings.env", "redis://h/0?a=1&b='2'"
    settings.write_text(f'ORDERS_REDIS_URL="{url}"\nbroken name=1\n')
    text = SCRIPT.read_text().replace("/etc/orders-pipeline.env", str(settings))
    copy = tmp_path / "orders"
    copy.write_text(
        text.replace('USER = "orders"', 'USER = "nobody"').replace(_command(text), "/usr/bin/env")
    )
    done = subprocess.run([sys.executable, copy, "id", "-un"], capture_output=True, text=True, check=True)
    assert done.stdout == "nobody\n"
    assert "'broken name' is no name of a variable" in done.stderr
    shown = subprocess.run([sys.executable, copy], capture_output=True, text=True, check=True).stdout
    assert f"ORDERS_REDIS_URL={url}\n" in shown


def _command(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("COMMAND")).split('"')[1]
