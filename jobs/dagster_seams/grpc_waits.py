"""How often a thread that waits for gRPC wakes up to look for signals.

For: an idle code server. gRPC wakes it ten times a second, although signal handlers run during a wait.
Without it: an idle code server takes half a percent of a core more.
Instead: a gRPC that waits without waking up.
"""

from grpc import _common

SECONDS = 2.0


def wake_rarely() -> None:
    """Lets threads that wait for gRPC wake up every two seconds."""
    vars(_common)["MAXIMUM_WAIT_TIMEOUT"] = SECONDS
