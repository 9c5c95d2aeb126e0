"""Successful responses: the envelope, and an ETag that saves sending unchanged bodies."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response


def answer(request: Request, data: Any, **more: Any) -> Response:
    """`{"success": true, "data": ...}` with additional fields, or 304 if the client already has it."""
    body = json.dumps({"success": True, "data": data, **more}, ensure_ascii=False).encode()
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in (part.strip().removeprefix("W/") for part in _known_tags(request)):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def done(data: Any, status: int = 200) -> Response:
    """The response to an action or its preview; never a 304."""
    return JSONResponse({"success": True, "data": data}, status, {"Cache-Control": "no-store"})


def _known_tags(request: Request) -> list[str]:
    return request.headers.get("if-none-match", "").split(",")
