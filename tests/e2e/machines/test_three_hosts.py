"""Workers on separate hosts, without a shared folder; one of them vanishes during an import."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from tests.services import NOT_COVERED, require_service

NAMESPACES = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]


@pytest.fixture
def namespaces() -> None:
    """Skips the test if network namespaces cannot be created."""
    require_service("three hosts", shutil.which("ip"), "iproute2 is not installed")
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"{NOT_COVERED}three hosts: {tried.stderr.strip()}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
@pytest.mark.usefixtures("namespaces", "installed_servers")
@pytest.mark.timeout(900)
def test_an_import_ends_right_when_a_host_vanishes_and_its_return_does_no_harm(tmp_path: Path) -> None:
    command = [*NAMESPACES, sys.executable, "-m", "tests.servers.three_hosts", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    story = json.loads(done.stdout)
    assert story.pop("unfinished_when_cut") > 0
    assert story.pop("locked_batch") > 0
    assert story == {
        "statuses": {"completed": 400, "rollback": 0, "failed": 0},
        "verified": True,
        "imported_by_the_far_host": {"completed": 50, "rollback": 0, "failed": 0},
        "verified_again": True,
        "left_on_the_workers": [],
    }
