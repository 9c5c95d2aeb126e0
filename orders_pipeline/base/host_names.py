"""The names that this machine's web servers answer to.

A page of another site can point its own name to 127.0.0.1 (DNS rebinding). Browsers then count it as the same
site, so requests with unknown names are refused. IP addresses are safe, because they cannot be redirected.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_known_host(host: str, names: Collection[str]) -> bool:
    """Whether a `Host`, with or without a port, is `localhost`, an IP address or one of these names."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name == "localhost" or name in names or bool(ip_address(name))
    except ValueError:
        return False


def unknown_host(host: str) -> str:
    """The message for a client whose `Host` is unknown."""
    return f"This server is not known as {host!r}: set ORDERS_HOSTS to the names it is reached by."
