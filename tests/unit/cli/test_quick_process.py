"""A quick process ends like any other, but without Python's teardown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT

END = "import atexit, threading, time; atexit.register(print, 'handled')"
THREAD = "threading.Thread(target=lambda: (time.sleep(0.1), print('joined'))).start()"
APART = "class Part:\n    def __del__(self): print('taken apart')\npart = Part()"


@pytest.mark.parametrize(
    ("last", "code", "err"),
    [
        ("pass", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no such file')", 1, "no such file\n"),
        ("raise ValueError('bad value')", 1, "ValueError: bad value\n"),
    ],
)
def test_a_module_ends_with_its_exit_code_after_its_threads_and_handlers(
    tmp_path: Path, last: str, code: int, err: str
) -> None:
    (tmp_path / "ending.py").write_text(
        "\n".join((END, THREAD, APART, "import sys", "print(sys.argv)", last))
    )
    ended = subprocess.run(
        [sys.executable, "-m", "cli.quick_process", "ending", "given"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == f"{[str(tmp_path / 'ending.py'), 'given']}\njoined\nhandled\n"
    assert ended.stderr.endswith(err)
    assert bool(ended.stderr) == bool(err)
    assert ended.returncode == code
