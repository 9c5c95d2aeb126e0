"""Examines this machine: Python, packages, the home, its disk, limits and ports."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from cli.doctor.finding import Finding, error, ok, warning
from cli.stack.accounts import other_logins
from cli.stack.layout import Layout
from cli.stack.supervision.leftovers import find_leftovers
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.base.variables import given_variables, unused_variables

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)")
OLDEST_PYTHON = (3, 11)
FREE_BYTES_LOW, FREE_BYTES_TOO_LOW = 5 << 30, 512 << 20
OPEN_FILES = 1024
PORTS = ("webserver_port", "api_port", "viewer_port", "flower_port")
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs"}


def python(project: Path = PROJECT_ROOT) -> Iterator[Finding]:
    """Compares the interpreter and the packages with the lock file of a project."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield error("python", running, "Install Python 3.11 or later and run `make setup` with it.")
    else:
        yield ok("python", running)
    locked = _locked(project / "requirements.lock")
    # Packages in the lock file that are only for other platforms are not installed here.
    found = {name: installed for name in locked if (installed := _installed(name))}
    other = [
        f"{name} {at} (locked {' or '.join(locked[name])})"
        for name, at in found.items()
        if at not in locked[name]
    ]
    absent = [name for name in _required(project / "pyproject.toml") if not _installed(name)]
    if absent:
        yield error(
            "packages",
            f"not installed: {', '.join(absent)}",
            "Run `make setup`, which installs the locked packages.",
        )
    elif other:
        yield warning(
            "packages", ", ".join(other[:5]), "Run `make setup`, which installs the locked versions."
        )
    else:
        yield ok("packages", f"{len(found)} packages, all in their locked versions")


def _locked(lock: Path) -> dict[str, list[str]]:
    """Reads the locked versions of each package; some have one for older and one for newer Pythons."""
    versions: dict[str, list[str]] = {}
    for line in lock.read_text().splitlines():
        if found := LOCKED.match(line):
            versions.setdefault(found[1], []).append(found[2])
    return versions


def _required(project: Path) -> list[str]:
    """Reads the names of the packages that the project requires on this platform."""
    asked = tomllib.loads(project.read_text())["project"]["dependencies"] if project.exists() else []
    required = [Requirement(line) for line in asked]
    return [one.name for one in required if not one.marker or one.marker.evaluate()]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def home(settings: Settings) -> Iterator[Finding]:
    """Checks whether the home is writable, who else can read it, and its disk."""
    folder = _existing(settings.home)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield error("home", f"{folder} is not writable", "Change its owner to the current user with chown.")
    else:
        yield ok("home", str(settings.home))
    yield from _permissions(settings.home)
    yield _disk(folder)
    yield from _file_system(settings)
    yield from _writable("inbox", settings.inbox_folder, "ORDERS_INBOX")
    if settings.backup_folder:
        yield from _writable("backups", settings.backup_folder, "ORDERS_BACKUP_FOLDER")
    else:
        yield warning("backups", "no backups are made", "Set ORDERS_BACKUP_FOLDER to a folder.")


def _permissions(home: Path) -> Iterator[Finding]:
    """Checks who else can read the home. A group may share it, except the folders with passwords."""
    private = [path for path in (home / "run", home / "logs") if path.exists()]
    open_to_others = [path.name for path in private if path.stat().st_mode & 0o077]
    if open_to_others:
        yield error(
            "permissions",
            f"other users can read {' and '.join(open_to_others)} in the home, which may contain passwords",
            f"chmod -R go= {home / 'run'} {home / 'logs'}",
        )
    else:
        yield ok("permissions", "folders with passwords are private")
    if home.exists() and home.stat().st_mode & 0o007:
        yield warning(
            "home_permissions",
            f"every user of this machine can read {home}, which contains customer data",
            f"chmod o= {home}",
        )


def variables() -> Iterator[Finding]:
    """Finds environment variables that look like settings but are not."""
    unused = unused_variables(given_variables())
    for message in unused:
        yield warning("variables", message, "docs/configuration.md has every setting.")
    if not unused:
        yield ok("variables", "each ORDERS_ variable is a setting")


def other_users(settings: Settings) -> Iterator[Finding]:
    """Finds other users of this machine, who can connect to programs that listen on 127.0.0.1."""
    others = ", ".join(other_logins())
    if others and not Layout(settings.home).guarded.exists():
        message = f"every user of this machine can launch jobs in Dagster's webserver; there are {others}"
        yield warning("other_users", message, "`orders up --guarded` requires a sign-in.")
    else:
        yield ok("other_users", f"have to sign in to Dagster: {others}" if others else "there are none")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    message = f"{free / 1e9:,.1f} GB free at {folder}"
    mend = "Free space with `orders clean` or shorter ORDERS_KEEP_..._DAYS, or use a larger disk."
    if free < FREE_BYTES_TOO_LOW:
        return error("disk", message, mend)
    return warning("disk", message, mend) if free < FREE_BYTES_LOW else ok("disk", message)


def _file_system(settings: Settings) -> Iterator[Finding]:
    kind = _mounted(_existing(settings.home))
    if kind in NETWORK:
        yield warning(
            "file_system",
            f"the home is on {kind}, where locks of SQLite and DuckDB are not reliable",
            "Move ORDERS_HOME to a local disk. Share data with ORDERS_DATABASE_URL and ORDERS_STAGING_URL.",
        )
    else:
        yield ok("file_system", kind or "unknown")


def _mounted(folder: Path) -> str:
    """Returns the type of the file system of a folder."""
    best, kind = "", ""
    for line in os.fsdecode(Path("/proc/mounts").read_bytes()).splitlines():
        _, point, type_name, *_ = line.split(" ")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, type_name
    return kind


def _writable(name: str, folder: Path, setting: str) -> Iterator[Finding]:
    if os.access(_existing(folder), os.W_OK | os.X_OK):
        yield ok(name, str(folder))
    else:
        yield error(name, f"{folder} is not writable", f"Change its permissions, or set {setting}.")


def _existing(folder: Path) -> Path:
    """Returns the folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def limits() -> Iterator[Finding]:
    """Checks the limit of open files for a process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES:
        yield warning("open_files", f"limit of {soft} per process", f"Run ulimit -n {OPEN_FILES}, or more.")
    else:
        yield ok("open_files", f"limit of {soft} per process")


def ports(settings: Settings) -> Iterator[Finding]:
    """Checks that the ports of `orders up` are free, unless it is running and uses them itself."""
    if find_leftovers(settings.home):
        yield ok("ports", "in use by this home")
        return
    names = [name for name in PORTS if getattr(settings, name)]
    taken = {name: getattr(settings, name) for name in names if _is_taken(getattr(settings, name))}
    for name, number in taken.items():
        mend = f"Set ORDERS_{name.upper()} to a free port, or stop the other process."
        yield warning("ports", f"another process uses port {number} of 127.0.0.1", mend)
    if not taken:
        yield ok("ports", "free")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
