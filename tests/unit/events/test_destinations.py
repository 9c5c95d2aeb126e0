"""Requests go to public addresses over HTTPS, and to networks that a setting allows."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from orders_pipeline.events.destinations import ForbiddenDestination, Reach, check_url, resolve


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Addresses by name; an address resolves to itself."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in known.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 nothing listens
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "224.0.0.1",
        "239.1.2.3",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:1:1::80ff:fffe",
        "64:ff9b:1::1",
        "::127.0.0.1",
    ],
)
def test_an_address_that_is_not_public_is_refused(names: dict[str, list[str]], address: str) -> None:
    names["shop.example.com"] = [address]
    with pytest.raises(ForbiddenDestination, match="is not a public address"):
        resolve("https://shop.example.com/hook", Reach())


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_connection_goes_to_the_address_that_was_checked(
    names: dict[str, list[str]], address: str
) -> None:
    names["shop.example.com"] = [address]
    found = resolve("https://shop.example.com:8443/hook?a=1", Reach())
    assert ip_address(found.url.host) == ip_address(address)
    assert (found.url.port, found.url.raw_path) == (8443, b"/hook?a=1")
    assert (found.host, found.name) == ("shop.example.com:8443", "shop.example.com")


def test_one_private_address_among_public_ones_is_enough_to_refuse(names: dict[str, list[str]]) -> None:
    names["shop.example.com"] = ["8.8.8.8", "10.0.0.1"]
    with pytest.raises(ForbiddenDestination):
        resolve("https://shop.example.com/", Reach())


def test_http_is_for_allowed_networks_only(names: dict[str, list[str]]) -> None:
    names |= {"inside": ["10.1.2.3"], "outside": ["8.8.8.8"]}
    reach = Reach.of(["10.0.0.0/8", "::1/128"])
    assert resolve("http://inside/hook", reach).url.host == "10.1.2.3"
    assert resolve("http://[::1]:81/", reach).name == "::1"
    with pytest.raises(ForbiddenDestination, match="only https"):
        resolve("http://outside/hook", reach)
    with pytest.raises(ForbiddenDestination, match="not a public address"):
        resolve("https://192.168.0.1/", reach)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "a.example",
        "https://",
        "https://u:p@a.example/",
        "https://a.example/#x",
    ],
)
def test_a_url_has_a_host_and_nothing_secret(url: str) -> None:
    with pytest.raises(ForbiddenDestination):
        check_url(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "localhost"])
def test_no_way_of_writing_this_machine_gets_through(host: str) -> None:
    with pytest.raises((ForbiddenDestination, OSError)):
        resolve(f"https://{host}/", Reach())
