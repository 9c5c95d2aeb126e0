"""A quick check of a running stack from outside. It sends a request to each part and changes no data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from celery.exceptions import TimeoutError as NoAnswer

from cli.doctor.finding import milliseconds_since
from cli.stack.layout import Layout
from cli.stack.readiness import local_access
from cli.stack.stack import api_url, webserver_url
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.clock import today
from orders_pipeline.base.settings import Settings
from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.store.engine import open_engine
from orders_pipeline.verify.check import Check

SECONDS = 30.0
NOBODY, UNKNOWN_NUMBER = "smoke-test", 2**31 - 1
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


@dataclass(frozen=True, slots=True)
class Smoke:
    """The checks of the stack of one home; each waits at most `seconds` for a response."""

    settings: Settings
    seconds: float = SECONDS

    def checks(self) -> Iterator[Check]:
        """Runs all checks and yields their results."""
        key = api_key(self.settings.api_key, self.settings.home)
        address, headers = api_url(self.settings), {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=self.seconds) as api:
            yield asked("api health", lambda: _health(api))
            yield from self._endpoints(api)
        yield from self._queues()
        yield asked("dagster webserver and daemons", self._daemons)

    def _endpoints(self, api: httpx.Client) -> Iterator[Check]:
        try:
            description = api.get("/openapi.json").raise_for_status().json()
        except httpx.HTTPError as error:
            yield Check("api description", False, str(error))
            return
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                name = f"{method.upper()} {path}"
                yield asked(name, partial(self._endpoint, api, path, method, operation))

    def _endpoint(self, api: httpx.Client, path: str, method: str, operation: dict[str, Any]) -> str:
        """Calls an endpoint; a write is sent without a key and must be refused."""
        places = operation.get("parameters", [])
        where = {one["name"]: _unknown(one["schema"]) for one in places if one["in"] == "path"}
        address = str(api.base_url).rstrip("/").removesuffix("/api") + path.format(**where)
        if method != "get":
            # A separate client, without the key.
            answer = httpx.request(method, address, timeout=self.seconds)
            if "security" not in operation:
                # The payment gateway signs its events instead. Without a secret, all events are refused.
                return _require(answer, {400, 404}, "refuses requests without a signature")
            return _require(answer, {401, 403}, "refuses requests without a key")
        day = today(self.settings.zone).isoformat()
        query = {one["name"]: day for one in places if one["in"] == "query" and one["required"]}
        with api.stream("GET", address, params=query) as streamed:
            return _require(streamed, {200, 404} if where else {200}, f"answers {streamed.status_code}")

    def _queues(self) -> Iterator[Check]:
        from jobs.celery_app import PING, build_app  # noqa: PLC0415 takes two seconds to load
        from jobs.workers.queues import QUEUES  # noqa: PLC0415

        app = build_app(self.settings)
        # Without this check, Celery would try to reach a Redis that is down for 20 seconds.
        app.conf.result_backend_transport_options["retry_policy"] = {"max_retries": 1}
        for queue in QUEUES:
            yield asked(f"queue {queue}", partial(self._ping, app, PING, queue))

    def _ping(self, app: Any, task: str, queue: str) -> str:
        sent = app.send_task(task, queue=queue, routing_key=queue, expires=self.seconds)
        try:
            sent.get(timeout=self.seconds)
        except NoAnswer:
            raise TimeoutError(
                f"no worker answered within {self.seconds:g} seconds; none serves the queue, or all are busy"
            ) from None
        return "a worker answers"

    def _daemons(self) -> str:
        url, access = f"{webserver_url(self.settings)}/graphql", local_access(Layout(self.settings.home))
        answer = httpx.post(url, json={"query": DAEMONS}, headers=access, timeout=self.seconds)
        found = answer.raise_for_status().json()["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        ill = [one["daemonType"] for one in found if one["required"] and not one["healthy"]]
        if ill:
            raise ConnectionError(f"no heartbeat from {', '.join(ill)}")
        return "answers, all heartbeats are recent"


def order_store_answers(settings: Settings) -> Check:
    """Whether the order store can be read."""

    def ask() -> str:
        engine = open_engine(settings.store_url)
        try:
            with engine.connect().execution_options(reads_only=True) as connection:
                connection.exec_driver_sql("SELECT count(*) FROM imports").scalar_one()
        finally:
            engine.dispose()
        return "can be read"

    return asked("order store", ask)


def asked(name: str, ask: Callable[[], str]) -> Check:
    """Runs a check; the result includes the duration."""
    began = time.monotonic()
    try:
        detail = ask()
    except Exception as error:  # noqa: BLE001 one failure must not stop the other checks
        return Check(name, False, message_of(error) or type(error).__name__)
    return Check(name, True, f"{detail}, {milliseconds_since(began)}")


def _health(api: httpx.Client) -> str:
    answer = api.get("/health")
    ill = [name for name, one in answer.json()["services"].items() if one["status"] != "healthy"]
    if ill or answer.status_code != httpx.codes.OK:
        raise ConnectionError(f"unhealthy: {', '.join(ill)}")
    return json.dumps(dict.fromkeys(answer.json()["services"], "healthy"))


def _unknown(schema: dict[str, Any]) -> str | int:
    return UNKNOWN_NUMBER if schema.get("type") == "integer" else NOBODY


def _require(answer: httpx.Response, expected: set[int], result: str) -> str:
    if answer.status_code not in expected:
        raise ConnectionError(f"answers {answer.status_code}")
    return result
