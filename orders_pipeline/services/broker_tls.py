"""TLS connections to the broker, configured by its URL.

Celery reads `ssl_...` options of `rediss://` URLs, but accepts any certificate by default. In `amqps://`
URLs it supports no such options and does not verify the host name.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

FILES = {"ssl_ca_certs": "ca_certs", "ssl_certfile": "certfile", "ssl_keyfile": "keyfile"}


def verifying(redis_url: str) -> str:
    """The same URL. Over TLS it requires a trusted server certificate, unless the URL sets another rule."""
    if not redis_url.startswith("rediss:") or "ssl_cert_reqs=" in redis_url:
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=required"


def is_amqp(broker_url: str) -> bool:
    """Whether the broker speaks AMQP (RabbitMQ), not Redis."""
    return broker_url.startswith(("amqp", "pyamqp"))


def plain_amqps(broker_url: str) -> str:
    """An `amqps://` URL without its `ssl_...` options; any other URL unchanged."""
    parts = urlsplit(broker_url)
    if parts.scheme != "amqps":
        return broker_url
    others = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl_")]
    return parts._replace(query=urlencode(others)).geturl()


def amqps_options(broker_url: str) -> dict[str, Any] | None:
    """Celery's `broker_use_ssl` for an `amqps://` URL; None for any other URL."""
    parts = urlsplit(broker_url)
    if parts.scheme != "amqps":
        return None
    given = dict(parse_qsl(parts.query))
    files = {option: given[name] for name, option in FILES.items() if name in given}
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname, **files}
