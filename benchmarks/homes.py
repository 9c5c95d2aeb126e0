"""Fresh homes for benchmarks, and what commands in them take in time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orders_pipeline.base.settings import PROJECT_ROOT

ORDERS = str(Path(sys.executable).with_name("orders"))
LOOK_SECONDS = 0.5
NO_DELAY = {
    "ORDERS_PAYMENT_DELAY_MIN": "0",
    "ORDERS_PAYMENT_DELAY_MAX": "0",
    "ORDERS_REFUND_DELAY_MIN": "0",
    "ORDERS_REFUND_DELAY_MAX": "0",
    "ORDERS_PAYMENT_SEED": "benchmark",
    "ORDERS_UNKNOWN_SKU_STOCK": str(10**9),
}


@dataclass(frozen=True, slots=True)
class Home:
    """A home and the settings that its commands run with."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of its processes."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ORDERS_")}
        return clean | self.settings | {"ORDERS_HOME": str(self.folder), "DAGSTER_HOME": str(PROJECT_ROOT)}

    def orders(self, *arguments: str) -> Any:
        """What an `orders` command prints as JSON."""
        return json.loads(self._run([ORDERS, *arguments, "--json"]))

    def python(self, module: str, *arguments: str) -> Any:
        """What a module of this project prints as JSON."""
        return json.loads(self.text(module, *arguments))

    def text(self, module: str, *arguments: str) -> str:
        """What a module of this project prints."""
        return self._run([sys.executable, "-m", module, *arguments])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(  # noqa: S603 our own commands
            command, env=self.environment, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stdout[-2000:]}")
        return done.stdout


def fresh_home(root: Path, **settings: str) -> Home:
    """A home of its own below a folder."""
    folder = root / uuid.uuid4().hex[:8]
    folder.mkdir(parents=True)
    return Home(folder, NO_DELAY | settings)


@dataclass(slots=True)
class Memory:
    """The largest memory of any single process of a home, in MB, by the kernel's own account."""

    peak_mb: float = 0.0


@contextmanager
def watching_memory(home: Home) -> Iterator[Memory]:
    """Watches every process of a home while the context lasts."""
    memory, ended = Memory(), threading.Event()
    thread = threading.Thread(target=_watch, args=(home, memory, ended))
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def _watch(home: Home, memory: Memory, ended: threading.Event) -> None:
    mark = f"ORDERS_HOME={home.folder}\0".encode()
    while not ended.wait(LOOK_SECONDS):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    memory.peak_mb = max(memory.peak_mb, _high_water_mb(process))
            except OSError:
                continue


def _high_water_mb(process: Path) -> float:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
