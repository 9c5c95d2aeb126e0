"""Whether a browser's request comes from a page of this site.

Cookies go along with requests that other sites make a browser send, and all ports of `localhost` share them.
So a cookie counts only for requests of this site's own pages. Browsers tell where a request comes from, by
`Sec-Fetch-Site` or at least by `Origin`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from orders_pipeline.api.callers.proxies import proxy_headers

# Paths that only programs request. None of them is a page.
PROGRAMS = ("/api", "/metrics")
SAFE = ("GET", "HEAD", "OPTIONS")


def is_from_own_site(request: Request) -> bool:
    """Whether this site's page, the browser's user or a program sends the request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none") or _opens_page(request)
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() in _own_names(request)


def is_change(request: Request) -> bool:
    """Whether the request may change something."""
    return request.method not in SAFE


def _opens_page(request: Request) -> bool:
    """Whether the request opens a page by a link on another site. Opening a page changes nothing."""
    return (
        not is_change(request)
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
        and not request.url.path.startswith(PROGRAMS)
    )


def _own_names(request: Request) -> set[str]:
    names = (request.headers.get("host"), proxy_headers(request).host)
    return {name.lower() for name in names if name}
