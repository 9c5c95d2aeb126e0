"""`docs/api.md` lists every endpoint, from the API's own description."""

from __future__ import annotations

import sys
from typing import Any

from orders_pipeline.api.app import create_app
from orders_pipeline.base.settings import PROJECT_ROOT, Settings

PAGE = PROJECT_ROOT / "docs" / "api.md"
HEAD = """\
# HTTP API

`orders up` serves the API on <http://127.0.0.1:8000> (`ORDERS_API_PORT`). The [console](console.md) is
at `/`, and the full description with examples is at `/api/openapi.json`. The
[data dictionary](data-dictionary.md) defines the figures.

- A successful answer is `{"success": true, "data": ...}`. An error is `{"success": false, "message":
  "..."}`. 422 names the invalid parameter, 404 what does not exist, and 503 the service that is down.
  Refusals of refunds add a stable `code` and a `hint`. `/api/health` has its own format.
- Figures are in one currency: that of the parameter `currency`, in upper or lower case, or by default
  `ORDERS_CURRENCY`. Write days as `2025-11-10`. A range includes both its first and its last
  day. If the end is before the start,
  the answer is 422.
- Answers have an `ETag`. If you send it in `If-None-Match` and nothing has changed, the answer is an
  empty 304.
- Each client may send `ORDERS_RATE_LIMIT` requests per minute. Further requests get 429 with
  `Retry-After`. 0 switches the limit off.
- Writes need `Authorization: Bearer KEY` with a [key](access.md#api-keys) of the scope `operate`, and
  `/api/webhooks` needs the scope `admin`. Who can read without a key depends on
  [`ORDERS_API_READS`](access.md#who-can-read). 401 means no key, or one that is unknown or expired. 403 means
  that the key lacks the scope. Events of the payment gateway are [signed](gateway.md#events) instead. Pages
  of the console send the cookie of their session and the header `X-CSRF-Token` in place of a key.

```console
curl 'localhost:8000/api/kpis/range?start_date=2025-11-10&end_date=2025-11-11'
curl -X POST -H "Authorization: Bearer $(cat var/run/api.key)" localhost:8000/api/leaderboard/rebuild
```

| request | parameters | answer |
|---|---|---|
"""
EVERYWHERE = "currency"


def page() -> str:
    """The expected content of the page."""
    described_api = create_app(Settings(redis_url="redis://127.0.0.1:1"), dict).openapi()
    schemas = described_api["components"]["schemas"]
    return HEAD + "".join(
        _row(method, path, described, schemas)
        for path, methods in described_api["paths"].items()
        for method, described in methods.items()
    )


def _row(method: str, path: str, described: dict[str, Any], schemas: dict[str, Any]) -> str:
    inputs = [_parameter(one) for one in described.get("parameters", []) if _of_its_own(one)]
    content = described.get("requestBody", {}).get("content", {})
    if content and "application/json" not in content:
        inputs.append("the file, or a form with one file")
    elif content:
        body = content["application/json"]["schema"]
        body = schemas[body["$ref"].rpartition("/")[2]] if "$ref" in body else body
        inputs.append("JSON: " + ", ".join(f"`{name}`" for name in body["properties"]))
    description = " ".join(described["description"].split())
    return f"| `{method.upper()} {path}` | {', '.join(inputs)} | {description} |\n"


def _of_its_own(parameter: dict[str, Any]) -> bool:
    return parameter["in"] != "path" and parameter["name"] != EVERYWHERE


def _parameter(described: dict[str, Any]) -> str:
    default = described["schema"].get("default")
    header = "header " if described["in"] == "header" else ""
    return f"{header}`{described['name']}`" + (f" ({default})" if default is not None else "")


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    sys.stdout.write(page())
