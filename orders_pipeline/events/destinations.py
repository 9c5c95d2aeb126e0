"""Allowed destinations of requests: public addresses over HTTPS, and networks that a setting allows.

The address is looked up once and checked, and the connection is made to this address. So a name that changes
its address after the check (DNS rebinding) has no effect.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

Address = IPv4Address | IPv6Address
PORTS = {"https": 443, "http": 80}
# IPv6 networks whose addresses end with an IPv4 address.
NAT64 = IPv6Network("64:ff9b::/96")
# Networks that are not public, although some releases of Python treat them as public.
SPECIAL = (IPv4Network("192.0.0.0/24"), IPv6Network("64:ff9b:1::/48"))


class ForbiddenDestination(ValueError):
    """Requests to this URL are not allowed; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The networks that requests may reach in addition to public addresses."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> Reach:
        """Returns the reach with these additional networks, such as `10.0.0.0/8`."""
        return cls(tuple(ip_network(name) for name in networks))

    def allows_privately(self, address: Address) -> bool:
        """Whether a setting allows the address."""
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL and the address to which its requests are sent.

    Attributes:
        url: the URL with the address instead of the name.
        host: the header `Host`.
        name: the name that the certificate must have.
    """

    url: httpx.URL
    host: str
    name: str


def check_url(url: str) -> httpx.URL:
    """Checks the form of a URL.

    Raises:
        ForbiddenDestination: this is not an HTTP(S) URL with a host, or it has a user, password or fragment.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ForbiddenDestination(f"{url!r} is not a URL: {error}") from None
    if parsed.scheme not in PORTS or not parsed.host:
        raise ForbiddenDestination(f"{url!r} is not a URL such as https://shop.example.com/webhooks")
    if parsed.userinfo or parsed.fragment:
        raise ForbiddenDestination("the URL has a user, a password or a fragment")
    return parsed


def resolve(url: str, reach: Reach) -> Destination:
    """Looks up the address of a URL and checks it.

    Raises:
        ForbiddenDestination: requests to the address are not allowed.
        OSError: the name has no address.
    """
    parsed = check_url(url)
    name = parsed.raw_host.decode()
    addresses = _addresses(name, parsed.port or PORTS[parsed.scheme])
    for address in addresses:
        _check(address, parsed.scheme, reach)
    return Destination(parsed.copy_with(host=str(addresses[0])), parsed.netloc.decode(), name)


def check_destination(url: str, reach: Reach) -> None:
    """Checks a new URL. A name without an address is accepted, because each delivery checks it again.

    Raises:
        ForbiddenDestination: requests to the address are not allowed.
    """
    with suppress(OSError):
        resolve(url, reach)


def _addresses(name: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    # Only the first is used, and more machines reach IPv4.
    return sorted(addresses, key=lambda address: address.version)


def _check(address: Address, scheme: str, reach: Reach) -> None:
    real = _unwrapped(address)
    if reach.allows_privately(real):
        return
    is_public = real.is_global and not (real.is_multicast or real.is_reserved)
    if not is_public or any(real in network for network in SPECIAL):
        raise ForbiddenDestination(
            f"{address} is not a public address. ORDERS_WEBHOOK_ALLOWED_NETWORKS can allow its network."
        )
    if scheme != "https":
        raise ForbiddenDestination("only https is allowed outside ORDERS_WEBHOOK_ALLOWED_NETWORKS")


def _unwrapped(address: Address) -> Address:
    """Returns the IPv4 address that an IPv6 address contains, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
