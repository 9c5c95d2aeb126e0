"""What Linux reports about a process."""

from __future__ import annotations

import os
import subprocess
import sys

from orders_pipeline.base.process_fields import process_fields

# Linux cuts names after 15 bytes, which may be in the middle of a letter.
NAMED = r"""
open("/proc/self/comm", "wb").write(b"a) half \xc3")
input(print(flush=True) or "")
"""


def test_the_name_of_a_program_may_be_no_text() -> None:
    command = [sys.executable, "-c", NAMED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        state, parent, *_ = process_fields(process.pid)
        process.kill()
    assert state in ("S", "R")
    assert int(parent) == os.getpid()
    assert process_fields(process.pid) == []
