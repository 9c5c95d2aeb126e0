"""The intervals at which threads that wait for gRPC, or check whether a code server is running, wake up.

For: an idle stack. gRPC wakes a waiting thread ten times a second, although signal handlers run during a
wait. Daemon, webserver and launcher each ask the code server once a second whether it is still the same one.
Without it: an idle stack takes one percent of a core more.
Instead: a gRPC that waits without waking up, and a setting of `dagster-daemon` and `dagster-webserver`.
"""

from dagster._grpc import server_watcher
from grpc import _common

SECONDS = 2.0
WATCH_SECONDS = 10


def wake_rarely() -> None:
    """Lets threads that wait for gRPC wake up every two seconds."""
    vars(_common)["MAXIMUM_WAIT_TIMEOUT"] = SECONDS


def watch_rarely() -> None:
    """Lets this process look every ten seconds whether its code server was started again."""
    vars(server_watcher)["WATCH_INTERVAL"] = WATCH_SECONDS
