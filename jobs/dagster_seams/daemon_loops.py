"""The intervals at which Dagster's daemon reloads the definitions, and evaluates the freshness of assets.

For: an idle stack. Once a minute, the daemon loads all definitions, although it also watches the code
server and loads them as soon as it is a new one. Twice a minute, it judges whether assets are fresh,
although our policies allow twenty minutes and more.
Without it: an idle stack takes a quarter of a percent of a core more.
Instead: settings of `dagster-daemon`.
"""

from dagster._daemon import controller, freshness

# Less than the 300 seconds after which a daemon that cannot load the definitions gives up.
RELOAD_SECONDS = 240
FRESHNESS_SECONDS = 120


def loop_rarely() -> None:
    """Lets a daemon that this process makes later do both rarely."""
    vars(controller)["RELOAD_WORKSPACE_INTERVAL"] = RELOAD_SECONDS
    freshness.FreshnessDaemon.__init__.__defaults__ = (FRESHNESS_SECONDS,)
