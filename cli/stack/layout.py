"""The folders and files of the background processes of a home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.base.files.home import make_home

# Environment variable that every background process inherits; it identifies the processes of a home.
HOME_MARK = "ORDERS_STACK_HOME"
# The code server's Unix socket, in the folder `run`.
CODE_SOCKET = "code-server.sock"


def in_own_folder(name: str) -> str:
    """Returns a short path of a file, for processes whose working folder contains the file.

    The path of a Unix socket has at most 107 bytes, and gRPC reads `?`, `#` and `%` in it as parts of a URL.
    """
    return f"/proc/self/cwd/{name}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths in one home. All are private to the user, because logs and URLs can contain secrets."""

    home: Path

    @property
    def run(self) -> Path:
        """The supervisor's working folder: its configuration, socket and locks."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """The folder with a rotated log for each program."""
        return self.home / "logs"

    @property
    def config(self) -> Path:
        """The supervisor's configuration file."""
        return self.run / "supervisord.conf"

    @property
    def programs(self) -> Path:
        """The JSON file with the programs that the supervisor runs."""
        return self.run / "programs.json"

    @property
    def workspace(self) -> Path:
        """Dagster's workspace file, with the address of the code server."""
        return self.run / "workspace.yaml"

    @property
    def guarded(self) -> Path:
        """A file that exists while Dagster's webserver requires a sign-in."""
        return self.run / "guarded"

    def log(self, program: str) -> Path:
        """Returns the log file of a program."""
        return self.logs / f"{program}.log"

    def guard(self, guarded: bool | None) -> None:
        """Saves whether the webserver requires a sign-in. None changes nothing."""
        if guarded:
            self.guarded.touch(mode=0o600)
        elif guarded is not None:
            self.guarded.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Creates the folders. Makes `run` and `logs`, with sockets and passwords, private to this user."""
        make_home(self.home)
        for folder in (self.run, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
