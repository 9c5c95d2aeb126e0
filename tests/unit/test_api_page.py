"""`docs/api.md` lists every endpoint as the API describes itself."""

from __future__ import annotations

import sys
from typing import Any

from orders_pipeline.api.app import create_app
from orders_pipeline.base.settings import PROJECT_ROOT, Settings

PAGE = PROJECT_ROOT / "docs" / "api.md"
HEAD = """\
# HTTP API

`orders up` serves the API on <http://127.0.0.1:8000> (`ORDERS_API_PORT`). The dashboard is at `/`, and
the full description with examples is at `/api/openapi.json`. The [data dictionary](data-dictionary.md)
defines the figures.

- A successful answer is `{"success": true, "data": ...}`. An error is `{"success": false, "message":
  "..."}`. 422 names the invalid parameter, 404 what does not exist, and 503 the service that is down.
  `/api/health` has its own format.
- Figures are in one currency: `currency`, in upper or lower case, by default `ORDERS_CURRENCY`. Write
  days as `2025-11-10`. A range includes both its first and its last day. If the end is before the start,
  the answer is 422.
- Answers have an `ETag`. If you send it in `If-None-Match` and nothing has changed, the answer is an
  empty 304.
- Each client may send `ORDERS_RATE_LIMIT` requests per minute. Further requests get 429 with
  `Retry-After`. 0 switches the limit off.
- Writes need `Authorization: Bearer KEY` with a [key](access.md#api-keys) of the scope `operate`. Reads
  are open unless `ORDERS_API_READS=key`. 401 means no key, or one that is unknown or expired. 403 means a
  key that may only read.

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
