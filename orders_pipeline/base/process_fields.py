"""What Linux reports about a process."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def process_fields(pid: int) -> list[str]:
    """Returns the fields of /proc/PID/stat after the program's name, which may contain any bytes.

    Empty if there is no such process, or no /proc.
    """
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    return []
