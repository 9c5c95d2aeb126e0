"""TLS towards the broker, by what stands in its URL.

Celery reads `ssl_...` options of `rediss://` URLs, but by default it takes any certificate; those of `amqps://`
it does not understand, and it does not compare the host's name there.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

FILES = {"ssl_ca_certs": "ca_certs", "ssl_certfile": "certfile", "ssl_keyfile": "keyfile"}


def verifying(redis_url: str) -> str:
    """The same URL; over TLS the server's certificate must be trusted, unless the URL says otherwise."""
    if not redis_url.startswith("rediss:") or "ssl_cert_reqs=" in redis_url:
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=required"


def is_amqp(broker_url: str) -> bool:
    """Whether the broker is RabbitMQ, and not Redis."""
    return broker_url.startswith(("amqp", "pyamqp"))


def plain_amqps(broker_url: str) -> str:
    """An `amqps://` URL without its `ssl_...` options; any other URL as it is."""
    parts = urlsplit(broker_url)
    if parts.scheme != "amqps":
        return broker_url
    others = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("ssl_")]
    return parts._replace(query=urlencode(others)).geturl()


def amqps_options(broker_url: str) -> dict[str, Any] | None:
    """What Celery's `broker_use_ssl` must be for an `amqps://` URL; None for any other."""
    parts = urlsplit(broker_url)
    if parts.scheme != "amqps":
        return None
    given = dict(parse_qsl(parts.query))
    files = {option: given[name] for name, option in FILES.items() if name in given}
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname, **files}
