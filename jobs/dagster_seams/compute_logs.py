"""Dagster's store for the output of steps, in a subfolder of the home.

For: storing these files in one subfolder of the home. A dagster.yaml can read the home from an environment
variable, but cannot append a subfolder. And speed: Dagster starts and ends two shells for each step, which
copy the output to the log of the process; here, a thread copies it.
Without it: each run leaves its own folder at the top of the home, and each step takes 70 ms longer.
Instead: a dagster.yaml that joins a variable and a path; or the base class, which Dagster documents, in a
public module.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, TextIO

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

LocalLogs = LocalComputeLogManager
COPY_EVERY_SECONDS, CHUNK = 0.5, 1 << 16


class SubfolderComputeLogs(LocalComputeLogManager):
    """One folder per run, inside `folder` below the `base_dir` of dagster.yaml."""

    folder: str

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Writes the output of this process to files within the context, and still shows it as before."""
        streams = {ComputeIOType.STDOUT: sys.stdout, ComputeIOType.STDERR: sys.stderr}
        with ExitStack() as stack:
            for kind, stream in streams.items():
                path = Path(self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]))
                stack.enter_context(_captured(stream, path))
            yield CapturedLogContext(log_key)
        # This file tells Dagster that the capture is complete.
        Path(self.complete_artifact_path(log_key)).touch()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SubfolderComputeLogs":
        """Returns the store for an entry of dagster.yaml."""
        base_dir = Path(config_value["base_dir"]) / cls.folder
        return cls(**{**config_value, "base_dir": str(base_dir)}, inst_data=inst_data)


@contextmanager
def _captured(stream: TextIO, file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with ExitStack() as stack:
        if (shown := _descriptor(stream)) is not None:
            stack.enter_context(_shown(file, shown))
        stack.enter_context(redirect_to_file(stream, str(file)))
        yield


@contextmanager
def _shown(file: Path, descriptor: int) -> Iterator[None]:
    """Copies text that is appended to a file to the current target of this file descriptor."""
    ended, target = Event(), os.dup(descriptor)
    copier = Thread(target=_copy, args=(file, target, ended), name="captured-output", daemon=True)
    copier.start()
    try:
        yield
    finally:
        ended.set()
        copier.join()
        os.close(target)


def _copy(file: Path, target: int, ended: Event) -> None:
    with file.open("rb", buffering=0) as captured:
        captured.seek(0, os.SEEK_END)
        last = False
        while not last:
            last = ended.wait(COPY_EVERY_SECONDS)
            while chunk := captured.read(CHUNK):
                os.write(target, chunk)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
