"""Where the background processes of a home keep their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.base.home import make_home

# Variable that every background process inherits, so that those of a home can be told.
HOME_MARK = "ORDERS_STACK_HOME"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one home; all of them are private to the user, as logs and URLs may hold secrets."""

    home: Path

    @property
    def run(self) -> Path:
        """The supervisor's working folder: its configuration, socket and locks."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One rotated log per program."""
        return self.home / "logs"

    @property
    def config(self) -> Path:
        """The supervisor's configuration."""
        return self.run / "supervisord.conf"

    @property
    def programs(self) -> Path:
        """The programs that the supervisor runs, as JSON."""
        return self.run / "programs.json"

    @property
    def workspace(self) -> Path:
        """Dagster's workspace file, which points the webserver and the daemon to the code server."""
        return self.run / "workspace.yaml"

    def log(self, program: str) -> Path:
        """Log of one program."""
        return self.logs / f"{program}.log"

    def prepare(self) -> None:
        """Make the folders."""
        make_home(self.home)
        for folder in (self.run, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
