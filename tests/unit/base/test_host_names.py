"""The host names that a web server of this machine answers to."""

from __future__ import annotations

import pytest

from orders_pipeline.base.host_names import is_known_host

NAMES = ("orders.example.com",)
KNOWN = ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", "orders.example.com."]
UNKNOWN = [
    "",
    "evil.example.com",
    "127.0.0.1.evil.example.com:8000",
    "localhost.evil",
    "[::1",
    "a@b@:x",
    "2130706433",
]


@pytest.mark.parametrize("host", [*KNOWN, "Orders.Example.com:443"])
def test_localhost_addresses_and_own_names_are_known(host: str) -> None:
    assert is_known_host(host, NAMES)


@pytest.mark.parametrize("host", [*UNKNOWN, "orders.example.com.evil", "localhost\x00"])
def test_every_other_name_is_unknown(host: str) -> None:
    assert not is_known_host(host, NAMES)
