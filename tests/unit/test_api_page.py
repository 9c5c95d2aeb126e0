"""`docs/api.md` lists every endpoint as the API describes itself."""

from __future__ import annotations

import sys
from typing import Any

from orders_pipeline.api.app import create_app
from orders_pipeline.base.settings import PROJECT_ROOT, Settings

PAGE = PROJECT_ROOT / "docs" / "api.md"
HEAD = """\
# HTTP API

`orders up` serves it on <http://127.0.0.1:8000> (`ORDERS_API_PORT`); the dashboard is at `/`, the whole
description with examples at `/api/openapi.json`. What figures mean: [data dictionary](data-dictionary.md).

- An answer is `{"success": true, "data": ...}`, an error `{"success": false, "message": "..."}`; 422 names
  the parameter, 404 what is not there, 503 the service that is down. `/api/health` has a shape of its own.
- Figures are of one currency: `currency`, in upper or lower case, by default `ORDERS_CURRENCY`. Days are
  written `2025-11-10`; both ends of a range are included, and an end before the start is a 422.
- Answers carry an `ETag`: with `If-None-Match` an unchanged one is an empty 304.
- `ORDERS_RATE_LIMIT` requests a minute and client, then 429 with `Retry-After`; 0 switches the limit off.
- Writes need `Authorization: Bearer KEY` with a [key](access.md#api-keys) that may operate; reads are open
  unless `ORDERS_API_READS=key`. 401: no key, or one not known or expired; 403: a key that may read only.

```console
curl 'localhost:8000/api/kpis/range?start_date=2025-11-10&end_date=2025-11-11'
curl -X POST -H "Authorization: Bearer $(cat var/run/api.key)" localhost:8000/api/leaderboard/rebuild
```

| request | parameters | answer |
|---|---|---|
"""
EVERYWHERE = "currency"


def page() -> str:
    """The page as it should be."""
    described_api = create_app(Settings(redis_url="redis://127.0.0.1:1"), dict).openapi()
    schemas = described_api["components"]["schemas"]
    return HEAD + "".join(
        _row(method, path, described, schemas)
        for path, methods in described_api["paths"].items()
        for method, described in methods.items()
    )


def _row(method: str, path: str, described: dict[str, Any], schemas: dict[str, Any]) -> str:
    told = [_parameter(one) for one in described.get("parameters", []) if _of_its_own(one)]
    if "requestBody" in described:
        body = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        told.append("JSON: " + ", ".join(f"`{name}`" for name in schemas[body]["properties"]))
    return f"| `{method.upper()} {path}` | {', '.join(told)} | {described['description']} |\n"


def _of_its_own(parameter: dict[str, Any]) -> bool:
    return parameter["in"] == "query" and parameter["name"] != EVERYWHERE


def _parameter(described: dict[str, Any]) -> str:
    default = described["schema"].get("default")
    return f"`{described['name']}`" + (f" ({default})" if default is not None else "")


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    sys.stdout.write(page())
