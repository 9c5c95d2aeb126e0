"""The processes of `pytest -n`, forked from one that has collected the tests.

To load all that the tests import takes a process four seconds of processor time, and more where
nothing is compiled yet. To collect the tests once more takes a forked process less than one.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from execnet import XSpec

from tests import forget_width
from tests.warm_processes import main, start_programs

COLLECT_ONLY = ("--collect-only", "-n0")
POOL = "polars-0"  # the first of the threads that Polars starts when it is used and then waits for


def pytest_configure() -> None:
    forget_width()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[XSpec]) -> None:
    given = config.invocation_params
    folder = start_programs(("python",), __name__, str(given.dir), *map(str, given.args))
    for spec in specs:
        spec.python = shlex.quote(str(folder / "python"))


def _collect(folder: Path, arguments: Sequence[str]) -> None:
    """Imports the tests as pytest does. The processes collect them again, and report errors."""
    os.chdir(folder)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        code = pytest.main([*arguments, *COLLECT_ONLY])
    if code != pytest.ExitCode.OK:
        _forget_tests()
    if any(name.read_text() == f"{POOL}\n" for name in Path("/proc/self/task").glob("*/comm")):
        sys.exit("Importing the tests has used Polars, whose threads a forked process would lack.")


def _forget_tests() -> None:
    """Lets them be imported again: pytest leaves a half-loaded module behind if an import fails.

    Installed plugins stay: Hypothesis refuses to have its own imported again after a test has used it.
    """
    for name, module in [*sys.modules.items()]:
        is_installed = str(getattr(module, "__file__", "")).startswith(sys.prefix)
        if isinstance(getattr(module, "__loader__", None), AssertionRewritingHook) and not is_installed:
            del sys.modules[name]


if __name__ == "__main__":
    _, listener, _, folder, *arguments, _ = sys.argv
    main(socket.socket(fileno=int(listener)), partial(_collect, Path(folder), arguments))
