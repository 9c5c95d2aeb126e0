"""Started by the supervisor in the place of a program: ties the program to the supervisor's life, becomes it.

The kernel signals the program when the supervisor dies, however it dies. A signal that was ignored where the
supervisor was started (a script's `command &` ignores SIGINT) would stay ignored, and Dagster's servers would
then ignore SIGTERM, too. It imports the standard library only and runs without site packages: that is fast.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main(name: str) -> None:
    """Become the program of this name in the supervisor's working folder."""
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
    """Ask the kernel to send this signal to this process when its parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


if __name__ == "__main__":
    main(sys.argv[1])
