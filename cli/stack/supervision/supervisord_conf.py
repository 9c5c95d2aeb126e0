"""The supervisor's configuration file.

Paths are relative to the supervisor's working folder, `run` in the home. The socket's path starts with
/proc/self/cwd, because the path of a Unix socket has at most 108 characters.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from cli.stack.programs.program import Program

SOCKET_NAME = "supervisor.sock"
TETHER_SCRIPT = Path(__file__).parents[1] / "tether.py"
ROTATION = {"maxbytes": "10MB", "backups": "5"}


def supervisord_conf(programs: Iterable[Program]) -> str:
    """Returns the content of the configuration file."""
    user = {"user": "root"} if os.geteuid() == 0 else {}
    sections = {
        "supervisord": {
            "logfile": "../logs/supervisord.log",
            **{f"logfile_{name}": value for name, value in ROTATION.items()},
            "pidfile": "supervisord.pid",
            "umask": "077",
            "minfds": "256",
            "minprocs": "50",
            **user,
        },
        "unix_http_server": {"file": f"/proc/self/cwd/{SOCKET_NAME}", "chmod": "0700"},
        "supervisorctl": {"serverurl": f"unix://%(here)s/{SOCKET_NAME}"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }
    parts = [_section(name, values) for name, values in sections.items()]
    parts += [
        _comment(program) + _section(f"program:{program.name}", _program(program)) for program in programs
    ]
    return "\n".join(parts)


def _comment(program: Program) -> str:
    """Returns a comment with the command that the tether runs.

    The program's variables are in programs.json.
    """
    return f"; in {program.directory}: {shlex.join(program.command)}\n"


def _program(program: Program) -> dict[str, str]:
    tether = [sys.executable, "-I", "-S", str(TETHER_SCRIPT), program.name]
    return {
        "command": shlex.join(tether).replace("%", "%%"),
        "autostart": "false",
        "autorestart": "true",
        # A program that exits sooner, for example because its database is down, is restarted after a wait.
        "startsecs": "5",
        # Each wait is one second longer. The retries must last longer than any outage.
        "startretries": "1000",
        "priority": str(program.priority),
        "stopsignal": "TERM",
        "stopwaitsecs": str(program.stop_seconds),
        "stopasgroup": str(program.stop_group).lower(),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"../logs/{program.name}.log",
        **{f"stdout_logfile_{name}": value for name, value in ROTATION.items()},
    }


def _section(name: str, values: dict[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
