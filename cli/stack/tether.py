"""The tether: the supervisor starts it for each program, so that the program ends when the supervisor dies.

It requests a signal from the kernel for the supervisor's death, resets all signal handlers, and then executes
the program. Without the reset, a SIGINT that is ignored at the start (as with `command &` in a script) stays
ignored, and Dagster's servers then also ignore SIGTERM. It uses only the standard library, which makes it
fast.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main(name: str) -> None:
    """Replaces this process with the program of this name."""
    run = Path.cwd()
    program = json.loads((run / "programs.json").read_text())[name]
    die_with_parent(signal.Signals[program["death_signal"]])
    if os.getppid() != int((run / "supervisord.pid").read_text()):
        sys.exit("the supervisor is gone")
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGQUIT,
        signal.SIGHUP,
        signal.SIGPIPE,
        signal.SIGCHLD,
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir(program["directory"])
    command = program["command"]
    environment = os.environ | program["environment"] | {"ORDERS_PROGRAM": name}
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted


def die_with_parent(number: signal.Signals) -> None:
    """Makes the kernel send this signal to this process when its parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


if __name__ == "__main__":
    main(sys.argv[1])
